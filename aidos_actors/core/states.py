"""The life of requirements, tasks and attempts, as tables.

Rules for this file: every change of state in the system is a row here; an event that has no row raises
``IllegalTransition`` and changes nothing; a new behaviour is a new row, never an ``if`` somewhere else.

A task is *leased* from the moment a worker was promised it until its command has started, *running* until the command
ended, *integrating* until its commit is on the target, *withdrawing* when it is not wanted any more and its commit may
be there already, *reverting* while a commit that turned the target red is taken back, *retracting* when that goes on
for a task that is not wanted any more. Four ways lead back: ``fail`` is the task's own fault and uses up a retry;
``lose`` is a fault of the infrastructure and does not; ``release`` is an orderly hand-back (a drain); ``defer`` waits
for a coding agent whose usage limit was reached, and uses up nothing either. One that has failed for good may be
*replanning*: an analyzer is asked for other tasks in its place, and it fails when there are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from aidos_actors.core.errors import IllegalTransition


class RequirementState(StrEnum):
    WAITING = "waiting"
    ANALYSING = "analysing"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TaskState(StrEnum):
    WAITING = "waiting"
    READY = "ready"
    LEASED = "leased"
    RUNNING = "running"
    INTEGRATING = "integrating"
    WITHDRAWING = "withdrawing"
    REVERTING = "reverting"
    RETRACTING = "retracting"
    REPLANNING = "replanning"
    BACKING_OFF = "backing_off"
    WAITING_FOR_QUOTA = "waiting_for_quota"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    REMOVED = "removed"


class AttemptState(StrEnum):
    LEASED = "leased"
    RUNNING = "running"
    INTEGRATING = "integrating"
    WITHDRAWING = "withdrawing"
    ACCEPTED = "accepted"
    FAILED = "failed"
    LOST = "lost"
    RELEASED = "released"
    CONFLICTED = "conflicted"
    DEFERRED = "deferred"
    CANCELLED = "cancelled"


R, T, A = RequirementState, TaskState, AttemptState

REQUIREMENT_TRANSITIONS: Mapping[RequirementState, Mapping[str, RequirementState]] = {
    R.WAITING: {
        "analyse": R.ANALYSING,
        "cancel": R.CANCELLED,
        "fail": R.FAILED,
        "pause": R.PAUSED,
        "revise_unplanned": R.WAITING,
    },
    R.ANALYSING: {"plan": R.RUNNING, "fail": R.FAILED, "cancel": R.CANCELLED, "pause": R.PAUSED},
    R.RUNNING: {"complete": R.DONE, "fail": R.FAILED, "cancel": R.CANCELLED, "pause": R.PAUSED},
    R.PAUSED: {
        "resume": R.RUNNING,
        "resume_unplanned": R.WAITING,
        "cancel": R.CANCELLED,
        "fail": R.FAILED,
        "revise": R.PAUSED,
        "revise_unplanned": R.PAUSED,
    },
    R.DONE: {"revise": R.RUNNING},
    R.FAILED: {"retry": R.RUNNING, "retry_unplanned": R.WAITING, "revise": R.RUNNING, "revise_unplanned": R.WAITING},
    R.CANCELLED: {"retry": R.RUNNING, "retry_unplanned": R.WAITING, "revise": R.RUNNING, "revise_unplanned": R.WAITING},
}

# The requirement has another document: the task starts over, or is named no more.
_REVISED: Mapping[str, TaskState] = {"revise": T.WAITING, "remove": T.REMOVED}

TASK_TRANSITIONS: Mapping[TaskState, Mapping[str, TaskState]] = {
    T.WAITING: {"unblock": T.READY, "skip": T.SKIPPED, "cancel": T.CANCELLED, **_REVISED},
    T.READY: {
        "lease": T.LEASED,
        "defer": T.WAITING_FOR_QUOTA,
        "skip": T.SKIPPED,
        "cancel": T.CANCELLED,
        **_REVISED,
    },
    T.LEASED: {
        "start": T.RUNNING,
        "fail": T.BACKING_OFF,
        "exhaust": T.FAILED,
        "replan": T.REPLANNING,
        "lose": T.READY,
        "release": T.READY,
        "defer": T.WAITING_FOR_QUOTA,
        "cancel": T.CANCELLED,
    },
    T.RUNNING: {
        "integrate": T.INTEGRATING,
        "complete": T.DONE,
        "fail": T.BACKING_OFF,
        "exhaust": T.FAILED,
        "replan": T.REPLANNING,
        "lose": T.READY,
        "release": T.READY,
        "defer": T.WAITING_FOR_QUOTA,
        "cancel": T.CANCELLED,
    },
    T.INTEGRATING: {
        "complete": T.DONE,
        "redo": T.READY,
        "fail": T.BACKING_OFF,
        "exhaust": T.FAILED,
        "replan": T.REPLANNING,
        "lose": T.READY,
        "withdraw": T.WITHDRAWING,
    },
    T.WITHDRAWING: {"complete": T.DONE, "cancel": T.CANCELLED},
    T.REVERTING: {
        "fail": T.BACKING_OFF,
        "exhaust": T.FAILED,
        "replan": T.REPLANNING,
        "keep": T.DONE,
        "withdraw": T.RETRACTING,
    },
    T.RETRACTING: {"keep": T.DONE, "cancel": T.CANCELLED},
    T.REPLANNING: {"exhaust": T.FAILED, "retry": T.WAITING, "cancel": T.CANCELLED, **_REVISED},
    T.BACKING_OFF: {"due": T.READY, "skip": T.SKIPPED, "cancel": T.CANCELLED, **_REVISED},
    T.WAITING_FOR_QUOTA: {"due": T.READY, "skip": T.SKIPPED, "cancel": T.CANCELLED, **_REVISED},
    T.DONE: {"condemn": T.REVERTING, **_REVISED},
    T.FAILED: {"retry": T.WAITING, **_REVISED},
    T.SKIPPED: {"retry": T.WAITING, **_REVISED},
    T.CANCELLED: {"retry": T.WAITING, **_REVISED},
    T.REMOVED: {"revise": T.WAITING},
}

ATTEMPT_TRANSITIONS: Mapping[AttemptState, Mapping[str, AttemptState]] = {
    A.LEASED: {
        "start": A.RUNNING,
        "fail": A.FAILED,
        "lose": A.LOST,
        "release": A.RELEASED,
        "defer": A.DEFERRED,
        "cancel": A.CANCELLED,
    },
    A.RUNNING: {
        "integrate": A.INTEGRATING,
        "accept": A.ACCEPTED,
        "fail": A.FAILED,
        "lose": A.LOST,
        "release": A.RELEASED,
        "defer": A.DEFERRED,
        "cancel": A.CANCELLED,
    },
    A.INTEGRATING: {
        "accept": A.ACCEPTED,
        "conflict": A.CONFLICTED,
        "fail": A.FAILED,
        "lose": A.LOST,
        "withdraw": A.WITHDRAWING,
    },
    A.WITHDRAWING: {"accept": A.ACCEPTED, "cancel": A.CANCELLED},
    A.ACCEPTED: {},
    A.FAILED: {},
    A.LOST: {},
    A.RELEASED: {},
    A.CONFLICTED: {},
    A.DEFERRED: {},
    A.CANCELLED: {},
}

# Final: nothing goes on by itself. Only ``retry`` and ``revise``, asked for by a person, lead out of them; and, while
# its requirement is open, ``condemn`` out of a task that is done.
REQUIREMENT_FINAL = frozenset({R.DONE, R.FAILED, R.CANCELLED})
WATCHED = frozenset({R.RUNNING, R.PAUSED})  # its target is looked at now and then, when it has a gate
TASK_FINAL = frozenset({T.DONE, T.FAILED, T.SKIPPED, T.CANCELLED, T.REMOVED})
TAKEN_BACK = frozenset({T.REVERTING, T.RETRACTING})  # GitOps is to take the commit off the target
GIVEN_UP = frozenset({T.WITHDRAWING, T.RETRACTING})  # it ends as soon as GitOps has said what of it is on the target
OFFERED_SOON = frozenset({T.READY, T.BACKING_OFF, T.WAITING_FOR_QUOTA})  # only these wait for a moment
ATTEMPT_OPEN = frozenset(state for state, row in ATTEMPT_TRANSITIONS.items() if row)

State = TypeVar("State", bound=StrEnum)


def next_state(table: Mapping[State, Mapping[str, State]], state: State, event: str) -> State:
    """The state after ``event``. Raises ``IllegalTransition``, naming what would be allowed; nothing is changed."""
    row = table[state]
    if event not in row:
        allowed = ", ".join(sorted(row)) or "none: it is final"
        raise IllegalTransition(f"{type(state).__name__} {state.value!r} has no event {event!r} (allowed: {allowed})")
    return row[event]
