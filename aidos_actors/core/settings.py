"""The limits the board keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """The limits the board keeps. ``worktrees_max`` is per requirement: held, integrating and not yet discarded."""

    workers_total: int
    retry_delay_s: float = 1.0
    adoption_s: float = 5.0
    conflicts_max: int = 20
    deaths_max: int = 5
    call_deaths_before_alone: int = 2
    infra_delay_max_s: float = 30.0
    worktrees_max: int = 1000
    priority_point_s: float = 60.0
