"""The Scheduler's whole judgement, without clock, chance or I/O: each input gives what to write and what to order.

The caller passes ``now`` (wall seconds that never go back), writes ``Step.batch`` in one transaction, and only then
sends ``Step.orders``. If writing fails it throws the board away and restores one: nothing here is worth keeping.

Not kept in the rows are only: which workers live, whom the adoption window waits for, whether a drain is under way, and
why GitOps has to try again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from aidos_actors.core.board import (
    attempts,
    draining,
    ending,
    integrations,
    replans,
    reverting,
    rounds,
    timeline,
    workers,
)
from aidos_actors.core.board.board_requirements import EndedRows, RequirementVerbs
from aidos_actors.core.board.books import Books
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.holdings import has_call
from aidos_actors.core.board.owed import Role, owed_to_role
from aidos_actors.core.board.questions import due_question
from aidos_actors.core.documents import with_document_stored
from aidos_actors.core.orders import (
    AttemptKey,
    AttemptOutcome,
    AttemptReport,
    CallEnded,
    CallSpan,
    Integration,
    Minder,
    Order,
    Step,
    WorkerId,
)
from aidos_actors.core.records import AgentRecord, AttemptRecord, CallBatch, RequirementRecord, TaskRecord
from aidos_actors.core.settings import Settings
from aidos_actors.core.states import REQUIREMENT_FINAL
from aidos_actors.core.target_orders import Reversal, Sighting

__all__ = ["Board", "EndedRows", "Settings"]

ERROR_CHARS_MAX = 1000


class Board(RequirementVerbs):
    """All open requirements and the live workers. One thread. A call that raises has changed nothing."""

    def __init__(self, *, epoch: int, settings: Settings, worktree_root: str) -> None:
        self._books = Books(epoch=epoch, settings=settings, worktree_root=worktree_root)

    @classmethod
    def restore(
        cls,
        requirements: Iterable[RequirementRecord],
        tasks: Iterable[TaskRecord],
        attempts: Iterable[AttemptRecord],
        calls: Iterable[CallBatch] = (),
        agents: Iterable[AgentRecord] = (),
        *,
        epoch: int,
        settings: Settings,
        worktree_root: str,
        now: float,
    ) -> Board:
        """The board as the rows say; requirements that have ended are passed over. ``attempts`` are at least all that
        have a worktree, and all of tasks that are not final (deaths in a row are counted by them). Workers that hold
        some have ``adoption_s`` from ``now`` to report them."""
        board = cls(epoch=epoch, settings=settings, worktree_root=worktree_root)
        books = board._books
        books.agents = {each.name: each for each in agents}
        books.load((each for each in requirements if each.state not in REQUIREMENT_FINAL), tasks, attempts, calls)
        for opened in books.open.values():
            opened.asked = due_question(opened)  # who is there to be asked is told what is owed
        books.crew = books.crew.awaiting({**books.held, **books.calling}, now + settings.adoption_s)
        return board

    # Workers

    def worker_up(self, worker: WorkerId, slots: int, now: float, waiting: Minder | None = None) -> Step:
        """It lives and takes ``slots`` attempts at once; what another life of its path held is lost. ``waiting``: the
        minder there that has no command."""
        return self._step(now, workers.worker_up, worker, slots, waiting)

    def worker_lives(self, worker: WorkerId, now: float) -> Step:
        """Its supervisor says that this life of its path is there; what another held is lost, and no time limit holds
        for its report."""
        return self._step(now, workers.worker_lives, worker)

    def worker_report(
        self, worker: WorkerId, reports: Sequence[AttemptReport], now: float, called: Collection[AttemptKey] = ()
    ) -> Step:
        """``reports`` and the callables ``called`` are all it holds: adopted, caught up with, or refused; what it does
        not hold is lost or ordered again."""
        return self._step(now, workers.worker_report, worker, reports, called)

    def worker_gone(
        self, path: str, incarnation: str, now: float, begun: workers.Begun = None, overdue: str | None = None
    ) -> Step:
        """It is dead, and what it held is lost: ready again at once. ``begun``: the callable it had begun
        last. ``overdue``: that did not end in time, and the worker died of it; where it stood, or nothing."""
        return self._step(now, workers.worker_gone, WorkerId(path, incarnation), begun, overdue)

    def calls_ended(
        self,
        worker: WorkerId,
        seq: int,
        requirement: str,
        results: Sequence[CallEnded],
        spans: Sequence[CallSpan],
        now: float,
    ) -> Step:
        """How callables of batches ended is on record, with all that follows; always acknowledged."""
        return self._step(now, workers.calls_ended, worker, seq, requirement, results, spans)

    def minded(self, worker: WorkerId, key: AttemptKey, pid: int, started: int, now: float) -> Step:
        """The minder's pid and start time are on record, so the command may go."""
        return self._step(now, workers.minded, worker, key, pid, started)

    def ended(
        self, worker: WorkerId, key: AttemptKey, outcome: AttemptOutcome, now: float, waiting: Minder | None = None
    ) -> Step:
        """The attempt's end is on record, with all that follows; always acknowledged. ``waiting``: the minder there
        that has no command now."""
        return self._step(now, workers.told_end, worker, key, outcome, waiting)

    # GitOps

    def prepared(self, key: AttemptKey, base_commit: str, repo: str, now: float) -> Step:
        """The worktree of ``repo`` stands at ``base_commit``: the worker may start. One that nobody needs any more is
        discarded, also when its requirement has ended."""
        return self._step(now, attempts.prepared, key, base_commit, repo)

    def prepare_failed(self, key: AttemptKey, error: str, now: float) -> Step:
        """There is no worktree; the task is ready again and no retry is used up."""
        return self._step(now, attempts.prepare_failed, key, error)

    def orders_held_up(self, keys: Iterable[AttemptKey], error: str) -> None:
        """What GitOps is to do about these failed and is tried again: ``explain`` says why, as long as they stand where
        they stand now. It is on no record."""
        for key in keys:
            opened = self._books.open.get(key.requirement)
            row = opened.tasks.get(key.task) if opened is not None else None
            if opened is not None and row is not None:
                opened.held_up[key.task] = (key.number, row.state, error[:ERROR_CHARS_MAX])

    def integrated(self, key: AttemptKey, answer: Integration, now: float) -> Step:
        """The task is done, or done again, or has failed once more."""
        return self._step(now, integrations.integrated, key, answer)

    def target_seen(self, requirement: str, seen: Sighting, now: float) -> Step:
        """The target is red, or green again; whose commit made it red is taken back."""
        return self._step(now, reverting.target_seen, requirement, seen)

    def reverted(self, key: AttemptKey, answer: Reversal, now: float) -> Step:
        """The commit of this attempt is taken back, and its task is done again."""
        return self._step(now, reverting.reverted, key, answer)

    def discarded(self, key: AttemptKey, now: float) -> Step:
        """The worktree is gone. The last one lets its requirement end."""
        return self._step(now, attempts.discarded, key)

    # Time

    def dispatch(self, now: float) -> Step:
        """Waiting requirements go to the analyzer, and as many tasks are leased as slots and limits allow. To be called
        after every other input. While draining nothing happens."""
        return self._step(now, rounds.dispatch)

    def tick(self, now: float) -> Step:
        """What is due by ``now`` has happened: retries, deadlines, the end of adoption and of the drain time."""
        return self._step(now, rounds.tick)

    def clock_set(self, by_s: float, now: float, slept_s: float = 0.0) -> Step:
        """The clock was set forward or back by ``by_s``; whatever is due comes when it would have come. ``slept_s`` of
        these the machine slept: the end of a usage limit came nearer."""
        return self._step(now, timeline.shift, by_s, slept_s)

    def next_due_at(self) -> float | None:
        """When ``tick`` has something to do next; a moment in the past means at once."""
        return self._books.next_due_at()

    def drain(self, now: float, deadline_at: float) -> Step:
        """Nothing new starts; at ``deadline_at`` (in ``tick``) running commands are ended and go back unharmed."""
        return self._step(now, draining.drain, deadline_at)

    def end_running(self, now: float) -> Step:
        """The drain time is over now."""
        return self._step(now, draining.end_running)

    # Questions

    def owed(self, role: Role, worker: WorkerId | None = None) -> tuple[Order, ...]:
        """Every order that ``role`` (for workers: one of them, or all) must have got; sending one again is harmless."""
        return tuple(owed_to_role(self._books, role, worker))

    @property
    def open_requirements(self) -> tuple[RequirementRecord, ...]:
        return tuple(opened.record for opened in self._books.open.values())

    def is_open(self, requirement: str) -> bool:
        """It has not ended."""
        return requirement in self._books.open

    def is_calling(self, worker: WorkerId, key: AttemptKey) -> bool:
        """As far as known that life of the worker still has this callable."""
        return has_call(self._books, worker, key)

    @property
    def held_count(self) -> int:
        """Attempts some worker may still have; 0 ends a drain."""
        books = self._books
        return sum(len(keys) for keys in books.held.values()) + sum(len(keys) for keys in books.calling.values())

    def _step(self, now: float, change: Callable[..., None], *args: Any) -> Step:
        draft = Draft(self._books, now)
        try:
            change(draft, *args)
            for name in draft.touched():
                reverting.skip_blocked(draft, self._books.open[name])
                ending.settle(draft, self._books.open[name])
                replans.ask(draft, self._books.open[name])
            step = draft.step()
        except BaseException:
            draft.undo()
            raise
        for name in draft.touched():
            opened = self._books.open[name]
            opened.record = with_document_stored(opened.record)
            if opened.record.state in REQUIREMENT_FINAL:
                self._books.put_requirement(name, None)
        return step
