"""What the shells need from the world, in few verbs each. Adapters: ``systems/thespian.py`` and, for tests in virtual
time, a simulated system. Nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from supervisors.errors import ExitReason
from supervisors.liveness import Sight, Stage
from supervisors.snapshot_rules import Found
from supervisors.specs import Spec


class Jobs(Protocol):
    """Work that takes time, done beside the mailbox of the actor that starts it."""

    def start(self, job: str, work: Callable[..., Any], *args: Any) -> None:
        """``work(*args)`` has begun beside this actor; its outcome arrives as ``JobDone(job, …)`` unless the process
        ends first. A job of the same name that is under way is not started twice."""

    def running(self) -> frozenset[str]:
        """The names of the jobs under way."""


class Entropy(Protocol):
    """Chance, so that it can be seeded and replayed."""

    def fraction(self) -> float:
        """Drawn evenly: at least 0, below 1."""


class SnapshotStore(Protocol):
    """The stored snapshots of one actor, for one incarnation of it, which is the only one that may write. What a verb
    has done when it returns survives SIGKILL and loss of power. SnapshotUnavailable and SnapshotNotWritten when the
    place cannot be opened or written; SnapshotConflict when another incarnation has claimed it since."""

    def claim(self) -> Found:
        """All that is stored belongs to this incarnation now; may wait a moment for its turn, and for its predecessor
        to be gone. SnapshotUnreadable when the place is damaged as a whole; what it holds stays there."""

    def write(self, generation: int, version: int, text: str) -> None:
        """``text`` is stored whole as ``version``, the one after the newest, and so many before it as are kept. The
        same write once more changes nothing."""

    def started(self, generation: int, set_aside: tuple[int, ...] = ()) -> None:
        """The start has succeeded; the snapshots ``set_aside`` are used no more while there are others."""

    def start_raised(self, generation: int, *, blames_state: bool) -> None:
        """The start has failed with a raise, which counts against the snapshot it used when ``blames_state``."""

    def start_over(self) -> Found:
        """What was stored lies elsewhere, untouched; nothing is stored, and that is claimed."""

    def close(self) -> None:
        """Nothing is held any more. Closing twice is no error."""


class System(Protocol):
    """What one process of a tree is given to live in. Called only from the process's own message loop."""

    path: str
    incarnation: str

    @property
    def jobs(self) -> Jobs:
        """Beside the mailbox."""

    @property
    def entropy(self) -> Entropy:
        """This process's own source of chance."""

    def snapshots(self) -> SnapshotStore:
        """Where the actor at this path keeps its state. Nothing is opened before its ``claim``."""

    def now(self) -> float:
        """Monotonic seconds."""

    def wall(self) -> float:
        """Wall-clock seconds since the epoch, for people."""

    def address(self) -> Any:
        """Where this process can be reached, as an opaque value that can be sent."""

    def post(self, address: Any, message: Any) -> None:
        """``message`` is on its way, in order per address, without promise of arrival."""

    def after(self, delay_s: float, message: Any) -> None:
        """``message`` comes to this process's own shell once, not before ``delay_s`` seconds."""

    def watch(self, fd: int) -> None:
        """``Readable(fd)`` comes to this process's own shell whenever ``fd`` can be read, until ``ignore(fd)``."""

    def ignore(self, fd: int) -> None:
        """Nothing comes of ``fd`` any more; to be called before it is closed."""

    def spawn(self, spec: Spec, generation: int, greeting: Any = None) -> int:
        """A new process for the child exists (pid returned); ``ChildStarted``, ``ChildIgnored`` or ``ChildEnded``
        will name (id, generation). ``greeting``, if any, is the first message it handles."""

    def greet(self, child: str, generation: int, message: Any) -> None:
        """``message`` is on its way to a child of this supervisor, whatever is known of its address."""

    def kill(self, child: str, generation: int) -> None:
        """The child's process gets SIGKILL; harmless when it has ended."""

    def look(self, child: str, generation: int) -> Sight:
        """What the child's page entry and its process show now; process ``gone`` for one that is not there."""

    def beat(self, stage: Stage | None = None) -> None:
        """This process's page entry says now that it advances, and has reached ``stage``. That it enters and leaves a
        handler the system writes by itself; while idle nothing is written."""

    def begun(self, mark: int, number: int) -> None:
        """This process's page says that message ``number`` of what ``mark`` stands for has begun, and all before it;
        ``ChildEnded`` will say so, however this process ends."""

    def degrade(self, reason: str) -> None:
        """This process's page entry says why it works with less than its full ability; empty: it is well."""

    def started(self, info: Any) -> None:
        """The supervisor of this process is told that it has started."""

    def end(self, reason: ExitReason, *, ignored: bool = False) -> None:
        """The supervisor is told the reason; what was posted is sent; the process ends. Nothing is handled any more."""
