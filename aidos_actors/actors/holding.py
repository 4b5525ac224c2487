"""An attempt in a worker's hands, and its words for it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from aidos_actors.core.orders import AttemptKey, AttemptOutcome, AttemptReport, EndReason, Start
from aidos_actors.core.watched_call import WatchedCall
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


def name_of(key: AttemptKey) -> str:
    return f"{key.requirement}/{key.task}/{key.number}"


def outcome_of(error: BaseException, stage: str) -> AttemptOutcome:
    """A step that raised: the order itself cannot be carried out, or the machine failed under it."""
    text = getattr(error, "message", "") or f"{type(error).__name__}: {error}"
    fault = "own" if isinstance(error, SpawnFailed) else "infra"
    assert isinstance(error, NurseryLost) or text
    return AttemptOutcome(False, None, text, stage, fault=fault)  # type: ignore[arg-type]
