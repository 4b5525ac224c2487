"""A simulated machine: one thread, one seed, virtual seconds. The same actors and supervisors live on it unchanged.

Everything that happens is an entry in one queue, ordered by its moment; stretches in which nothing is due are jumped
over. What chance decides comes from the seed alone, so the same seed gives the same trace. Messages between two
processes arrive in the order they were sent; those of different pairs overtake one another.
"""

from __future__ import annotations

import heapq
import pickle
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from msgspec import Struct

from supervisors.messages import Began, Deliver
from supervisors.snapshots.memory import Shelf

STEPS_MAX = 5_000_000
TRACE_MAX = 200_000
EPOCH_S = 1_000_000_000.0
FIRST_ADDRESS = 1000
PID_MAX = 4_194_304


class Address(Struct, frozen=True):
    """Where a process can be reached; used again after its end, as real ones are."""

    number: int


class Faults(Struct, frozen=True):
    """What the machine does to its processes, drawn from the seed. Spans are (least, most) seconds, chances 0 to 1.

    ``kill``: at each thing a process does, that it is killed just before. ``spared`` paths are not killed by chance,
    and after ``kills_max`` kills nobody is. ``lose``: of a message between actors, on its way to a living one (those to
    the dead are always lost). ``reuse``: that a new process gets the address of a dead one.
    """

    delay_s: tuple[float, float] = (0.0001, 0.001)
    job_s: tuple[float, float] = (0.001, 0.01)
    kill: float = 0.0
    kills_max: int = 1000
    spared: frozenset[str] = frozenset()
    lose: float = 0.0
    reuse: float = 0.1


def is_mail(message: Any) -> bool:
    """Whether it travels between actors, who acknowledge what they begin and send again what was not."""
    return isinstance(message, Began) or (isinstance(message, Deliver) and message.request is None)


class Receiver(Protocol):
    """Something that has an address."""

    path: str

    def arrive(self, message: Any, sender: Address) -> None: ...


class Simulation:
    """One simulated machine. All calls from one thread."""

    def __init__(self, seed: int = 0, faults: Faults | None = None) -> None:
        self.seed = seed
        self.faults = faults or Faults()
        self.random = random.Random(seed)
        self.trace: deque[str] = deque(maxlen=TRACE_MAX)
        self.wall_offset_s = EPOCH_S
        self.kills = 0
        self.pids: set[int] = set()
        self.shelves: dict[str, Shelf] = {}
        self.acting: Any = None
        self._now_s = 0.0
        self._count = 0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._receivers: dict[Address, Receiver] = {}
        self._free: list[Address] = []
        self._last_arrival: dict[tuple[Address, Address], float] = {}
        self._addresses = FIRST_ADDRESS

    # ---- time

    def now(self) -> float:
        """Virtual seconds since the start."""
        return self._now_s

    def wall(self) -> float:
        """Virtual wall-clock seconds; ``wall_offset_s`` may be moved, as clocks are."""
        return self.wall_offset_s + self._now_s

    def at(self, moment_s: float, what: Callable[[], None]) -> None:
        """``what`` happens at ``moment_s``, after everything that was put there before."""
        self._count += 1
        heapq.heappush(self._queue, (max(moment_s, self._now_s), self._count, what))

    def draw_s(self, span: tuple[float, float]) -> float:
        return self.random.uniform(*span)

    def run_until(self, fact: Callable[[], Any], until_s: float) -> Any:
        """The first true value of ``fact``, looked at after each thing that happens, or its value at ``until_s``."""
        for _ in range(STEPS_MAX):
            found = fact()
            if found:
                return found
            if not self._queue or self._queue[0][0] > until_s:
                self._now_s = max(self._now_s, until_s)
                return fact()
            self._now_s, _, what = heapq.heappop(self._queue)
            what()
        raise RuntimeError(f"{STEPS_MAX} steps, and no end in sight (seed {self.seed}, at {self._now_s:g} s)")

    def run_for(self, seconds: float) -> None:
        """``seconds`` have passed."""
        self.run_until(lambda: None, self._now_s + seconds)

    # ---- addresses and messages

    def settle(self, receiver: Receiver) -> Address:
        """``receiver`` has an address from now on."""
        if self._free and self.random.random() < self.faults.reuse:
            address = self._free.pop(self.random.randrange(len(self._free)))
        else:
            self._addresses += 1
            address = Address(self._addresses)
        self._receivers[address] = receiver
        return address

    def vacate(self, address: Address) -> None:
        """Nobody lives there any more; what is on its way to it is lost, or reaches whoever moves in."""
        del self._receivers[address]
        self._free.append(address)

    def new_pid(self) -> int:
        """A pid that no living process has; in no order, since nobody may rely on one."""
        while (pid := self.random.randrange(2, PID_MAX)) in self.pids:
            pass
        self.pids.add(pid)
        return pid

    def send(self, source: Address, target: Address, message: Any) -> None:
        """A copy of ``message`` is on its way. Raises what pickling raises."""
        self.carry(source, target, pickle.dumps(message), is_mail(message))

    def carry(self, source: Address, target: Address, body: bytes, losable: bool) -> float:
        """The pickled message is on its way, unless it is ``losable`` and chance loses it; when it arrives."""
        if losable and self.random.random() < self.faults.lose:
            self.note("lost", f"a message to {target.number}")
            return self._now_s
        arrival_s = self._now_s + self.draw_s(self.faults.delay_s)
        arrival_s = max(arrival_s, self._last_arrival.get((source, target), 0.0))
        self._last_arrival[source, target] = arrival_s
        self.at(arrival_s, lambda: self._arrive(source, target, body))
        return arrival_s

    def _arrive(self, source: Address, target: Address, body: bytes) -> None:
        receiver = self._receivers.get(target)
        message = pickle.loads(body)  # noqa: S301 - pickled by this very object, in memory
        if receiver is None:
            self.note("lost", f"{type(message).__name__} to {target.number}")
            return
        self.note("message", f"{type(message).__name__} {source.number} -> {target.number} {receiver.path}")
        receiver.arrive(message, source)

    # ---- chance and record

    @contextmanager
    def acted_by(self, process: Any) -> Iterator[None]:
        """What happens meanwhile is done by ``process``: it is ``acting``."""
        before, self.acting = self.acting, process
        try:
            yield
        finally:
            self.acting = before

    def wants_to_kill(self, path: str) -> bool:
        """Whether the process at ``path`` is to be killed just now."""
        faults = self.faults
        if not faults.kill or path in faults.spared or self.kills >= faults.kills_max:
            return False
        if self.random.random() >= faults.kill:
            return False
        self.kills += 1
        return True

    def note(self, what: str, of: str) -> None:
        """One line of the trace."""
        self.trace.append(f"{self._now_s:.6f} {what} {of}")
