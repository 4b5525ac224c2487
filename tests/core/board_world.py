"""A small random world around a board: everything that may happen in it and go wrong, and its calm end."""

from __future__ import annotations

from board_doers import OK, Worker
from board_surroundings import Surroundings

from aidos_actors.core.errors import Conflict, NotFound, TryAgain
from aidos_actors.core.states import REQUIREMENT_FINAL, TASK_FINAL
from aidos_actors.core.target_orders import Sighting

CALM_ROUNDS_MAX = 3000
KINDS = 64
STEER = 62
VERBS = ("pause", "resume", "bump", "retry", "cancel", "retry", "resume")


class World(Surroundings):
    """``act(choice)`` lets one thing happen; ``calm()`` ends all faults and lets everything finish."""

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
