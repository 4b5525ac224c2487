"""Whether the coding agents that a requirement names can be asked, looked at before it is handed in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from aidos_actors.agent_settings import AgentSettings, names_of, profiles_of
from aidos_actors.analyzers.problems import WrongAgents, shown
from aidos_actors.core.agents.choice import chain_of
from aidos_actors.core.agents.profile import AgentProfile
from aidos_actors.core.spelling import suggestion
from aidos_actors.programs import program_of


def wrong_agents(agents: Mapping[str, AgentSettings], *, must_be_installed: bool) -> WrongAgents:
    """A judge of the agents that a task names: an unknown name is a mistake, and so it is, with ``must_be_installed``,
    when the program of none of those who may do it is here."""

    @cache
    def judge(names: tuple[str, ...]) -> tuple[str, str] | None:
        known = names_of(agents)
        for name in names:
            if name not in known:
                hint = f"{suggestion(name, known)}; or configure it as [agents.{name}] in aidos.toml"
                return f"there is no agent {shown(name)}", hint
        chain, missing = _looked_up(names, agents)
        if not must_be_installed or len(missing) < len(chain):
            return None
        which = " and ".join(f"{program!r} (agent {name})" for name, program in missing.items())
        verb = "is" if len(missing) == 1 else "are"
        hint = (
            f"install it, or name its program: `program` in [agents.{chain[0]}] of aidos.toml; it is looked up in PATH"
        )
        return f"{which} {verb} not installed here", hint

    return judge


def missing_programs(names: tuple[str, ...], agents: Mapping[str, AgentSettings]) -> dict[str, str]:
    """Agent -> program, of those that may be asked and whose program is not found here."""
    return _looked_up(names, agents)[1]


def _looked_up(names: tuple[str, ...], agents: Mapping[str, AgentSettings]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Those that may be asked, in their order; and agent -> program of those whose program is not here."""
    profiles = profiles_of(agents, os.environ)
    chain = chain_of(names, {name: profile.rules for name, profile in profiles.items()})
    return chain, {name: profiles[name].argv[0] for name in chain if not _is_installed(profiles[name])}


def _is_installed(profile: AgentProfile) -> bool:
    """A program below the worktree is not there before the worktree is."""
    program = profile.argv[0]
    if os.sep in program and not Path(program).is_absolute():
        return True
    return program_of(program, profile.env.get("PATH", os.defpath), "/") is not None
