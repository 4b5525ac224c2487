"""A campaign as a small YAML file, read into a checked value."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from aidos_actors.core.durations import parse_duration_s
from aidos_actors.core.errors import BadInput
from chaos.experiment import KINDS, PER_PAIR_MAX, STAGES

SPEC_BYTES_MAX = 1024 * 1024
ROUNDS_MAX = 1000

Seconds = Annotated[float, BeforeValidator(parse_duration_s)]


class Spec(BaseModel):
    """What the file says. ``requirement`` is relative to the file; durations as in a requirement file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requirement: str
    kinds: tuple[str, ...] = KINDS
    stages: tuple[str, ...] = STAGES
    per_pair: int = Field(default=1, ge=1, le=PER_PAIR_MAX)
    seed: int | None = None
    workers: int = Field(default=2, ge=1, le=50)
    rounds: int = Field(default=20, ge=1, le=ROUNDS_MAX)
    time_limit: Seconds = 600.0
    gap: float = Field(default=0.0, ge=0, le=3600)
    changing: tuple[str, ...] | None = None

    @field_validator("kinds")
    @classmethod
    def _known_kinds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _all_of("kind", value, KINDS)

    @field_validator("stages")
    @classmethod
    def _known_stages(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _all_of("stage", value, STAGES)


def read_spec(path: Path) -> Spec:
    """The file's campaign. Raises ``BadInput`` naming the file and the value that is wrong."""
    try:
        if path.stat().st_size > SPEC_BYTES_MAX:
            raise BadInput(f"the file is larger than {SPEC_BYTES_MAX} bytes", file=str(path))
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"the file cannot be read: {error.strerror}", file=str(path)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"the file is no YAML: {error}", file=str(path)) from None
    if not isinstance(said, dict):
        raise BadInput("a mapping is expected", file=str(path), hint="write at least `requirement: FILE`")
    return _checked(said, path)


def _checked(said: dict[Any, Any], path: Path) -> Spec:
    try:
        spec = Spec.model_validate({str(key): value for key, value in said.items()})
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        hint = f"keys are: {', '.join(Spec.model_fields)}"
        raise BadInput(f"{where}: {first['msg']}", file=str(path), hint=hint) from None
    return spec.model_copy(update={"requirement": str(path.parent.absolute() / spec.requirement)})


def _all_of(what: str, value: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        if name not in known:
            raise ValueError(f"{name!r} is no {what}; known: {', '.join(known)}")
    if not value:
        raise ValueError(f"at least one {what} is needed")
    return value
