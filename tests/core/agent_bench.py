"""A bench whose tasks are for coding agents, and the two ways that they mostly end: at a limit, or by their own
failure."""

from __future__ import annotations

from typing import Any

from board_bench import Bench

from aidos_actors.core.agents.choice import AgentRules
from aidos_actors.core.orders import AgentEnd, AttemptOutcome

RULES = {
    "fast": AgentRules(wait_s=10.0, wait_max_s=80.0, jitter_s=0.0),
    "spare": AgentRules(wait_s=10.0, wait_max_s=80.0, jitter_s=0.0),
    "shy": AgentRules(wait_s=10.0, wait_max_s=80.0, jitter_s=30.0, fallback=("spare",)),
}


def limit(resets_at: float | None = None, *, sound: bool = True, name: str = "fast") -> AttemptOutcome:
    end = AgentEnd(name, "s-1", 3, 0.5, resets_at, sound)
    return AttemptOutcome(False, 1, "the limit was reached", "agent", fault="limited", agent=end)


def bench(tasks: dict[str, Any], **more: Any) -> Bench:
    told = {name: {"agent": "fast", "retries": 1, **fields} for name, fields in tasks.items()}
    return Bench(told, settings={"agents": RULES}, repo="/repo", **more)


def own(*causes: str, turns: int = 1) -> AttemptOutcome:
    end = AgentEnd("fast", "s-1", turns, 0.1)
    return AttemptOutcome(False, 1, "no", "agent", fault="own", causes=causes or ("1",), agent=end)
