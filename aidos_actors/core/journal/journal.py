"""The journal folded: one event after the other, into the rows that the tables hold.

Rules for this file: every type of event is a row of ``FOLDS``; what an event brings about follows from itself and the
rows before it alone; states move by the tables of ``states``, so that a journal that tells of an illegal move is
recognised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from aidos_actors.core.board.revision import started_over
from aidos_actors.core.errors import AidosError, IllegalTransition
from aidos_actors.core.journal.agents_folded import FOLDS_OF_AGENTS, of_agent
from aidos_actors.core.journal.attempts_folded import FOLDS_OF_ATTEMPTS
from aidos_actors.core.journal.folded import FoldedRows, Folds
from aidos_actors.core.journal.tasks_folded import FOLDS_OF_TASKS
from aidos_actors.core.records import FORGOTTEN_ON_A_NEW_START, JournalEvent, RequirementRecord, TaskRecord
from aidos_actors.core.states import RequirementState, TaskState

BEGINS = "requirement_submitted"


class JournalBroken(AidosError):
    """The journal tells of something that cannot have happened, or leaves out what must have."""

    code = "journal_broken"


def fold(events: Iterable[JournalEvent], rows: FoldedRows | None = None) -> FoldedRows:
    """``rows`` (none: of an empty journal) after ``events`` too; they are changed in place. ``JournalBroken`` at the
    first event that cannot be."""
    rows = FoldedRows() if rows is None else rows
    for event in events:
        folds = FOLDS.get(event.type)
        if folds is None:
            raise _broken(event, "no such type of event is known")
        if folds is _nothing or not (folds is of_agent or _is_known(rows, event)):
            continue
        try:
            folds(rows, event)
        except KeyError as error:
            raise _broken(event, f"it tells of, or by, {error}, which is not there") from error
        except IllegalTransition as error:
            raise _broken(event, error.message) from error
    return rows


def _is_known(rows: FoldedRows, event: JournalEvent) -> bool:
    name = event.requirement or ""
    if event.type == BEGINS and "position" in event.data:
        return True
    if name in rows.requirements:
        return True
    rows.not_begun.add(name)
    return False


def _broken(event: JournalEvent, why: str) -> JournalBroken:
    names = (event.requirement, event.task, event.attempt)
    about = "/".join(str(name) for name in names if name is not None)
    return JournalBroken(f"event {event.seq}, {event.type} of {about or 'nobody'}: {why}")


# Requirements


def _nothing(rows: FoldedRows, event: JournalEvent) -> None:
    """It changed no row."""


def _submitted(rows: FoldedRows, event: JournalEvent) -> None:
    data, name = event.data, event.requirement or ""
    told = {key: data[key] for key in ("title", "sha256", "position", "repo", "target", "base_commit", "deadline_at")}
    waiting = RequirementState.WAITING
    rows.requirements[name] = RequirementRecord(id=name, state=waiting, document="", created_at=event.at, **told)


def _planned(rows: FoldedRows, event: JournalEvent) -> None:
    name = event.requirement or ""
    waiting, first = set(event.data["waiting"]), event.data["position"]
    for at, task in enumerate(event.data["ids"]):
        state = TaskState.WAITING if at in waiting else TaskState.READY
        rows.tasks[name, task] = TaskRecord(name, task, first + at, state)


def _plan_recorded(rows: FoldedRows, event: JournalEvent) -> None:
    """After its analysis, or at once when there was nothing to find out."""
    if rows.requirements[event.requirement or ""].state is RequirementState.WAITING:
        rows.move_requirement(event, "analyse")
    rows.move_requirement(event, "plan", started_at=event.at)


def _revised(rows: FoldedRows, event: JournalEvent) -> None:
    data = event.data
    told = {key: data[key] for key in ("title", "sha256", "repo", "target", "base_commit", "commit", "deadline_at")}
    again = dict.fromkeys(FORGOTTEN_ON_A_NEW_START)
    rows.move_requirement(event, "revise" if data["is_planned"] else "revise_unplanned", **told, **again)


def _tasks_revised(rows: FoldedRows, event: JournalEvent) -> None:
    """Those kept have another place at most; others that were there before start over."""
    name, kept, first = event.requirement or "", set(event.data["kept"]), event.data["position"]
    for at, task in enumerate(event.data["ids"]):
        row = rows.tasks.get((name, task)) or TaskRecord(name, task, 0, TaskState.WAITING)
        row = replace(row, position=first + at)
        if at not in kept and (name, task) in rows.tasks:
            row = started_over(row)
        rows.tasks[name, task] = row


def _waits_moved(rows: FoldedRows, event: JournalEvent) -> None:
    """The clock was set, or the machine slept."""
    name, by_s = event.requirement or "", event.data["by_s"]
    awake_s = by_s - event.data.get("slept_s", 0.0)
    deadline_at = rows.requirements[name].deadline_at
    if deadline_at is not None:
        rows.move_requirement(event, None, deadline_at=deadline_at + by_s)
    for key, row in rows.tasks.items():
        if key[0] == name and row.not_before_at is not None:
            more_s = awake_s if row.state is TaskState.WAITING_FOR_QUOTA else by_s
            rows.tasks[key] = replace(row, not_before_at=row.not_before_at + more_s)


def _requirement_ended(move: str) -> Callable[[FoldedRows, JournalEvent], None]:
    def folds(rows: FoldedRows, event: JournalEvent) -> None:
        counts = {key: event.data.get(key) for key in ("tasks_done", "tasks_total")}
        rows.move_requirement(event, move, error=event.data["error"], finished_at=event.at, **counts)

    return folds


def _reopened(move: str) -> Callable[[FoldedRows, JournalEvent], None]:
    """One that was not planned yet goes back to where it is analysed."""

    def folds(rows: FoldedRows, event: JournalEvent) -> None:
        again: dict[str, Any] = {}
        if move == "retry":
            again = dict.fromkeys(FORGOTTEN_ON_A_NEW_START)
            again["deadline_at"] = event.data["deadline_at"]
        rows.move_requirement(event, move if event.data["is_planned"] else f"{move}_unplanned", **again)

    return folds


FOLDS: Mapping[str, Folds] = {
    "scheduler_started": _nothing,
    "stale_result_refused": _nothing,
    "clock_set": _nothing,
    "task_revised": _nothing,
    "analysis_held_up": _nothing,
    "requirement_replanned": _nothing,
    "agent_passed_over": _nothing,
    "target_red": _nothing,
    "target_green": _nothing,
    BEGINS: _submitted,
    "analysis_started": lambda rows, event: rows.move_requirement(event, "analyse"),
    "plan_recorded": _plan_recorded,
    "tasks_planned": _planned,
    "requirement_revised": _revised,
    "tasks_revised": _tasks_revised,
    "waits_moved": _waits_moved,
    "requirement_rejected": _requirement_ended("fail"),
    "requirement_ending": lambda rows, event: rows.move_requirement(event, None, error=event.data["error"]),
    "requirement_done": _requirement_ended("complete"),
    "requirement_failed": _requirement_ended("fail"),
    "requirement_cancelled": _requirement_ended("cancel"),
    "requirement_paused": lambda rows, event: rows.move_requirement(event, "pause"),
    "requirement_resumed": _reopened("resume"),
    "requirement_retried": _reopened("retry"),
    "requirement_bumped": lambda rows, event: rows.move_requirement(event, None, bumped_at=event.at),
    **FOLDS_OF_TASKS,
    **FOLDS_OF_ATTEMPTS,
    **FOLDS_OF_AGENTS,
}
