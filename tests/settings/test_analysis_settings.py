"""Who may be asked for tasks: what the configuration may say of it, and what is said of a mistake in it."""

from __future__ import annotations

import json
import re
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from aidos_actors.analysis_settings import AnalysisSettings
from aidos_actors.analyzers import configured as analyzers
from aidos_actors.analyzers.documents import DocumentAnalyzer
from aidos_actors.cli.app import run_command_line
from aidos_actors.core.errors import BadInput
from aidos_actors.settings import read_config, read_settings

PROGRAM = '[analysis.command]\nrun = "x"\nallow = ["run"]\n'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


REFUSED: dict[str, tuple[str, int, str]] = {
    "unknown": ('[analysis]\norder = ["document", "comand"]\n', 2, "no analyzer 'comand'"),
    "a key": ('[analysis]\nordr = ["document"]\n', 2, "analysis.ordr: there is no such key"),
    "a key of command": ("[analysis.command]\nruns = 'x'\n", 2, "analysis.command.runs: there is no such key"),
    "no program": ('[analysis]\norder = ["command"]\n', 2, "command.run must say which program"),
    "nothing allowed": ('[analysis]\norder = ["command"]\n[analysis.command]\nrun = "x"\n', 2, 'hold "run" or "call"'),
    "no model": ('[analysis]\norder = ["llm"]\n', 2, "llm.base_url and llm.model"),
    "a bad address": ('[analysis.llm]\nbase_url = "ftp://x"\n', 2, "base_url must be http"),
    "a password": ('[analysis.llm]\nbase_url = "https://me:hidden@x/v1"\n', 2, "base_url must be http"),
    "a key in the clear": ('[analysis.llm]\nbase_url = "http://x/v1"\napi_key = "hidden"\n', 2, "is not https"),
    "a key that is none": ("[analysis.llm]\napi_key = 1234567\n", 2, "analysis.llm.api_key: "),
    "a key too many": ('[analysis.llm]\napi_key = "hidden"\nmodle = "x"\n', 3, "did you mean 'model'?"),
    "a budget": ("[analysis.llm.per_day]\ncalls = -1\n", 2, "not -1"),
    "allows what is not": ('[analysis.command]\nallow = ["agent"]\n', 2, "analysis.command.allow"),
}


OF_A_WHOLE_TABLE = ("no program", "nothing allowed", "no model", "a bad address", "a password", "a key in the clear")


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_its_line(name: str) -> None:
    text, line, said = REFUSED[name]
    Path("aidos.toml").write_text(text)
    with pytest.raises(BadInput) as error:
        read_settings(None)
    told = f"{error.value.message} {error.value.hint}"
    assert said in told and error.value.file == "aidos.toml"
    assert error.value.line == line or name in OF_A_WHOLE_TABLE
    assert not {"hidden", "1234567"} & set(re.findall(r"\w+", told)), "no value that may be a secret"
    assert name != "unknown" or "did you mean 'command'?" in error.value.hint


def test_by_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIDOS_ANALYSIS__ORDER", '["command", "document", "command"]')
    monkeypatch.setenv("AIDOS_ANALYSIS__COMMAND__RUN", "plan-it")
    monkeypatch.setenv("AIDOS_ANALYSIS__COMMAND__ALLOW", '["run"]')
    analysis = read_config(None).analysis
    assert (analysis.readers, analysis.command.run) == (("command",), "plan-it")
    monkeypatch.setenv("AIDOS_ANALYSIS__ORDER", '["nobody"]')
    with pytest.raises(BadInput, match="no analyzer 'nobody'") as error:
        read_config(None)
    assert error.value.file == "env AIDOS_ANALYSIS__ORDER"


def test_the_key_is_never_shown_and_comes_from_the_variable_that_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("aidos.toml").write_text('[analysis.llm]\napi_key_env = "MY_MODEL"\n')
    analysis = read_config(None).analysis
    assert analysis.with_key({}).llm.api_key is None
    key = analysis.with_key({"MY_MODEL": "hidden"}).llm.api_key
    assert key is not None and key.get_secret_value() == "hidden"
    monkeypatch.setenv("AIDOS_ANALYSIS__LLM__API_KEY", "hidden")
    key = read_config(None).analysis.with_key({"MY_MODEL": "other"}).llm.api_key
    assert key is not None and key.get_secret_value() == "hidden"
    for words in (["config", "show"], ["config", "show", "--json"], ["config", "validate", "--json"]):
        assert run_command_line(words) == 0
        said = capsys.readouterr()
        assert "hidden" not in said.out + said.err
    rows = {row.key: row for row in read_settings(None).rows}
    assert rows["analysis.llm.api_key"].value == "**********"
    assert rows["analysis.llm.api_key"].origin == "env AIDOS_ANALYSIS__LLM__API_KEY"
    assert "hidden" not in repr(analysis) + json.dumps([row.value for row in rows.values()])


class Other(DocumentAnalyzer):
    """An analyzer of another package."""

    def __init__(self, settings: dict[str, Any], folder: Path, base_env: dict[str, str]) -> None:
        self.told = (settings, folder, base_env)


def test_analyzers_of_other_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    point = EntryPoint("other", f"{__name__}:Other", "aidos_actors.analyzers")

    def entry_points(group: str, name: str | None = None) -> list[EntryPoint]:
        assert group == "aidos_actors.analyzers"
        return [point] if name in (None, "other") else []

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    Path("aidos.toml").write_text('[analysis]\norder = ["other"]\n[analysis.plugins.other]\ndepth = 3\n')
    settings = read_config(None).analysis
    made = analyzers.configured(settings, tmp_path / "state", {"A": "b"})
    assert list(made) == ["document", "other"]
    assert made["other"].told == ({"depth": 3}, tmp_path / "state" / "other", {"A": "b"})  # type: ignore[attr-defined]


def test_those_made_are_closed_when_another_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    closed: list[str] = []
    monkeypatch.setattr(DocumentAnalyzer, "close", lambda self: closed.append("document"))
    with pytest.raises(BadInput, match="no analyzer 'gone'"):
        analyzers.configured(AnalysisSettings(order=("gone",)), tmp_path, {})
    assert closed == ["document"]
