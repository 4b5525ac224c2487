"""Wall time as the ledger counts it: it follows a clock that is set forward, and neither goes back nor stands still.

Spans are real spans: when the clock jumps, every moment that is waited for moves by as much, so that a deadline of an
hour is an hour. Only who starts anew begins with what the wall clock says, and moves what is waited for likewise.

A machine that slept is a clock that was set forward, but for the end of a usage limit: that comes for whoever sleeps.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from aidos_actors.core.board import agent_work
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.states import OFFERED_SOON, TaskState

JUMP_S = 1.0  # less is a clock that is kept right, not one that was set


class Timeline(Struct, frozen=True):
    """At ``steady_s`` of a monotonic clock it was ``at``, in wall seconds; the machine had slept for ``slept_s``."""

    at: float
    steady_s: float
    slept_s: float = 0.0

    def now(self, steady_s: float) -> float:
        return self.at + (steady_s - self.steady_s)

    def jump_s(self, wall: float, steady_s: float) -> float:
        """By how much the wall clock was set since; 0.0 when it was only kept right."""
        by_s = wall - self.now(steady_s)
        return by_s if abs(by_s) >= JUMP_S else 0.0

    def following(self, wall: float, steady_s: float, slept_s: float = 0.0) -> Timeline:
        """It goes on with the wall clock, unless that is behind."""
        return Timeline(wall, steady_s, slept_s) if wall > self.now(steady_s) else self


def shift(draft: Draft, by_s: float, slept_s: float = 0.0) -> None:
    """Every moment that is waited for comes ``by_s`` seconds later by the clock, which is when it would have come;
    ``slept_s`` of these passed for usage limits, too."""
    books, awake_s = draft.books, by_s - slept_s
    told = {"by_s": by_s, **({"slept_s": slept_s} if slept_s else {})}
    for opened in tuple(books.open.values()):
        waits = [task for task in opened.in_states(*OFFERED_SOON) if task.not_before_at is not None]
        if waits or opened.record.deadline_at is not None:
            draft.note("waits_moved", opened.record, **told)
        if opened.record.deadline_at is not None:
            draft.save_requirement(replace(opened.record, deadline_at=opened.record.deadline_at + by_s))
        for task in waits:
            more_s = awake_s if task.state is TaskState.WAITING_FOR_QUOTA else by_s
            draft.save_task(replace(task, not_before_at=(task.not_before_at or 0.0) + more_s))
    for agent in tuple(books.agents.values()):
        if agent.until_at is not None and awake_s:
            agent_work.save_agent(draft, replace(agent, until_at=agent.until_at + awake_s))
    draft.set(draft.books, "crew", books.crew.shifted(by_s))
    draft.note_of_all("clock_set", **{name: round(span_s, 3) for name, span_s in told.items()})
