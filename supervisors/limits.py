"""How often a tree can start a process before somebody above gives up: limits multiply across levels. Pure.

A supervisor that allows m restarts starts a child at most m + 1 times in a window; each start of the supervisor itself
is such a series, and each start of the whole system, by the guardian, is one of those. So a child of a supervisor that
allows n, below a root that allows m, below a guardian that allows k, is started at most (k + 1)(m + 1)(n + 1) times.
"""

from __future__ import annotations

from dataclasses import dataclass

from supervisors.guardian_policy import LIMIT, WITHIN_S
from supervisors.specs import SupervisorSpec

GUARDIAN = "guardian"


@dataclass(frozen=True, slots=True)
class LevelLimit:
    """One level. ``starts_max``: how often a child of it is started in all, windows not lasting longer than the ends
    that fill them."""

    path: str
    max_restarts: int
    within_s: float
    starts_max: int


def limits_of(spec: SupervisorSpec) -> list[LevelLimit]:
    """The guardian, then every supervisor of the tree, each before those below it."""
    guardian = LevelLimit(GUARDIAN, LIMIT, WITHIN_S, LIMIT + 1)
    return [guardian, *_below(spec, "", guardian.starts_max)]


def starts_max(spec: SupervisorSpec) -> int:
    """The most starts of any one child before the guardian has used up its limit."""
    return max(level.starts_max for level in limits_of(spec))


def _below(spec: SupervisorSpec, above: str, starts: int) -> list[LevelLimit]:
    path = f"{above}/{spec.id}" if above else spec.id
    starts *= spec.max_restarts + 1
    levels = [LevelLimit(path, spec.max_restarts, spec.within_s, starts)]
    for child in spec.children:
        if isinstance(child, SupervisorSpec):
            levels += _below(child, path, starts)
    return levels
