"""What the doers tell the Scheduler, and how orders travel to GitOps. Orders themselves stand in ``core/orders.py``."""

from __future__ import annotations

from dataclasses import dataclass

from aidos_actors.core.orders import (
    AttemptKey,
    AttemptOutcome,
    AttemptReport,
    CallEnded,
    CallSpan,
    GitOrder,
    Integration,
    WorkerId,
    WorkerOrder,
)

SCHEDULER = "root/scheduling/scheduler"
ANALYZER = "root/analysis/analyzer"
GITOPS = "root/delivery/gitops"
WORKER_POOL = "root/workers"


@dataclass(frozen=True, slots=True)
class WorkerHello:
    """A worker is there, for this scheduler: all that it holds is in ``reports``, and callables of batches in
    ``called``."""

    worker: WorkerId
    slots: int
    reports: tuple[AttemptReport, ...]
    called: tuple[AttemptKey, ...] = ()


@dataclass(frozen=True, slots=True)
class MinderReady:
    """A minder waits; its command starts when this is on record and ``Go`` has come."""

    worker: WorkerId
    key: AttemptKey
    pid: int
    started: int


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    worker: WorkerId
    key: AttemptKey
    outcome: AttemptOutcome


@dataclass(frozen=True, slots=True)
class CallsEnded:
    """Callables of batches have ended; told again until it is noted under ``seq``."""

    worker: WorkerId
    seq: int
    requirement: str
    results: tuple[CallEnded, ...]
    spans: tuple[CallSpan, ...]


@dataclass(frozen=True, slots=True)
class WorkerOrders:
    """To a worker: carry them out in this order."""

    orders: tuple[WorkerOrder, ...]


@dataclass(frozen=True, slots=True)
class GitWork:
    """An order to GitOps under the authority of a scheduler's epoch."""

    epoch: int
    installation: str
    order: GitOrder


@dataclass(frozen=True, slots=True)
class WorktreeReady:
    key: AttemptKey
    base_commit: str
    repo: str


@dataclass(frozen=True, slots=True)
class WorkIntegrated:
    key: AttemptKey
    answer: Integration


@dataclass(frozen=True, slots=True)
class WorktreeGone:
    key: AttemptKey


GitWord = WorktreeReady | WorkIntegrated | WorktreeGone


@dataclass(frozen=True, slots=True)
class PlanAccepted:
    requirement: str


@dataclass(frozen=True, slots=True)
class PlanRejected:
    requirement: str
    reason: str
