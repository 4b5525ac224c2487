"""What the Scheduler says to the doers, and what they say back: frozen values that pickle small.

Every order is idempotent: it may arrive twice, late, or after what it asks for has happened. Every order but
``Acknowledge`` is derived again from the rows after a crash (``owed.py``), so none is ever kept anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from msgspec import Struct, field

from aidos_actors.core.records import Batch
from aidos_actors.core.target_orders import Push, Revert, Sweep, Unwatch, Watch

if TYPE_CHECKING:
    from aidos_actors.core.failed_task import FailedTask
    from aidos_actors.core.requirement import Task

Minder = tuple[int, int]  # (pid, start time in clock ticks): a reused pid is another process
Fault = Literal["none", "own", "infra", "released", "cancelled", "limited", "absent"]
Phase = Literal["starting", "minded", "running", "ended"]
EndReason = Literal["cancel", "deadline", "drain"]


class AttemptKey(Struct, frozen=True, order=True, gc=False):
    """Names one try of one task; its number only grows, so a late one can be told."""

    requirement: str
    task: str
    number: int


class WorkerId(Struct, frozen=True, order=True, gc=False):
    """One life of a worker: the actor's path, and the incarnation that no other life of it shares."""

    path: str
    incarnation: str


class Analyse(Struct, frozen=True):
    """To the Analyzer: say whether ``document`` is a plan, or what is to be in place of its task ``failed``."""

    requirement: str
    document: str
    failed: FailedTask | None = None


class Withdraw(Struct, frozen=True):
    """To the Analyzer: nobody wants the analysis any more; end what works on it. Should it be wanted after all (this
    may be the late word of a Scheduler that is dead), it is ordered again when the Analyzer says that it let it go."""

    requirement: str


class Prepare(Struct, frozen=True):
    """To GitOps: make the worktree ``path`` at the head of ``target``, or at ``base_commit`` when it has none yet."""

    key: AttemptKey
    repo: str
    path: str
    target: str
    base_commit: str


class AgentTurn(Struct, frozen=True):
    """Which coding agent does an attempt; ``goes_on``: in the folder of the attempt of that number, ``is_same``: which
    was of the same agent; ``error`` is what went wrong before."""

    name: str
    goes_on: int | None = None
    is_same: bool = False
    error: str | None = None


class Start(Struct, frozen=True):
    """To a worker: when every minder of ``previous`` is gone, fork a minder, report ``minded``, and wait for ``Go``; it
    makes the empty folder ``path`` first when there is no ``repo``. With a ``minder`` on record it is ``Go``, too: that
    one gets the command, and the attempt has ended (fault ``infra``) if it does not wait there any more."""

    worker: WorkerId
    key: AttemptKey
    task: Task
    path: str
    repo: str | None
    previous: tuple[Minder, ...]
    agent: AgentTurn | None = None
    minder: Minder | None = None


class Go(Struct, frozen=True):
    """To a worker: that the attempt starts is on record, and it may."""

    worker: WorkerId
    key: AttemptKey


class End(Struct, frozen=True):
    """To a worker: end the attempt, with all its processes. Who does not hold it answers ``ended`` as well (fault
    ``cancelled``, or ``released`` for ``drain``): without that answer its worktree is never discarded."""

    worker: WorkerId
    key: AttemptKey
    reason: EndReason


class Acknowledge(Struct, frozen=True):
    """To a worker: the result is on disk here, or is not wanted; forget it."""

    worker: WorkerId
    key: AttemptKey


class Call(NamedTuple):
    """One callable of a batch: ``function(**args)``, ended with its worker after ``timeout_s``."""

    task: str
    number: int
    function: str
    args: Mapping[str, Any]
    env: Mapping[str, str]
    timeout_s: float


class StartCalls(Struct, frozen=True):
    """To a worker: call them one after the other, those it does not have already. Of an older ``epoch`` than it has
    heard of: it does nothing."""

    worker: WorkerId
    epoch: int
    requirement: str
    calls: tuple[Call, ...]


