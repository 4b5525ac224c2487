"""What the ledger keeps, one frozen value a row. Moments (``*_at``) are wall-clock seconds since the epoch, UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import astuple

from aidos_actors.core.chained import one_after_another
from aidos_actors.core.packed_text import PackedText
from aidos_actors.core.states import AttemptState, RequirementState, TaskState

FORGOTTEN_ON_A_NEW_START = ("error", "finished_at", "tasks_done", "tasks_total", "replans")
"""What the row of a requirement says of its end, and loses when it is retried or revised."""


class RequirementRecord(Struct, frozen=True):
    """A requirement as submitted. ``document`` is the JSON text of its model (``str`` of it); ``position`` the order of
    submission; ``bumped_at`` the moment it was put before all others. ``tasks_*`` are counted when it ends, and gone
    when it is retried; one that ended before it was planned has none. ``replans`` is how often its plan, which an
    analyzer found, was given back to be changed (None: never)."""

    id: str
    title: str
    state: RequirementState
    sha256: str
    document: str | PackedText
    position: int
    created_at: float
    repo: str | None = None
    target: str | None = None
    base_commit: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    deadline_at: float | None = None
    commit: str | None = None
    error: str | None = None
    bumped_at: float | None = None
    tasks_done: int | None = None
    tasks_total: int | None = None
    replans: int | None = None


class TaskRecord(Struct, frozen=True, gc=False):
    """A task of a requirement. ``attempts`` is the number of the newest attempt, 0 before the first; ``paused_at`` the
    moment since which no attempt of it is to start; ``bumped_at`` that at which it was put before its siblings;
    attempts up to number ``revised_after`` were of another definition of it; ``ruled_failures`` says of how many of its
    ``own_failures`` a rule of its retry policy keeps count (JSON text, cause -> number; None: of none); ``agents`` what
    each coding agent has failed and cost so far (JSON text, None: nothing)."""

    requirement: str
    id: str
    position: int
    state: TaskState
    attempts: int = 0
    own_failures: int = 0
    infra_faults: int = 0
    conflicts: int = 0
    not_before_at: float | None = None
    commit: str | None = None
    error: str | None = None
    result: str | None = None
    finished_at: float | None = None
    paused_at: float | None = None
    bumped_at: float | None = None
    revised_after: int | None = None
    ruled_failures: str | None = None
    agents: str | None = None


class AttemptRecord(Struct, frozen=True, gc=False):
    """One try of a task. ``worker`` is the actor path, ``worker_generation`` its incarnation (unique while the system
    state lives); the minder (pid and start time in clock ticks) is recorded before its command starts. ``agent`` is the
    coding agent that does it; since ``kept_at`` its worktree is kept for the next attempt, which goes on in it."""

    requirement: str
    task: str
    number: int
    state: AttemptState
    epoch: int
    leased_at: float
    worker: str = ""
    worker_generation: str = ""
    worktree: str | None = None
    base_commit: str | None = None
    minder_pid: int | None = None
    minder_started: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    error: str | None = None
    agent: str | None = None
    kept_at: float | None = None


class AgentRecord(Struct, frozen=True):
    """A coding agent that cannot be used until ``until_at`` (None: it can), and why: ``limited`` by its usage, or
    ``absent``. ``waits`` are those one after the other, without an attempt between them that it carried out."""

    name: str
    until_at: float | None = None
    reason: str | None = None
    error: str | None = None
    waits: int = 0


class CallBatch(Struct, frozen=True):
    """Callables promised to one worker together; it calls them in the order of ``members`` (task, attempt number), and
    the first of them names the batch. It stands for the rows of these attempts: a member that has a row of its own, or
    whose task has come to that number, is open no more. A batch without members is over, and its row goes."""

    requirement: str
    task: str
    number: int
    epoch: int
    leased_at: float
    worker: str
    worker_generation: str
    members: tuple[tuple[str, int], ...]


NO_DATA: Mapping[str, Any] = MappingProxyType({})


class NewEvent(NamedTuple):
    """A fact for the journal, not yet numbered. Many are made, so it is a tuple."""

    at: float
    type: str
    requirement: str | None = None
    task: str | None = None
    attempt: int | None = None
    data: Mapping[str, Any] = NO_DATA


class JournalEvent(Struct, frozen=True):
    """A numbered fact: ``seq`` grows by one and never repeats."""

    seq: int
    at: float
    type: str
    requirement: str | None
    task: str | None
    attempt: int | None
    epoch: int
    data: Mapping[str, Any]


class Batch(Struct, frozen=True):
    """Rows to write and facts to record together or not at all. A row replaces the one with the same key. Of the tasks
    ``accepted``, which have rows, no more is new than their state, attempt, result and end."""

    requirements: tuple[RequirementRecord, ...] = ()
    tasks: Sequence[TaskRecord] = ()
    attempts: tuple[AttemptRecord, ...] = ()
    events: Sequence[NewEvent] = ()
    calls: tuple[CallBatch, ...] = ()
    accepted: tuple[TaskRecord, ...] = ()
    agents: tuple[AgentRecord, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not any(astuple(self))

    @classmethod
    def together(cls, batches: Iterable[Batch]) -> Batch:
        """All of them as one, in order: of two rows with one key the later counts."""
        parts = [batch for batch in batches if not batch.is_empty]
        if len(parts) == 1:
            return parts[0]
        rows: list[Any] = [one_after_another(each) for each in zip(*map(astuple, parts), strict=True)]
        return cls(*rows)
