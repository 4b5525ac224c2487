"""The pictures of docs/state-machines.md are those of the tables."""

from __future__ import annotations

import re

from draw_states import COMMAND, PAGE, PICTURE, pictures, redrawn

from aidos_actors.core.state_pictures import state_diagram
from aidos_actors.core.states import TASK_FINAL, TASK_TRANSITIONS, TaskState


def test_the_page_shows_the_tables() -> None:
    page = PAGE.read_text()
    assert PICTURE.findall(page) == pictures(), f"the tables have changed: `{COMMAND}` draws them anew"
    assert redrawn(page) == page


def test_every_row_is_an_arrow() -> None:
    drawn = state_diagram(TASK_TRANSITIONS, TaskState.WAITING, TASK_FINAL)
    arrows = re.findall(r"^    (\w+) --> (\w+): (.+)$", drawn, re.MULTILINE)
    rows = {(start, event, end) for start, end, events in arrows for event in events.split(", ")}
    assert rows == {(start, event, end) for start, row in TASK_TRANSITIONS.items() for event, end in row.items()}
    assert "    [*] --> waiting\n" in drawn and "    done --> [*]\n" in drawn


def test_another_table_gives_another_page() -> None:
    page = PAGE.read_text().replace("ready --> leased: lease", "ready --> running: lease")
    assert PICTURE.findall(page) != pictures() and redrawn(page) == PAGE.read_text()
