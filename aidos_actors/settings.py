"""Where each setting comes from: flags over ``AIDOS_*`` variables over ``aidos.toml`` over defaults, and what is wrong.

A key nobody knows is refused, because it is a typing mistake. Only the command line imports this file.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from pydantic import BaseModel, ValidationError

from aidos_actors.agent_settings import AgentSettings
from aidos_actors.analyzers.installed import refuse_unknown
from aidos_actors.config import Config, ProjectSettings
from aidos_actors.core.errors import BadInput
from aidos_actors.core.spelling import suggestion
from aidos_actors.toml_lines import Place, line_of, line_of_error, lines_of
from aidos_actors.variables import read_variables, variable_of

DEFAULT_FILE = "aidos.toml"
PROJECTS = "projects"
NAMED: Mapping[str, type[BaseModel]] = {PROJECTS: ProjectSettings, "agents": AgentSettings}
"""Tables whose keys are the user's own names."""
PROBLEMS_MAX = 20
SECRETS = frozenset({"api_key"})


class Setting(Struct, frozen=True):
    """One value and its origin: ``default``, ``env NAME``, ``flag --name`` or ``FILE:LINE``."""

    key: str
    value: Any
    origin: str
    default: Any


class Settings(Struct, frozen=True):
    """``file`` is the configuration file that was read, None when there is none."""

    config: Config
    rows: tuple[Setting, ...]
    file: str | None


def read_config(file: str | None) -> Config:
    """The settings in force. BadInput, with file, line and the nearest valid key, when something cannot be used."""
    return read_settings(file).config


def read_settings(file: str | None, flags: Mapping[str, tuple[str, Any]] | None = None) -> Settings:
    """As ``read_config``, with the origin of each value. ``flags``: key -> (flag, value)."""
    text, path = _text(file)
    from_file = _table(text, path)
    lines = lines_of(text)
    layers: list[tuple[dict[Place, Any], Any]] = [
        (dict(_leaves(from_file)), lambda place: f"{path}:{line_of(place, lines)}"),
        (dict(_leaves(read_variables())), lambda place: f"env {variable_of(place)}"),
        (
            {tuple(key.split(".")): value for key, (_, value) in (flags or {}).items()},
            lambda place: f"flag {(flags or {})['.'.join(place)][0]}",
        ),
    ]
    merged: dict[str, Any] = {}
    origins: dict[Place, str] = {}
    for leaves, origin in layers:
        for place, value in leaves.items():
            _put(merged, place, value)
            origins[place] = origin(place)
    try:
        config = Config.model_validate(merged)
    except ValidationError as error:
        raise _refusal(error, origins, lambda place: line_of(place, lines), path) from error
    _refuse_analyzers(config, origins, lines, path)
    config = config.model_copy(update={"projects": _by_path(config.projects, Path(path).absolute().parent)})
    defaults = dict(_leaves(Config().model_dump(mode="json")))
    rows = [
        Setting(".".join(place), value, origins.get(place, "default"), defaults.get(place))
        for place, value in _leaves(config.model_dump(mode="json"))
        if place in defaults or value is not None
    ]
    return Settings(config, tuple(rows), path if text or Path(path).exists() else None)


def _refuse_analyzers(config: Config, origins: Mapping[Place, str], lines: Any, path: str) -> None:
    """BadInput when an analyzer is named that is not installed."""
    place = ("analysis", "order")
    try:
        refuse_unknown(config.analysis.order)
    except BadInput as error:
        origin = origins.get(place, "default")
        is_of_file = origin.startswith(f"{path}:")
        file, line = (path, line_of(place, lines)) if is_of_file else (origin, None)
        raise BadInput(error.message, file=file, line=line, hint=error.hint) from error


def _by_path(projects: Mapping[str, ProjectSettings], folder: Path) -> dict[str, ProjectSettings]:
    """Each by the real path of its repository, which is how a requirement names it."""
    return {os.path.realpath(folder / Path(path).expanduser()): each for path, each in projects.items()}


def _text(file: str | None) -> tuple[str, str]:
    path = file or DEFAULT_FILE
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise BadInput("this is no regular file", file=str(path), hint="name a TOML file")
        return Path(path).read_text(), path
    except FileNotFoundError:
        if file is None:
            return "", path
        raise BadInput("there is no such file", file=file, hint="leave --config out to use the defaults") from None
    except (OSError, UnicodeDecodeError) as error:
        hint = "save it as UTF-8, and look at its owner and mode"
        raise BadInput(f"the configuration cannot be read: {error}", file=path, hint=hint) from error


def _table(text: str, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        hint = 'write it as `key = "text"`, `key = 4` or `key = ["a", "b"]` under a `[table]`'
        raise BadInput(f"this is no TOML: {error}", file=path, line=line_of_error(error, text), hint=hint) from error


def _leaves(node: Mapping[str, Any], above: Place = ()) -> Iterator[tuple[Place, Any]]:
    for name, value in node.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*above, name))
        elif not isinstance(value, dict):
            yield (*above, name), value


def _put(node: dict[str, Any], place: Place, value: Any) -> None:
    for name in place[:-1]:
        inner = node.setdefault(name, {})
        if not isinstance(inner, dict):
            inner = node[name] = {}
        node = inner
    node[place[-1]] = value


def _refusal(error: ValidationError, origins: Mapping[Place, str], line: Any, path: str) -> BadInput:
    """The first problem in full, with its place; the others after it, one a line."""
    problems = [_problem(each, origins, path) for each in error.errors()[:PROBLEMS_MAX]]
    (origin, text, hint), others = problems[0], problems[1:]
    more = "".join(f"\n{where}: {what}" + (f" ({also})" if also else "") for where, what, also in others)
    if origin.startswith(f"{path}:"):
        place = tuple(part for part in _place(error.errors()[0]) if isinstance(part, str))  # not where in a list
        return BadInput(text + more, file=path, line=line(place), hint=hint)
    return BadInput(text + more, file=origin, hint=hint)


def _place(error: Any) -> tuple[Any, ...]:
    """Where it is; what is wrong with several values together says so itself."""
    return tuple(getattr(error.get("ctx", {}).get("error"), "place", error["loc"]))


def _problem(error: Any, origins: Mapping[Place, str], path: str) -> tuple[str, str, str]:
    """(where, what, hint)."""
    place = tuple(str(part) for part in _place(error))
    inside = (name for at, name in origins.items() if at[: len(place)] == place or place[: len(at)] == at)
    origin = next(inside, path)
    key = ".".join(place)
    if error["type"] != "extra_forbidden":
        is_shown = isinstance(error["input"], str | int | float) and not SECRETS.intersection(place)
        given = f", not {error['input']!r}" if is_shown else ""
        return origin, f"{key}: {error['msg']}{given}", "see `config schema`"
    model: type[BaseModel] = Config
    if place[0] in NAMED:
        model, place = NAMED[place[0]], place[2:3]
    for name in place[:-1]:
        model = model.model_fields[name].annotation  # type: ignore[assignment]
    return origin, f"{key}: there is no such key", suggestion(place[-1], list(model.model_fields))
