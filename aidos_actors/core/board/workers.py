"""What workers say: that they live, what they hold, what happened to it; and what their silence or death means.

A word about an attempt counts only from the very worker life that holds it. Any other is refused, noted once, and
answered so that the worker drops what it has.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from aidos_actors.core.board import calls
from aidos_actors.core.board.attempts import clear_up, discarded, is_duplicate_of, lose, release
from aidos_actors.core.board.attempts import ended as attempt_ended
from aidos_actors.core.board.books import key_of
from aidos_actors.core.board.crew import Crew, Draining
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.holdings import called_by, held, held_by
from aidos_actors.core.board.leasing import started
from aidos_actors.core.board.owed import is_command_minded, owed_by_batch
from aidos_actors.core.board.watched_call import let_nobody_run
from aidos_actors.core.orders import (
    Acknowledge,
    AttemptKey,
    AttemptOutcome,
    AttemptReport,
    CallEnded,
    CallsNoted,
    CallSpan,
    End,
    Minder,
    WorkerId,
)
from aidos_actors.core.records import AttemptRecord
from aidos_actors.core.states import AttemptState

Begun = Collection[AttemptKey] | None
"""The callable that a dead worker had begun last, if any, ended or not; None when nobody knows."""

UNHEARD = "it was called, and its worker died before its result was heard of"
UNKNOWN_END = AttemptOutcome(ok=False, error="the worker gave no outcome", fault="infra")


def worker_up(draft: Draft, worker: WorkerId, slots: int, waiting: Minder | None = None) -> None:
    """It may be leased to, and no other life of its path may. A word of a life known to be over changes nothing. Of two
    that are not known to be, the later word counts: who hears them knows from their supervisor which of them lives."""
    crew = draft.books.crew
    if worker in crew.gone:
        return
    for other in {*draft.books.held, *draft.books.calling, *crew.slots}:
        if other.path == worker.path and other != worker:
            _lose_all(draft, other, "the worker was replaced")
            set_crew(draft, draft.books.crew.without(other))
    set_crew(draft, draft.books.crew.with_worker(worker, slots).with_waiting(worker, waiting))


def worker_gone(draft: Draft, worker: WorkerId, begun: Begun = None, overdue: str | None = None) -> None:
    """Everything it held is lost, and it will not come back. Callables of batches that are known not to have begun go
    back unharmed. With ``overdue`` the one begun last has failed by itself: it says where that stood."""
    for key in begun or () if overdue is not None else ():
        if held(draft, worker, key) is not None:
            limit_s = draft.books.open[key.requirement].definitions[key.task].timeout_s
            _take_end(draft, worker, key, let_nobody_run(limit_s, overdue or ""))
    _lose_all(draft, worker, "the worker is gone", begun)
    set_crew(draft, draft.books.crew.without(worker).burying(worker))


def unreported(draft: Draft, worker: WorkerId) -> None:
    """The adoption window is over without its report, and nobody said that it lives: what it held is lost."""
    _lose_all(draft, worker, "the worker did not report after the scheduler's restart")
    set_crew(draft, draft.books.crew.heard(worker))


def worker_lives(draft: Draft, worker: WorkerId) -> None:
    """Its supervisor says that it lives, so it is waited for until it reports or is gone, however long that takes: what
    it holds may go on at any moment. What other lives of its path held is lost."""
    for other in {*draft.books.held, *draft.books.calling}:
        if other.path == worker.path and other != worker:
            _lose_all(draft, other, "the worker was replaced")
            set_crew(draft, draft.books.crew.without(other).burying(other))
    set_crew(draft, draft.books.crew.heard(worker))


def worker_report(
    draft: Draft, worker: WorkerId, reports: Sequence[AttemptReport], called: Collection[AttemptKey] = ()
) -> None:
    """``reports`` and the callables ``called`` are all it holds: that is adopted and caught up with; what is missing is
    lost or told once more. (A batch that it does not know has not arrived: what it finished stays with it until that is
    on record here.)"""
    set_crew(draft, draft.books.crew.heard(worker))
    for opened, batch in draft.books.batches_of(worker):
        if batch.record.epoch != draft.books.epoch:
            calls.adopt(draft, opened, batch)
        draft.order(owed_by_batch(draft.books, opened, batch))
    for key in called:
        if not _is_called_by(draft, worker, key):
            _refuse_running(draft, worker, key, "running")
    for report in reports:
        _take_report(draft, worker, report)
    reported = {report.key for report in reports}
    for attempt in held_by(draft, worker):
        if key_of(attempt) in reported:
            continue
        if attempt.started_at is None or is_command_minded(draft.books.open[attempt.requirement], attempt):
            _order_again(draft, worker, attempt)
        else:  # the worker had it, and has it no more
            lose(draft, attempt, "the worker does not hold it any more")


def _order_again(draft: Draft, worker: WorkerId, attempt: AttemptRecord) -> None:
    """The order may not have arrived: who has had it holds it until its end is on record. Nothing starts in a drain."""
    if attempt.started_at is not None and draft.books.crew.draining is not Draining.NO:
        draft.order(End(worker, key_of(attempt), "drain"))
    else:
        draft.remind(attempt)


def minded(draft: Draft, worker: WorkerId, key: AttemptKey, pid: int, started_ticks: int) -> None:
    """The attempt runs and gets ``Go``; unless nothing is to start any more: then it gets ``End``."""
    attempt = held(draft, worker, key)
    if attempt is None:
        _refuse_running(draft, worker, key, "minded")
    elif attempt.state is AttemptState.LEASED and draft.books.crew.draining is Draining.NO:
        started(draft, attempt, pid, started_ticks)
    elif attempt.state is AttemptState.RUNNING and (attempt.minder_pid, attempt.minder_started) != (pid, started_ticks):
        draft.note_refusal(key, result="minded", minder_pid=pid)
    else:
        draft.remind(attempt)


def calls_ended(
    draft: Draft, worker: WorkerId, seq: int, requirement: str, results: Sequence[CallEnded], spans: Sequence[CallSpan]
) -> None:
    """Each result is on record, or was already, or is refused; in each case the worker may forget it."""
    draft.order(CallsNoted(worker, seq))
    draft.books.paces.learn(spans)
    calls.ended(draft, worker, requirement, results, _take_end)


def told_end(draft: Draft, worker: WorkerId, key: AttemptKey, outcome: AttemptOutcome, waiting: Minder | None) -> None:
    """As ``ended``; and that minder of the worker has no command now."""
    crew = draft.books.crew
    if worker in crew.slots:
        set_crew(draft, crew.with_waiting(worker, waiting))
    ended(draft, worker, key, outcome)


def ended(draft: Draft, worker: WorkerId, key: AttemptKey, outcome: AttemptOutcome) -> None:
    """The outcome is on record, or was already, or is refused; in each case the worker may forget it."""
    draft.order(Acknowledge(worker, key))
    _take_end(draft, worker, key, outcome)


def _take_end(draft: Draft, worker: WorkerId, key: AttemptKey, outcome: AttemptOutcome) -> None:
    attempt = held(draft, worker, key)
    if attempt is not None:
        attempt_ended(draft, attempt, outcome)
        if outcome.is_folder_gone:
            discarded(draft, key)
        return
    known = draft.books.attempt(key)
    if known is None or not is_duplicate_of(known, worker):
        draft.note_refusal(key, result="ended", worker=worker.path, incarnation=worker.incarnation)
        clear_up(draft, key)  # it may have made a folder after the first one was discarded


def set_crew(draft: Draft, crew: Crew) -> None:
    draft.set(draft.books, "crew", crew)


def _lose_all(draft: Draft, worker: WorkerId, reason: str, begun: Begun = None) -> None:
    for attempt in held_by(draft, worker):
        lose(draft, attempt, reason)
    called = called_by(draft, worker)
    last = -1 if begun is None else _place_of(begun, called)
    for place, attempt in enumerate(called):
        if begun is None or place == last:
            lose(draft, attempt, reason)
        else:
            release(draft, attempt, suspicion=UNHEARD if place < last else None)


def _place_of(begun: Collection[AttemptKey], called: Sequence[AttemptRecord]) -> int:
    """Where the one begun last stands. They are called in that order, so those before it had begun too, and ended: any
    of them may have taken the worker down a moment later, and its own result with it."""
    return next((place for place, attempt in enumerate(called) if key_of(attempt) in begun), -1)


def _take_report(draft: Draft, worker: WorkerId, report: AttemptReport) -> None:
    attempt = held(draft, worker, report.key)
    if report.phase != "ended" and attempt is None:
        _refuse_running(draft, worker, report.key, report.phase)
        return
    if attempt is not None and attempt.epoch != draft.books.epoch:
        attempt = draft.save_attempt(replace(attempt, epoch=draft.books.epoch))
        draft.note("attempt_adopted", attempt, worker=worker.path, phase=report.phase)
    pid, ticks = report.minder_pid, report.minder_started
    if attempt is not None and attempt.state is AttemptState.LEASED and pid is not None and ticks is not None:
        minded(draft, worker, report.key, pid, ticks)
    elif attempt is not None and report.phase != "ended" and not _is_as_told(draft, attempt, report):
        draft.remind(attempt)
    if report.phase == "ended":
        ended(draft, worker, report.key, report.outcome or UNKNOWN_END)


def _is_called_by(draft: Draft, worker: WorkerId, key: AttemptKey) -> bool:
    opened = draft.books.open.get(key.requirement)
    batch = opened.batches.of(key.task, key.number) if opened is not None else None
    return (batch is not None and batch.worker == worker) or held(draft, worker, key) is not None


def _is_as_told(draft: Draft, attempt: AttemptRecord, report: AttemptReport) -> bool:
    """The worker already does what it is owed to be told."""
    told = (attempt.state, report.phase)
    done = ((AttemptState.LEASED, "starting"), (AttemptState.RUNNING, "running"))
    return told in done and draft.books.crew.draining is Draining.NO


def _refuse_running(draft: Draft, worker: WorkerId, key: AttemptKey, phase: str) -> None:
    draft.note_refusal(key, result=phase, worker=worker.path, incarnation=worker.incarnation)
    draft.order(End(worker, key, "cancel"))
