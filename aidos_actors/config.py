"""Configuration: ``aidos.toml``, checked. A key nobody knows is refused, because it is a typing mistake."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aidos_actors.core.errors import BadInput

DEFAULT_FILE = "aidos.toml"


class Limits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    requirement_bytes: int = Field(default=64 * 1024 * 1024, ge=1)


class RuntimeSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    workers: int = Field(default=2, ge=1, le=50)
    drain_s: float = Field(default=10.0, ge=0, le=3600)
    retry_delay_s: float = Field(default=1.0, ge=0, le=3600)
    adoption_s: float = Field(default=5.0, gt=0, le=300)


class Config(BaseModel):
    """All settings with their defaults; units are in the names."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    runtime: RuntimeSettings = RuntimeSettings()
    limits: Limits = Limits()


def read_config(file: str | None) -> Config:
    """The settings in ``file``; the defaults when none is named and ``aidos.toml`` does not exist. BadInput else."""
    path = Path(file or DEFAULT_FILE)
    try:
        text = path.read_text()
    except FileNotFoundError:
        if file is None:
            return Config()
        raise BadInput("there is no such file", file=file, hint="leave --config out to use the defaults") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the configuration cannot be read: {error}", file=str(path)) from error
    try:
        return Config.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"this is no TOML: {error}", file=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{where}: {first['msg']}", file=str(path), hint="see `config schema`") from error
