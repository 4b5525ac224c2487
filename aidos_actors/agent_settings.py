"""What may be configured of coding agents, ``[agents.NAME]``: a preset of that name with changes, or another agent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from aidos_actors.agent_presets import ALWAYS_ALLOWED, ALWAYS_SET, PRESETS
from aidos_actors.core.agents.choice import AgentRules
from aidos_actors.core.agents.profile import OPTIONS, PLACES, AgentProfile, PromptWay, Reads, Variables
from aidos_actors.core.spelling import suggestion
from aidos_actors.core.variable_names import OWN_PREFIX, SECRET_NAME

Word = Annotated[str, StringConstraints(min_length=1)]
OptionName = Literal["session", "new_session", "model", "turns_max", "cost_usd_max"]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ANY_PLACE = re.compile(r"\{([a-z_]+)\}")
_MIB = 1024 * 1024


class AgentSettings(BaseModel):
    """One coding agent. What is not set is the preset's, or the default named here."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    preset: str | None = Field(default=None, description="Which known agent it is; its own name, when that is one.")
    program: Word | None = Field(default=None, description="The program to run in place of the preset's.")
    argv: tuple[Word, ...] | None = Field(
        default=None, min_length=1, max_length=1000, description="The command, with places such as {prompt}."
    )
    args: tuple[str, ...] = Field(default=(), max_length=1000, description="Arguments besides, before the options.")
    prompt: PromptWay | None = Field(default=None, description="How it is told what to do: stdin, file or argument.")
    options: dict[OptionName, tuple[Word, ...]] | None = Field(
        default=None, description="Arguments given when a session is resumed, or a model or a limit is set."
    )
    session: Literal["told", "given"] | None = Field(default=None, description="Who names a session: it, or we.")
    resume: bool = Field(default=True, description="Whether the next attempt resumes the session of the one before.")
    reads: Reads | None = Field(default=None, description="How its output is read.")
    env: tuple[Word, ...] = Field(default=(), description="Variables it may see besides the usual; * stands for more.")
    set_env: dict[str, str] = Field(default_factory=dict, description="Variables with their values; no secrets.")
    limit_words: tuple[Word, ...] = Field(default=(), description="Last words of it that mean a usage limit.")
    limit_exit_codes: tuple[int, ...] = Field(default=(), description="Exit codes of it that mean a usage limit.")
    fallback: tuple[Word, ...] = Field(default=(), max_length=20, description="Who does it when this one cannot.")
    failures_max: int = Field(default=2, ge=1, le=1000, description="Failures of one task before the next is asked.")
    model: Word | None = Field(default=None, description="The model it uses.")
    turns_max: int | None = Field(default=None, ge=1, description="Turns of one attempt.")
    cost_usd_max: float | None = Field(default=None, gt=0, description="What one attempt may cost, as it says itself.")
    task_cost_usd_max: float | None = Field(default=None, gt=0, description="What all attempts of one task may cost.")
    timeout_s: float | None = Field(default=None, gt=0, description="The longest time of one attempt.")
    stall_s: float = Field(default=1800.0, gt=0, description="The longest time without output, change and work.")
    output_bytes: int = Field(default=64 * _MIB, ge=1024, description="The most it may print in one attempt.")
    memory_bytes: int = Field(default=8192 * _MIB, ge=_MIB, description="The most memory it and its own may hold.")
    loop_repeats_max: int = Field(default=20, ge=0, description="So often the same steps are a loop; 0: never.")
    limit_silence_s: float = Field(default=60.0, gt=0, description="So long it may wait for a limit without a word.")
    wait_s: float = Field(default=300.0, gt=0, description="The wait for a usage limit that names no end; it doubles.")
    wait_max_s: float = Field(default=3600.0, gt=0, description="The most that it doubles to.")
    jitter_s: float = Field(default=30.0, ge=0, description="The most that a task waits beyond the end of a limit.")

    @model_validator(mode="after")
    def _is_sound(self) -> AgentSettings:
        if self.preset is not None and self.preset not in PRESETS:
            raise ValueError(f"preset {self.preset!r} is not known; {suggestion(self.preset, list(PRESETS))}")
        parts = [*(self.argv or ()), *self.args, *(part for each in (self.options or {}).values() for part in each)]
        for part in parts:
            if "\0" in part:
                raise ValueError("an argument cannot hold the character NUL")
            for place in _ANY_PLACE.findall(part):
                if place not in PLACES and part != OPTIONS:
                    raise ValueError(f"there is no place {{{place}}}; {suggestion(place, [*PLACES, 'options'])}")
        for name in self.set_env:
            if not name or "=" in name or name.startswith(OWN_PREFIX):
                raise ValueError(f"set_env: {name!r} cannot be set")
            if SECRET_NAME.search(name):
                raise ValueError(f"set_env: {name} looks like a secret; set it in the environment, and name it in env")
        return self


