"""The order in which tasks may run, and what is wrong with the ``needs`` that should give one.

Everything here is iterative and linear in tasks and needs (the serial order costs a heap on top), so a chain of
200,000 tasks is planned without recursion.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from msgspec import Struct

from aidos_actors.core.errors import BadInput
from aidos_actors.core.packed_tasks import outline
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.spelling import suggestion

PROBLEMS_MAX = 1_000
_SUGGESTIONS_MAX = 5
_CIRCLE_SHOWN_MAX = 12

Needs = Mapping[str, Sequence[str]]


class Problem(Struct, frozen=True):
    """What is wrong with one field of one task; ``need`` is the entry of ``needs`` it is about, if any."""

    task_id: str
    field: str
    message: str
    hint: str
    need: str = ""


class Plan(Struct, frozen=True):
    """When what may run. ``layers``: a task stands one layer below the deepest task it needs, in file order inside a
    layer. ``order``: serially, always the first task of the file whose needs are met. ``groups``: the tasks of each
    group, and ``dependents``: the tasks that need each task directly, both in file order."""

    layers: tuple[tuple[str, ...], ...]
    order: tuple[str, ...]
    groups: dict[str, tuple[str, ...]]
    dependents: dict[str, tuple[str, ...]]


def needs_of(requirement: Requirement) -> dict[str, Sequence[str]]:
    """What each task needs, in file order. Raises ``BadInput`` with the first problem when the tasks cannot be
    ordered."""
    needs = dict(outline(requirement.tasks))
    for problem in check_references(requirement, needs):
        raise BadInput(problem.message, hint=problem.hint)
    return needs


def check_references(requirement: Requirement, needs: Needs | None = None) -> tuple[Problem, ...]:
    """What keeps the tasks from being ordered, in file order, at most 1,000; empty when a plan exists. Never raises.
    Who knows what they need already (``needs``) saves its being read once more."""
    needs = dict(outline(requirement.tasks)) if needs is None else needs
    if len(needs) == len(requirement.tasks):
        return check_needs(needs) if any(needs.values()) else ()
    counts = Counter(name for name, _needs in outline(requirement.tasks))
    doubled = (
        Problem(name, "id", f"{count} tasks have the id {name!r}", "give each task an id of its own")
        for name, count in counts.items()
        if count > 1
    )
    return tuple(islice(doubled, PROBLEMS_MAX))


def check_needs(needs: Needs) -> tuple[Problem, ...]:
    """The same for bare ids: ``needs`` maps each task to what it needs, in file order."""
    wrong = list(islice(_wrong_needs(needs), PROBLEMS_MAX))
    edges = {
        task: [need for need in dict.fromkeys(row) if need in needs and need != task] for task, row in needs.items()
    }
    position = {task: at for at, task in enumerate(needs)}
    for knot in islice(_knots(edges), PROBLEMS_MAX - len(wrong)):
        wrong.append(_circle_problem(min(knot, key=position.__getitem__), frozenset(knot), edges))
    return tuple(sorted(wrong, key=lambda problem: position[problem.task_id]))


def dependents_of(requirement: Requirement) -> dict[str, list[str]]:
    """The tasks that need each task directly, in file order; tasks that nobody needs are left out. Raises ``BadInput``
    as ``needs_of``."""
    dependents: dict[str, list[str]] = {}
    for name, needs in needs_of(requirement).items():
        for need in needs:
            dependents.setdefault(need, []).append(name)
    return dependents


def build_plan(requirement: Requirement) -> Plan:
    """The plan of a requirement. Raises ``BadInput`` with the first problem when its tasks cannot be ordered."""
    dependents: dict[str, list[str]] = {task.id: [] for task in requirement.tasks} | dependents_of(requirement)
    groups: dict[str, list[str]] = {}
    for task in requirement.tasks:
        if task.group is not None:
            groups.setdefault(task.group, []).append(task.id)
    order = _serial_order(requirement, dependents)
    return Plan(
        layers=_layers(requirement, order),
        order=order,
        groups={group: tuple(ids) for group, ids in groups.items()},
        dependents={task_id: tuple(ids) for task_id, ids in dependents.items()},
    )


def _serial_order(requirement: Requirement, dependents: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    position = {task.id: at for at, task in enumerate(requirement.tasks)}
    missing = {task.id: len(task.needs) for task in requirement.tasks}
    ready = [at for at, task in enumerate(requirement.tasks) if not task.needs]
    order: list[str] = []
    while ready:
        task_id = requirement.tasks[heapq.heappop(ready)].id
        order.append(task_id)
        for dependent in dependents[task_id]:
            missing[dependent] -= 1
            if not missing[dependent]:
                heapq.heappush(ready, position[dependent])
    return tuple(order)


def _layers(requirement: Requirement, order: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    needs = {task.id: task.needs for task in requirement.tasks}
    depth: dict[str, int] = {}
    for task_id in order:
        depth[task_id] = max((depth[need] + 1 for need in needs[task_id]), default=0)
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for task_id in needs:
        layers[depth[task_id]].append(task_id)
    return tuple(tuple(layer) for layer in layers)


def _wrong_needs(needs: Needs) -> Iterator[Problem]:
    suggestions_left = _SUGGESTIONS_MAX
    for task, row in needs.items():
        seen: set[str] = set()
        for need in row:
            if need in seen:
                yield Problem(task, "needs", f"task {task!r} needs {need!r} twice", "name each need once", need)
            elif need == task:
                yield Problem(task, "needs", f"task {task!r} needs itself", "remove it from its own needs", need)
            elif need not in needs:
                # Comparing with every name costs; a file with thousands of wrong needs must still be answered soon.
                hint = suggestion(need, needs) if suggestions_left > 0 else ""
                suggestions_left -= 1
                hint = hint or "every name in needs must be a task of the same file"
                yield Problem(task, "needs", f"task {task!r} needs {need!r}, which is no task here", hint, need)
            seen.add(need)


def _knots(edges: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """The largest sets of two or more tasks that all need one another: Tarjan's strongly connected components."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    for root in edges:
        if root in number:
            continue
        visits: list[tuple[str, Iterator[str]]] = []
        entering: str | None = root
        while entering is not None or visits:
            if entering is not None:
                number[entering] = lowest[entering] = len(number)
                path.append(entering)
                on_path.add(entering)
                visits.append((entering, iter(edges[entering])))
            task, rest = visits[-1]
            entering = None
            for need in rest:
                if need not in number:
                    entering = need
                    break
                if need in on_path:
                    lowest[task] = min(lowest[task], number[need])
            if entering is not None:
                continue
            visits.pop()
            if visits:
                parent = visits[-1][0]
                lowest[parent] = min(lowest[parent], lowest[task])
            if lowest[task] == number[task]:
                knot = _cut(path, task)
                on_path.difference_update(knot)
                if len(knot) > 1:
                    yield knot


