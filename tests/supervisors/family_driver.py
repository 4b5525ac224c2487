"""Carries out what ``strategy.decide`` decides, on make-believe processes, and holds its laws at each step."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from supervisors import ChildSpec, ExitReason, ManagedActor, Strategy, SupervisorError, SupervisorSpec
from supervisors import decisions as do
from supervisors.family import Family, Life, Phase
from supervisors.strategy import decide, instance

ABNORMAL = ExitReason("abnormal", "RuntimeError: told to")
NORMAL = ExitReason("normal")
KILLED = ExitReason("killed", "SIGKILL")
SHUTDOWN = ExitReason("shutdown", "on request")


class Nothing(ManagedActor):
    """Only ever named, never run."""


def child(name: str, **more: Any) -> ChildSpec:
    return ChildSpec(id=name, actor=Nothing, **more)


def tree(*children: Any, **more: Any) -> SupervisorSpec:
    return SupervisorSpec(id="sup", children=children, **more)


def pool(template: ChildSpec | None = None, **more: Any) -> SupervisorSpec:
    return tree(template or child("w"), strategy=Strategy.DYNAMIC, **more)


@dataclass
class Driver:
    """``plan[child]`` are the outcomes of its next starts: ok (the default), fail, ignore, slow (nothing yet).

    ``told`` holds every start and stop in order. While ``stops_slowly``, a stopped process ends only by ``stopped``.
    ``deciding_s`` is processor time, without that of the checks.
    """

    spec: SupervisorSpec
    now: float = 1000.0
    family: Family = field(default_factory=Family)
    plan: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    told: list[tuple[str, str]] = field(default_factory=list)
    generations: dict[str, int] = field(default_factory=dict)
    stopping: set[str] = field(default_factory=set)
    answers: dict[str, Any] = field(default_factory=dict)
    end: do.End | None = None
    is_ready: bool = False
    wake_at: float | None = None
    stops_slowly: bool = False
    spawned: list[str] = field(default_factory=list)
    deciding_s: float = 0.0
    _calls: Any = field(default_factory=lambda: itertools.count(1))
    _next: deque[do.Event] = field(default_factory=deque)

    # ---- what happens

    def begin(self) -> Driver:
        self.feed(do.Begin())
        return self

    def feed(self, event: do.Event) -> None:
        self._next.append(event)
        while self._next and self.end is None:
            self._decide(self._next.popleft())

    def dies(self, name: str, reason: ExitReason = ABNORMAL, *, worked: bool = True, fraction: float = 1.0) -> None:
        """The process of ``name`` ends by itself."""
        generation = self.generations.pop(name)
        self.stopping.discard(name)
        self.feed(do.Ended(name, generation, reason, worked, fraction))

    def started(self, name: str, info: Any = None) -> None:
        """A slow start has come through."""
        self.feed(do.Started(name, self.generations[name], self.pid(name), info))

    def ignored(self, name: str) -> None:
        self.stopping.discard(name)
        self.feed(do.Ignored(name, self.generations.pop(name)))

    def stopped(self, name: str, reason: ExitReason = SHUTDOWN) -> None:
        """A process that was told to stop has ended."""
        assert name in self.stopping, f"{name} was not told to stop"
        self.dies(name, reason)

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.feed(do.Tick())

    def ask(self, event: type, *args: Any) -> Any:
        """The answer to a request: the child's row, an error's code, or None when there is none yet."""
        call = f"call-{next(self._calls)}"
        self.feed(event(call, *args))
        return self.answer(call)

    def answer(self, call: str) -> Any:
        found = self.answers.get(call)
        return found.code if isinstance(found, SupervisorError) else found

    def add(self, spec: ChildSpec) -> Any:
        return self.ask(do.StartChild, spec)

    def add_instance(self, name: str, **args: Any) -> Any:
        return self.ask(do.StartChild, instance(self.spec.children[0], name, args))

    # ---- what is the case

    @property
    def living(self) -> dict[str, int]:
        """Who has a process, and the how-manieth of its id it is."""
        return {name: self.spawned[:generation].count(name) for name, generation in self.generations.items()}

    def pid(self, name: str) -> int:
        return 100 * self.generations[name] + sum(map(ord, name))

    def ids(self) -> list[str]:
        return [row.id for row in self.family.rows]

    def active(self) -> set[str]:
        return {row.id for row in self.family.rows if row.life is Life.RUNNING}

    def state(self, name: str) -> str:
        row = self.family.find(name)
        return row.shown_life if row else "forgotten"

    def restarts(self) -> int:
        return len(self.family.history)

    def take(self) -> list[tuple[str, str]]:
        """What was started and stopped since the last call."""
        told, self.told = self.told, []
        return told

    # ---- carrying out

    def _decide(self, event: do.Event) -> None:
        before, began_s = self.family, time.process_time()
        actions = decide(self.spec, before, event, self.now)
        self.deciding_s += time.process_time() - began_s
        again = decide(self.spec, before, event, self.now)
        assert repr(actions) == repr(again), "the same facts, another decision"
        assert isinstance(actions[0], do.Become) and not any(isinstance(each, do.Become) for each in actions[1:])
        for action in actions:
            self._carry_out(action)
        self._hold_the_laws(before, may_reorder=isinstance(event, do.ChangeSpec))

    def _carry_out(self, action: do.Action) -> None:
        match action:
            case do.Become(family):
                self.family = family
            case do.Adopt(spec):
                self.spec = spec
            case do.Spawn(name, generation):
                self._spawn(name, generation)
            case do.StopProcess(name, generation):
                if self._ended_unheard(name, generation):
                    return
                assert self.generations.get(name) == generation, f"{name} was told to stop and is not there"
                assert name not in self.stopping, f"{name} was told to stop twice"
                self.told.append(("stop", name))
                self.stopping.add(name)
                if not self.stops_slowly:
                    del self.generations[name]
                    self.stopping.discard(name)
                    self._next.append(do.Ended(name, generation, SHUTDOWN))
            case do.Reply(call, name, error):
                assert call not in self.answers, f"{call} was answered twice"
                self.answers[call] = error or self.family.find(name) or f"{name} forgotten"
            case do.WakeAt(at):
                self.wake_at = at
            case do.Ready():
                assert not self.is_ready
                self.is_ready = True
            case do.End():
                assert not self.generations, f"it ended over the living {self.generations}"
                self.end = action

    def _ended_unheard(self, name: str, generation: int) -> bool:
        """Whether the process has gone already, and the supervisor is still to hear of it."""
        ends = (each for each in self._next if isinstance(each, do.Ended | do.Ignored))
        return any((each.child, each.generation) == (name, generation) for each in ends)

    def _spawn(self, name: str, generation: int) -> None:
        assert name not in self.generations, f"a second process for {name}"
        assert self.family.phase is not Phase.ENDING, f"{name} was started while all is ending"
        self.spawned.append(name)
        assert generation == len(self.spawned), f"{name} got a generation that another process had"
        self.generations[name] = generation
        self.told.append(("start", name))
        outcome = self.plan[name].pop(0) if self.plan[name] else "ok"
        match outcome:
            case "ok":
                self._next.append(do.Started(name, generation, self.pid(name)))
            case "fail":
                del self.generations[name]
                self._next.append(do.Ended(name, generation, ABNORMAL))
            case "ignore":
                del self.generations[name]
                self._next.append(do.Ignored(name, generation))
            case _:
                assert outcome == "slow"

    def _hold_the_laws(self, before: Family, may_reorder: bool) -> None:
        for old in before.rows:
            new = self.family.find(old.id)
            assert new is None or new.generation >= old.generation
        inside = [at for at in self.family.history if self.now - at <= self.spec.within_s]
        if self.family.phase is not Phase.ENDING and self.family.history != before.history:
            assert len(inside) <= self.spec.max_restarts, "more restarts than allowed, and it goes on"
        assert len({row.id for row in self.family.rows}) == len(self.family.rows)
        then = [row.id for row in before.rows if self.family.find(row.id) is not None]
        assert may_reorder or then == self.ids()[: len(then)], "start order is not what it was"
