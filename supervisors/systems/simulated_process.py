"""A process of a tree on a simulated machine: the port ``System``, carrying an unchanged actor or supervisor shell.

A handler runs at one moment of virtual time, unless it says by ``takes`` that it is busy for longer: then what it does
afterwards happens later, and what comes meanwhile waits. A killed process does nothing more: it is unwound out of its
handler by ``Killed``, and nothing it still tries has an effect.
"""

from __future__ import annotations

import math
import pickle
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec.structs import replace

from supervisors.actor_shell import ActorShell
from supervisors.errors import ExitReason, reason_of
from supervisors.liveness import Beat, ProcessState, Sight, Stage
from supervisors.messages import JobDone
from supervisors.specs import Spec, SupervisorSpec
from supervisors.supervisor import SupervisorShell
from supervisors.systems.entropy import SeededEntropy
from supervisors.systems.no_descriptors import NoDescriptors
from supervisors.systems.page import Page
from supervisors.systems.simulated import Address, Simulation, is_mail
from supervisors.systems.simulated_entry import WritesItsEntry
from supervisors.systems.simulated_jobs import SimulatedJobs
from supervisors.systems.simulated_reports import message_of
from supervisors.systems.simulated_snapshots import KeepsSnapshots

SIGKILLED = ExitReason("killed", "SIGKILL")


class Killed(BaseException):
    """Unwinds the handler of a process that is dead already. Nobody catches it for good."""


