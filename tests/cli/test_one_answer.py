"""What a command says when its words are off, its streams are, or the platform is: one answer, and never a stack."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aidos_actors.cli.answer import Options, give_error
from aidos_actors.cli.app import run_command_line
from aidos_actors.cli.progress import shown_progress
from aidos_actors.cli.run import Watch
from aidos_actors.config import Config
from aidos_actors.core.errors import BadInput, TryAgain, Unfit
from aidos_actors.state_dir import prepare_state_dir
from aidos_actors.submission import prepare, read_source
from supervisors import premises

ELSEWHERE = """
import asyncio, os, platform, signal, sqlite3, subprocess, sys, sysconfig, threading, typer, yaml
platform.python_version(), sysconfig.get_config_vars()
subprocess.run = lambda *words, **named: subprocess.CompletedProcess(words, 0, "git version 2.39.5", "")
for name in ("fcntl", "resource", "termios", "pwd", "grp", "tty", "pty", "syslog"):
    sys.modules[name] = None
for name in ("fork", "pidfd_open", "setsid", "getuid", "O_NONBLOCK", "O_CLOEXEC", "O_NOFOLLOW", "O_DIRECTORY"):
    delattr(os, name)
for name in ("SIGKILL", "SIGHUP", "SIGQUIT", "SIGSTOP", "SIGALRM", "pidfd_send_signal"):
    delattr(signal, name)
sys.platform = "win32"
import supervisors.strategy, supervisors.testing
from aidos_actors.cli.app import run_command_line
from aidos_actors.cli.progress import shown_progress
for words in sys.stdin.read().splitlines():
    print(run_command_line(words.split()), words)
