"""Verbs that hand in and steer work: plan, submit, cancel."""

from __future__ import annotations

from pathlib import Path

from aidos_actors.cli.answer import Answer, Options
from aidos_actors.cli.reach import Door
from aidos_actors.config import read_config
from aidos_actors.core.errors import NotFound, TryAgain
from aidos_actors.core.plan import build_plan
from aidos_actors.layout import Layout
from aidos_actors.submission import prepare, read_source


def plan_file(file: str, options: Options) -> Answer:
    """The file is sound: its layers (what may run together), serial order and groups."""
    requirement = read_source(Path(file), read_config(options.config).limits.requirement_bytes)
    plan = build_plan(requirement)
    data = {
        "id": requirement.id,
        "title": requirement.title,
        "mode": str(requirement.mode),
        "target": requirement.target_branch if requirement.repo else None,
        "layers": [list(layer) for layer in plan.layers],
        "order": list(plan.order),
        "groups": {name: list(members) for name, members in plan.groups.items()},
    }
    lines = [f"{requirement.id}: {requirement.title} ({len(requirement.tasks)} tasks, {requirement.mode})"]
    lines += [f"  {number}. {', '.join(layer)}" for number, layer in enumerate(plan.layers, 1)]
    lines += [f"  group {name}: {', '.join(members)}" for name, members in plan.groups.items()]
    return Answer(data, "\n".join(lines))


def submit_file(file: str, options: Options) -> Answer:
    """The requirement is on disk; it is carried out by whoever runs on the state directory, now or next."""
    from aidos_actors.runtime import prepare_state_dir

    submission = prepare(Path(file), read_config(options.config).limits.requirement_bytes)
    state = prepare_state_dir(options.state)
    call = submission.call(Layout(str(state)).blobs)
    door = Door(state)
    if door.is_there():
        data = door.ask(call)
    else:
        data = _offline(state).submit_and_close(call)
    what = "accepted" if data["accepted"] else f"known already, {data['state']}"
    where = "" if data["running"] else "; nothing runs here: start it with `serve` or `run`"
    return Answer(data, f"{data['id']}: {what}{where}")


def cancel_work(name: str, options: Options) -> Answer:
    """The requirement or task will not go on."""
    state = Path(options.state)
    requirement, _, task = name.partition("/")
    door = Door(state)
    if door.is_there():
        data = {**door.ask({"verb": "cancel", "id": requirement, "task": task or None}), "running": True}
    elif not state.is_dir():
        raise NotFound(f"there is no state directory {state}", hint="give --state")
    else:
        data = _offline(state.resolve()).cancel_and_close(requirement, task or None)
    return Answer(data, f"{name}: {_state_of(data, task)}")


def _state_of(data: dict[str, object], task: str) -> object:
    if not task:
        return data["state"]
    tasks = data["tasks"]
    assert isinstance(tasks, list)
    return next((each["state"] for each in tasks if each["id"] == task), data["state"])


class _offline:
    """One change to a resting ledger. ``TryAgain`` when a system begins to run on it in this moment."""

    def __init__(self, state: Path) -> None:
        from aidos_actors.core.errors import Conflict
        from aidos_actors.offline import OfflineDesk

        try:
            self._desk = OfflineDesk(state)
        except Conflict as error:
            raise TryAgain(f"the ledger is in use: {error.message}", hint="repeat in a moment") from error

    def submit_and_close(self, call: dict[str, object]) -> dict[str, object]:
        try:
            return self._desk.submit(call)
        finally:
            self._desk.close()

    def cancel_and_close(self, requirement: str, task: str | None) -> dict[str, object]:
        try:
            return self._desk.cancel(requirement, task)
        finally:
            self._desk.close()