class SimulatedProcess(KeepsSnapshots, NoDescriptors, WritesItsEntry):
    """One process. ``report`` is called with what its supervisor is to hear of it, a while after it happened."""

    def __init__(
        self, machine: Simulation, spec: Spec, path: str, pid: int, report: Callable[[tuple[Any, ...]], None]
    ) -> None:
        self.machine, self.path, self.pid = machine, path, pid
        self.incarnation = f"{pid}-{machine.random.getrandbits(64):x}"
        self.jobs = SimulatedJobs(self)
        self.entropy = SeededEntropy(machine.random.getrandbits(64))
        self.is_alive = True
        self.children: dict[tuple[str, int], SimulatedProcess] = {}
        self._report = report
        self._pen = Page().take(0, machine.now())
        self._address = machine.settle(self)
        self._inbox: deque[tuple[Any, Address | None]] = deque()
        self._lag_s = self._busy_until_s = self._said_at_s = self._all_arrived_s = 0.0
        self.is_frozen = False
        self._held_back: deque[Callable[[], None]] = deque()
        self._shell = (SupervisorShell if isinstance(spec, SupervisorSpec) else ActorShell)(self, spec)  # type: ignore

    # ---- the port

    def now(self) -> float:
        return self.machine.now() + self._lag_s

    def wall(self) -> float:
        return self.machine.wall() + self._lag_s

    def address(self) -> Address:
        return self._address

    def post(self, address: Address, message: Any) -> None:
        self.effect("post")
        body, losable = pickle.dumps(message), is_mail(message)
        self._after_lag(lambda: self._carry(address, body, losable))

    def _carry(self, address: Address, body: bytes, losable: bool) -> None:
        self._all_arrived_s = max(self._all_arrived_s, self.machine.carry(self._address, address, body, losable))

    def after(self, delay_s: float, message: Any) -> None:
        self._check()
        if not math.isfinite(delay_s):
            raise ValueError(f"delay_s={delay_s!r} is no time")
        self.later((max(0.0, delay_s), max(0.0, delay_s)), lambda: self.arrive(message, None))

    def spawn(self, spec: Spec, generation: int, greeting: Any = None) -> int:
        self.effect(f"spawn {spec.id}")
        hear = partial(self._heard_of, spec.id, generation)
        child = SimulatedProcess(self.machine, spec, f"{self.path}/{spec.id}", self.machine.new_pid(), hear)
        self.children[spec.id, generation] = child
        self.machine.note("born", f"{child.path} pid {child.pid} at {child._address.number}")
        if greeting is not None:
            self.post(child.address(), greeting)
        return child.pid

    def greet(self, child: str, generation: int, message: Any) -> None:
        born = self.children.get((child, generation))
        if born is not None:
            self.post(born.address(), message)

    def kill(self, child: str, generation: int) -> None:
        self.effect(f"kill {child}")
        born = self.children.get((child, generation))
        if born is not None:
            self._after_lag(partial(born.die, SIGKILLED))

    def look(self, child: str, generation: int) -> Sight:
        born = self.children.get((child, generation))
        if born is None or not born.is_alive:
            return Sight(Beat(generation), ProcessState.GONE)
        beat = replace(born._pen.read(), generation=generation)
        return Sight(beat, ProcessState.STOPPED if born.is_frozen else ProcessState.RUNS)

    def started(self, info: Any) -> None:
        self.effect("started")
        self.beat(Stage.SERVING)
        self._after_lag(lambda: self._tell(("started", self.incarnation, self._address, info)))

    def end(self, reason: ExitReason, *, ignored: bool = False) -> None:
        if self.is_alive:
            self._after_lag(partial(self._end, ("ignored",) if ignored else ("ended", reason)))

    # ---- what the machine does to it

    def arrive(self, message: Any, sender: Address | None) -> None:
        """A message is handled, now or when the handler of an earlier one is done."""
        if not self.is_alive:
            return
        self._inbox.append((message, sender))
        self._handle_what_waits()

    def die(self, reason: ExitReason) -> None:
        """The process is gone at once, and with it all below it; its supervisor will hear the reason."""
        if self.is_alive:
            self.machine.note("died", f"{self.path} pid {self.pid}: {reason.kind}")
            self._gone()
            self._tell(("ended", reason))

    def crash(self, reason: ExitReason) -> None:
        """Called in a handler of this process: it dies here and now, without a last word of its shell."""
        self._after_lag(partial(self.die, reason))
        raise Killed

    def takes(self, seconds: float) -> None:
        """Called in a handler of this process: it is busy for ``seconds`` before it goes on."""
        self._lag_s += seconds

    def freeze(self) -> None:
        """As SIGSTOP: nothing is handled until ``thaw``."""
        self.is_frozen = True

    def thaw(self) -> None:
        self.is_frozen = False
        for _ in range(len(self._held_back)):
            self._at_last(self._held_back.popleft())
        self._handle_what_waits()

    # ---- effects

    def effect(self, what: str) -> None:
        """Something is about to be done: the moment at which chance may kill. Raises ``Killed``."""
        self._check()
        if self.machine.wants_to_kill(self.path):
            self.machine.note("struck", f"{self.path} before {what}")
            self._after_lag(partial(self.die, SIGKILLED))
            raise Killed

    def later(self, span_s: tuple[float, float], what: Callable[[], None]) -> None:
        """``what`` happens after a while, unless this process has ended by then; not before it is thawed."""
        self.machine.at(self.now() + self.machine.draw_s(span_s), lambda: self._at_last(what))

    def _at_last(self, what: Callable[[], None]) -> None:
        if self.is_frozen:
            self._held_back.append(what)
        elif self.is_alive:
            with self.machine.acted_by(self):
                what()

    def _check(self) -> None:
        if not self.is_alive:
            raise Killed

    def _after_lag(self, what: Callable[[], None]) -> None:
        if not self._lag_s:
            what()
        elif math.isfinite(self._lag_s):
            self.machine.at(self.now(), lambda: what() if self.is_alive else None)

    def _end(self, last_word: tuple[Any, ...]) -> None:
        self.machine.note("ended", f"{self.path} pid {self.pid}: {last_word[-1]}".partition("\n")[0])
        self._gone()
        self._said_at_s = max(self._said_at_s, self._all_arrived_s)
        self._tell(last_word)

    def _gone(self) -> None:
        self.is_alive = False
        self._inbox.clear()
        self.machine.vacate(self._address)
        self.machine.pids.discard(self.pid)
        for child in list(self.children.values()):
            child.die(SIGKILLED)

    def _tell(self, word: tuple[Any, ...]) -> None:
        """A pipe of its own to the supervisor: what was said comes in order, and the end after all of it."""
        self._said_at_s = max(self._said_at_s, self.now() + self.machine.draw_s(self.machine.faults.delay_s))
        self.machine.at(self._said_at_s, lambda: self._report(word))

    # ---- the loop

    def _handle_what_waits(self) -> None:
        while self.is_alive and self._inbox and not self.is_frozen and self._busy_until_s <= self.machine.now():
            self._handle(*self._inbox.popleft())

    def _handle(self, message: Any, sender: Address | None) -> None:
        if isinstance(message, JobDone):
            self.jobs.taken(message.job)
        self._pen.enter(self.machine.now())
        try:
            with self.machine.acted_by(self):
                self._shell.handle(message, sender)
        except Killed:
            pass
        except Exception as error:
            self.end(reason_of(error))
        if self._lag_s:
            self._busy_until_s = self.machine.now() + self._lag_s
            self._lag_s = 0.0
            if math.isfinite(self._busy_until_s):
                self.machine.at(self._busy_until_s, self._done)
        else:
            self._pen.leave(self.machine.now(), self._shell.handled)

    def _done(self) -> None:
        self._pen.leave(self.machine.now(), self._shell.handled)
        self._handle_what_waits()

    def _heard_of(self, child_id: str, generation: int, word: tuple[Any, ...]) -> None:
        """What the child's pipe and its end say, as a message of this process's own loop."""
        child = self.children.get((child_id, generation))
        if child is None or not self.is_alive:
            return
        if word[0] != "started":
            del self.children[child_id, generation]
        has_worked, begun = child._shell.handled > 0, child._pen.marks()
        self.arrive(message_of(child_id, generation, child.pid, has_worked, begun, word), None)
