"""Attempts of one requirement that are closed but still matter: whose minders must be gone, and who died in a row."""

from __future__ import annotations

from aidos_actors.core.orders import Minder
from aidos_actors.core.records import AttemptRecord
from aidos_actors.core.states import ATTEMPT_OPEN, AttemptState

Key = tuple[str, int]
Neighbourhood = tuple[str, str]


class PastAttempts:
    """An index over rows; ``put`` is told of every one, and can put an old one back. A *neighbourhood* is a lane, or a
    task in none."""

    def __init__(self) -> None:
        self._closed: dict[Neighbourhood, dict[Key, AttemptRecord]] = {}
        self._died: dict[str, set[int]] = {}
        self._released: dict[str, set[int]] = {}

    def put(self, key: Key, where: Neighbourhood, new: AttemptRecord | None, kept: AttemptRecord | None) -> None:
        """The row is ``new`` from here on (None: there is none); ``kept`` is the same while anybody may need it."""
        if kept is not None and kept.state not in ATTEMPT_OPEN:
            self._closed.setdefault(where, {})[key] = kept
        elif where in self._closed:
            self._closed[where].pop(key, None)
            if not self._closed[where]:
                del self._closed[where]
        task, number = key
        for numbers, belongs in ((self._died, _may_have_died(new)), (self._released, _was_given_back(new))):
            if belongs:
                numbers.setdefault(task, set()).add(number)
            elif task in numbers:
                numbers[task].discard(number)
                if not numbers[task]:
                    del numbers[task]

    def minders_before(self, attempt: AttemptRecord, where: Neighbourhood) -> tuple[Minder, ...]:
        """Minders of its task's earlier attempts that are kept, and of lost ones of its lane."""
        others = self._closed.get(where, {}).values()
        before = [o for o in others if o.task == attempt.task or o.state is AttemptState.LOST]
        return tuple(sorted(minder for other in before for minder in minders_of(other)))

    def has_deaths(self, task: str) -> bool:
        """Whether any of its attempts was lost while its command ran, or may have taken its worker down."""
        return bool(self._died.get(task))

    def deaths_in_a_row(self, task: str, newest: int) -> int:
        """How many attempts, from number ``newest`` backwards, were lost while their command ran, or may have taken
        their worker down with their result. One that was given back otherwise says nothing either way."""
        died, released = self._died.get(task, set()), self._released.get(task, set())
        deaths = 0
        while died and (newest in died or newest in released):
            deaths += newest in died
            newest -= 1
        return deaths


def _may_have_died(attempt: AttemptRecord | None) -> bool:
    if attempt is None or attempt.started_at is None:
        return False
    is_suspect = attempt.state is AttemptState.RELEASED and attempt.error is not None
    return is_suspect or attempt.state is AttemptState.LOST


def _was_given_back(attempt: AttemptRecord | None) -> bool:
    return attempt is not None and attempt.state is AttemptState.RELEASED and attempt.error is None


def minders_of(attempt: AttemptRecord) -> tuple[Minder, ...]:
    """The attempt's own minder, when one is on record."""
    if attempt.minder_pid is None or attempt.minder_started is None:
        return ()
    return ((attempt.minder_pid, attempt.minder_started),)
