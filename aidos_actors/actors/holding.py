"""An attempt in a worker's hands, and its words for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from aidos_actors import crash
from aidos_actors.actors.calling import FAULT_OF_END
from aidos_actors.actors.words import AttemptEnded, MinderReady
from aidos_actors.core.board.watched_call import WatchedCall
from aidos_actors.core.orders import AttemptKey, AttemptOutcome, AttemptReport, EndReason, Minder, Start, WorkerId
from aidos_actors.executors.agent import AgentAbsent
from aidos_actors.executors.orders import NurseryLost, SpawnFailed
from aidos_actors.ports import Minding

NO_MINDER = (0, 0)


class CallDue(Struct, frozen=True):
    """Timer: a callable may have taken too long."""

    key: AttemptKey


class Held(Struct):
    """An attempt in this worker's hands. ``minder`` is who has had its command; ``watched``: its callable, while that
    is called; ``worked``: how its work ended, while that is verified; ``leaving``: why this worker ends with it."""

    order: Start
    report: AttemptReport
    minder: Minder | None = None
    minded: Minding | None = None
    ending: EndReason | None = None
    watched: WatchedCall | None = None
    worked: AttemptOutcome | None = None
    leaving: str = ""
    until: float = 0.0

    def given(self, minded: Minding) -> None:
        """The minder on record has the command; called beside the mailbox."""
        self.minder, self.minded = self.order.minder, minded
        if self.ending is not None:
            minded.end(self.ending)
        else:
            give_go(minded)

    def is_on_record(self, minder: Minder | None) -> bool:
        """Its own minder waits for ``Go``, and is this one."""
        return self.report.phase == "minded" and self.minder == minder

    def verified(self, outcome: AttemptOutcome) -> AttemptOutcome:
        """What comes of the attempt when that came of its verify."""
        if outcome.ok and self.worked is not None:
            return replace(self.worked, is_folder_gone=outcome.is_folder_gone)
        return outcome

    def end(self, outcome: AttemptOutcome, waiting: Minder | None) -> None:
        """It has ended so, unless it was to end; ``waiting`` is a minder here that has no command."""
        if self.ending is not None and not outcome.ok:
            outcome = replace(outcome, fault=FAULT_OF_END[self.ending], error=f"ended: {self.ending}")
        outcome = replace(outcome, is_minder_free=self.minder in (None, waiting))
        self.report = replace(self.report, phase="ended", outcome=outcome)

    def verifying(self, minded: Minding) -> None:
        """The verify's minder waits; called beside the mailbox."""
        self.minded = minded
        if self.ending is not None:
            minded.end(self.ending)

    def calling(self, now: Callable[[], float]) -> Callable[[], None]:
        """The callable is watched from here on; what is returned says that it goes on, beside the mailbox."""
        task = self.order.task
        watched = self.watched = WatchedCall(now(), task.timeout_s, task.stall_s)
        return lambda: watched.heard(now())


def first_report(order: Start) -> AttemptReport:
    """Of an attempt that was just ordered."""
    if order.minder is None:
        return AttemptReport(order.key, "starting")
    return AttemptReport(order.key, "running", *order.minder)


def give_go(minded: Minding) -> None:
    crash.before("go-given")
    minded.go()
    crash.after("go-given")


def tell(held: Held, worker: WorkerId, say: Callable[[Any], None], waiting: Minder | None) -> None:
    """The Scheduler hears, perhaps again, where the attempt stands: that its minder waits, or how it ended; then also
    which minder is ``waiting`` here."""
    report = held.report
    if report.phase == "minded" and report.minder_pid is not None and report.minder_started is not None:
        crash.before("minder-told")
        say(MinderReady(worker, report.key, report.minder_pid, report.minder_started))
        crash.after("minder-told")
    elif report.outcome is not None:
        crash.before("result-told")
        say(AttemptEnded(worker, report.key, report.outcome, waiting))
        crash.after("result-told")


def never_held(reason: EndReason) -> AttemptOutcome:
    """The answer to an order to end what this worker does not hold."""
    return AttemptOutcome(False, None, f"ended: {reason}", "run", fault=FAULT_OF_END[reason], is_minder_free=True)


def name_of(key: AttemptKey) -> str:
    return f"{key.requirement}/{key.task}/{key.number}"


def outcome_of(error: BaseException, stage: str) -> AttemptOutcome:
    """A step that raised: the order itself cannot be carried out, or the machine failed under it."""
    text = getattr(error, "message", "") or f"{type(error).__name__}: {error}"
    fault = "absent" if isinstance(error, AgentAbsent) else "own" if isinstance(error, SpawnFailed) else "infra"
    assert isinstance(error, NurseryLost) or text
    return AttemptOutcome(False, None, text, stage, fault=fault)  # type: ignore[arg-type]
