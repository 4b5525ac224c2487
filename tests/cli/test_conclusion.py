"""What `run` says at the end, made of what the system told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aidos_actors.cli.conclusion import conclusion
from aidos_actors.layout import Layout


def told(state: str, error: str | None = None, **task: Any) -> dict[str, Any]:
    tasks = [{"id": "a", "state": state, "attempts": 1, "commit": None, **task}]
    progress = {"done": int(state == "done"), "total": 1}
    return {"id": "work", "state": state, "error": error, "progress": progress, "target": "t", "tasks": tasks}


@pytest.mark.parametrize(
    ("state", "error", "code"),
    [
        ("done", None, 0),
        ("cancelled", None, 1),
        ("failed", "task a failed: no", 1),
        ("failed", "deadline: not finished within 2 s", 8),
    ],
)
def test_the_exit_code_is_that_of_the_end(tmp_path: Path, state: str, error: str | None, code: int) -> None:
    answer = conclusion(told(state, error), None, tmp_path)
    assert answer.exit_code == code and ("aidos retry work" in str(answer.text)) == (state != "done")


def test_of_a_failed_task_the_last_lines_are_shown_and_of_a_long_one_its_ends(tmp_path: Path) -> None:
    output = Layout(str(tmp_path)).output("work", "a", 1)
    output.parent.mkdir(parents=True)
    lines = [str(number) for number in range(30)]
    output.write_text("\n".join([*lines, f"begin{'x' * 50_000}end"]))
    text = str(conclusion(told("failed", "task a failed: no"), None, tmp_path).text).splitlines()
    assert [line for line in text if line.isdigit()] == lines[-19:]
    [long] = [line for line in text if line.startswith("begin")]
    assert long.endswith("end") and len(long) < 1100


def test_while_the_repository_does_not_tell_the_tasks_are_counted(tmp_path: Path) -> None:
    """One that is gone, or a system of an earlier version, which tells no base."""
    for more in ({}, {"base_commit": "0" * 40}):
        data = told("done", commit="1" * 40) | more
        assert "target t: 1 commit\ngit merge t" in str(conclusion(data, str(tmp_path / "gone"), tmp_path).text)
