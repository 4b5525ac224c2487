"""Settings from the environment: ``AIDOS_RUNTIME__WORKERS=4``, in any case."""

from __future__ import annotations

import os
from typing import Any

from aidos_actors.agent_settings import AgentSettings
from aidos_actors.analysis_settings import AnalysisSettings
from aidos_actors.config import Limits, RuntimeSettings
from aidos_actors.core.errors import BadInput
from aidos_actors.toml_lines import Place

PREFIX, BETWEEN = "AIDOS_", "__"
SECTIONS = ("runtime", "limits", "analysis", "agents")


def read_variables() -> dict[str, Any]:
    """What the variables of known sections say; tasks get some of the same prefix, which are none of ours. BadInput
    when one cannot be read."""
    known = tuple(f"{PREFIX}{section}".upper() for section in SECTIONS)
    if not any(name.upper().startswith(known) for name in os.environ):
        return {}
    # It imports asyncio, and much else: only for those who set one.
    from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

    class Variables(BaseSettings):
        model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter=BETWEEN)
        runtime: RuntimeSettings = RuntimeSettings()
        limits: Limits = Limits()

        analysis: AnalysisSettings = AnalysisSettings()
        agents: dict[str, AgentSettings] = {}

    try:
        return dict(EnvSettingsSource(Variables)())
    except SettingsError as error:
        hint = "`config show` names each setting; a list or a table is written as JSON"
        raise BadInput(f"a variable cannot be read: {error}", file="environment", hint=hint) from error


def variable_of(place: Place) -> str:
    """The name of a setting's variable as it stands in the environment."""
    wanted = (PREFIX + BETWEEN.join(place)).upper()
    whole = (PREFIX + place[0]).upper()
    return next((name for name in os.environ if name.upper() in (wanted, whole)), wanted)
