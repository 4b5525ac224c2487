"""The limits the board keeps."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from aidos_actors.core.agents.choice import AgentRules
from aidos_actors.core.projects import NO_PROJECT, Project


class Settings(Struct, frozen=True):
    """The limits the board keeps. ``worktrees_max`` is per requirement: held, integrating and not yet discarded.
    ``projects`` by repository; ``executors_max``: so many tasks of run, call and agent at once;
    ``agents`` are the coding agents that are configured; a plan is given back to be changed ``replans_max`` times."""

    workers_total: int
    retry_delay_s: float = 1.0
    adoption_s: float = 5.0
    conflicts_max: int = 20
    deaths_max: int = 5
    call_deaths_before_alone: int = 2
    infra_delay_max_s: float = 30.0
    worktrees_max: int = 1000
    priority_point_s: float = 60.0
    replans_max: int = 0
    projects: Mapping[str, Project] = field(default_factory=dict)
    executors_max: Mapping[str, int] = field(default_factory=dict)
    agents: Mapping[str, AgentRules] = field(default_factory=dict)

    def project_of(self, repo: str | None) -> Project:
        return self.projects.get(repo, NO_PROJECT) if repo is not None else NO_PROJECT
