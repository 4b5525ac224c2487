"""The page about analysis names every key there is, and what it shows can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from aidos_actors.analysis_settings import AnalysisSettings, CommandAnalysis, DayBudget, LlmAnalysis
from aidos_actors.analyzers.answers import ALWAYS, WITH, read_answer
from aidos_actors.settings import read_config

PAGE = (Path(__file__).parents[2] / "docs" / "analysis.md").read_text()


def test_the_configuration_on_the_page_is_sound(tmp_path: Path) -> None:
    file = tmp_path / "aidos.toml"
    file.write_text(PAGE.split("```toml\n")[1].split("```")[0])
    assert read_config(str(file)).analysis.readers == ("llm", "command")


@pytest.mark.parametrize("model", [AnalysisSettings, CommandAnalysis, LlmAnalysis, DayBudget])
def test_every_key_is_named(model: type[BaseModel]) -> None:
    assert not [name for name in model.model_fields if name not in re.findall(r"\w+", PAGE)]


def test_the_defaults_on_the_page_are_those_of_the_code() -> None:
    llm, day = LlmAnalysis(), DayBudget()
    assert (llm.answer_tokens_max, llm.timeout_s, llm.answer_bytes, llm.text_bytes) == (8192, 120, 1 << 20, 256 << 10)
    assert f"`calls` ({day.calls}), `tokens` ({day.tokens:,}), `seconds` of waiting ({day.seconds:g})" in PAGE


def test_the_answer_on_the_page_is_a_plan() -> None:
    text = PAGE.split("```json\n")[1].split("```")[0]
    assert [task.id for task in read_answer(text, ["run"])] == ["index", "count"]


def test_what_is_allowed() -> None:
    part = " ".join(PAGE.split("## What an answer may say")[1].split("## ")[0].split())
    assert all(f"`{key}`" in part for key in (*ALWAYS, *(key for keys in WITH.values() for key in keys)))
    for name, keys in WITH.items():
        assert f"| `{name}` | {', '.join(f'`{key}`' for key in keys)} |" in PAGE
