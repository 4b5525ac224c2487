"""Attempts of one requirement that are closed but still matter: whose minders must be gone, and who died in a row."""

from __future__ import annotations

from aidos_actors.core.orders import Minders
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

    def put(self, key: Key, where: Neighbourhood, new: AttemptRecord | None, kept: AttemptRecord | None) -> None:
        """The row is ``new`` from here on (None: there is none); ``kept`` is the same while anybody may need it."""
        closed = self._closed.setdefault(where, {})
        if kept is not None and kept.state not in ATTEMPT_OPEN:
            closed[key] = kept
        else:
            closed.pop(key, None)
        task, number = key
        if new is None or new.state is not AttemptState.LOST or new.started_at is None:
            self._died.get(task, set()).discard(number)
        else:
            self._died.setdefault(task, set()).add(number)

    def minders_before(self, attempt: AttemptRecord, where: Neighbourhood) -> Minders:
        """Minders of its task's earlier attempts that are kept, and of lost ones of its lane."""
        others = self._closed.get(where, {}).values()
        before = [o for o in others if o.task == attempt.task or o.state is AttemptState.LOST]
        return tuple(sorted(minder for other in before for minder in minders_of(other)))

    def has_deaths(self, task: str) -> bool:
        """Whether any of its attempts was lost while its command ran."""
        return bool(self._died.get(task))

    def deaths_in_a_row(self, task: str, newest: int) -> int:
        """How many attempts, from number ``newest`` backwards, were lost while their command ran."""
        died = self._died.get(task)
        deaths = 0
        while died and newest - deaths in died:
            deaths += 1
        return deaths


def minders_of(attempt: AttemptRecord) -> Minders:
    """The attempt's own minder, when one is on record."""
    if attempt.minder_pid is None or attempt.minder_started is None:
        return ()
    return ((attempt.minder_pid, attempt.minder_started),)
