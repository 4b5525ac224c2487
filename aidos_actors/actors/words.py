"""What the doers tell the Scheduler, and how orders travel to GitOps. Orders themselves stand in ``core/orders.py``."""

from __future__ import annotations

from msgspec import Struct

from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.orders import (
    AttemptKey,
    AttemptOutcome,
    AttemptReport,
    CallEnded,
    CallSpan,
    GitOrder,
    Integration,
    Minder,
    WorkerId,
    WorkerOrder,
)
from aidos_actors.core.target_orders import Reversal, Sighting

SCHEDULER = "root/scheduling/scheduler"
ANALYZER = "root/analysis/analyzer"
GITOPS = "root/delivery/gitops"
WORKER_POOL = "root/workers"


class WorkerHello(Struct, frozen=True):
    """A worker is there, for this scheduler: all that it holds is in ``reports``, and callables of batches in
    ``called``. ``number`` grows with each one that it says; orders go back the way that this one came. ``waiting`` is
    the minder there that has no command."""

    worker: WorkerId
    slots: int
    reports: tuple[AttemptReport, ...]
    called: tuple[AttemptKey, ...] = ()
    number: int = 0
    waiting: Minder | None = None


class MinderReady(Struct, frozen=True):
    """A minder waits; its command starts when this is on record and ``Go`` has come."""

    worker: WorkerId
    key: AttemptKey
    pid: int
    started: int


class AttemptEnded(Struct, frozen=True):
    """``waiting`` is the minder at the worker that has no command now; it may be that of this attempt."""

    worker: WorkerId
    key: AttemptKey
    outcome: AttemptOutcome
    waiting: Minder | None = None


class CallsEnded(Struct, frozen=True):
    """Callables of batches have ended; told again until it is noted under ``seq``."""

    worker: WorkerId
    seq: int
    requirement: str
    results: tuple[CallEnded, ...]
    spans: tuple[CallSpan, ...]


class WorkerOrders(Struct, frozen=True):
    """To a worker: carry them out in this order. ``greeting`` is the number of the last ``WorkerHello`` before them.
    When it has said another since, they have come late, by another way, and are told again."""

    orders: tuple[WorkerOrder, ...]
    greeting: int


class GitWork(Struct, frozen=True):
    """An order to GitOps under the authority of a scheduler's epoch."""

    epoch: int
    installation: str
    order: GitOrder


class WorktreeReady(Struct, frozen=True):
    key: AttemptKey
    base_commit: str
    repo: str


class WorkIntegrated(Struct, frozen=True):
    key: AttemptKey
    answer: Integration


class WorktreeGone(Struct, frozen=True):
    key: AttemptKey


class OrdersHeldUp(Struct, frozen=True):
    """What GitOps was to do about ``keys`` failed for reasons of the machine, and is tried again by itself."""

    keys: tuple[AttemptKey, ...]
    error: str


class TargetSeen(Struct, frozen=True):
    """What a target that is watched for the requirement of ``key`` looks like; None: nothing is on it yet."""

    key: AttemptKey
    seen: Sighting | None


class WorkReverted(Struct, frozen=True):
    key: AttemptKey
    answer: Reversal


class TargetsPushed(Struct, frozen=True):
    """Every target of ``repo`` is on its remote; ``count`` of them had to be brought there. Not sent to anybody."""

    key: AttemptKey
    repo: str
    count: int


class SweptUp(Struct, frozen=True):
    """``paths`` were worktrees nobody knew, and are gone. Not sent to anybody."""

    key: AttemptKey
    paths: tuple[str, ...]


class Delivered(Struct, frozen=True):
    """What a job that integrated several came to: a word for each that is settled. ``clashes`` are pairs that did not
    merge with each other; ``is_red``: the target itself is, so nobody was blamed yet. Not sent to anybody."""

    words: tuple[WorkIntegrated, ...]
    clashes: tuple[tuple[AttemptKey, AttemptKey], ...] = ()
    is_red: bool = False


GitWord = WorktreeReady | WorkIntegrated | WorktreeGone | TargetSeen | WorkReverted | TargetsPushed | SweptUp


class PlanAccepted(Struct, frozen=True):
    """The document is a plan; or, with ``found``, that is: the document (a text, or the reference to one) with the
    tasks that ``analyzer`` found, all of them or those in the place of the ``failed`` one."""

    requirement: str
    found: str | None = None
    analyzer: str = ""
    failed: FailedTask | None = None


class AnalysisHeldUp(Struct, frozen=True):
    """``analyzer`` gave no tasks: ``next`` is asked instead, or all of it is done again in ``again_s`` seconds."""

    requirement: str
    analyzer: str
    error: str
    next: str | None = None
    again_s: float | None = None


class AnalysisDue(Struct, frozen=True):
    """The Analyzer has, or had, this analysis: who wants it still should say so, and who does not too."""

    requirement: str


class PlanRejected(Struct, frozen=True):
    """There is no plan, or nothing in the place of the ``failed`` task."""

    requirement: str
    reason: str
    failed: FailedTask | None = None


AnalyzerWord = PlanAccepted | AnalysisHeldUp | AnalysisDue | PlanRejected
