"""The verbs that steer work, as typer sees them, and how they reach it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aidos_actors.cli.answer import Answer, Options
from aidos_actors.cli.reach import Door
from aidos_actors.cli.verb import DEFAULT_STATE, ConfigFile, Debug, Json, State, answer_verb, options_of
from aidos_actors.core.errors import NotFound

steering = typer.Typer()
Name = Annotated[str, typer.Argument(metavar="ID", help="REQ or REQ/TASK.")]


def steer(verb: str, name: str, options: Options) -> Answer:
    """``verb`` has been carried out on a requirement or a task, by the running Scheduler or on the resting ledger."""
    state = Path(options.state)
    requirement, _, task = name.partition("/")
    call = {"verb": verb, "id": requirement, "task": task or None}
    door = Door(state)
    if door.is_there():
        data = {**door.ask(call), "running": True}
    elif not state.is_dir():
        raise NotFound(f"there is no state directory {state}", hint="give --state")
    else:
        from aidos_actors.offline import offline_desk

        with offline_desk(state.resolve()) as desk:
            data = desk.steer(call)
    return Answer(data, f"{name}: {_state_of(data, task)}")


def _state_of(data: dict[str, object], task: str) -> object:
    if not task:
        return data["state"]
    tasks = data["tasks"]
    assert isinstance(tasks, list)
    return next((each["state"] for each in tasks if each["id"] == task), data["state"])


@steering.command()
def pause(
    name: Name, state: State = DEFAULT_STATE, config: ConfigFile = None, json: Json = False, debug: Debug = False
) -> None:
    """Start nothing more of it; what runs goes on to its end."""
    options = options_of(state, config, json, debug)
    answer_verb("pause", options, lambda: steer("pause", name, options))


@steering.command()
def resume(
    name: Name, state: State = DEFAULT_STATE, config: ConfigFile = None, json: Json = False, debug: Debug = False
) -> None:
    """Let it go on."""
    options = options_of(state, config, json, debug)
    answer_verb("resume", options, lambda: steer("resume", name, options))


@steering.command()
def cancel(
    name: Name, state: State = DEFAULT_STATE, config: ConfigFile = None, json: Json = False, debug: Debug = False
) -> None:
    """End it: a requirement, or one task with all that needs it."""
    options = options_of(state, config, json, debug)
    answer_verb("cancel", options, lambda: steer("cancel", name, options))


@steering.command()
def retry(
    name: Name, state: State = DEFAULT_STATE, config: ConfigFile = None, json: Json = False, debug: Debug = False
) -> None:
    """Try again what failed or was cancelled; what waits for its next try waits no longer."""
    options = options_of(state, config, json, debug)
    answer_verb("retry", options, lambda: steer("retry", name, options))


@steering.command()
def bump(
    name: Name, state: State = DEFAULT_STATE, config: ConfigFile = None, json: Json = False, debug: Debug = False
) -> None:
    """Put it before all others."""
    options = options_of(state, config, json, debug)
    answer_verb("bump", options, lambda: steer("bump", name, options))