def names_of(agents: Mapping[str, AgentSettings]) -> tuple[str, ...]:
    """All agents that may be named: those configured, and the presets."""
    return tuple(dict.fromkeys((*agents, *PRESETS)))


class WrongAgent(ValueError):
    """What is wrong with the agents together, and at which key."""

    def __init__(self, place: tuple[str, ...], text: str) -> None:
        super().__init__(text)
        self.place = place


def check_agents(agents: Mapping[str, AgentSettings]) -> None:
    """``WrongAgent`` when one has no command, or names another that there is not."""
    for name, each in agents.items():
        place = ("agents", name)
        if not NAME.fullmatch(name):
            raise WrongAgent(place, "a name is 1 to 64 letters, digits, '.', '_' or '-'")
        if name not in PRESETS and each.preset is None and each.argv is None:
            hint = suggestion(name, list(PRESETS))
            raise WrongAgent(place, f"no preset is called so ({hint}), so argv must say how it is run")
        for other in each.fallback:
            if other not in names_of(agents):
                hint = suggestion(other, names_of(agents))
                raise WrongAgent((*place, "fallback"), f"there is no agent {other!r}; {hint}")


def profiles_of(agents: Mapping[str, AgentSettings], environment: Mapping[str, str]) -> dict[str, AgentProfile]:
    """Every agent that may be named, with what it may see of ``environment``."""
    return {name: _profile(name, agents.get(name, AgentSettings()), environment) for name in names_of(agents)}


def _profile(name: str, given: AgentSettings, environment: Mapping[str, str]) -> AgentProfile:
    preset: Mapping[str, Any] = PRESETS.get(given.preset or name, {})
    argv = list(given.argv or preset["argv"])
    argv[0] = given.program or argv[0]
    at = argv.index(OPTIONS) if OPTIONS in argv else len(argv)
    argv[at:at] = given.args
    allowed = (*ALWAYS_ALLOWED, *preset.get("env", ()), *given.env)
    seen = {key: value for key, value in environment.items() if _is_allowed(key, allowed)}
    rules = ("fallback", "failures_max", "wait_s", "wait_max_s", "jitter_s", "task_cost_usd_max")
    same = ("model", "turns_max", "cost_usd_max", "timeout_s", "stall_s", "loop_repeats_max", "limit_silence_s")
    return AgentProfile(
        name=name,
        argv=tuple(argv),
        prompt=given.prompt or preset.get("prompt", "stdin"),
        reads=given.reads or preset.get("reads", "text"),
        env=Variables({**seen, **ALWAYS_SET, **preset.get("set_env", {}), **given.set_env}),
        options=dict(preset.get("options", {})) | {str(key): each for key, each in (given.options or {}).items()},
        session=given.session or preset.get("session", "told"),
        resumes=given.resume,
        output_bytes_max=given.output_bytes,
        memory_bytes_max=given.memory_bytes,
        limit_words=given.limit_words,
        limit_exit_codes=given.limit_exit_codes,
        litter=tuple(preset.get("litter", ())),
        rules=AgentRules(**{key: getattr(given, key) for key in rules}),
        **{key: getattr(given, key) for key in same},
    )


def _is_allowed(name: str, patterns: tuple[str, ...]) -> bool:
    return not name.startswith(OWN_PREFIX) and any(fnmatchcase(name, pattern) for pattern in patterns)
