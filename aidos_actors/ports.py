"""What the actors need from the world, as protocols: for real, and in memory for tests in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from aidos_actors.actors.words import Delivered, GitWord, GitWork
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.orders import AttemptOutcome, Minder, Start, WorkerId
from aidos_actors.core.records import (
    AgentRecord,
    AttemptRecord,
    Batch,
    CallBatch,
    JournalEvent,
    RequirementRecord,
    TaskRecord,
)
from aidos_actors.core.requirement import Requirement, Task
from aidos_actors.executors.call_queue import CallMark, CallQueue
from aidos_actors.executors.orders import Outcome
from aidos_actors.withdrawal import Withdrawal


class LedgerView(Protocol):
    """What the system of record says; each answer is from one moment. Blocks for a disk read."""

    @property
    def installation(self) -> str:
        """16 hex digits, the same for the life of the state directory."""

    def epoch(self) -> int:
        """The newest scheduler's number; 0 before the first."""

    def open_requirements(self) -> list[RequirementRecord]:
        """Those whose state is not final, in the order of submission."""

    def overview(self) -> list[tuple[RequirementRecord, int, int]]:
        """All, in the order of submission, with an empty document; each with its number of done tasks and of all."""

    def requirements(self) -> list[RequirementRecord]:
        """All, in the order of submission."""

    def requirement(self, requirement_id: str) -> RequirementRecord | None: ...

    def tasks(self, requirement_id: str, *, with_removed: bool = False) -> list[TaskRecord]:
        """In file order; none for an unknown requirement. Removed ones only when asked for."""

    def attempts(self, requirement_id: str, task: str | None = None) -> list[AttemptRecord]:
        """By task and number."""

    def work(
        self, requirement_id: str, *, is_settled_left_out: bool = False
    ) -> tuple[list[TaskRecord], list[AttemptRecord], list[CallBatch]]:
        """Tasks, attempts and open batches of callables, of one moment; perhaps without the attempts of final tasks
        that neither a worker nor a worktree is left of."""

    def agents(self) -> list[AgentRecord]:
        """Coding agents of which something is known, by name."""

    def events(self, after_seq: int = 0, limit: int = 1000, requirement: str | None = None) -> list[JournalEvent]:
        """The first ``limit`` events after ``after_seq``, in order."""

    def last_seq(self) -> int:
        """The number of the newest event, 0 before the first."""

    def next_position(self) -> int:
        """The position the next requirement gets; 1 for the first."""

    def close(self) -> None: ...


class Ledger(LedgerView, Protocol):
    """The sole system of record. What a call returned survives kill and power cut; what it raised for left no trace."""

    def begin_epoch(self, at: float) -> int:
        """The new epoch, one more than the last; all earlier ones are fenced. Journals ``scheduler_started``."""

    def apply(self, epoch: int, batch: Batch) -> int:
        """The batch, whole, is durable; returns the last seq. Raises ``Fenced`` when ``epoch`` is not the newest,
        ``LedgerUnavailable`` when the disk cannot, ``LedgerRefused`` when a row breaks a rule. Blocks for a sync."""


class Analyzer(Protocol):
    """Finds the tasks of requirements. ``analyse`` is called beside the mailbox, from several threads at once."""

    def understands(self, requirement: Requirement) -> bool:
        """Whether it is to be asked about this one. At once."""

    def fingerprint(self) -> str:
        """All that its answers depend on besides the requirement: with the same one nothing is asked twice. Without
        secrets."""

    def analyse(self, requirement: Requirement) -> tuple[Task, ...]:
        """The tasks, at least one. Blocks. ``NoPlan``: it would say the same again; ``NotNow``: it asks to be left
        alone for a time; anything else: it may answer later. Its words are checked by whoever implements it."""

    def close(self) -> None:
        """Nothing that was started for it lives any more."""