class ReturnCalls(Struct, frozen=True):
    """To a worker: callables of batches that have not begun go back (``ended`` with the fault ``released``)."""

    worker: WorkerId


class CallsNoted(Struct, frozen=True):
    """To a worker: what it told under ``seq`` is on disk here, or is not wanted; forget it."""

    worker: WorkerId
    seq: int


class Integrate(Struct, frozen=True):
    """To GitOps: bring the work in ``path``, begun at ``base_commit``, onto ``target`` as one commit, after the gate
    ``verify``. A target that is not there yet begins at ``target_base``. Commits of attempts up to ``after`` are of
    another definition of the task. Not ``is_wanted``: only say whether it is there; if it is not, it never will be."""

    key: AttemptKey
    repo: str
    path: str
    base_commit: str
    target: str
    title: str
    verify: str | None
    target_base: str
    after: int = 0
    is_wanted: bool = True


class Discard(Struct, frozen=True):
    """To GitOps: when every minder of ``previous`` is gone, remove ``path`` (a plain folder without ``repo``)."""

    key: AttemptKey
    repo: str | None
    path: str
    previous: tuple[Minder, ...]


WorkerOrder = Start | Go | End | Acknowledge | StartCalls | ReturnCalls | CallsNoted
GitOrder = Prepare | Integrate | Discard | Watch | Unwatch | Revert | Push | Sweep
Order = Analyse | Withdraw | WorkerOrder | GitOrder


class AgentEnd(Struct, frozen=True):
    """What a coding agent said at the end: by which ``session`` it can be resumed, what it cost, when its usage limit
    is reset. ``is_sound``: the next attempt can go on in the folder as it is."""

    name: str
    session: str | None = None
    turns: int | None = None
    cost_usd: float | None = None
    resets_at: float | None = None
    is_sound: bool = True


class AttemptOutcome(Struct, frozen=True):
    """How the command of an attempt ended. ``result`` is JSON text; ``fault`` says whose the failure was, ``causes``
    what went wrong in the words of a retry policy, the most precise first. ``is_folder_gone``: nothing of its folder is
    left, and nobody needs to see to that. ``is_minder_free``: its minder may live on, but has nothing to do with it."""

    ok: bool
    exit_code: int | None = None
    error: str | None = None
    stage: str = "run"
    result: str | None = None
    fault: Fault = "none"
    causes: tuple[str, ...] = ()
    is_folder_gone: bool = False
    is_minder_free: bool = False
    agent: AgentEnd | None = None


class CallEnded(NamedTuple):
    """How one callable of a batch ended: with ``result`` (JSON text) when ``outcome`` is None."""

    task: str
    number: int
    result: str | None
    outcome: AttemptOutcome | None = None


class CallSpan(NamedTuple):
    """``calls`` calls of ``function`` took ``span_s`` seconds together."""

    function: str
    calls: int
    span_s: float


class AttemptReport(Struct, frozen=True):
    """One attempt a worker holds. ``minder_*`` are set from ``minded`` on, ``outcome`` when ``ended``."""

    key: AttemptKey
    phase: Phase
    minder_pid: int | None = None
    minder_started: int | None = None
    outcome: AttemptOutcome | None = None


class Integration(Struct, frozen=True):
    """GitOps' answer to ``Integrate``; no ``commit``: nothing to add; ``is_unchanged``: nor had the task any change."""

    commit: str | None
    verdict: Literal["integrated", "conflict", "gate_failed", "refused", "withdrawn"]
    error: str | None = None
    exit_code: int | None = None
    is_unchanged: bool = False


class Step(Struct, frozen=True):
    """What one input comes to: first write ``batch``, all or nothing, and only then send ``orders``, in order."""

    batch: Batch = field(default_factory=Batch)
    orders: tuple[Order, ...] = ()
