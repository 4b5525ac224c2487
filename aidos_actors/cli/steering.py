"""The verbs that steer work, as typer sees them, and how they reach it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from aidos_actors.cli.answer import Answer, Options
from aidos_actors.cli.verb import DEFAULT_STATE, ConfigFile, Debug, Json, State, answer_verb, options_of
from aidos_actors.core.errors import NotFound

steering = typer.Typer()
VERBS = {
    "pause": "Start nothing more of it; what runs goes on to its end.",
    "resume": "Let it go on.",
    "cancel": "End it: a requirement, or one task with all that needs it.",
    "retry": "Try again what failed, was skipped or cancelled; what waits for its next try waits no longer.",
    "bump": "Put it before all others.",
}
Name = Annotated[str, typer.Argument(metavar="ID", help="REQ or REQ/TASK.")]


def steer(verb: str, name: str, options: Options) -> Answer:
    """``verb`` has been carried out on a requirement or a task, by the running Scheduler or on the resting ledger."""
    from aidos_actors.cli.reach import change, known_state_dir

    requirement, slash, task = name.partition("/")
    if slash and not task:  # a script whose variable is empty means a task, and not all of them
        raise NotFound(f"{name!r} names no task", hint=f"give {requirement}/TASK, or {requirement} for all of it")
    call = {"verb": verb, "id": requirement, "task": task or None}
    state = known_state_dir(Path(options.state))
    data = {"running": True, **change(state, call, lambda desk: desk.steer(call))}
    return Answer(data, f"{name}: {_state_of(data, task)}")


def _state_of(data: dict[str, object], task: str) -> object:
    if not task:
        return data["state"]
    tasks = data["tasks"]
    assert isinstance(tasks, list)
    return next((each["state"] for each in tasks if each["id"] == task), data["state"])


def _command(verb: str) -> Callable[..., None]:
    def command(
        name: Name, state: State = DEFAULT_STATE, config: ConfigFile = None, json: Json = False, debug: Debug = False
    ) -> None:
        options = options_of(state, config, json, debug)
        answer_verb(options, lambda: steer(verb, name, options))

    return command


for _verb, _does in VERBS.items():
    steering.command(_verb, help=_does)(_command(_verb))
