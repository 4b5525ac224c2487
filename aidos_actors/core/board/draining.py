"""An orderly stop: nothing new starts, and after a time what runs is ended. All of it goes back unharmed."""

from __future__ import annotations

from msgspec.structs import replace

from aidos_actors.core.board.attempts import release
from aidos_actors.core.board.crew import Draining
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.holdings import all_held, called_by
from aidos_actors.core.board.owed import is_unprepared
from aidos_actors.core.board.workers import set_crew
from aidos_actors.core.orders import ReturnCalls
from aidos_actors.core.states import AttemptState


def drain(draft: Draft, deadline_at: float) -> None:
    """Nothing new starts; what was leased and has not started goes back."""
    crew = draft.books.crew
    if crew.draining is not Draining.NO:
        return
    set_crew(draft, replace(crew, draining=Draining.NO_STARTS, drain_until_at=deadline_at))
    for attempt in all_held(draft):
        if is_unprepared(draft.books.open[attempt.requirement], attempt):
            release(draft, attempt)
        elif attempt.state is AttemptState.LEASED:
            draft.remind(attempt)
    for worker in tuple(draft.books.calling):
        draft.order(ReturnCalls(worker))


def end_running(draft: Draft) -> None:
    """The drain time is over: running commands are ended, and go back unharmed."""
    crew = draft.books.crew
    if crew.draining is Draining.END_ALL:
        return
    set_crew(draft, replace(crew, draining=Draining.END_ALL))
    for attempt in all_held(draft):
        if is_unprepared(draft.books.open[attempt.requirement], attempt):
            release(draft, attempt)
        else:
            draft.remind(attempt)
    for worker in tuple(draft.books.calling):
        for attempt in called_by(draft, worker):
            draft.remind(attempt)
