"""What a coding agent has said of itself so far."""

from __future__ import annotations

from msgspec import Struct, field

ACTIONS_MAX = 10_000


class Facts(Struct):
    """``error``: it says that it failed; ``is_limited``: by its usage limit, which ends at ``resets_at`` where that is
    told in so many words. ``is_stuck_on_limit``: it waits for that by itself, and silently. ``steps`` are what it did
    and what that came to, not yet taken."""

    session: str | None = None
    turns: int = 0
    cost_usd: float | None = None
    error: str | None = None
    is_limited: bool = False
    resets_at: float | None = None
    is_stuck_on_limit: bool = False
    has_ended: bool = False
    actions: dict[str, int] = field(default_factory=dict)
    steps: list[tuple[object, int]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def acted(self, key: str, action: str) -> None:
        """It does something; what that comes to is told later, under the same ``key``."""
        if len(self.actions) < ACTIONS_MAX:
            self.actions[key] = hash(action)

    def came_to(self, key: str, result: str) -> None:
        self.steps.append((self.actions.pop(key, key), hash(result)))
