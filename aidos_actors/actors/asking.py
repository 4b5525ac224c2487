"""What the Analyzer knows of each analysis that it was given, and who waits for a free place."""

from __future__ import annotations

from msgspec import Struct, field

from aidos_actors.core.analysis import Failure
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.orders import Analyse
from aidos_actors.core.requirement import Requirement
from aidos_actors.withdrawal import Withdrawal


class Asking(Struct):
    """One analysis. ``due_at``: monotonic seconds until which it waits; None while it is under way. ``waited_s`` is how
    long it was to wait, all together; ``failed`` the task in whose place something is to be found, with its output;
    ``told`` what was said of it already, so that trying again for days is not said again for days."""

    order: Analyse
    requirement: Requirement | None = None
    names: tuple[str, ...] = ()
    failures: dict[str, Failure] = field(default_factory=dict)
    due_at: float | None = None
    failed: FailedTask | None = None
    waited_s: float = 0.0
    told: set[tuple[str, str, str | None]] = field(default_factory=set)
    withdrawal: Withdrawal = field(default_factory=Withdrawal)


class Lane:
    """Names of work that may be done ``most`` at once, each by itself; the first that came goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[str, None] = {}
        self._running: set[str] = set()

    def put(self, name: str) -> None:
        """It is begun when there is room, once."""
        self._waiting[name] = None

    def begin(self) -> list[str]:
        """Those to be begun now; each is running until ``ended``."""
        begun = []
        for name in tuple(self._waiting):
            if len(self._running) >= self._most:
                break
            if name not in self._running:
                del self._waiting[name]
                self._running.add(name)
                begun.append(name)
        return begun

    def drop(self, name: str) -> None:
        """It is not begun; what is running goes on to its end."""
        self._waiting.pop(name, None)

    def ended(self, name: str) -> None:
        self._running.discard(name)
