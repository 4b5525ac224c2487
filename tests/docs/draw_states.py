"""Draws the pictures of docs/state-machines.md anew, and leaves the text around them: run this file."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "state-machines.md"
COMMAND = "python tests/docs/draw_states.py"
PICTURE = re.compile(r"```mermaid\n.*?```\n", re.DOTALL)


def pictures() -> list[str]:
    """One picture a table, in the order of the page."""
    from aidos_actors.core.state_pictures import state_diagram
    from aidos_actors.core.states import (
        ATTEMPT_OPEN,
        ATTEMPT_TRANSITIONS,
        REQUIREMENT_FINAL,
        REQUIREMENT_TRANSITIONS,
        TASK_FINAL,
        TASK_TRANSITIONS,
        AttemptState,
        RequirementState,
        TaskState,
    )

    drawn = [
        state_diagram(REQUIREMENT_TRANSITIONS, RequirementState.WAITING, REQUIREMENT_FINAL),
        state_diagram(TASK_TRANSITIONS, TaskState.WAITING, TASK_FINAL),
        state_diagram(ATTEMPT_TRANSITIONS, AttemptState.LEASED, set(AttemptState) - ATTEMPT_OPEN),
    ]
    return [f"```mermaid\n{each}```\n" for each in drawn]


def redrawn(page: str) -> str:
    """``page`` with its pictures replaced, one after the other."""
    drawn = iter(pictures())
    return PICTURE.sub(lambda _: next(drawn), page)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(redrawn(PAGE.read_text()))
