"""The tables of states: complete, closed, and the only way from one state to another."""

from __future__ import annotations

from typing import Any

import pytest

from aidos_actors.core.errors import IllegalTransition
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
    next_state,
)

FINAL = REQUIREMENT_FINAL | TASK_FINAL | (set(AttemptState) - ATTEMPT_OPEN)
TABLES: list[tuple[Any, Any]] = [
    (REQUIREMENT_TRANSITIONS, RequirementState.WAITING),
    (TASK_TRANSITIONS, TaskState.WAITING),
    (ATTEMPT_TRANSITIONS, AttemptState.LEASED),
]


@pytest.mark.parametrize(("table", "first"), TABLES)
def test_every_state_has_a_row_and_a_way_to_it(table, first) -> None:
    assert set(table) == set(type(first))
    reached, edge = {first}, [first]
    while edge:
        fresh = set(table[edge.pop()].values()) - reached
        reached |= fresh
        edge += fresh
    assert reached == set(table)


@pytest.mark.parametrize(("table", "first"), TABLES)
def test_every_event_is_a_row_or_an_error_that_names_what_is_allowed(table, first) -> None:
    events = {event for row in table.values() for event in row}
    for state, row in table.items():
        for event in events:
            if event in row:
                assert next_state(table, state, event) is row[event]
                continue
            with pytest.raises(IllegalTransition) as caught:
                next_state(table, state, event)
            assert all(repr(word) in str(caught.value) for word in (state.value, event))
            assert all(allowed in str(caught.value) for allowed in row)


def test_from_every_open_state_an_end_can_be_reached() -> None:
    for table, _first in TABLES:
        ends = {state for state in table if state in FINAL}
        assert ends
        for _ in table:
            ends |= {state for state, row in table.items() if set(row.values()) & ends}
        assert ends == set(table)


def test_what_is_final_is_what_users_were_promised() -> None:
    assert {"waiting", "running", "paused", "done", "failed", "cancelled"} <= set(RequirementState)
    assert {"waiting", "ready", "running", "integrating", "backing_off", "done", "failed", "skipped"} <= set(TaskState)
    assert {"done", "failed", "cancelled"} == REQUIREMENT_FINAL
    assert {"done", "failed", "skipped", "cancelled", "removed"} == TASK_FINAL
    assert {"leased", "running", "integrating", "withdrawing"} == ATTEMPT_OPEN


def test_a_cancel_finds_a_way_from_every_open_state() -> None:
    """At once; or as soon as it is known that nothing of it was published."""
    for table, _first in TABLES:
        for state, row in table.items():
            assert state in FINAL or "cancel" in row or "cancel" in table[row["withdraw"]]


def test_out_of_a_final_state_leads_only_what_people_ask_for_or_a_red_target() -> None:
    events = {event for table, _first in TABLES for state, row in table.items() if state in FINAL for event in row}
    assert events == {"retry", "retry_unplanned", "revise", "revise_unplanned", "remove", "condemn"}
