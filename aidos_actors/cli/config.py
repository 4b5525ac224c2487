"""The verbs ``config show``, ``config validate`` and ``config schema``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import typer
from msgspec.structs import asdict

from aidos_actors.cli.answer import Answer, Options
from aidos_actors.cli.verb import DEFAULT_STATE, ConfigFile, Debug, Json, State, answer_verb, options_of

config_verbs = typer.Typer(help="Show, check or describe the configuration.", no_args_is_help=True)


@config_verbs.command()
def show(state: State = DEFAULT_STATE, config: ConfigFile = None, json: Json = False, debug: Debug = False) -> None:
    """Every setting, where its value comes from, and the limits of restarts that follow."""
    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: show_config(options))


@config_verbs.command()
def validate(state: State = DEFAULT_STATE, config: ConfigFile = None, json: Json = False, debug: Debug = False) -> None:
    """Check the configuration; nothing is started."""
    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: validate_config(options))


@config_verbs.command()
def schema(state: State = DEFAULT_STATE, config: ConfigFile = None, json: Json = False, debug: Debug = False) -> None:
    """The JSON schema of the configuration file."""
    options = options_of(state, config, json, debug)
    answer_verb(options, show_schema)


def show_config(options: Options) -> Answer:
    from aidos_actors.settings import read_settings

    settings = read_settings(options.config)
    rows = [_state_row(options.state)]
    rows += [
        {"key": row.key, "value": row.value, "origin": row.origin, "default": row.default} for row in settings.rows
    ]
    restarts = restart_limits(settings.config.runtime.workers) if sys.platform == "linux" else None
    lines = [f"{row['key']:24} {row['value']!s:16} {row['origin']}" for row in rows]
    lines += _lines_of(restarts) if restarts else []
    return Answer({"file": settings.file, "settings": rows, "restarts": restarts}, "\n".join(lines))


def _lines_of(restarts: dict[str, Any]) -> Iterator[str]:
    yield from ("", "restart limits (they multiply)")
    for each in restarts["levels"]:
        tries = f", {each['tries_max']} tries of one operation" if each["tries_max"] else ""
        limit = f"{each['path']:20} {each['max_restarts']:3} in {each['within_s']:g} s"
        yield f"  {limit}  at most {each['starts_max']} starts of a child{tries}"
    products = f"product {restarts['product']}, of tries {restarts['tries']}"
    yield f"{products}; after it the guardian goes on, at most one start in 60 s, for ever"


def validate_config(options: Options) -> Answer:
    from aidos_actors.settings import read_settings

    file = read_settings(options.config).file
    text = f"{file} is sound" if file else "there is no aidos.toml; the defaults are sound"
    return Answer({"file": file, "valid": True}, text)


def show_schema() -> Answer:
    from aidos_actors.config import Config

    found = Config.model_json_schema()
    return Answer(found, json.dumps(found, indent=2))


def restart_limits(workers: int) -> dict[str, Any]:
    """The limits of our tree and of its guardian, level by level, and their products: how often a child is started,
    and how often one operation of it is tried."""
    from aidos_actors.tree import aidos_tree
    from supervisors.limits import limits_of, starts_max, tries_max

    spec = aidos_tree("", workers=workers, base_env={})
    levels = [asdict(each) for each in limits_of(spec)]
    return {"levels": levels, "product": starts_max(spec), "tries": tries_max(spec)}


def _state_row(state: str) -> dict[str, Any]:
    """The state directory is no key of the file: the file may be of many."""
    if state == os.environ.get("AIDOS_STATE_DIR"):
        origin = "env AIDOS_STATE_DIR"
    else:
        origin = "default" if state == DEFAULT_STATE else "flag --state"
    return {"key": "state", "value": state, "origin": origin, "default": DEFAULT_STATE}
