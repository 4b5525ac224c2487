"""The page about the requirement file names every key there is, and its example can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aidos_actors.analyzers.document import read_requirement
from aidos_actors.analyzers.keys import REQUIREMENT_KEYS, TASK_KEYS
from aidos_actors.core.retry import RetryPolicy
from aidos_actors.settings import read_config

PAGE = (Path(__file__).parents[2] / "docs" / "requirement-file.md").read_text()


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("Keys of the requirement", {*REQUIREMENT_KEYS, "tasks"}),
        ("Keys of a task", set(TASK_KEYS)),
        (
            "Being tried again",
            {name.removesuffix("_s") for name in RetryPolicy.model_fields},
        ),
    ],
)
def test_every_key_has_a_row(heading: str, keys: set[str]) -> None:
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) == keys


def test_the_example_is_a_requirement_with_every_key_but_the_other_ways_to_work() -> None:
    text = PAGE.split("```yaml\n")[1].split("```")[0]
    read_requirement(text, file="page.yaml", base_dir="/")
    used = set(re.findall(r"(\w+): ", text))
    assert {*REQUIREMENT_KEYS, *TASK_KEYS} - used <= {"agent", "prompt", "changes"}


def test_the_example_in_markdown_is_a_requirement() -> None:
    text = PAGE.split("````markdown\n")[1].split("````")[0]
    requirement = read_requirement(text, file="page.md", base_dir="/")
    assert requirement.title == "Search for the shop"
    assert [(task.id, task.title, task.timeout_s) for task in requirement.tasks] == [
        ("index", "Build the index", 600.0),
        ("count", "Count what is in it", 3600.0),
    ]


def test_the_limits_on_the_page_are_known_ones(tmp_path: Path) -> None:
    (tmp_path / "aidos.toml").write_text(PAGE.split("```toml\n")[1].split("```")[0])
    config = read_config(str(tmp_path / "aidos.toml"))
    assert config.projects[str((tmp_path / "shop").resolve())].workers == 4
    assert (config.limits.executors.call, config.limits.executors.agent) == (8, 2)
