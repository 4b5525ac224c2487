"""What happens without anybody's word: leases where there is room, and what time brings."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from msgspec.structs import replace

from aidos_actors.core.board import agent_work, calls, draining, ending, leasing, lifecycle, workers
from aidos_actors.core.board.books import Books
from aidos_actors.core.board.crew import Draining
from aidos_actors.core.board.dispatch import Candidate, Load, alone_last, next_lease
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.open_requirement import OpenRequirement

CHARS_TOGETHER_MAX = 100_000


def dispatch(draft: Draft) -> None:
    """Waiting requirements go to the analyzer, and tasks to workers with room."""
    books = draft.books
    if books.crew.draining is not Draining.NO:
        return
    for name in tuple(books.waiting):
        lifecycle.begin_analysis(draft, books.open[name])
    loads = books.loads()
    while (lease := next_lease(_candidates(books, loads.values()), loads.values())) is not None:
        opened = books.open[lease.requirement]
        is_alone = opened.must_be_alone(lease.task)
        if opened.travels_in_batches(lease.task):
            rooms = sum(load.has_room for load in loads.values())
            calls.lease(draft, opened, _together(draft, opened, lease.task, rooms), lease.worker)
        elif opened.definitions[lease.task].agent is None:
            leasing.lease(draft, opened, lease.task, lease.worker)
        elif (agent := agent_work.chosen(draft, opened, opened.tasks[lease.task])) is not None:
            leasing.lease(draft, opened, lease.task, lease.worker, agent)
        else:
            continue
        load = loads[lease.worker]
        loads[lease.worker] = replace(load, held=load.held + 1, is_alone=is_alone)


def _candidates(books: Books, crew: Collection[Load]) -> Iterator[Candidate]:
    """What took workers down must leave one to the others: it waits while they have something to do and no second one
    would be left. Where there is but one worker, they take turns."""
    healthy = sum(load.slots > 0 and not load.is_alone for load in crew)
    candidates = books.candidates()
    return alone_last(candidates) if healthy < 2 and books.settings.workers_total > 1 else candidates


def _together(draft: Draft, opened: OpenRequirement, first: str, rooms: int) -> list[str]:
    """The callables for one of ``rooms`` workers: its share, and no more than it is thought to finish soon."""
    share = -(-opened.ready_count // rooms)
    function = opened.definitions[first].call or ""
    return opened.next_calls(first, min(share, draft.books.paces.together_max(function)), CHARS_TOGETHER_MAX)


def tick(draft: Draft) -> None:
    """Whatever was due by now has happened."""
    books = draft.books
    if books.crew.drain_until_at is not None and books.crew.drain_until_at <= draft.now:
        draining.end_running(draft)
    for worker, until_at in tuple(books.crew.awaited.items()):
        if until_at <= draft.now:
            workers.unreported(draft, worker)
    while (alarm := books.due(draft.now)) is not None:
        opened = books.open[alarm.requirement]
        if alarm.task:
            lifecycle.retry_is_due(draft, opened.tasks[alarm.task])
        else:
            ending.past_deadline(draft, opened)
