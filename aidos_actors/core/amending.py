"""A plan that came to nothing in one place: what may take the place of the task that failed, and what stays as it is.

| of the plan | an answer |
|---|---|
| the failed task | must change it, or leave it out for the tasks that are there instead |
| what needs it, directly or not | may change it; not named it stays, and waits for what is there instead |
| everything else: done, under way, or yet to come | can only be needed |
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from aidos_actors.core.errors import BadInput
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.plan import check_needs, dependents_of
from aidos_actors.core.requirement import TASKS_MAX, Requirement, Task


def reached(neighbours: Callable[[str], Iterable[str]], first: str) -> frozenset[str]:
    """All that can be come to from there, step by step: over dependents what waits for a task, over needs what it
    needs, directly or not."""
    found: set[str] = set()
    edge = deque([first])
    while edge:
        fresh = [name for name in neighbours(edge.popleft()) if name not in found]
        found.update(fresh)
        edge += fresh
    return frozenset(found)


def amended(model: Requirement, failed: str, answer: Sequence[Task]) -> Requirement:
    """The requirement with the tasks of ``answer`` where the failed one stood. Raises ``BadInput`` with all that is
    wrong, a line each, and then there is none."""
    waits = _waiting_for(model, failed)
    by_id = {task.id: task for task in answer}
    problems = list(_wrong(model, failed, waits, answer))
    ends = _ends([task for task in answer if task.id not in waits])
    gone = failed not in by_id
    tasks: list[Task] = []
    for task in model.tasks:
        if task.id == failed:
            tasks += [each for each in answer if each.id not in waits]
        elif task.id in waits:
            new = by_id.get(task.id)
            tasks.append(new if new is not None else _rewired(task, failed, ends) if gone else task)
        else:
            tasks.append(task)
    if not problems:
        problems += [each.message for each in check_needs({task.id: task.needs for task in tasks})]
    if problems:
        raise BadInput("\n".join(problems))
    return model.model_copy(update={"tasks": tuple(tasks)})


def _waiting_for(model: Requirement, failed: str) -> frozenset[str]:
    dependents = dependents_of(model)
    return reached(lambda name: dependents.get(name, ()), failed)


def _wrong(model: Requirement, failed: str, waits: frozenset[str], answer: Sequence[Task]) -> Iterable[str]:
    before = {task.id: task for task in model.tasks}
    as_it_was = _meaning(before[failed])
    for task in answer:
        if task.id in before and task.id != failed and task.id not in waits:
            yield f"task {task.id!r} is there already and cannot be changed: name it in needs only"
        elif _meaning(task) == as_it_was:
            yield f"task {task.id!r} is the task that failed, unchanged, and would fail again"
    if all(task.id in waits for task in answer):
        yield f"it has no task in the place of {failed!r}, which failed"
    if len({*before, *(task.id for task in answer)}) > TASKS_MAX:
        yield f"with it there would be more than {TASKS_MAX:,} tasks"


def _ends(tasks: Sequence[Task]) -> tuple[str, ...]:
    """Those that none of the others needs."""
    needed = {need for task in tasks for need in task.needs}
    return tuple(task.id for task in tasks if task.id not in needed)


def _rewired(task: Task, failed: str, ends: tuple[str, ...]) -> Task:
    """What needed the failed task needs what is there instead."""
    if failed not in task.needs:
        return task
    needs = (each for need in task.needs for each in (ends if need == failed else (need,)))
    return task.model_copy(update={"needs": tuple(dict.fromkeys(needs))})


def _meaning(task: Task) -> Task:
    return task.model_copy(update={"id": "", "title": "", "needs": tuple(sorted(set(task.needs)))})


def told(model: Requirement, failed: FailedTask) -> dict[str, Any]:
    """The state of the plan as an analyzer is told it. What the failed task needed is done; of the rest it is not said
    how far it is, so that the same question is the same question whenever it is asked."""
    waits = _waiting_for(model, failed.id)
    by_id = {task.id: task for task in model.tasks}
    done = reached(lambda name: by_id[name].needs, failed.id)
    others = [task for task in model.tasks if task.id not in waits and task.id not in done and task.id != failed.id]
    return {
        "failed": {**_as_answered(by_id[failed.id]), "error": failed.error, "output": failed.output},
        "waiting_for_it": [_as_answered(task) for task in model.tasks if task.id in waits],
        "done": [_named(task) for task in model.tasks if task.id in done],
        "not_concerned": [_named(task) for task in others],
    }


def _named(task: Task) -> dict[str, Any]:
    return {"id": task.id, "title": task.title, "needs": list(task.needs)}


def _as_answered(task: Task) -> dict[str, Any]:
    """With the keys of an answer, those that say something."""
    said = task.model_dump(mode="json", exclude={"timeout_s", "stall_s", "retry", "agent", "prompt"})
    plain = {key: value for key, value in said.items() if value not in (None, {}, "") or key == "needs"}
    spans = {"timeout": task.timeout_s, "stall": task.stall_s}
    return {**plain, **{key: f"{span_s:g}s" for key, span_s in spans.items() if span_s is not None}}
