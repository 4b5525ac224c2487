"""Who does the work around a board in tests: workers and GitOps that do as they are told, and what really is there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from aidos_actors.core.orders import (
    Acknowledge,
    AgentEnd,
    AttemptKey,
    AttemptOutcome,
    AttemptReport,
    Call,
    CallEnded,
    CallsNoted,
    CallSpan,
    End,
    Go,
    Order,
    ReturnCalls,
    Start,
    StartCalls,
    WorkerId,
)

SLOTS = 2
OK = AttemptOutcome(ok=True, exit_code=0, result="1")
OWN = AttemptOutcome(ok=False, exit_code=1, error="no", fault="own")
RELEASED = AttemptOutcome(ok=False, fault="released")
LIMITED = AttemptOutcome(ok=False, exit_code=1, error="limit", fault="limited")
LATER = AttemptOutcome(
    ok=False, error="until", fault="limited", agent=AgentEnd("fast", resets_at=1040.0, is_sound=False)
)
ABSENT = AttemptOutcome(ok=False, error="no such program", stage="start", fault="absent")
INFRA = AttemptOutcome(ok=False, error="no fork", fault="infra")


@dataclass
class Truth:
    """What really is there, whatever anybody believes: living minders, commands that were started, folders, commits."""

    minders: dict[int | None, AttemptKey | None] = field(default_factory=dict)
    went: set[AttemptKey] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    went_in: dict[AttemptKey, str] = field(default_factory=dict)
    commits: dict[tuple[str, str], AttemptKey] = field(default_factory=dict)
    _newest_pid: int = 100

    @property
    def working(self) -> dict[AttemptKey, str]:
        """Where commands run, as long as their minders live."""
        alive = set(self.minders.values())
        return {key: path for key, path in self.went_in.items() if key in alive}

    def new_minder(self, key: AttemptKey) -> int:
        self._newest_pid += 1
        self.minders[self._newest_pid] = key
        return self._newest_pid


@dataclass
class Held:
    start: Start | None
    phase: str = "starting"
    pid: int | None = None
    outcome: AttemptOutcome | None = None


class Worker:
    """One life of a worker. What it says goes into ``outbox`` as (verb of the board, arguments)."""

    def __init__(self, me: WorkerId, truth: Truth, on_go: Callable[[AttemptKey], None], outbox: deque) -> None:
        self.me, self.truth, self.on_go, self.outbox = me, truth, on_go, outbox
        self.held: dict[AttemptKey, Held] = {}
        self.inbox: deque[Order] = deque()
        self.waiting: deque[tuple[str, Call]] = deque()
        self.calling: tuple[AttemptKey, int] | None = None
        self.told: dict[int, tuple[str, list[CallEnded]]] = {}
        self.seq = 0
        self.spare: int | None = None
        self.say_up()

    def say_up(self) -> None:
        self.outbox.append(("worker_up", (self.me, SLOTS), {"waiting": self.spared}))
        self.report()

    def report(self) -> None:
        reports = [AttemptReport(key, h.phase, h.pid, h.pid, h.outcome) for key, h in self.held.items()]
        self.outbox.append(("worker_report", (self.me, reports), {"called": self.called}))
        for seq, (requirement, results) in self.told.items():
            self.outbox.append(("calls_ended", (self.me, seq, requirement, results, ())))

    @property
    def spared(self) -> tuple[int, int] | None:
        """The minder that waits for a command."""
        return None if self.spare is None else (self.spare, self.spare)

    @property
    def called(self) -> list[AttemptKey]:
        """All callables of batches that wait, are called, or whose end was not noted."""
        told = [AttemptKey(name, e.task, e.number) for name, results in self.told.values() for e in results]
        waiting = [AttemptKey(name, call.task, call.number) for name, call in self.waiting]
        return [*told, *([self.calling[0]] if self.calling else []), *waiting]

    def receive(self, order: Order) -> None:
        match order:
            case Start(key=key) if key not in self.held:
                self.held[key] = Held(order)
                if order.repo is None:
                    self.truth.folders.add(order.path)
                if order.minder is not None:
                    self._start_at_once(order)
            case Start(key=key, minder=(pid, _)) if self.held[key].phase == "minded" and self.held[key].pid == pid:
                self.held[key].phase = "running"
                self.on_go(key)
            case Go(key=key) if key in self.held and self.held[key].phase == "minded":
                self.held[key].phase = "running"
                self.on_go(key)
            case End(key=key, reason=reason) if key in self.called:
                outcome = AttemptOutcome(ok=False, fault="released" if reason == "drain" else "cancelled")
                self._take_back(outcome, key)
                if self.calling is not None and self.calling[0] == key:
                    self.call_ends(outcome)
            case End(key=key, reason=reason):
                self._end(key, AttemptOutcome(ok=False, fault="released" if reason == "drain" else "cancelled"))
            case StartCalls():
                known = self.called
                new = [c for c in order.calls if AttemptKey(order.requirement, c.task, c.number) not in known]
                self.waiting.extend((order.requirement, call) for call in new)
            case ReturnCalls():
                self._take_back(RELEASED)
            case CallsNoted(seq=seq):
                self.told.pop(seq, None)
            case Acknowledge(key=key):
                held = self.held.pop(key, None)
                assert held is None or held.phase == "ended", "acknowledged what had not ended"

    def _start_at_once(self, order: Start) -> None:
        """By the minder on record, if it is there still."""
        if order.minder != self.spared:
            self._end(order.key, AttemptOutcome(ok=False, fault="infra", stage="clear"))
            return
        assert not any(pid in self.truth.minders for pid, _ in order.previous)
        held, self.spare = self.held[order.key], None
        held.phase, held.pid = "running", order.minder[0] if order.minder else None
        self.truth.minders[held.pid] = order.key
        self.on_go(order.key)

    def advance(self, key: AttemptKey, outcome: AttemptOutcome) -> None:
        """The attempt comes one phase on: its minder stands as soon as those before it are gone, its command ends."""
        held = self.held[key]
        if held.phase == "starting":
            assert held.start is not None
            if not any(pid in self.truth.minders for pid, _ in held.start.previous):
                held.pid, self.spare = self.spare or self.truth.new_minder(key), None
                self.truth.minders[held.pid] = key
                held.phase = "minded"
                self.outbox.append(("minded", (self.me, key, held.pid, held.pid)))
        elif held.phase == "running":
            self._end(key, outcome)

    def is_for_agent(self, key: AttemptKey) -> bool:
        start = self.held[key].start
        return start is not None and start.agent is not None

    def advance_calls(self, outcome: AttemptOutcome, *, gives_back: bool) -> None:
        """The callable ends, or the next one begins; or what has not begun goes back."""
        if gives_back:
            self._take_back(RELEASED)
        elif self.calling is not None:
            self.call_ends(outcome)
        elif self.waiting:
            requirement, call = self.waiting.popleft()
            key = AttemptKey(requirement, call.task, call.number)
            self.calling = (key, self.truth.new_minder(key))
            self.on_go(key)

    def call_ends(self, outcome: AttemptOutcome) -> None:
        assert self.calling is not None
        key, pid = self.calling
        self.calling = None
        del self.truth.minders[pid]
        self._tell(key.requirement, [CallEnded(key.task, key.number, "1", None if outcome.ok else outcome)])

    def _take_back(self, outcome: AttemptOutcome, only: AttemptKey | None = None) -> None:
        for requirement, call in tuple(self.waiting):
            if only in (None, AttemptKey(requirement, call.task, call.number)):
                self.waiting.remove((requirement, call))
                self._tell(requirement, [CallEnded(call.task, call.number, None, outcome)])

    def _tell(self, requirement: str, results: list[CallEnded]) -> None:
        self.seq += 1
        self.told[self.seq] = (requirement, results)
        spans = (CallSpan("x:y", 1, 0.001),)
        self.outbox.append(("calls_ended", (self.me, self.seq, requirement, results, spans)))

    def die(self) -> None:
        """Before ``Go`` a minder dies with its worker; after it, some time later, as an orphan. A callable dies at
        once."""
        if self.calling is not None:
            del self.truth.minders[self.calling[1]]
        self.truth.minders.pop(self.spare, None)
        for held in self.held.values():
            if held.phase in ("starting", "minded"):
                self.truth.minders.pop(held.pid, None)
            if held.start is not None and held.start.path in self.truth.removed:
                self.truth.folders.discard(held.start.path)  # made too late and never told: left for GitOps' own sweep

    def _end(self, key: AttemptKey, outcome: AttemptOutcome) -> None:
        held = self.held.setdefault(key, Held(None))
        if held.phase != "ended":
            if held.phase == "running" and outcome.fault == "none" and held.pid and self.spare is None:
                self.spare = held.pid
                self.truth.minders[held.pid] = None
            else:
                self.truth.minders.pop(held.pid, None)
            is_free = held.pid in (None, self.spare)
            held.phase, held.outcome = "ended", replace(outcome, is_minder_free=is_free)
        self.outbox.append(("ended", (self.me, key, held.outcome), {"waiting": self.spared}))
