"""What an analyzer that is not ours answered, read as tasks. Nothing in it is trusted: only known keys, each value
checked as in a file, and only those ways to work that the configuration allows it.

An answer is one JSON object: ``{"tasks": [{"id": "build", "run": "make", …}, …]}``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from aidos_actors.analyzers.problems import Problems, Wrong, shown
from aidos_actors.analyzers.tasks import read_tasks
from aidos_actors.analyzers.yaml_nodes import NESTING_MAX, Items, Mapping, Node, Scalar
from aidos_actors.core.amending import amended
from aidos_actors.core.errors import AidosError, BadInput
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.requirement import Requirement, Task

ALWAYS = ("title", "needs", "timeout", "stall", "retries", "retry", "priority", "group")
WITH = {"run": ("run", "env"), "call": ("call", "args"), "verify": ("verify",)}
_EXAMPLE = '{"tasks": [{"id": "build", "title": "Build it", "run": "make", "needs": []}]}'


class NoPlan(AidosError):
    """An analyzer's answer is no plan; asked again it would say the same. ``problems``: one line each."""

    code = "no_plan"

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems or (message,)


class NotNow(AidosError):
    """An analyzer is well and asks to be left alone for ``delay_s`` seconds."""

    code = "not_now"

    def __init__(self, message: str, delay_s: float) -> None:
        super().__init__(message)
        self.delay_s = delay_s


def keys_for(allow: Collection[str]) -> tuple[str, ...]:
    """The keys that a task of an answer may have besides its id."""
    return (*ALWAYS, *(key for name in WITH if name in allow for key in WITH[name]))


def read_amendment(text: str, allow: Collection[str], requirement: Requirement, failed: FailedTask) -> tuple[Task, ...]:
    """The tasks in the place of the ``failed`` one, with which there is another plan. ``NoPlan`` as ``read_answer``."""
    known = [task.id for task in requirement.tasks if task.id != failed.id]
    tasks = read_answer(text, allow, known)
    try:
        amended(requirement, failed.id, tasks)
    except BadInput as error:
        raise _no_plan(error.message.splitlines()) from None
    return tasks


def read_answer(text: str, allow: Collection[str], known: Collection[str] = ()) -> tuple[Task, ...]:
    """The tasks, at least one, in an order that can be; ``known`` are others that they may need. ``NoPlan`` with
    everything that is wrong otherwise."""
    problems = Problems("answer")
    tasks: tuple[Task, ...] = ()
    try:
        tasks = read_tasks(_root(_parsed(text), keys_for(allow), problems), problems, known)
    except Wrong as wrong:
        problems.add(wrong)
    if problems.count:
        raise _no_plan([f"{each.message} ({each.hint})" if each.hint else each.message for each in problems.all])
    return tasks


def _no_plan(said: Sequence[str]) -> NoPlan:
    more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
    return NoPlan(f"its answer is no plan: {said[0]}{more}", tuple(said))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_constant)
    except RecursionError:
        raise Wrong(1, "the answer is nested too deep", "make it flatter") from None
    except ValueError as error:
        raise Wrong(1, f"the answer is not JSON: {error}", f"answer with nothing but {_EXAMPLE}") from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {shown(doubled)} is written twice in one object")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no value of JSON")


def _root(value: Any, keys: Collection[str], problems: Problems) -> Mapping:
    """The answer as a document with `tasks`; keys that are not allowed are reported and left out."""
    listed = value.get("tasks") if isinstance(value, dict) else None
    if not isinstance(listed, list) or set(value) != {"tasks"}:
        raise Wrong(1, "the answer is not one object whose only key is `tasks`, a list", f"answer as in {_EXAMPLE}")
    tasks = Mapping(1)
    for at, each in enumerate(listed, 1):
        name = each.get("id") if isinstance(each, dict) else None
        if not isinstance(name, str):
            raise Wrong(1, f"task {at} of the list is no object with an `id` that is text", f"answer as in {_EXAMPLE}")
        if name in tasks.entries:
            problems.add(Wrong(1, f"task {shown(name)} is there twice", "give each task an id of its own"))
        said = {key: item for key, item in each.items() if key != "id" and item is not None}
        for key in said.keys() - set(keys):
            problems.add(Wrong(1, f"task {shown(name)}: key {shown(key)} is not allowed", f"use {', '.join(keys)}"))
        allowed = {key: item for key, item in said.items() if key in keys}
        tasks.entries[name] = (1, _node(allowed, NESTING_MAX))
    return Mapping(1, {"tasks": (1, tasks)})


def _node(value: Any, depth: int) -> Node:
    if depth == 0:
        raise Wrong(1, f"nested more than {NESTING_MAX} deep", "make it flatter")
    if isinstance(value, dict):
        return Mapping(1, {key: (1, _node(item, depth - 1)) for key, item in value.items()})
    if isinstance(value, list):
        return Items(1, [_node(item, depth - 1) for item in value])
    if isinstance(value, str):
        _refuse_broken(value)
        return Scalar(value, 1, plain=False)
    kind = {type(None): "null", bool: "bool", int: "int"}.get(type(value), "float")
    return Scalar(json.dumps(value), 1, plain=True, tag=kind)


def _refuse_broken(value: str) -> None:
    try:
        is_text = "\0" not in value and bool(value.encode() or True)
    except UnicodeEncodeError:
        is_text = False
    if not is_text:
        raise Wrong(1, f"{shown(value)} holds a NUL or half a character", "remove it")
