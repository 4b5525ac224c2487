"""What may be configured, with the defaults; units are in the names. Every field has an effect, or is not here.

Where a value comes from is the business of ``settings.py``.
"""

from __future__ import annotations

import os

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aidos_actors.agent_settings import AgentSettings, check_agents
from aidos_actors.analysis_settings import AnalysisSettings
from aidos_actors.core.errors import BadInput
from aidos_actors.core.projects import Project
from aidos_actors.core.requirement import Mode


class ExecutorLimits(BaseModel):
    """At most so many tasks of an executor at once; not set: as many as there are workers."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    run: int | None = Field(default=None, ge=1, le=1000, description="Shell commands at once.")
    call: int | None = Field(default=None, ge=1, le=1000, description="Python callables at once.")
    agent: int | None = Field(default=None, ge=1, le=1000, description="Coding agents at once.")


class Limits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    requirement_bytes: int = Field(
        default=64 * 1024 * 1024, ge=1, description="The largest requirement file, its aliases expanded."
    )
    checkpoint_bytes: int = Field(
        default=256 * 1024 * 1024, ge=1024, description="What a task may keep in its checkpoint folder."
    )
    checkpoint_value_bytes: int = Field(
        default=1024 * 1024, ge=1, description="The largest value a callable may save as checkpoint, as JSON."
    )
    executors: ExecutorLimits = ExecutorLimits()


class RuntimeSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    workers: int = Field(default=2, ge=1, le=50, description="Tasks that run at once.")
    drain_s: float = Field(default=10.0, ge=0, le=3600, description="Seconds that running tasks get on a stop.")
    retry_delay_s: float = Field(default=1.0, ge=0, le=3600, description="Seconds before a failed task is tried again.")
    adoption_s: float = Field(
        default=5.0, gt=0, le=300, description="Seconds in which workers report their tasks to a new scheduler."
    )


class ProjectSettings(BaseModel):
    """For all requirements on one repository: their default, and the most any of them may ask for."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    mode: Mode | None = Field(default=None, description="serial, mixed or parallel; the stricter one holds.")
    workers: int | None = Field(default=None, ge=1, le=1000, description="Tasks at once, of all requirements together.")
    verify: str | None = Field(default=None, min_length=1, description="A gate besides the requirement's own.")
    push_remote: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", description="The git remote that gets every target."
    )
    push_branch: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", description="Its branch there; not set: as the target."
    )


class Config(BaseModel):
    """All settings, frozen. What is wrong with one is said without its value, which may be a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    runtime: RuntimeSettings = RuntimeSettings()
    limits: Limits = Limits()
    analysis: AnalysisSettings = AnalysisSettings()
    agents: dict[str, AgentSettings] = Field(default_factory=dict, description="Coding agents by their name.")
    projects: dict[str, ProjectSettings] = Field(
        default_factory=dict, description="By the path of the repository, relative to this file."
    )

    @model_validator(mode="after")
    def _agents_are_there(self) -> Config:
        check_agents(self.agents)
        return self

    def with_runtime(self, **asked: float | None) -> Config:
        """These settings, but those of the runtime that were asked for. ``BadInput`` when unfit."""
        runtime = self.runtime.model_dump() | {name: value for name, value in asked.items() if value is not None}
        try:
            return self.model_copy(update={"runtime": RuntimeSettings.model_validate(runtime)})
        except ValidationError as error:
            first = error.errors()[0]
            text = f"{first['loc'][0]}: {first['msg']}, not {first['input']!r}"
            raise BadInput(text, hint="see `config schema`") from None


def projects_of(config: Config) -> dict[str, Project]:
    """By the real path of their repository."""
    return {os.path.realpath(path): Project(**dict(each)) for path, each in config.projects.items()}
