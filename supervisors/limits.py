"""How often a tree can try one thing before somebody above gives up: limits multiply across levels. Pure.

A supervisor that allows m restarts starts a child at most m + 1 times in a window; each start of the supervisor itself
is such a series, and each start of the whole system, by the guardian, is one of those. So a child of a supervisor that
allows n, below a root that allows m, below a guardian that allows k, is started at most (k + 1)(m + 1)(n + 1) times.
Within each of those lives an operation may fail as often as the actor's error budget says before the process ends.
"""

from __future__ import annotations

from msgspec import Struct

from supervisors.budget import ErrorBudget
from supervisors.guardian_policy import LIMIT, WITHIN_S
from supervisors.specs import ChildSpec, SupervisorSpec

GUARDIAN = "guardian"


class LevelLimit(Struct, frozen=True):
    """One level. ``starts_max``: how often a child of it is started in all, windows not lasting longer than the ends
    that fill them. ``tries_max``: how often one operation of an actor directly below is tried in all; 0 where there is
    no actor."""

    path: str
    max_restarts: int
    within_s: float
    starts_max: int
    tries_max: int = 0


def limits_of(spec: SupervisorSpec) -> list[LevelLimit]:
    """The guardian, then every supervisor of the tree, each before those below it."""
    guardian = LevelLimit(GUARDIAN, LIMIT, WITHIN_S, LIMIT + 1)
    return [guardian, *_below(spec, "", guardian.starts_max)]


def starts_max(spec: SupervisorSpec) -> int:
    """The most starts of any one child before the guardian has used up its limit."""
    return max(level.starts_max for level in limits_of(spec))


def tries_max(spec: SupervisorSpec) -> int:
    """The most tries of any one operation of an actor before the guardian has used up its limit."""
    return max(level.tries_max for level in limits_of(spec))


def _below(spec: SupervisorSpec, above: str, starts: int) -> list[LevelLimit]:
    path = f"{above}/{spec.id}" if above else spec.id
    starts *= spec.max_restarts + 1
    budgets: list[ErrorBudget] = [each.actor.error_budget for each in spec.children if isinstance(each, ChildSpec)]  # type: ignore[attr-defined]
    tries = starts * max((budget.restart_after for budget in budgets), default=0)
    levels = [LevelLimit(path, spec.max_restarts, spec.within_s, starts, tries)]
    for child in spec.children:
        if isinstance(child, SupervisorSpec):
            levels += _below(child, path, starts)
    return levels
