"""What events about coding agents come to, in their rows and those of the tasks that wait for them."""

from __future__ import annotations

from collections.abc import Mapping

from aidos_actors.core.journal.folded import FoldedRows, Folds
from aidos_actors.core.records import AgentRecord, JournalEvent

TOLD = ("until_at", "reason", "error", "waits")


def of_agent(rows: FoldedRows, event: JournalEvent) -> None:
    """All that is known of it; it belongs to no requirement."""
    name = event.data["agent"]
    rows.agents[name] = AgentRecord(name, *(event.data[key] for key in TOLD))


def _deferred(rows: FoldedRows, event: JournalEvent) -> None:
    rows.move_task(event, "defer", **{key: event.data[key] for key in ("not_before_at", "error", "agents")})


def _integration_started(rows: FoldedRows, event: JournalEvent) -> None:
    """What an agent cost is told with it."""
    rows.move_task(event, "integrate", **{key: event.data[key] for key in ("agents",) if key in event.data})


FOLDS_OF_AGENTS: Mapping[str, Folds] = {
    "integration_started": _integration_started,
    "agent_unusable": of_agent,
    "agent_free": of_agent,
    "task_deferred": _deferred,
    "work_handed_over": lambda rows, event: rows.move_attempt(event, None, worktree=None, kept_at=None),
    "work_let_go": lambda rows, event: rows.move_attempt(event, None, kept_at=None),
}
