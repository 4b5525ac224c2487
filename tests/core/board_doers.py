"""What stands around a board in tests: a ledger that keeps rows, and workers that do as they are told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from aidos_actors.core.board import Board, Settings
from aidos_actors.core.orders import (
    Acknowledge,
    AttemptKey,
    AttemptOutcome,
    AttemptReport,
    Discard,
    End,
    GitOrder,
    Go,
    Integrate,
    Integration,
    Order,
    Prepare,
    Start,
    Step,
    WorkerId,
)
from aidos_actors.core.records import AttemptRecord, NewEvent, RequirementRecord, TaskRecord
from aidos_actors.core.states import TASK_FINAL

SLOTS = 2
OK = AttemptOutcome(ok=True, exit_code=0, result="1")
OWN = AttemptOutcome(ok=False, exit_code=1, error="no", fault="own")
INFRA = AttemptOutcome(ok=False, error="no fork", fault="infra")


@dataclass
class Ledger:
    """Rows as the real one keeps them: each replaces the one with its key."""

    requirements: dict[str, RequirementRecord] = field(default_factory=dict)
    tasks: dict[tuple[str, str], TaskRecord] = field(default_factory=dict)
    attempts: dict[AttemptKey, AttemptRecord] = field(default_factory=dict)
    events: list[NewEvent] = field(default_factory=list)

    def write(self, step: Step) -> None:
        self.requirements.update({each.id: each for each in step.batch.requirements})
        self.tasks.update({(each.requirement, each.id): each for each in step.batch.tasks})
        self.attempts.update({key_of(each): each for each in step.batch.attempts})
        self.events.extend(step.batch.events)

    def board(self, epoch: int, now: float, settings: Settings) -> Board:
        """A board restored from no more rows than it asks for."""
        unfinished = {key for key, task in self.tasks.items() if task.state not in TASK_FINAL}
        attempts = self.attempts.values()
        wanted = [a for a in attempts if a.worktree is not None or (a.requirement, a.task) in unfinished]
        return Board.restore(
            self.requirements.values(),
            self.tasks.values(),
            wanted,
            epoch=epoch,
            settings=settings,
            worktree_root="/w",
            now=now,
        )


def key_of(attempt: AttemptRecord) -> AttemptKey:
    return AttemptKey(attempt.requirement, attempt.task, attempt.number)


@dataclass
class Truth:
    """What really is there, whatever anybody believes: living minders, commands that were started, folders, commits."""

    minders: dict[int | None, AttemptKey] = field(default_factory=dict)
    went: set[AttemptKey] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    commits: dict[tuple[str, str], AttemptKey] = field(default_factory=dict)
    _newest_pid: int = 100

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
        self.say_up()

    def say_up(self) -> None:
        self.outbox.append(("worker_up", (self.me, SLOTS)))
        self.report()

    def report(self) -> None:
        reports = [AttemptReport(key, h.phase, h.pid, h.pid, h.outcome) for key, h in self.held.items()]
        self.outbox.append(("worker_report", (self.me, reports)))

    def receive(self, order: Order) -> None:
        match order:
            case Start(key=key) if key not in self.held:
                self.held[key] = Held(order)
                if order.repo is None:
                    self.truth.folders.add(order.path)
            case Go(key=key) if key in self.held and self.held[key].phase == "minded":
                self.held[key].phase = "running"
                self.on_go(key)
            case End(key=key, reason=reason):
                self._end(key, AttemptOutcome(ok=False, fault="released" if reason == "drain" else "cancelled"))
            case Acknowledge(key=key):
                held = self.held.pop(key, None)
                assert held is None or held.phase == "ended", "acknowledged what had not ended"

    def advance(self, key: AttemptKey, outcome: AttemptOutcome) -> None:
        """The attempt comes one phase on: its minder stands as soon as those before it are gone, its command ends."""
        held = self.held[key]
        if held.phase == "starting":
            assert held.start is not None
            if not any(pid in self.truth.minders for pid, _ in held.start.previous):
                held.pid = self.truth.new_minder(key)
                held.phase = "minded"
                self.outbox.append(("minded", (self.me, key, held.pid, held.pid)))
        elif held.phase == "running":
            self._end(key, outcome)

    def die(self) -> None:
        """Before ``Go`` a minder dies with its worker; after it, some time later, as an orphan."""
        for held in self.held.values():
            if held.phase in ("starting", "minded"):
                self.truth.minders.pop(held.pid, None)
            if held.start is not None and held.start.path in self.truth.removed:
                self.truth.folders.discard(held.start.path)  # made too late and never told: left for GitOps' own sweep

    def _end(self, key: AttemptKey, outcome: AttemptOutcome) -> None:
        held = self.held.setdefault(key, Held(None))
        if held.phase != "ended":
            held.phase, held.outcome = "ended", outcome
            self.truth.minders.pop(held.pid, None)
        self.outbox.append(("ended", (self.me, key, held.outcome)))


class GitOps:
    """Does one order after the other; an order that comes again gets the same answer again."""

    def __init__(self, truth: Truth, outbox: deque) -> None:
        self.truth, self.outbox = truth, outbox
        self.inbox: deque[GitOrder] = deque()
        self.answers: dict[AttemptKey, Integration] = {}

    def act(self, trouble: Integration | None) -> None:
        order = self.inbox.popleft()
        match order:
            case Prepare(key=key) if trouble is not None:
                self.outbox.append(("prepare_failed", (key, "disk full")))
            case Prepare(key=key):
                self.truth.folders.add(order.path)
                self.outbox.append(("prepared", (key, "head", order.repo)))
            case Integrate(key=key):
                answer = self.answers.setdefault(key, trouble or Integration(f"commit-{key}", "integrated"))
                if answer.verdict == "integrated":
                    owner = self.truth.commits.setdefault((key.requirement, key.task), key)
                    assert owner == key, f"two commits of one task: {owner} and {key}"
                self.outbox.append(("integrated", (key, answer)))
            case Discard() if any(pid in self.truth.minders for pid, _ in order.previous):
                self.inbox.append(order)
            case Discard(key=key):
                self.truth.folders.discard(order.path)
                self.truth.removed.add(order.path)
                self.outbox.append(("discarded", (key,)))
