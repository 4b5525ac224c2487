"""Where a setting comes from, and what is said of one that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aidos_actors.cli.app import run_command_line
from aidos_actors.config import Config
from aidos_actors.core.errors import BadInput
from aidos_actors.settings import read_config, read_settings
from aidos_actors.toml_lines import line_of, lines_of


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AIDOS_STATE_DIR", raising=False)
    return tmp_path


def write(text: str, name: str = "aidos.toml") -> None:
    Path(name).write_text(text)


def refused(file: str | None = None) -> BadInput:
    with pytest.raises(BadInput) as error:
        read_settings(file)
    assert error.value.exit_code == 3
    return error.value


def test_without_anything_the_defaults_hold() -> None:
    settings = read_settings(None)
    assert settings.config == Config() and settings.file is None
    assert {row.origin for row in settings.rows} == {"default"}


def test_flags_go_over_variables_over_the_file_over_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    write("[runtime]\nworkers = 3\ndrain_s = 4\nretry_delay_s = 2\n")
    monkeypatch.setenv("AIDOS_RUNTIME__DRAIN_S", "5")
    monkeypatch.setenv("AIDOS_RUNTIME__WORKERS", "6")
    monkeypatch.setenv("AIDOS_TASK", "what a task is told is no setting")
    rows = {row.key: row for row in read_settings(None, {"runtime.workers": ("--workers", 7)}).rows}
    assert [(rows[f"runtime.{key}"].value, rows[f"runtime.{key}"].origin) for key in rows_of_interest] == [
        (7, "flag --workers"),
        (5.0, "env AIDOS_RUNTIME__DRAIN_S"),
        (2.0, "aidos.toml:4"),
        (5.0, "default"),
    ]
    assert read_config(None).runtime.workers == 6


rows_of_interest = ("workers", "drain_s", "retry_delay_s", "adoption_s")


@pytest.mark.parametrize(
    ("text", "where", "what", "hint"),
    [
        ("[runtime]\n\nworkrs = 3\n", "aidos.toml:3: ", "runtime.workrs: there is no such key", "'workers'"),
        ("[runtim]\nworkers = 3\n", "aidos.toml:1: ", "runtim: there is no such key", "'runtime'"),
        ("# first\nruntime.workers = 99\n", "aidos.toml:2: ", "less than or equal to 50, not 99", "config schema"),
        ('runtime = {workers = "many"}\n', "aidos.toml:1: ", "runtime.workers", "config schema"),
        ("runtime = 3\n", "aidos.toml:1: ", "runtime: ", "config schema"),
        ("[runtime]\nworkers = \n", "aidos.toml:2: ", "this is no TOML", ""),
        ("[runtime\n", "aidos.toml:1: ", "this is no TOML", ""),
        ('[project."/shop"]\nworkers = 1\n', "aidos.toml:1: ", "project: there is no such key", "'projects'"),
        ('[projects."/shop"]\nwokers = 1\n', "aidos.toml:2: ", "wokers: there is no such key", "'workers'"),
        ('[projects."/shop"]\nmode = "all"\n', "aidos.toml:2: ", "projects./shop.mode: ", "config schema"),
        ("[projects]\nshop = 1\n", "aidos.toml:2: ", "projects.shop: ", "config schema"),
        ("[limits.executors]\ncal = 1\n", "aidos.toml:2: ", "cal: there is no such key", "'call'"),
    ],
)
def test_what_cannot_be_used_is_refused_with_file_line_and_the_nearest_key(
    text: str, where: str, what: str, hint: str
) -> None:
    write(text)
    error = refused()
    assert error.message.startswith(where) and what in error.message and hint in error.hint


def test_every_problem_is_told_at_once_and_a_variable_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[runtime]\nwrkers = 1\ndrain_s = "soon"\n')
    monkeypatch.setenv("AIDOS_LIMITS__REQUIREMENT_BYTES", "0")
    told = refused().message.splitlines()
    assert sorted(line.partition(": ")[0] for line in told) == [
        "aidos.toml:2",
        "aidos.toml:3",
        "env AIDOS_LIMITS__REQUIREMENT_BYTES",
    ]


def test_a_file_that_is_named_must_be_there() -> None:
    assert "no such file" in refused("other.toml").message
    write("\xff", "latin.toml")
    Path("latin.toml").write_bytes(b"\xff")
    assert "cannot be read" in refused("latin.toml").message


def test_lines_are_found_in_tables_dotted_keys_and_quoted_names() -> None:
    lines = lines_of('top = 1\n[a."b.c"]\nd.e = 2 # x\n\'f g\' = """\nnot = here\n"""\n[[h]]\ni = {j = 1}\n')
    at = {place: line_of(place, lines) for place in [("top",), ("a", "b.c", "d", "e"), ("a", "b.c", "f g")]}
    assert list(at.values()) == [1, 3, 4]
    assert line_of(("h", "i", "j"), lines) == 8 and line_of(("h",), lines) == 7 and line_of(("x",), lines) is None


# ---- the verbs


def verb(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = run_command_line(["config", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_show_tells_every_setting_its_origin_and_the_product_of_the_limits(capsys: pytest.CaptureFixture[str]) -> None:
    write("[runtime]\nworkers = 3\n", "mine.toml")
    code, found = verb(capsys, "show", "--config", "mine.toml", "--state", "there")
    rows = {row["key"]: (row["value"], row["origin"]) for row in found["data"]["settings"]}
    assert code == 0 and rows["runtime.workers"] == (3, "mine.toml:2") and rows["state"] == ("there", "flag --state")
    assert set(rows) == {"state"} | {row.key for row in read_settings(None).rows}
    assert found["data"]["restarts"]["product"] == 2541 and found["data"]["restarts"]["tries"] == 25410
    assert run_command_line(["config", "show"]) == 0
    assert "product 2541, of tries 25410" in capsys.readouterr().out


def test_validate_and_schema_answer_programs_and_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert verb(capsys, "validate") == (0, {"schema_version": 1, "ok": True, "data": {"file": None, "valid": True}})
    write("[limits]\nrequirement_byte = 3\n")
    code, found = verb(capsys, "validate")
    assert (code, found["ok"], found["error"]["code"]) == (3, False, "bad_input")
    assert "aidos.toml:2" in found["error"]["message"] and "requirement_bytes" in found["error"]["hint"]
    code, found = verb(capsys, "schema")
    assert code == 0 and set(found["data"]["properties"]) == set(Config.model_fields)


def test_every_verb_that_runs_something_refuses_a_bad_file(capsys: pytest.CaptureFixture[str]) -> None:
    write("[runtime]\nnonsense = 1\n")
    for words in (["run", "x.yaml"], ["serve"], ["plan", "x.yaml"], ["submit", "x.yaml"]):
        assert run_command_line(words) == 3
        assert "aidos.toml:2" in capsys.readouterr().err
    assert not Path(".aidos").exists(), "nothing was made"


def test_projects_are_known_by_the_real_path_of_their_repository(here: Path) -> None:
    (here / "real").mkdir()
    (here / "link").symlink_to(here / "real")
    write('[projects."./link"]\nworkers = 2\nmode = "serial"\n[limits.executors]\ncall = 3\n')
    settings = read_settings(None)
    assert {path: (each.mode, each.workers) for path, each in settings.config.projects.items()} == {
        str((here / "real").resolve()): ("serial", 2)
    }
    assert settings.config.limits.executors.call == 3
    rows = {row.key: row.value for row in settings.rows}
    assert rows["limits.executors.call"] == 3 and rows["limits.executors.run"] is None
    assert [value for key, value in rows.items() if key.startswith("projects.")] == ["serial", 2]
