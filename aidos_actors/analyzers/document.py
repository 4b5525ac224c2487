"""The text of a requirement file, read into its model: every key known, every value checked, mistakes with lines.

All mistakes of a file are looked for; the first in file order is reported, with the number of the others.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from itertools import islice
from pathlib import Path, PurePath
from typing import Any

from pydantic import ValidationError

from aidos_actors.analyzers import fields
from aidos_actors.analyzers.problems import PROBLEMS_MAX, Problems, Wrong, shown
from aidos_actors.analyzers.retry_fields import retry
from aidos_actors.analyzers.yaml_nodes import Items, Mapping, Node, Scalar, compose
from aidos_actors.core.plan import Problem, check_needs
from aidos_actors.core.requirement import TASKS_MAX, Requirement, Task
from aidos_actors.core.spelling import nearest_name, suggestion

REQUIREMENT_BYTES_MAX = 64 * 1024 * 1024

Table = dict[str, tuple[str, fields.Reader]]

# key of the file -> (field of the model, reader of the value)
REQUIREMENT_KEYS: Table = {
    "id": ("id", fields.identifier),
    "title": ("title", fields.text),
    "repo": ("repo", fields.folder),
    "base": ("base", fields.revision),
    "target": ("target", fields.branch),
    "mode": ("mode", fields.mode),
    "workers": ("workers", fields.whole(1, 1000)),
    "priority": ("priority", fields.whole(0, 100)),
    "deadline": ("deadline_s", fields.duration),
    "retry": ("retry", retry),
    "verify": ("verify", fields.words),
}
TASK_KEYS: Table = {
    "title": ("title", fields.text),
    "run": ("run", fields.words),
    "call": ("call", fields.callable_name),
    "args": ("args", fields.arguments),
    "agent": ("agent", fields.words),
    "prompt": ("prompt", fields.words),
    "needs": ("needs", fields.needs),
    "timeout": ("timeout_s", fields.duration),
    "stall": ("stall_s", fields.duration),
    "retries": ("retries", fields.whole(0, 1000)),
    "retry": ("retry", retry),
    "priority": ("priority", fields.whole(0, 100)),
    "group": ("group", fields.words),
    "verify": ("verify", fields.words),
    "env": ("env", fields.environment),
}
WAYS_TO_WORK = ("run", "call", "agent")
_ONLY_WITH = {"args": "call", "prompt": "agent"}
_EXAMPLE = "write at least one, for example `tasks: {hello: {run: echo hello}}`"


def read_requirement(text: str, *, file: str, base_dir: str, limit_bytes: int = REQUIREMENT_BYTES_MAX) -> Requirement:
    """The requirement that ``text`` describes; ``repo`` is absolute, relative to ``base_dir``. Reads no file.

    Raises ``BadInput`` with ``file``, the line and a hint for whatever is wrong with it.
    """
    problems = Problems(file)
    requirement: Requirement | None = None
    try:
        root = _root(text, problems, limit_bytes)
        requirement = _read(root, Path(base_dir), problems)
    except Wrong as wrong:  # what follows this place could not be looked at
        problems.add(wrong)
    problems.raise_first()
    assert requirement is not None
    return requirement


def _root(text: str, problems: Problems, limit_bytes: int) -> Mapping:
    if PurePath(problems.file).suffix.lower() in (".md", ".markdown"):
        hint = "move the front matter into a file that ends in .yaml, with the tasks under `tasks:`"
        raise Wrong(1, "only YAML documents are understood so far, not Markdown", hint)
    if len(text) > limit_bytes:
        raise Wrong(1, f"the document is over {limit_bytes:,} bytes", "split it, or raise limits.requirement_bytes")
    root = compose(text.removeprefix("\ufeff"), problems.add, limit_chars=limit_bytes)
    if root is None:
        raise Wrong(1, "the document is empty", "it needs at least `id` and `tasks`")
    if not isinstance(root, Mapping):
        what = "a list" if isinstance(root, Items) else f"the text {shown(root.value)}"
        raise Wrong(root.line, f"the document is {what}, not a mapping", "begin with `id: some-name` and `tasks:`")
    return root


def _read(root: Mapping, base_dir: Path, problems: Problems) -> Requirement | None:
    values = _values(root, REQUIREMENT_KEYS, "", problems, also="tasks")
    if "id" not in root.entries and not _is_misspelt(("id",), root, REQUIREMENT_KEYS):
        problems.add(Wrong(root.line, "`id` is missing", "add `id: some-name`; it names the requirement for ever"))
    tasks = _tasks(root, problems)
    if problems.count:
        return None
    if "repo" in values:
        values["repo"] = _absolute(values["repo"], base_dir, root.entries["repo"][0])
    values["title"] = values.get("title") or values["id"]
    try:
        return Requirement(**values, tasks=tasks)
    except ValidationError as error:
        raise _model_says(error, root.line) from None


def _tasks(root: Mapping, problems: Problems) -> tuple[Task, ...]:
    line, node = root.entries.get("tasks", (root.line, None))
    if node is None:
        if not _is_misspelt(("tasks",), root, REQUIREMENT_KEYS):
            problems.add(Wrong(line, "`tasks` is missing", _EXAMPLE))
        return ()
    if isinstance(node, Items) and node.items:
        raise Wrong(node.line, "`tasks` must be a mapping, not a list", "write each as `name:` and its keys below")
    if isinstance(node, Scalar) and not node.is_null:
        raise Wrong(node.line, f"`tasks` must be a mapping, not {shown(node.value)}", _EXAMPLE)
    if not isinstance(node, Mapping) or not node.entries:
        raise Wrong(line, "there are no tasks", _EXAMPLE)
    if len(node.entries) > TASKS_MAX:
        raise Wrong(line, f"{len(node.entries):,} tasks are more than {TASKS_MAX:,}", "split the requirement")
    tasks: list[Task] = []
    needs: dict[str, tuple[str, ...]] = {}
    for task_id, (task_line, body) in node.entries.items():
        if problems.is_full:
            return ()
        needs[task_id] = ()
        try:
            values = _task_values(task_id, task_line, body, problems)
            needs[task_id] = values.get("needs", ())
            tasks.append(Task(id=task_id, **values))
        except ValidationError as error:
            if not problems.count:
                problems.add(_model_says(error, task_line))
        except Wrong as wrong:
            problems.add(wrong)
    for problem in check_needs(needs):
        problems.add(Wrong(_line_of(problem, node), problem.message, problem.hint))
    return tuple(tasks)


def _task_values(task_id: str, line: int, body: Node, problems: Problems) -> dict[str, Any]:
    """Its values by field of the model. Adds mistakes of single keys to ``problems``; raises ``Wrong`` without keys."""
    if isinstance(body, Scalar) and body.is_null:
        body = Mapping(line)
    if not isinstance(body, Mapping):
        what = "a list" if isinstance(body, Items) else f"the text {shown(body.value)}"
        hint = "put its keys below it, for example `run: make`"
        raise Wrong(body.line, f"task {shown(task_id)} must be a mapping, not {what}", hint)
    try:
        fields.checked_id(task_id, line)
    except Wrong as wrong:
        problems.add(wrong)
    values = _values(body, TASK_KEYS, f"task {shown(task_id)}: ", problems)
    _check_way_to_work(task_id, line, body, problems)
    return values


def _values(mapping: Mapping, table: Table, where: str, problems: Problems, also: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, (line, node) in mapping.entries.items():
        if key not in table:
            if key != also and not problems.is_full:
                problems.add(_unknown_key(key, line, where, [*table, also] if also else list(table)))
            continue
        if _is_left_out(key, node):
            continue
        field, read = table[key]
        try:
            found[field] = read(node, key)
        except Wrong as wrong:
            problems.add(Wrong(wrong.line, where + wrong.message, wrong.hint))
    return found


def _is_left_out(key: str, node: Node) -> bool:
    """`verify:` and `verify: null` say the same as no such line. But ids are text, so ``null`` may be a task's."""
    if not isinstance(node, Scalar) or not node.is_null or key == "id":
        return False
    return key != "needs" or node.value in ("", "~")


