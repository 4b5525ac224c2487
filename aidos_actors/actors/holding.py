"""An attempt in a worker's hands, and its words for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from aidos_actors import crash
from aidos_actors.actors.words import AttemptEnded, MinderReady
from aidos_actors.core.orders import AttemptKey, AttemptOutcome, AttemptReport, EndReason, Start, WorkerId
from aidos_actors.core.watched_call import WatchedCall
from aidos_actors.executors.agent import AgentAbsent
from aidos_actors.executors.orders import NurseryLost, SpawnFailed
from aidos_actors.ports import Minding


class Held(Struct):
    """An attempt in this worker's hands. ``watched``: its callable, while that is called; ``worked``: how its work
    ended, while that is verified."""

    order: Start
    report: AttemptReport
    minded: Minding | None = None
    ending: EndReason | None = None
    watched: WatchedCall | None = None
    worked: AttemptOutcome | None = None
    is_over_time: bool = False
    until: float = 0.0

    def verifying(self, minded: Minding) -> None:
        """The verify's minder waits; called beside the mailbox."""
        self.minded = minded
        if self.ending is not None:
            minded.end(self.ending)

    def calling(self, now: Callable[[], float]) -> Callable[[], None]:
        """The callable is watched from here on; what is returned says that it goes on, beside the mailbox."""
        task = self.order.task
        watched = self.watched = WatchedCall(now(), task.timeout_s, task.stall_s, now())

        def progress() -> None:
            watched.progress_at = now()

        return progress


def tell(held: Held, worker: WorkerId, say: Callable[[Any], None]) -> None:
    """The Scheduler hears, perhaps again, where the attempt stands: that its minder waits, or how it ended."""
    report = held.report
    if report.phase == "minded" and report.minder_pid is not None and report.minder_started is not None:
        crash.before("minder-told")
        say(MinderReady(worker, report.key, report.minder_pid, report.minder_started))
        crash.after("minder-told")
    elif report.outcome is not None:
        crash.before("result-told")
        say(AttemptEnded(worker, report.key, report.outcome))
        crash.after("result-told")


def name_of(key: AttemptKey) -> str:
    return f"{key.requirement}/{key.task}/{key.number}"


def outcome_of(error: BaseException, stage: str) -> AttemptOutcome:
    """A step that raised: the order itself cannot be carried out, or the machine failed under it."""
    text = getattr(error, "message", "") or f"{type(error).__name__}: {error}"
    fault = "absent" if isinstance(error, AgentAbsent) else "own" if isinstance(error, SpawnFailed) else "infra"
    assert isinstance(error, NurseryLost) or text
    return AttemptOutcome(False, None, text, stage, fault=fault)  # type: ignore[arg-type]
