"""Bad input from outside: each a typed error with file, line, reason and hint, exit 3, and nothing stored."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.system.conftest import Place, eventually

HEAD = "id: bad\nrepo: ./shop\n"
TEXTS = {
    "unknown key": (HEAD + "tasks:\n  a: {run: 'true', nedes: [b]}\n", 4, "needs"),
    "duplicate key": (HEAD + "id: again\ntasks:\n  a: {run: 'true'}\n", 3, "id"),
    "cycle": (HEAD + "tasks:\n  a: {run: 'true', needs: [b]}\n  b: {run: 'true', needs: [a]}\n", None, "a"),
    "unknown needs": (HEAD + "tasks:\n  build: {run: 'true'}\n  b: {run: 'true', needs: [biuld]}\n", 5, "build"),
    "bad duration": (HEAD + "tasks:\n  a: {run: 'true', timeout: soon}\n", 4, "soon"),
    "bad id": (HEAD + "tasks:\n  'a b': {run: 'true'}\n", 4, "a b"),
    "empty plan": (HEAD + "tasks: {}\n", None, "task"),
    "no way to work": (HEAD + "tasks:\n  a: {title: x}\n", 4, "run"),
    "two ways to work": (HEAD + "tasks:\n  a: {run: 'true', call: 'os:getcwd'}\n", 4, "run"),
    "missing base": (HEAD + "base: nowhere\ntasks:\n  a: {run: 'true'}\n", None, "nowhere"),
    "not a repository": ("id: bad\nrepo: .\ntasks:\n  a: {run: 'true'}\n", None, "repository"),
    "an agent nobody configured": (HEAD + "tasks:\n  a: {agent: claud, title: A}\n", 4, "did you mean 'claude'?"),
    "not yaml": (HEAD + "tasks: [\n", None, ""),
    "alias bomb": (
        "id: bad\nx0: &x0 [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 9))
        + "tasks:\n  a: {run: 'true'}\n",
        None,
        "",
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_bad_file(place: Place, name: str) -> None:
    text, line, word = TEXTS[name]
    file = place.folder / "bad.yaml"
    file.write_text(text)
    _refused(place, file, line, word)


def test_a_bad_file_in_a_process_of_its_own(place: Place) -> None:
    """As all of them: what is refused ends ``python -m aidos_actors`` with words, a code and no stack."""
    text, line, word = TEXTS["unknown needs"]
    (place.folder / "bad.yaml").write_text(text)
    for verb in ("run", "submit"):
        done = place.aidos(verb, "bad.yaml", "--json")
        assert (done.returncode, done.stderr) == (3, "")
        error = json.loads(done.stdout)["error"]
        assert f"bad.yaml:{line}:" in error["message"] and word in error["message"] + error["hint"]
    plain = place.aidos("submit", "bad.yaml")
    assert (plain.returncode, plain.stdout) == (3, "")
    assert plain.stderr.startswith("error: ") and "Traceback" not in plain.stderr
    assert not place.state.exists(), "nothing is stored"


def _refused(place: Place, file: Path, line: int | None = None, word: str = "") -> None:
    for verb in ("run", "submit"):
        done = place.here(verb, str(file), "--json")
        assert done.returncode == 3, (done.stdout, done.stderr)
        answer = json.loads(done.stdout)
        error = answer["error"]
        assert answer["ok"] is False and set(error) == {"code", "message", "hint"}
        assert word in error["message"] + error["hint"]
        if line is not None:
            assert f"{file}:{line}:" in error["message"]
    assert not (place.state / "ledger.db").exists(), "nothing is stored"
    plain = place.here("submit", str(file))
    assert plain.stderr.startswith("error: ") and "Traceback" not in plain.stderr


def test_files_that_are_no_text(place: Place) -> None:
    folder = place.folder
    (folder / "binary.yaml").write_bytes(b"id: a\0b\n")
    (folder / "latin.yaml").write_bytes("id: caf\xe9\n".encode("latin-1"))
    (folder / "link.yaml").symlink_to(folder / "nowhere.yaml")
    os.mkfifo(folder / "pipe.yaml")
    config = folder / "small.toml"
    config.write_text("[limits]\nrequirement_bytes = 10\n")
    for name in ("binary.yaml", "latin.yaml", "link.yaml", "pipe.yaml", "shop"):
        _refused(place, folder / name)
    large = place.requirement({"a": {"run": "true"}})
    done = place.here("submit", str(large), "--config", str(config), "--json")
    assert done.returncode == 3 and "10" in json.loads(done.stdout)["error"]["message"]


def test_a_target_that_cannot_be_written_is_a_conflict(place: Place) -> None:
    place.git("branch", "aidos")
    below = place.here("submit", str(place.requirement({"a": {"run": "true"}})), "--json")
    assert below.returncode == 7
    place.git("branch", "-m", "aidos", "elsewhere")
    taken = place.requirement({"a": {"run": "true"}}, target="main")
    out = place.here("submit", str(taken), "--json")
    assert out.returncode == 7 and str(place.repo) in json.loads(out.stdout)["error"]["message"]


def test_verbs_while_the_system_heals_answer_or_say_try_again(place: Place) -> None:
    serve = place.begin("serve")
    eventually(place.is_up)
    pids = place.pids()
    place.kill(pids["admin"])
    assert place.aidos("submit", str(place.requirement({"a": {"run": "true"}}))).returncode in (0, 75)
    assert place.aidos("status").returncode == 0
    assert eventually(place.is_up)
    serve.terminate()
    assert serve.wait(60) == 0
