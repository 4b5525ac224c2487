"""GitOps: every effect on a git repository, in the order of its lanes, each exactly once.

It keeps nothing that matters: an order it was carrying out when it died is given again by the Scheduler, and carrying
it out twice is carrying it out once.

What fails for reasons of the machine is nobody's task that failed. One kind of order on one repository is one operation
with an error budget. Degraded, its orders wait, but for one probe at a time, for ever; every other operation goes on,
and so do the workers. A process that has failed too often starts anew, but not while it would end other work with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from aidos_actors import crash
from aidos_actors.actors.words import (
    SCHEDULER,
    Delivered,
    GitWord,
    GitWork,
    OrdersHeldUp,
    SweptUp,
    TargetSeen,
    TargetsPushed,
    WorkIntegrated,
    WorkReverted,
)
from aidos_actors.core.board.owed import NOBODY
from aidos_actors.core.errors import AidosError, Conflict, Fenced
from aidos_actors.core.orders import Integrate, Integration
from aidos_actors.core.target_orders import Push, Sweep, Unwatch, Watch
from aidos_actors.faults import TREATMENTS
from aidos_actors.gitops.carry_out import GitHands
from aidos_actors.gitops.lanes import Lanes, name_of, operation_of
from aidos_actors.gitops.push import Remote
from aidos_actors.gitops.watches import Watches
from aidos_actors.layout import Layout
from aidos_actors.ports import Workspace
from aidos_actors.withdrawal import Withdrawal, Withdrawn
from supervisors import Backoff, ExitReason, ManagedActor
from supervisors.backoff import ceiling_s
from supervisors.messages import JobDone

LOOK_EVERY_S = 15.0
RED_WAIT_S = 15.0
CLEANING = "clean up"
ONE_ORDER = Backoff(initial_s=0.2, factor=2, max_s=30)


class _Again(Struct, frozen=True):
    name: str


class _Look(Struct, frozen=True):
    """Timer: the watched targets are to be looked at."""


class _MayBegin(Struct, frozen=True):
    """Timer: an operation that was held back may be due for its probe."""


class Frozen(AidosError):
    """What this process knows of its orders contradicts itself."""

    code = "frozen"


class GitOps(ManagedActor):
    """Answers ``Prepare`` with ``WorktreeReady``, ``Integrate`` with ``WorkIntegrated``, ``Discard`` with
    ``WorktreeGone``, ``Revert`` with ``WorkReverted``, and ``Watch`` with ``TargetSeen`` when there is something to
    tell. Of an ``Integrate`` that is not wanted any more ``WorkIntegrated`` says so, or that it is done already."""

    treatments = TREATMENTS

    def on_start(
        self,
        state_dir: str,
        base_env: dict[str, str],
        hands: Callable[..., Workspace] = GitHands,
        remotes: Mapping[str, Remote] | None = None,
    ) -> None:
        self._remotes = dict(remotes or {})
        self._hands = hands(Layout(state_dir), base_env, self._remotes)
        self._lanes = Lanes()
        self._failures: dict[str, int] = {}
        self._watches = Watches()
        self._for_green: set[str] = set()
        self._withdrawals: dict[str, Withdrawal] = {}
        self._is_look_set = False
        self._is_clean = False
        for repo in self._remotes:
            self._push(repo)
        self.start_job(CLEANING, self._hands.clean)

    def receive(self, message: Any, sender: str | None) -> None:
        is_reminder = False
        match message:
            case GitWork(order=Watch() | Unwatch()):
                if (over := self._watches.take(message)) is not None:
                    self._lanes.drop(over)
                self._set_look()
            case GitWork():
                is_reminder = self._lanes.knows(message)
                self._lanes.take(message)
            case _Look():
                self._is_look_set = False
                for work in self._watches.works:
                    self._lanes.take(work)
                self._set_look()
            case _Again(name=name):
                self._lanes.again(name)
            case JobDone(job=job) if job == CLEANING:
                self._is_clean = True
            case JobDone(job=lane):
                del self._withdrawals[lane]
                self._done(self._lanes.ended(lane), message)
        self._end_what_is_in_vain()
        if self._is_clean:
            self._start(is_reminder=is_reminder)

    def _start(self, *, is_reminder: bool) -> None:
        """Whatever may is under way. Raises ``Frozen`` when, reminded of what waits, nothing is and nothing bars it:
        then a new life of this actor is given everything anew."""
        held_back: list[str] = []

        def may_begin(operation: str) -> bool:
            is_free = self.attempt(operation)
            held_back.extend([] if is_free else [operation])
            return is_free

        for lane, works in self._lanes.next(may_begin):
            withdrawal = self._withdrawals[lane] = Withdrawal()
            if isinstance(works[0].order, Integrate):
                self.start_job(lane, self._hands.integrate, works, withdrawal)
            else:
                self.start_job(lane, self._hands.carry_out, works[0], withdrawal)
        if is_reminder and self._lanes.has_waiting and not self._lanes.is_busy and not held_back:
            raise Frozen("orders wait, nothing holds them back, and none is under way")

    def _end_what_is_in_vain(self) -> None:
        """A train of which one is not wanted any more, or a look for nobody, ends soon, and with it the gate that runs
        for it; the others of the train wait on."""
        for lane in self._lanes.in_vain():
            if not self._withdrawals[lane].is_withdrawn:
                crash.before("work-withdrawn")
                self._withdrawals[lane].withdraw()
                crash.after("work-withdrawn")

    def _set_look(self) -> None:
        if self._watches.works and not self._is_look_set:
            self._is_look_set = True
            self.after(LOOK_EVERY_S, _Look())

    def on_stop(self, reason: ExitReason) -> None:
        self._hands.close()

    def _done(self, works: tuple[GitWork, ...], done: JobDone) -> None:
        error = done.error
        if error is None:
            self._deliver(works, done.value)
        elif isinstance(error, Fenced):
            self.succeeded(operation_of(works[0]))
            for work in works:
                self._lanes.fenced(work)
        elif isinstance(error, Withdrawn):
            self.abandoned(operation_of(works[0]))
            self._lanes.back(works)
        elif isinstance(error, Conflict) and isinstance(works[0].order, Integrate):
            for work in works:
                said = f"{error.message}. {error.hint}".strip()
                self._answer(work, WorkIntegrated(work.order.key, Integration(None, "refused", said)))
        else:
            self._try_again(works, error)

    def _deliver(self, works: tuple[GitWork, ...], value: Delivered | GitWord) -> None:
        """Whoever is settled is told of; the others wait on, before those who came later."""
        words = value.words if isinstance(value, Delivered) else (value,)
        answers = {word.key: word for word in words}
        rest = [work for work in works if work.order.key not in answers]
        for work in works:
            if work.order.key in answers:
                self._answer(work, answers[work.order.key])
        if isinstance(value, Delivered) and value.is_red:
            self._wait_for_green(rest)
        else:
            self._lanes.back(rest)
            if isinstance(value, Delivered | WorkReverted):
                self._target_moved()
                self._push(works[0].order.repo or "")
        for pair in value.clashes if isinstance(value, Delivered) else ():
            self._lanes.clashed(*pair)

    def _push(self, repo: str) -> None:
        """What is published there goes to its remote, if it has one; again and again while that is away."""
        if repo in self._remotes:
            self._lanes.take(GitWork(self._lanes.newest_epoch, "", Push(NOBODY, repo)))

    def _wait_for_green(self, works: Sequence[GitWork]) -> None:
        """The target itself is red. What it needs is looked for at once; the others try again, each by itself: one of
        them may be what mends it."""
        for work in works:
            watch = self._watches.of(work.order.key.requirement)
            if watch is not None:
                self._lanes.take(watch)
            self._lanes.put_off(work)
            self._for_green.add(name_of(work))
            self.after(RED_WAIT_S, _Again(name_of(work)))

    def _target_moved(self) -> None:
        """Perhaps what was red is green now."""
        for name in self._for_green:
            self._lanes.again(name)
        for work in self._watches.of_red:
            self._lanes.take(work)
        self._for_green.clear()

    def _answer(self, work: GitWork, word: GitWord) -> None:
        self._lanes.forget(work)
        self._failures.pop(name_of(work), None)
        self.succeeded(operation_of(work))
        is_quiet = isinstance(word, TargetSeen) and not self._watches.is_news(word)
        if is_quiet or isinstance(word, TargetsPushed | SweptUp):
            return
        crash.before("git-word-told")
        self.send(SCHEDULER, word)
        crash.after("git-word-told")

    def _try_again(self, works: tuple[GitWork, ...], error: BaseException) -> None:
        """One order that fails while others of its kind succeed is tried more and more slowly, too; each of several
        that failed together by itself, so that one of them holds up no other."""
        operation = operation_of(works[0])
        if isinstance(works[0].order, Sweep):  # by the next try the rows would have gone on
            self._lanes.forget(works[0])
            return
        self.send(SCHEDULER, OrdersHeldUp(self._lanes.about(operation), str(error)))
        again_s = self.failed(operation, error, may_restart=not self._lanes.is_busy) or 0.0
        grade = self.treatments.of(error).grade
        from loguru import logger  # it imports asyncio: not at every start, for a line that is rarely written

        for work in works:
            name = name_of(work)
            failures = self._failures[name] = self._failures.get(name, 0) + 1
            delay_s = max(again_s, ceiling_s(ONE_ORDER, failures - 1))
            logger.warning("{} {} failed ({} times), again in {:.1f} s: {}", grade, name, failures, delay_s, error)
            self._lanes.put_off(work)
            self.after(delay_s, _Again(name))
        self.after(again_s, _MayBegin())
