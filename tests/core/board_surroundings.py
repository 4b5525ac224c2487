"""Who is around a board in a random world, and what they say to one another: workers, GitOps and an analyzer.

Messages between a pair stay in order, may be lost with the death of either end, and may come twice.
"""

from __future__ import annotations

from collections import deque

from board_doers import ABSENT, INFRA, LATER, LIMITED, OK, OWN, SLOTS, Truth, Worker
from board_git import GitOps
from board_laws import Laws
from board_ledger import Ledger

from aidos_actors.core.agents.choice import AgentRules
from aidos_actors.core.analysis import Planned
from aidos_actors.core.board.board import Board, Settings
from aidos_actors.core.orders import Analyse, Discard, Integrate, Integration, Order, Prepare, Step, Withdraw, WorkerId
from aidos_actors.core.requirement import Requirement, Task
from aidos_actors.core.target_orders import Revert, Sweep, Unwatch, Watch

PATHS = ("w/1", "w/2")
GREETING = ("worker_up", "worker_report")  # numbered: an old one is not heard again (actors/sending.py)
AGENTS = {
    "fast": AgentRules(fallback=("slow",), wait_s=3.0, jitter_s=1.0),
    "slow": AgentRules(wait_s=5.0, jitter_s=0.0),
}
SETTINGS = Settings(workers_total=2 * SLOTS, worktrees_max=6, agents=AGENTS, replans_max=2)
UNCHANGED = Integration(None, "integrated", is_unchanged=True)
CONFLICT = Integration(None, "conflict")
RED = Integration(None, "gate_failed", "red", 1)


def instead_of(model: Requirement, failed: str, which: int) -> tuple[Task, ...]:
    """Two tasks, or the same one with another command, with one that waited for it or one of an earlier name; or what
    is no plan."""
    before = {task.id: task for task in model.tasks}
    names = {0: ("new-1", "new-2"), 1: (failed,), 2: (failed, "new-1"), 3: ("t0", "new-1")}[which % 4]
    retries, needs = which // 4 % 2, before[failed].needs
    tasks = [
        Task(id=name, run=f"{which}", retries=retries, needs=needs if at == 0 else names[:1])
        for at, name in enumerate(names)
    ]
    waiting = [task for task in model.tasks if failed in task.needs and failed in names]
    return (*tasks, *(task.model_copy(update={"retries": 2}) for task in waiting[: which // 8 % 2]))


class Surroundings:
    """A board, those who work for it, and the words that are on their way between them."""

    def __init__(self, models: list[Requirement], *, has_own_failures: bool = True) -> None:
        self.has_own_failures = has_own_failures
        self.outcomes = (OK, OK, OK, OK, OWN, OWN, INFRA, OK) if has_own_failures else (OK, INFRA)
        self.of_agents = (
            (OK, LIMITED, OK, OWN, ABSENT, LATER, INFRA) if has_own_failures else (OK, LIMITED, LATER, INFRA)
        )
        self.verdicts = {1: CONFLICT, 2: RED, 3: UNCHANGED} if has_own_failures else {1: CONFLICT}
        self.ledger, self.truth = Ledger(), Truth()
        self.laws = Laws(models, self.ledger, self.truth, SETTINGS.worktrees_max)
        self.now, self.epoch, self._lives = 1000.0, 1, 0
        self.to_scheduler: dict[str, deque] = {}
        self.past: deque = deque(maxlen=20)
        self.gitops = GitOps(self.truth, self.outbox("gitops"))
        self.to_analyzer: deque[Analyse] = deque()
        self.workers: dict[str, Worker] = {}
        self.is_draining = False
        self.board = self.restored()
        self.revive_workers()
        for position, model in enumerate(models):
            document = model.model_dump_json()
            self.take(self.board.submit(model, base_commit="base", document=document, position=position, known=None,
                                        now=self.now))  # fmt: skip

    def restored(self) -> Board:
        return self.ledger.board(self.epoch, self.now, SETTINGS)

    def take(self, step: Step, *, is_sent: bool = True) -> None:
        self.laws.write(step)
        for order in step.orders if is_sent else ():
            self.send(order)

    def send(self, order: Order) -> None:
        if isinstance(order, Analyse):
            self.to_analyzer.append(order)
        elif isinstance(order, Withdraw):
            self.to_analyzer = deque(each for each in self.to_analyzer if each.requirement != order.requirement)
        elif isinstance(order, Prepare | Integrate | Discard | Revert):
            self.gitops.inbox.append(order)
        elif not isinstance(order, Watch | Unwatch | Sweep):
            worker = self.workers.get(order.worker.path)
            if worker is not None and worker.me == order.worker:
                worker.inbox.append(order)

    def outbox(self, sender: str) -> deque:
        return self.to_scheduler.setdefault(sender, deque())

    @property
    def senders(self) -> list[str]:
        return [sender for sender, words in self.to_scheduler.items() if words]

    def deliver(self, sender: str, *, is_sent: bool = True) -> None:
        word = self.to_scheduler[sender].popleft()
        if word[0] not in GREETING:
            self.past.append(word)
        self.hear(word, is_sent=is_sent)

    def hear(self, word: tuple, *, is_sent: bool = True) -> None:
        verb, args, *more = word
        named = dict(more[0]) if more else {}
        if verb == "replanned":
            named["tasks"] = [row for key, row in self.ledger.tasks.items() if key[0] == args[0]]
        self.take(getattr(self.board, verb)(*args, now=self.now, **named), is_sent=is_sent)

    # The doers

    def revive_workers(self) -> None:
        for path in PATHS:
            if path not in self.workers:
                self._lives += 1
                me = WorkerId(path, f"life-{self._lives}")
                self.workers[path] = Worker(me, self.truth, self.laws.command_starts, self.outbox(me.incarnation))

    def kill(self, worker: Worker, which: int = 0) -> None:
        del self.workers[worker.me.path]
        begun = None if which % 2 else (worker.calling[0],) if worker.calling else ()
        overdue = "" if begun and self.has_own_failures and which % 5 == 0 else None
        worker.die()
        found = {"begun": begun, "overdue": overdue}
        self.outbox("supervisor").append(("worker_gone", (worker.me.path, worker.me.incarnation), found))

    def orphan_dies(self) -> None:
        owned = {held.pid for worker in self.workers.values() for held in worker.held.values()}
        owned |= {worker.calling[1] for worker in self.workers.values() if worker.calling}
        owned |= {worker.spare for worker in self.workers.values()}
        for pid in [pid for pid in self.truth.minders if pid not in owned][:1]:
            del self.truth.minders[pid]

    def analyzer_acts(self, which: int = 0) -> None:
        order = self.to_analyzer.popleft()
        if order.failed is None:
            self.outbox("analyzer").append(("analysed", (order.requirement,)))
        elif which % 8 == 7:
            refusal = {"reason": "no idea", "failed": order.failed}
            self.outbox("analyzer").append(("rejected", (order.requirement,), refusal))
        else:
            model = Requirement.model_validate_json(order.document)
            found = model.model_copy(update={"tasks": instead_of(model, order.failed.id, which)})
            answer = {"failed": order.failed, "found": Planned(found, "", "somebody")}
            self.outbox("analyzer").append(("replanned", (order.requirement,), answer))
