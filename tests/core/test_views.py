"""What users see: the promised keys, in the promised form."""

from __future__ import annotations

import json

import pytest

from aidos_actors.core.records import JournalEvent, RequirementRecord, TaskRecord
from aidos_actors.core.states import RequirementState, TaskState
from aidos_actors.core.views import event_view, requirement_list_view, rfc3339, status_view, task_view

RECORD = RequirementRecord("r", "R", RequirementState.RUNNING, "sha", "{}", 2, 0.0, target="aidos/r", started_at=0.5)
DONE = TaskRecord("r", "b", 1, TaskState.DONE, attempts=2, infra_faults=1, commit="c0ffee", finished_at=9.0)
WAITING = TaskRecord("r", "a", 0, TaskState.BACKING_OFF, attempts=1, own_failures=1, error="exit code 1")


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (None, None),
        (0.0, "1970-01-01T00:00:00.000Z"),
        (0.25, "1970-01-01T00:00:00.250Z"),
        (1_795_000_000.1234, "2026-11-18T11:06:40.123Z"),
    ],
)
def test_moments_are_rfc_3339_in_utc_with_milliseconds(at: float | None, text: str | None) -> None:
    assert rfc3339(at) == text


def test_the_status_of_a_requirement() -> None:
    assert status_view(RECORD, [DONE, WAITING]) == {
        "id": "r",
        "title": "R",
        "state": "running",
        "sha256": RECORD.sha256,
        "progress": {"done": 1, "total": 2},
        "tasks": [
            {"id": "a", "state": "backing_off", "attempts": 1, "infra_faults": 0, "commit": None,
             "error": "exit code 1"},
            {"id": "b", "state": "done", "attempts": 2, "infra_faults": 1, "commit": "c0ffee", "error": None},
        ],
        "target": "aidos/r",
        "base_commit": None,
        "commit": None,
        "replans": 0,
        "started_at": "1970-01-01T00:00:00.500Z",
        "finished_at": None,
        "error": None,
    }  # fmt: skip


def test_the_list_of_requirements_is_oldest_first() -> None:
    older = RequirementRecord("o", "O", RequirementState.WAITING, "sha", "{}", 1, 0.0)
    listed = requirement_list_view([RECORD, older], {"r": (1, 2)})["requirements"]
    assert [(each["id"], each["progress"]) for each in listed] == [
        ("o", {"done": 0, "total": 0}),
        ("r", {"done": 1, "total": 2}),
    ]
    assert "tasks" not in listed[0]


def test_an_event_has_exactly_the_promised_keys() -> None:
    view = event_view(JournalEvent(7, 0.25, "task_done", "r", "a", 3, 2, {"commit": "c0ffee"}))
    assert list(view) == ["seq", "at", "type", "requirement", "task", "attempt", "epoch", "data"]
    assert view["at"] == "1970-01-01T00:00:00.250Z" and view["data"] == {"commit": "c0ffee"}


def test_views_are_json() -> None:
    event = JournalEvent(1, 0.0, "x", None, None, None, 1, {})
    for view in (status_view(RECORD, [DONE]), requirement_list_view([RECORD], {}), task_view(DONE), event_view(event)):
        assert json.loads(json.dumps(view)) == view
