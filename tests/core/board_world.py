"""A small random world around a board: workers, GitOps, an analyzer, and everything that may go wrong.

Messages between a pair stay in order, may be lost with the death of either end, and may come twice.
"""

from __future__ import annotations

from collections import deque

from board_doers import ABSENT, INFRA, LATER, LIMITED, OK, OWN, SLOTS, GitOps, Ledger, Truth, Worker
from board_laws import Laws

from aidos_actors.core.agent_choice import AgentRules
from aidos_actors.core.analysis import Planned
from aidos_actors.core.board import Board, Settings
from aidos_actors.core.errors import Conflict, NotFound, TryAgain
from aidos_actors.core.orders import (
    Analyse,
    Discard,
    Integrate,
    Integration,
    Order,
    Prepare,
    Step,
    Withdraw,
    WorkerId,
)
from aidos_actors.core.requirement import Requirement, Task
from aidos_actors.core.states import REQUIREMENT_FINAL, TASK_FINAL
from aidos_actors.core.target_orders import Revert, Sighting, Sweep, Unwatch, Watch

PATHS = ("w/1", "w/2")
CALM_ROUNDS_MAX = 3000
KINDS = 64
STEER = 62
VERBS = ("pause", "resume", "bump", "retry", "cancel", "retry", "resume")
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