def _absolute(repo: str, base_dir: Path, line: int) -> str:
    path = os.path.normpath(base_dir.absolute() / repo)
    try:
        path.encode()
    except UnicodeEncodeError:
        hint = "rename the folder, or put the requirement elsewhere"
        raise Wrong(line, f"`repo`: {path!r} is not a path in UTF-8", hint) from None
    return path


def _unknown_key(key: str, line: int, where: str, valid: list[str]) -> Wrong:
    hint = suggestion(key, valid)
    if key in TASK_KEYS:
        hint = f"{key!r} belongs inside a task; look at the indentation"
    elif key in REQUIREMENT_KEYS:
        hint = f"{key!r} belongs to the requirement, at the left edge of the file"
        if key == "id":
            hint = "a task's id is the key it stands under"
    return Wrong(line, f"{where}unknown key {shown(key)}", hint)


def _is_misspelt(wanted: Collection[str], mapping: Mapping, table: Table) -> bool:
    """An unknown key looks like one of ``wanted``: that is reported already, so that one is missing is no news."""
    unknown = islice((key for key in mapping.entries if key not in table), PROBLEMS_MAX)
    return any(nearest_name(key, wanted) for key in unknown)


def _check_way_to_work(task_id: str, line: int, body: Mapping, problems: Problems) -> None:
    given = [key for key, (_, node) in body.entries.items() if not (isinstance(node, Scalar) and node.is_null)]
    ways = [key for key in given if key in WAYS_TO_WORK]
    if not ways and not _is_misspelt(WAYS_TO_WORK, body, TASK_KEYS):
        what = f"task {shown(task_id)} has none of run, call and agent"
        problems.add(Wrong(line, what, "say how it is done, for example `run: make`"))
    if len(ways) > 1:
        what = f"task {shown(task_id)} has {' and '.join(ways)}; exactly one of run, call, agent is needed"
        problems.add(Wrong(body.entries[ways[1]][0], what, "keep one, or make two tasks of it"))
    for key, way in _ONLY_WITH.items():
        if key in given and len(ways) == 1 and way not in ways:
            what = f"`{key}` goes with `{way}`, and task {shown(task_id)} has `{ways[0]}`"
            problems.add(Wrong(body.entries[key][0], what, f"take `{key}` out, or use `{way}`"))


def _line_of(problem: Problem, tasks: Mapping) -> int:
    """Where the need is written that the problem is about; if more than once, the last place."""
    line, body = tasks.entries[problem.task_id]
    if isinstance(body, Mapping) and problem.field in body.entries:
        line, node = body.entries[problem.field]
        for item in node.items if isinstance(node, Items) else [node]:
            if isinstance(item, Scalar) and item.value == problem.need:
                line = item.line
    return line


def _model_says(error: ValidationError, line: int) -> Wrong:
    """A rule of the model that no reader here knows of."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return Wrong(line, f"{place}: {first['msg']}" if place else first["msg"], "correct this value")
