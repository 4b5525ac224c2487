"""Which attempts a worker may have, by what the books say."""

from __future__ import annotations

from aidos_actors.core.board.books import Books, holder_of
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.orders import AttemptKey, WorkerId
from aidos_actors.core.records import AttemptRecord


def held_by(draft: Draft, worker: WorkerId) -> list[AttemptRecord]:
    """The attempts that worker may have, in the order they were leased."""
    keys = draft.books.held.get(worker, {})
    return [attempt for key in keys if (attempt := draft.books.attempt(key)) is not None]


def called_by(draft: Draft, worker: WorkerId) -> list[AttemptRecord]:
    """Members of batches that worker may have."""
    return [opened.attempts[member] for opened, batch in draft.books.batches_of(worker) for member in tuple(batch.open)]


def all_held(draft: Draft) -> list[AttemptRecord]:
    return [attempt for worker in tuple(draft.books.held) for attempt in held_by(draft, worker)]


def held(draft: Draft, worker: WorkerId, key: AttemptKey) -> AttemptRecord | None:
    """The attempt if this life of the worker holds it."""
    return _held(draft.books, worker, key)


def has_call(books: Books, worker: WorkerId, key: AttemptKey) -> bool:
    """This life of the worker holds the attempt, and it is a callable."""
    definition = books.open[key.requirement].definitions.get(key.task) if key.requirement in books.open else None
    return definition is not None and definition.call is not None and _held(books, worker, key) is not None


def _held(books: Books, worker: WorkerId, key: AttemptKey) -> AttemptRecord | None:
    attempt = books.attempt(key)
    return attempt if attempt is not None and attempt.ended_at is None and holder_of(attempt) == worker else None