"""
SAID_INSTEAD = "error: the answer could not be written: No space left on device\nhint: free space there\n"
HERE = ("version", "plan work.yaml", "config show", "config validate", "config schema", "status --help")
NOT_HERE = ("run work.yaml", "serve", "submit work.yaml", "status", "tasks", "output a/b", "pause a", "tree", "top",
            "events", "db check", "git restore-points")  # fmt: skip


def test_elsewhere_verbs_that_need_linux_say_so_and_the_others_work(tmp_path: Path) -> None:
    """Where neither fork nor file locks are: nothing of what such a verb needs can even be imported there."""
    (tmp_path / "work.yaml").write_text("id: work\ntasks: {a: {run: 'true'}}\n")
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], input="\n".join((*HERE, *NOT_HERE)), cwd=tmp_path, capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
    codes = [line for line in done.stdout.splitlines() if line.endswith((*HERE, *NOT_HERE)) and line[0].isdigit()]
    assert codes == [f"0 {each}" for each in HERE] + [f"78 {each}" for each in NOT_HERE], done.stderr
    assert done.stderr.count("needs Linux; this is win32") == len(NOT_HERE)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("status --jsn", "see `aidos status --help`"),
        ("output work/a --attempt 0", "see `aidos output --help`"),
        ("tree --format gif", "see `aidos tree --help`"),
        ("top --sort age", "see `aidos top --help`"),
        ("db check --deep", "see `aidos db check --help`"),
        ("nonsense", "see `aidos --help`"),
        ("submit work.yaml --state=", "see `aidos --help`"),
        ("run work.yaml --drain inf", "see `aidos run --help`"),
        ("events --after 99999999999999999999", "see `aidos events --help`"),
    ],
)
def test_words_that_are_off(
    words: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work.yaml").write_text("id: work\ntasks: {a: {run: 'true'}}\n")
    assert run_command_line(words.split()) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("error: ") and said.err.endswith(f"hint: {hint}\n")
    assert run_command_line([*words.split(), "--json"]) == 2
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert (answer["ok"], answer["error"]["code"], answer["error"]["hint"]) == (False, "usage", hint)
    assert [each.name for each in tmp_path.iterdir()] == ["work.yaml"], "an unset variable fills no folder"


def test_a_runtime_needs_a_name_for_its_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Unfit, match="has no name"):
        prepare_state_dir("")
    assert not [*tmp_path.iterdir()]


def test_what_is_no_text_names_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work.yaml").write_text("id: work\ntasks: {a: {run: 'true'}}\n")
    assert run_command_line(["submit", "work.yaml"]) == 0
    for words in (["status", "\udcff"], ["pause", "work/\udcff"], ["explain", "\udcff/a"]):
        assert run_command_line(words) == 6, words
    assert run_command_line(["events", "--requirement", "\udcff"]) == 6
    assert "defect" not in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "retry", "bump", "explain"])
def test_a_task_without_a_name_is_not_the_whole_requirement(
    tmp_path: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """``cancel shop/$TASK`` in a script whose variable is empty."""
    assert run_command_line([verb, "shop/", "--state", str(tmp_path)]) == 6
    assert "names no task" in capsys.readouterr().err


def test_names_that_are_no_text_make_no_json_that_is_none(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "aidos_actors", "explain", b"\xff", "--json", "--state", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, timeout=60)
    assert done.returncode == 6
    assert json.loads(done.stdout.decode())["error"]["code"] == "not_found"


def test_a_run_that_owns_its_system_waits_for_a_ledger_that_cannot_be_read_now(tmp_path: Path) -> None:
    """Whoever reads it may be told so before its system heals, or ends and says why."""
    running = {"id": "work", "state": "running", "progress": {"done": 0, "total": 1}}
    answers = iter([{}, TryAgain("not now"), running, TryAgain("nor now"), running | {"state": "done"}])

    class Owner:
        is_owner = True

        def ask(self, _call: dict[str, Any], _timeout_s: float = 5.0, _patience_s: float = 10.0) -> Any:
            answer = next(answers)
            if isinstance(answer, TryAgain):
                raise answer
            return answer

    submission = prepare("id: work\ntasks: {a: {run: 'true'}}\n", Config())
    with shown_progress(quiet=True) as progress:
        assert Watch(submission, tmp_path, progress).follow(Owner())["state"] == "done"


def test_settings_of_a_runtime_that_are_off() -> None:
    with pytest.raises(BadInput, match=r"^workers: .* 50, not 51$"):
        Config().with_runtime(workers=51)


def test_a_requirement_may_be_handed_in_as_one_line_of_json() -> None:
    assert read_source('{"id": "work", "tasks": {"a": {"run": "true"}}}', 1000).id == "work"


def test_who_owns_a_state_directory_is_told_with_milliseconds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handle = premises.lock(tmp_path)
    assert isinstance(handle, int)
    assert run_command_line(["serve", "--state", str(tmp_path), "--json"]) == 7
    os.close(handle)
    message = json.loads(capsys.readouterr().out)["error"]["message"]
    assert re.search(rf"is owned by pid {os.getpid()} since \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z$", message)


def test_the_help_says_what_json_is_of_each_verb_and_which_settings_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["events", "--help"]) == 0
    assert "One JSON object a line, with it and without." in " ".join(capsys.readouterr().out.split())
    for verb in ("run", "serve"):
        assert run_command_line([verb, "--help"]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "(default: runtime.workers)" in said and "(default: runtime.drain_s)" in said


def test_a_plan_is_that_of_its_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "aidos.toml").write_text('[projects."./shop"]\nmode = "serial"\n')
    for repo, mode in (("./shop", "serial"), ("./other", "parallel")):
        text = f"id: work\nrepo: {repo}\nmode: parallel\ntasks: {{a: {{run: 'true'}}}}\n"
        (tmp_path / "work.yaml").write_text(text)
        assert run_command_line(["plan", "work.yaml", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["data"]["mode"] == mode


def test_a_command_without_words_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([]) == 2
    assert capsys.readouterr().err.startswith("Usage: aidos ")


@pytest.mark.parametrize("words", ["--help", "status --help", "version --json", "config schema"])
def test_nobody_reads_or_there_is_no_room(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    for stream in (os.fdopen(writer, "w"), open("/dev/full", "w")):  # noqa: PTH123, SIM115 - closed by itself
        monkeypatch.setattr(sys, "stdout", stream)
        code = run_command_line(words.split())
        assert code == (141 if stream.name == writer else 75), words
        assert capsys.readouterr().err == ("" if stream.name == writer else SAID_INSTEAD)


def test_a_stream_without_the_letters_gets_json_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with an old locale, or a word of the command that is no text at all."""
    for encoding in ("ascii", "latin-1", "utf-8"):
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
        assert run_command_line(["status", "--state", "Größe-大-😀-\udcff", "--json"]) == 6
        assert "Größe-大-😀-\udcff" in json.loads(written.getvalue().decode(encoding))["error"]["message"]


def test_a_terminal_that_hangs_up_ends_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or else the run would end with an error of its bar, and not by the signal."""
    ours, theirs = os.openpty()
    monkeypatch.setattr(sys, "stderr", os.fdopen(theirs, "w", buffering=1))
    told = {"id": "work", "progress": {"done": 1, "total": 2}, "active": ["a"], "infra_faults": 0}
    with shown_progress(quiet=False) as progress:
        progress.show(told)
        os.close(ours)
        progress.show(told)
        progress.note("drawn anew")


def test_words_that_are_off_and_nobody_reads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", open("/dev/full", "w"))  # noqa: PTH123, SIM115 - closed by itself
    assert run_command_line(["nonsense", "--json"]) == 2
    assert capsys.readouterr().err == "error: No such command 'nonsense'.\nhint: see `aidos --help`\n"


@pytest.mark.parametrize(
    ("number", "code", "exit_code"),
    [
        (errno.ENOSPC, "try_again", 75),
        (errno.EMFILE, "try_again", 75),
        (errno.EACCES, "unfit", 78),
        (errno.ENXIO, "internal", 1),
    ],
)
def test_what_the_system_refuses_is_no_defect_of_ours(
    number: int, code: str, exit_code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    error = OSError(number, os.strerror(number), "/some/place")
    assert give_error(error, Options(as_json=True)) == exit_code
    said = json.loads(capsys.readouterr().out)["error"]
    assert said["code"] == code and "/some/place" in said["message"] and os.strerror(number) in said["message"]