class World:
    """``act(choice)`` lets one thing happen; ``calm()`` ends all faults and lets everything finish."""

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

    # What may happen

    def act(self, choice: int) -> None:
        """One thing happens, if it can: mostly somebody does the next thing, sometimes something breaks."""
        kind, which = choice % KINDS, choice // KINDS
        worker = self.workers[sorted(self.workers)[which % len(self.workers)]] if self.workers else None
        held = sorted(worker.held) if worker else []
        if kind < 18 and self.senders:
            self.deliver(self.senders[which % len(self.senders)])
        elif kind < 30 and worker and worker.inbox:
            worker.receive(worker.inbox.popleft())
        elif kind < 42 and worker and worker.called and which % 2:
            outcome = self.outcomes[which // 2 % len(self.outcomes)]
            worker.advance_calls(outcome, gives_back=which % 16 == 1)
        elif kind < 42 and worker and held:
            key = held[which // 2 % len(held)]
            outcomes = self.of_agents if worker.is_for_agent(key) else self.outcomes
            worker.advance(key, outcomes[which % len(outcomes)])
        elif kind < 51 and self.gitops.inbox:
            self.gitops.act(self.verdicts.get(which % 8))
        elif kind < 53 and self.to_analyzer:
            self.analyzer_acts(which)
        elif kind < 55:
            self.orphan_dies()
        elif kind == 55 and self.past:
            self.hear(self.past[which % len(self.past)])
        elif kind > 55:
            self.fault(kind, which, worker)

    def fault(self, kind: int, which: int, worker: Worker | None) -> None:
        if kind == 56 and worker:
            self.kill(worker, which // 4)
        elif kind == 57:
            self.revive_workers()
        elif kind == 58:
            if self.senders and which % 3 == 0:  # it dies between writing and sending
                self.deliver(self.senders[which % len(self.senders)], is_sent=False)
            self.restart_scheduler(loses_inbox=which % 2 == 0)
        elif kind == 59 and which % 4 == 0:
            self.is_draining = True
            self.take(self.board.drain(self.now, self.now + 10))
        elif kind == 60:
            self.now += (0.5, 1.0, 4.0, 30.0)[which % 4]
            self.take(self.board.tick(self.now))
        elif kind in (59, 61) and which % 2:
            self.turn_red(which // 2)
        elif kind == 61:
            self.gitops.inbox.clear()  # it dies, and is told what it is owed
            self.send_owed("gitops")
        elif kind == STEER:
            self.steer(which)
        elif worker:
            worker.report()
        self.check_restored()

    def turn_red(self, which: int) -> None:
        """Somebody's commit is found to have made the target red; or it is green again; or nobody here did it."""
        if not self.has_own_failures:
            return
        done = sorted(self.truth.commits.values())
        key = done[which % len(done)] if done and which % 4 else None
        commit = f"commit-{key}" if key is not None else "foreign"
        name = key.requirement if key is not None else sorted(self.laws.models)[0]
        seen = Sighting(f"head-{which}", which % 8 != 0, commit, key, "somebody", "red")
        self.outbox("gitops").append(("target_seen", (name, seen)))

    def restart_scheduler(self, *, loses_inbox: bool) -> None:
        self.epoch += 1
        self.is_draining = False
        for sender, words in self.to_scheduler.items():
            if loses_inbox and sender != "supervisor":  # deaths are told again by whoever supervises
                words.clear()
        self.forget_the_dead()
        self.board = self.restored()
        for worker in self.workers.values():  # the first that it hears is who lives
            self.take(self.board.worker_lives(worker.me, self.now))
            worker.say_up()
        self.send_owed("analyzer")
        self.send_owed("gitops")

    def forget_the_dead(self) -> None:
        """What a worker had said to the last scheduler is said to the next by itself, if it lives."""
        alive = {worker.me.incarnation for worker in self.workers.values()}
        for sender, words in self.to_scheduler.items():
            if sender.startswith("life-") and sender not in alive:
                words.clear()
        of_dead = [word for word in self.past if getattr(word[1][0], "incarnation", None) not in (None, *alive)]
        for word in of_dead:
            self.past.remove(word)

    def send_owed(self, role: str) -> None:
        for order in self.board.owed(role):
            self.send(order)

    def steer(self, which: int) -> None:
        """A person asks for something, of a whole requirement or one task, sensible or not."""
        verb, which = VERBS[which % len(VERBS)], which // len(VERBS)
        name = sorted(self.laws.models)[which % len(self.laws.models)]
        record, tasks = self.ledger.requirements[name], self.laws.models[name].tasks
        task = None if which % 3 == 0 else tasks[which % len(tasks)].id
        if verb == "cancel" and not self.has_own_failures:
            return
        ended = None
        if record.state in REQUIREMENT_FINAL:
            rows = self.ledger
            ended = (
                record,
                [each for each in rows.tasks.values() if each.requirement == name],
                [each for each in rows.attempts.values() if each.requirement == name],
            )
        try:
            self.take(self.board.steer(verb, name, task, self.now, ended))
        except (Conflict, NotFound, TryAgain):
            assert self.restored().owed("gitops") == self.board.owed("gitops"), "a refusal changed something"

    def let_go(self) -> None:
        """Nobody holds anything back any more."""
        for record in tuple(self.ledger.requirements.values()):
            if record.state in REQUIREMENT_FINAL:
                continue
            self.take(self.board.steer("resume", record.id, None, self.now))
            for task in tuple(self.ledger.tasks.values()):
                if task.requirement == record.id and task.state not in TASK_FINAL:
                    self.take(self.board.steer("resume", record.id, task.id, self.now))

    def check_restored(self) -> None:
        """The rows alone give the same orders, the same alarm and the same next leases as the living board."""
        if self.is_draining:
            return
        other = self.restored()
        for role in ("analyzer", "gitops", "worker"):
            assert other.owed(role) == self.board.owed(role), (other.owed(role), self.board.owed(role))
        other._books.crew = self.board._books.crew
        other._books.paces = self.board._books.paces
        assert other.next_due_at() == self.board.next_due_at()
        ours, theirs = self.board.dispatch(self.now), other.dispatch(self.now)
        if len(self.board.open_requirements) < 2:  # whose turn it is between two of them is not in the rows
            assert set(ours.batch.attempts) == set(theirs.batch.attempts)
            assert set(ours.batch.calls) == set(theirs.batch.calls)
        self.take(ours)

    # The end

    @property
    def is_over(self) -> bool:
        return all(record.state in REQUIREMENT_FINAL for record in self.ledger.requirements.values())

    def calm(self) -> None:
        """No more faults: everything finishes, and nothing is left behind."""
        if self.is_draining:
            self.restart_scheduler(loses_inbox=False)
        self.revive_workers()
        self.let_go()
        for _ in range(CALM_ROUNDS_MAX):
            if self.is_over and not self.is_anything_said:
                break
            self.calm_round()
        assert self.is_over, [task for task in self.ledger.tasks.values() if task.state not in TASK_FINAL]
        assert not self.truth.folders, f"left behind: {self.truth.folders}"
        assert self.board.held_count == 0 and self.board.open_requirements == ()

    @property
    def is_anything_said(self) -> bool:
        inboxes = (worker.inbox for worker in self.workers.values())
        return bool(self.senders or self.gitops.inbox or any(inboxes))

    def calm_round(self) -> None:
        if not self.is_anything_said:  # what workers repeat now and then
            for worker in self.workers.values():
                worker.say_up()
        for sender in self.senders:
            self.deliver(sender)
        self.orphan_dies()
        for worker in self.workers.values():
            if worker.inbox:
                worker.receive(worker.inbox.popleft())
            for key in sorted(worker.held):
                worker.advance(key, OK)
            worker.advance_calls(OK, gives_back=False)
        if self.to_analyzer:
            self.analyzer_acts()
        if self.gitops.inbox:
            self.gitops.act(None)
        due_at = self.board.next_due_at()
        if due_at is not None and not self.senders:
            self.now = max(self.now, due_at)
            self.take(self.board.tick(self.now))
        self.take(self.board.dispatch(self.now))
