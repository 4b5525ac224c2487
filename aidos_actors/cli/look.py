"""Verbs that look: status, tasks, explain, output, events."""

from __future__ import annotations

import codecs
import json
import time
from pathlib import Path
from typing import Any

from aidos_actors.cli.answer import Answer, Options, printable, put
from aidos_actors.cli.reach import Door, read
from aidos_actors.core.errors import NotFound, TryAgain, Unreachable
from aidos_actors.core.states import REQUIREMENT_FINAL, TASK_FINAL, TaskState
from aidos_actors.folders import end_of
from aidos_actors.layout import Layout

EVENTS_AT_ONCE = 500
FOLLOW_WAIT_S = 5.0
LOOK_EVERY_S = 0.1
DEGRADED = 9
CHUNK_BYTES = 1024 * 1024
OUTPUT_JSON_BYTES_MAX = 16 * 1024 * 1024


def show_status(name: str | None, options: Options) -> Answer:
    state = Path(options.state)
    if name is None:
        data, live = read(state, {"verb": "status"})
        lines = [_line(each) for each in data["requirements"]] or ["no requirements"]
        with Door(state) as door:
            degraded = degraded_parts(door) if live else []
        lines += [f"degraded: {each['path']}  {each['reason']}" for each in degraded]
        code = DEGRADED if degraded else 0
        return Answer({**data, "live": live, "degraded": degraded}, "\n".join(lines), code)
    data, live = read(state, {"verb": "status", "id": name})
    rows = [_task_line(each) for each in data["tasks"]]
    if any(each["state"] == TaskState.REPLANNING for each in data["tasks"]):
        rows.append(f"  waits for a new plan: number {data['replans']}; `explain {name}/TASK` says more")
    return Answer({**data, "live": live}, "\n".join([_line(data), *rows]))


def degraded_parts(door: Door) -> list[dict[str, str]]:
    """The actors that say of themselves that they work with less than their full ability, and why. Empty when the
    system does not answer at once: it heals, and that is what the other lines show."""

    def parts(node: dict[str, Any]) -> list[dict[str, str]]:
        info = node["node"]
        own = [{"path": info["path"], "reason": info["degraded"]}] if info["degraded"] else []
        return own + [part for child in node["children"] for part in parts(child)]

    try:
        return parts(door.command("tree", patience_s=0.0))
    except (TryAgain, Unreachable):
        return []


def _line(data: dict[str, Any]) -> str:
    progress = data["progress"]
    error = f"  {data['error']}" if data.get("error") else ""
    return f"{data['id']}  {data['state']}  {progress['done']}/{progress['total']}  {data['title']}{error}"


def _task_line(task: dict[str, Any]) -> str:
    commit = (task["commit"] or "")[:10]
    faults = f", {task['infra_faults']} lost to faults" if task["infra_faults"] else ""
    error = f"  {str(task['error']).splitlines()[0]}" if task["error"] else ""
    return f"  {task['id']:24} {task['state']:12} attempt {task['attempts']}{faults}  {commit}{error}"


def show_reasons(name: str, options: Options) -> Answer:
    """Why a task is not running."""
    requirement, _, task = name.partition("/")
    if not task:
        raise NotFound(f"{name!r} names no task", hint=f"`tasks {requirement}` lists them; give {requirement}/TASK")
    state = Path(options.state)
    call = {"verb": "explain", "id": requirement, "task": task}
    data, live = read(state, call)
    lines = [f"{name}:", *(f"  {reason['text']}" for reason in data["reasons"])]
    return Answer({**data, "live": live}, "\n".join(lines))


def show_tasks(name: str | None, options: Options) -> Answer:
    state = Path(options.state)
    names = [name]
    if name is None:
        data, _ = read(state, {"verb": "status"})
        names = [each["id"] for each in data["requirements"]]
    rows, live = [], True
    for each in names:
        assert each is not None
        found, live = read(state, {"verb": "status", "id": each})
        rows += [{"requirement": each, **task} for task in found["tasks"]]
    lines = [f"{row['requirement']}/{_task_line(row).strip()}" for row in rows] or ["no tasks"]
    return Answer({"tasks": rows, "live": live}, "\n".join(lines))


