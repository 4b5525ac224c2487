"""What there is besides the actors: a ledger's disk, a repository, minders with their commands. One world a run."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from aidos_actors import crash
from aidos_actors.core.orders import AttemptKey
from aidos_actors.core.states import TaskState
from chaos.facts import Record
from supervisors.systems.simulated import Simulation
from supervisors.systems.simulated_process import SIGKILLED, Killed
from tests.simulation.memory_ledger import Disk

Steps = Generator[float, None, Any]


class Ended(BaseException):
    """Unwinds a script whose process is dead."""


@dataclass(frozen=True)
class Place:
    """Where a process is ended: at the n-th time anybody comes to that side of that point."""

    point: str
    side: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.side} {self.point}, time {self.nth}"


class Fates:
    """Ends a process at each of ``places``, one after the other, once. It is back ``again`` when the same is done;
    after an effect, which need not be done again, when its successor comes to any other."""

    def __init__(self, world: World, places: tuple[Place, ...]) -> None:
        self._world, self._places = world, places
        self._count = 0
        self.struck: list[float] = []
        self._whom: list[Any] = []
        self.again: dict[int, float] = {}
        self.reached: set[tuple[str, str]] = set()

    def __call__(self, point: str, side: str) -> None:
        world = self._world
        self.reached.add((point, side))
        for number, place in enumerate(self._places[: len(self.struck)]):
            is_same = place.point == point and side == "after"
            if is_same or (place.side == "after" and world.acting == self._whom[number]):
                self.again.setdefault(number, world.machine.now())
        if len(self.struck) == len(self._places):
            return
        place = self._places[len(self.struck)]
        if (place.point, place.side) != (point, side) or world.actor() is None:
            return
        self._count += 1
        if self._count == place.nth:
            self._count = 0
            self.struck.append(world.machine.now())
            self._whom.append(world.acting)
            world.end_actor(f"at {place}")


@dataclass(eq=False, repr=False)
class Life:
    """A process that is no actor: a minder or a nursery. ``owner``: the actor's process it belongs to."""

    world: World
    name: str
    owner: Any
    is_alive: bool = True
    on_death: Callable[[], None] = lambda: None

    def die(self) -> None:
        if self.is_alive:
            self.is_alive = False
            self.world.machine.note("died", self.name)
            self.on_death()

    def run(self, steps: Steps) -> None:
        """The script goes on for as long as this lives."""
        if not self.is_alive:
            return
        before, self.world.life = self.world.life, self
        try:
            pause_s = next(steps)
        except (StopIteration, Ended):
            return
        finally:
            self.world.life = before
        self.world.machine.at(self.world.machine.now() + pause_s, lambda: self.run(steps))


@dataclass(eq=False, repr=False)
class World:
    """``machine`` is set when the tree stands on it. What stands below a ``disowned`` process takes it for dead.
    Laws that can be seen broken at once are judged here. ``endless``: whose result a gate judges for an hour."""

    seed: int
    endless: AttemptKey | None = None
    machine: Simulation = field(default_factory=Simulation)
    disk: Disk = field(default_factory=Disk)
    folders: set[str] = field(default_factory=set)
    quarantine: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    running: dict[AttemptKey, bool] = field(default_factory=dict)
    lives: list[Life] = field(default_factory=list)
    life: Life | None = None
    repository: Any = None
    model: Any = None
    disowned: list[Any] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    # ---- who acts, and its end

    def actor(self) -> Any:
        """The process that acts just now; None when it is the test itself."""
        return self.life or self.machine.acting

    @property
    def acting(self) -> str:
        """What it is called."""
        return self.life.name if self.life is not None else self.machine.acting.path if self.machine.acting else ""

    def end_actor(self, why: str) -> None:
        """The process that acts just now does nothing more. Does not return."""
        if self.life is not None:
            self.machine.note("struck", f"{self.life.name} {why}")
            self.life.die()
            raise Ended
        process = self.machine.acting
        self.machine.note("struck", f"{process.path} {why}")
        process.die(SIGKILLED)
        raise Killed

    # ---- what tasks do

    def task_begins(self, key: AttemptKey, *, is_check: bool = False) -> None:
        """The command, check or callable of an attempt starts to have effects."""
        others = [other for other in self.running if (other.requirement, other.task) == (key.requirement, key.task)]
        if others:
            self.broken.append(f"{key} starts while {others} live")
        task = self.disk.tasks[key.requirement, key.task]
        if task.state is TaskState.DONE:
            self.broken.append(f"{key} starts after its task was confirmed")
        self.running[key] = is_check
        if not is_check:
            self._record(key, "start")

    def task_ends(self, key: AttemptKey) -> None:
        """It has no effects any more, however it ended."""
        if key in self.running:
            is_check = self.running.pop(key)
            if not is_check:
                self._record(key, "end")

    def _record(self, key: AttemptKey, edge: str) -> None:
        at_ns = round(self.machine.now() * 1e9)
        self.records.append(Record(key.task, key.number, f"{key.requirement}/{key.task}", edge, at_ns, 0))


def step(name: str, pause_s: float, act: Callable[[], Any]) -> Steps:
    """``act`` between the two sides of the crash point ``name``, some time after the one before."""
    yield pause_s
    crash.before(name)
    value = act()
    crash.after(name)
    return value


WORLD: list[World] = []


def world() -> World:
    """The one that the actors of this run live in."""
    return WORLD[-1]
