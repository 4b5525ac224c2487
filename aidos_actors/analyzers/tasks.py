"""The tasks of a document, read into their models: known keys, one way to work each, needs that are there."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import ValidationError

from aidos_actors.analyzers import fields
from aidos_actors.analyzers.keys import REQUIREMENT_KEYS, TASK_KEYS, is_misspelt, model_says, read_keys
from aidos_actors.analyzers.problems import Problems, Wrong, shown
from aidos_actors.analyzers.yaml_nodes import Items, Mapping, Node, Scalar
from aidos_actors.core.plan import Problem, check_needs
from aidos_actors.core.requirement import TASKS_MAX, AgentWork, Task

WAYS_TO_WORK = ("run", "call", "agent")
_ONLY_WITH = {"args": "call", "prompt": "agent", "changes": "agent"}
_EXAMPLE = "write at least one, for example `tasks: {hello: {run: echo hello}}`"


def read_tasks(root: Mapping, problems: Problems, known: Collection[str] = ()) -> tuple[Task, ...]:
    """Those under `tasks`, which may need the ``known`` ones, too. Mistakes are added to ``problems``, or raised as
    ``Wrong`` where reading cannot go on."""
    line, node = root.entries.get("tasks", (root.line, None))
    if node is None:
        if not is_misspelt(("tasks",), root, REQUIREMENT_KEYS):
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
    needs: dict[str, tuple[str, ...]] = dict.fromkeys(known, ())
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
                problems.add(model_says(error, task_line))
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
    values = read_keys(body, TASK_KEYS, f"task {shown(task_id)}: ", problems)
    _check_way_to_work(task_id, line, body, problems)
    return _with_agents(task_id, values, body, problems)


def _with_agents(task_id: str, values: dict[str, Any], body: Mapping, problems: Problems) -> dict[str, Any]:
    """Who is to do it can be asked, and knows what to do."""
    names, changes = values.pop("agent", None), values.pop("changes", None)
    if names is None:
        return values
    line = body.entries["agent"][0]
    wrong = problems.wrong_agents(names)
    if wrong is not None:
        problems.add(Wrong(line, f"task {shown(task_id)}: {wrong[0]}", wrong[1]))
    if not values.get("prompt") and not values.get("title"):
        what = f"task {shown(task_id)} does not say what the agent is to do"
        problems.add(Wrong(line, what, "add `prompt: …`; without one its `title` is the prompt"))
    is_plain = len(names) == 1 and changes in (None, "required")
    return {**values, "agent": names[0] if is_plain else AgentWork(names=names, changes=changes or "required")}


def _check_way_to_work(task_id: str, line: int, body: Mapping, problems: Problems) -> None:
    given = [key for key, (_, node) in body.entries.items() if not (isinstance(node, Scalar) and node.is_null)]
    ways = [key for key in given if key in WAYS_TO_WORK]
    if not ways and not is_misspelt(WAYS_TO_WORK, body, TASK_KEYS):
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