def show_output(name: str, attempt: int | None, follow: bool, options: Options) -> Answer | int:
    requirement, _, task = name.partition("/")
    state = Path(options.state)
    data, _ = read(state, {"verb": "status", "id": requirement})
    known = {each["id"]: each for each in data["tasks"]}
    if task not in known:
        hint = f"`tasks {requirement}` lists them" if known else f"it has no plan yet; `status {requirement}` says more"
        raise NotFound(f"no task {task!r} in requirement {requirement!r}", hint=hint)
    attempts = known[task]["attempts"]
    if attempt is not None and attempt > attempts and not follow:
        hint = f"`output {name}` prints the newest" if attempts else f"`explain {name}` says why it has not begun"
        raise NotFound(f"{name} has had {attempts} attempts, not {attempt}", hint=hint)
    if follow:
        attempts = _follow_output(requirement, task, attempt, state, quiet=options.as_json)
        if not options.as_json:
            return 0
    number = attempt or attempts
    file = Layout(str(state.resolve())).output(requirement, task, number)
    size_bytes = file.stat().st_size if file.exists() else 0
    if size_bytes and not options.as_json:
        _Shown(file, number).go_on()
        return 0
    text = end_of(file, OUTPUT_JSON_BYTES_MAX) if size_bytes else ""
    written = read(state, {"verb": "result", "id": requirement, "task": task})[0]["result"]
    result = json.loads(written) if written is not None and number == attempts else None
    found = {"task": name, "attempt": number, "output": text, "result": result}
    if size_bytes > OUTPUT_JSON_BYTES_MAX:
        found["left_out_bytes"] = size_bytes - OUTPUT_JSON_BYTES_MAX
    return Answer(found, json.dumps(result, ensure_ascii=False) if result is not None else "")


def _follow_output(requirement: str, task: str, attempt: int | None, state: Path, *, quiet: bool) -> int:
    """Print what comes until the task has ended, of each attempt that comes, or of ``attempt`` alone until it has
    ended; how many there were."""
    shown: _Shown | None = None
    while True:
        data, _ = read(state, {"verb": "status", "id": requirement})
        found = next(each for each in data["tasks"] if each["id"] == task)
        for number in range(shown.number if shown else attempt or max(1, found["attempts"]), found["attempts"] + 1):
            if shown is None or shown.number != number:
                shown = _Shown(Layout(str(state.resolve())).output(requirement, task, number), number)
            if not quiet:
                shown.go_on()
            if number == attempt:
                break
        is_over = attempt is not None and found["attempts"] > attempt
        if is_over or found["state"] in TASK_FINAL or data["state"] in REQUIREMENT_FINAL:
            return int(found["attempts"])
        time.sleep(LOOK_EVERY_S)


class _Shown:
    """The output of one attempt, as far as it is printed."""

    def __init__(self, file: Path, number: int) -> None:
        self.number = number
        self._file = file
        self._at = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")  # a letter may come in two parts

    def go_on(self) -> None:
        """All there is by now has been printed."""
        if not self._file.exists():
            return
        with self._file.open("rb") as handle:
            handle.seek(self._at)
            while chunk := handle.read(CHUNK_BYTES):
                self._at += len(chunk)
                put(printable(self._decoder.decode(chunk)), end="")


def show_events(follow: bool, after: int, requirement: str | None, options: Options) -> int:
    """JSON lines; with ``follow`` until interrupted, or until nothing runs any more. NotFound for a requirement that is
    not there, unless it may yet come."""
    state, is_heard_of = Path(options.state), False
    while True:
        call = {"verb": "events", "after_seq": after, "requirement": requirement, "limit": EVENTS_AT_ONCE}
        call["wait_s"] = FOLLOW_WAIT_S if follow else 0.0
        data, live = read(state, call)
        for event in data["events"]:
            put(json.dumps(event, ensure_ascii=False))
            after, is_heard_of = event["seq"], True
        if not follow and requirement is not None and not is_heard_of:
            read(state, {"verb": "status", "id": requirement})
        if not data["events"] and not (follow and live):
            return 0