@runtime_checkable
class WithdrawableAnalyzer(Analyzer, Protocol):
    """One that can end early, when nobody wants its answer any more. Of others the answer is waited for."""

    def analyse_until(self, requirement: Requirement, withdrawal: Withdrawal) -> tuple[Task, ...]:
        """As ``analyse``; raises anything soon after the question was withdrawn, perhaps before it began."""


@runtime_checkable
class ReplanningAnalyzer(Analyzer, Protocol):
    """One that can also be asked what is to be done in the place of a task that failed for good."""

    def replan_until(self, requirement: Requirement, failed: FailedTask, withdrawal: Withdrawal) -> tuple[Task, ...]:
        """Tasks with which ``core.amending.amended`` makes another plan of the requirement's; whoever implements this
        has seen to that. Blocks and raises as ``analyse_until``."""


class Workspace(Protocol):
    """What GitOps does to repositories. Called beside its mailbox, from one thread for each lane; blocks."""

    def carry_out(self, work: GitWork, withdrawal: Withdrawal) -> GitWord:
        """The order is done and durable, as if once, and this is what to tell the Scheduler. Raises what git and the
        disk raise, ``TryAgain`` when a process still works where nobody may, ``Fenced`` when the epoch is over; soon
        after it was withdrawn ``Withdrawn``, when a gate ran for it."""

    def clean(self) -> None:
        """Nothing is left of what a dead GitOps had under way. Called once, before anything else; blocks."""

    def integrate(self, works: tuple[GitWork, ...], withdrawal: Withdrawal) -> Delivered:
        """Those that could be are on their target, all of them one target's; the others wait on. Raises as
        ``carry_out``, and ``Conflict`` when the target must not be moved; ``Withdrawn`` soon after it was withdrawn,
        and then it has moved nothing. One that is not wanted goes alone: it is said whether it is on the target."""

    def close(self) -> None:
        """Nothing that was started for it lives any more."""


class Minding(Protocol):
    """A minder that waits for ``go``, or runs its command. From any thread."""

    pid: int
    started: int

    def go(self) -> None:
        """The command starts; once."""

    def end(self, reason: str) -> None:
        """Asks for the end of the command and all it started; before ``go`` it never starts."""

    def wait(self) -> Outcome:
        """Blocks until the command and everything it started have ended. ``NurseryLost``: they have, none knows how."""


class Executor(Protocol):
    """What a Worker does for its attempts. Called beside its mailbox; each call blocks as long as what it names."""

    def clear(self, order: Start) -> Minding | None:
        """Nothing of an earlier attempt lives, the folder is there, and a minder waits; None for a callable.
        TimeoutError when something does not end, ``SpawnFailed`` and ``NurseryLost`` when no minder can be."""

    def run(self, order: Start, given: Callable[[Minding], None]) -> AttemptOutcome:
        """As ``clear``, with the minder on record, and as ``ran``; between the two ``given`` has it. ``NurseryLost``,
        before that, when it waits no more."""

    def waiting(self) -> Minder | None:
        """The minder that is to get the next command, if it is there. At once."""

    def ran(self, order: Start, minded: Minding) -> AttemptOutcome:
        """The command and everything it started have ended. ``NurseryLost``: they have, and nobody knows how."""

    def verified(self, order: Start, left_s: float, began: Callable[[Minding], None]) -> AttemptOutcome:
        """The task's check has run, within ``left_s`` seconds. ``began`` gets its minder before it starts."""

    def called(self, order: Start, progress: Callable[[], None]) -> AttemptOutcome:
        """The callable has returned or raised. ``progress`` is called whenever it has saved a checkpoint."""

    def call_some(self, queue: CallQueue) -> None:
        """Callables of ``queue`` have been called, one after the other: all that wait, or those of a few
        milliseconds."""

    def begun_mark(self, worker: WorkerId) -> CallMark:
        """Where this life of a worker says which callable it has begun. Called before any of them, in the main
        thread."""

    def wear(self) -> str:
        """What keeps this process from calling another callable after one was called, in words; empty when nothing
        does. At once."""

    def close(self) -> None:
        """Nothing that was started for it lives any more."""
