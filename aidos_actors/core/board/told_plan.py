"""The events that name all tasks of a plan: those of a large one are made as they are written, as its rows are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from aidos_actors.core.board.draft import Draft
from aidos_actors.core.chained import MadeAsAsked
from aidos_actors.core.records import NewEvent, RequirementRecord

PLANNED_PER_EVENT_MAX = 50
PLAN_MARKS = {"tasks_planned": "waiting", "tasks_revised": "kept"}

Names = Callable[[], Iterable[tuple[str, bool]]]
"""All tasks of the plan in file order, and which of them are marked; the same whenever it is asked."""


def note_plan(draft: Draft, record: RequirementRecord, event: str, count: int, names: Names) -> None:
    """All ``count`` tasks of the requirement in file order, some in each of several events, with the places of those
    marked."""
    told = _ToldPlan(draft.now, event, record.id, count, names)
    if len(told) > 1:
        draft.note_as_asked(told)
    else:
        draft.note_all(told)


class _ToldPlan(MadeAsAsked[NewEvent]):
    def __init__(self, at: float, event: str, requirement: str, count: int, names: Names) -> None:
        self._at = at
        self._event = event
        self._requirement = requirement
        self._count = count
        self._names = names

    def __len__(self) -> int:
        return (self._count + PLANNED_PER_EVENT_MAX - 1) // PLANNED_PER_EVENT_MAX

    def __iter__(self) -> Iterator[NewEvent]:
        rest, first = iter(self._names()), 0
        while some := tuple(islice(rest, PLANNED_PER_EVENT_MAX)):
            ids, marked = [name for name, _ in some], [at for at, (_, is_marked) in enumerate(some) if is_marked]
            data = {"position": first, "ids": ids, PLAN_MARKS[self._event]: marked}
            yield NewEvent(self._at, self._event, self._requirement, data=data)
            first += len(some)