def _cut(path: list[str], first: str) -> list[str]:
    knot = [path.pop()]
    while knot[-1] != first:
        knot.append(path.pop())
    return knot


def _circle_problem(first: str, knot: frozenset[str], edges: Mapping[str, Sequence[str]]) -> Problem:
    circle = _circle(first, knot, edges)
    shown = [*circle]
    if len(circle) > _CIRCLE_SHOWN_MAX:
        left_out = len(circle) - _CIRCLE_SHOWN_MAX
        shown[_CIRCLE_SHOWN_MAX - 2 : -2] = [f"... {left_out} more ..."]
    return Problem(
        first,
        "needs",
        f"tasks need each other in a circle: {' -> '.join(shown)}",
        f"take one need of this circle out, for example {circle[1]!r} from the needs of {first!r}",
        circle[1],
    )


def _circle(first: str, knot: frozenset[str], edges: Mapping[str, Sequence[str]]) -> list[str]:
    """A shortest way from ``first`` back to itself along needs, inside its knot, where one always exists."""
    came_from: dict[str, str] = {}
    waiting = deque([first])
    while first not in came_from:
        task = waiting.popleft()
        for need in edges[task]:
            if need in knot and need not in came_from:
                came_from[need] = task
                waiting.append(need)
    circle = [first]
    step = came_from[first]
    while step != first:
        circle.append(step)
        step = came_from[step]
    return [first, *reversed(circle[1:]), first]
