"""What may be configured, with the defaults; units are in the names. Every field has an effect, or is not here.

Where a value comes from is the business of ``settings.py``.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    requirement_bytes: int = Field(
        default=64 * 1024 * 1024, ge=1, description="The largest requirement file, its aliases expanded."
    )
    checkpoint_bytes: int = Field(
        default=256 * 1024 * 1024, ge=1024, description="What a command may keep in its AIDOS_CHECKPOINT_DIR."
    )
    checkpoint_value_bytes: int = Field(
        default=1024 * 1024, ge=1, description="The largest value a callable may save as checkpoint, as JSON."
    )


class RuntimeSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    workers: int = Field(default=2, ge=1, le=50, description="Tasks that run at once.")
    drain_s: float = Field(default=10.0, ge=0, le=3600, description="Seconds that running tasks get on a stop.")
    retry_delay_s: float = Field(default=1.0, ge=0, le=3600, description="Seconds before a failed task is tried again.")
    adoption_s: float = Field(
        default=5.0, gt=0, le=300, description="Seconds in which workers report their tasks to a new scheduler."
    )


class Config(BaseModel):
    """All settings, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    runtime: RuntimeSettings = RuntimeSettings()
    limits: Limits = Limits()
