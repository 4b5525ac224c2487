"""The keys that a requirement and its tasks may have, and a mapping read by such a table: every key known, every value
checked."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from typing import Any

from pydantic import ValidationError

from aidos_actors.analyzers import fields
from aidos_actors.analyzers.problems import PROBLEMS_MAX, Problems, Wrong, shown
from aidos_actors.analyzers.retry_fields import retry
from aidos_actors.analyzers.yaml_nodes import Mapping, Node, Scalar
from aidos_actors.core.spelling import nearest_name, suggestion

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
    "agent": ("agent", fields.agents),
    "prompt": ("prompt", fields.words),
    "changes": ("changes", fields.changes),
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


def read_keys(mapping: Mapping, table: Table, where: str, problems: Problems, also: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, (line, node) in mapping.entries.items():
        if key not in table:
            if key != also and not problems.is_full:
                problems.add(unknown_key(key, line, where, [*table, also] if also else list(table)))
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


def unknown_key(key: str, line: int, where: str, valid: list[str]) -> Wrong:
    hint = suggestion(key, valid)
    if key in TASK_KEYS:
        hint = f"{key!r} belongs inside a task; look at the indentation"
    elif key in REQUIREMENT_KEYS:
        hint = f"{key!r} belongs to the requirement, at the left edge of the file"
        if key == "id":
            hint = "a task's id is the key it stands under"
    return Wrong(line, f"{where}unknown key {shown(key)}", hint)


def is_misspelt(wanted: Collection[str], mapping: Mapping, table: Table) -> bool:
    """An unknown key looks like one of ``wanted``: that is reported already, so that one is missing is no news."""
    unknown = islice((key for key in mapping.entries if key not in table), PROBLEMS_MAX)
    return any(nearest_name(key, wanted) for key in unknown)


def model_says(error: ValidationError, line: int) -> Wrong:
    """A rule of the model that no reader here knows of."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return Wrong(line, f"{place}: {first['msg']}" if place else first["msg"], "correct this value")
