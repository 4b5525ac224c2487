"""The order of tasks: found when there is one, and named where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aidos_actors.core.errors import BadInput
from aidos_actors.core.plan import PROBLEMS_MAX, build_plan, check_needs, check_references
from aidos_actors.core.requirement import Requirement, Task

CHAIN_LENGTH = 20_000  # twenty times as deep as Python recurses; what takes steps by the square takes minutes


def requirement(needs: Mapping[str, Sequence[str]], **of_tasks: dict[str, Any]) -> Requirement:
    tasks = tuple(Task(id=name, run="true", needs=tuple(row), **of_tasks.get(name, {})) for name, row in needs.items())
    return Requirement(id="r", title="r", tasks=tasks)


@st.composite
def any_needs(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Tasks in any file order, with known needs in any direction."""
    names = [f"t{number}" for number in range(draw(st.integers(1, 9)))]
    order = draw(st.permutations(names))
    return {name: tuple(draw(st.lists(st.sampled_from(names), unique=True, max_size=3))) for name in order}


def reachable(needs: Mapping[str, Sequence[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = list(needs[start])
    while waiting:
        task = waiting.pop()
        if task not in found:
            found.add(task)
            waiting.extend(needs[task])
    return found


def test_layers_order_groups_and_dependents_of_a_diamond() -> None:
    needs = {"last": ["left", "right"], "left": ["first"], "right": ["first"], "first": [], "alone": []}
    plan = build_plan(requirement(needs, left={"group": "db"}, alone={"group": "db"}, last={"group": "web"}))
    assert plan.layers == (("first", "alone"), ("left", "right"), ("last",))
    assert plan.order == ("first", "left", "right", "last", "alone")
    assert plan.groups == {"db": ("left", "alone"), "web": ("last",)}
    assert plan.dependents == {
        "last": (),
        "left": ("last",),
        "right": ("last",),
        "first": ("left", "right"),
        "alone": (),
    }


@given(any_needs())
def test_a_circle_is_found_exactly_when_a_task_needs_itself_in_the_end(needs: dict[str, tuple[str, ...]]) -> None:
    knotted = {task for task in needs if task in reachable(needs, task)}
    problems = check_references(requirement(needs))
    assert bool(problems) == bool(knotted)
    named: set[str] = set()
    for problem in problems:
        assert problem.task_id in knotted
        assert problem.need in needs[problem.task_id]
        assert problem.task_id in {problem.need} | reachable(needs, problem.need)
        named |= {problem.task_id} | reachable(needs, problem.task_id)
    assert knotted <= named, "each knot of tasks is named by a task of it"


@given(any_needs())
def test_a_circle_is_spelled_along_real_needs(needs: dict[str, tuple[str, ...]]) -> None:
    for problem in check_needs(needs):
        if "circle" in problem.message:
            ring = problem.message.partition(": ")[2].split(" -> ")
            assert ring[0] == ring[-1] == problem.task_id
            assert all(need in needs[task] for task, need in pairwise(ring))


@given(any_needs())
def test_each_task_stands_once_and_after_its_needs(needs: dict[str, tuple[str, ...]]) -> None:
    names = list(needs)
    forward = {name: tuple(need for need in row if need < name) for name, row in needs.items()}
    plan = build_plan(requirement(forward))
    depth = {task: number for number, layer in enumerate(plan.layers) for task in layer}
    assert sorted(plan.order) == sorted(names) == sorted(task for layer in plan.layers for task in layer)
    for task, row in forward.items():
        assert all(plan.order.index(need) < plan.order.index(task) for need in row)
        assert depth[task] == max((depth[need] + 1 for need in row), default=0)
        assert plan.dependents[task] == tuple(other for other in names if task in forward[other])
    for layer in plan.layers:
        assert list(layer) == [name for name in names if name in layer], "file order inside a layer"


@given(any_needs())
def test_the_serial_order_always_takes_the_first_task_of_the_file_that_may_run(
    needs: dict[str, tuple[str, ...]],
) -> None:
    forward = {name: tuple(need for need in row if need < name) for name, row in needs.items()}
    done: list[str] = []
    while len(done) < len(forward):
        done.append(next(name for name, row in forward.items() if name not in done and set(row) <= set(done)))
    assert build_plan(requirement(forward)).order == tuple(done)


@pytest.mark.parametrize(
    ("needs", "task", "message", "hint"),
    [
        ({"index": [], "page": ["indx"]}, "page", "needs 'indx', which is no task here", "did you mean 'index'?"),
        ({"index": [], "page": ["INDEX"]}, "page", "needs 'INDEX'", "did you mean 'index'?"),
        ({"a": [], "b": ["zzz"]}, "b", "needs 'zzz'", "valid: a, b"),
        ({"a": ["a"]}, "a", "'a' needs itself", "remove it"),
        ({"a": [], "b": ["a", "a"]}, "b", "needs 'a' twice", "once"),
        ({"x": [], "a": ["b"], "b": ["a"]}, "a", "a -> b -> a", "'b' from the needs of 'a'"),
        ({"a": ["c"], "b": ["c"], "c": ["b"]}, "b", "b -> c -> b", "'c' from the needs of 'b'"),
    ],
)
def test_a_wrong_need_is_named_with_a_way_out(needs: dict[str, list[str]], task: str, message: str, hint: str) -> None:
    (problem,) = check_references(requirement(needs))
    assert (problem.task_id, problem.field) == (task, "needs")
    assert message in problem.message
    assert hint in problem.hint
    with pytest.raises(BadInput) as refused:
        build_plan(requirement(needs))
    assert (refused.value.message, refused.value.hint) == (problem.message, problem.hint)


def test_problems_come_in_file_order_one_for_each_circle() -> None:
    problems = check_needs({"a": ["b"], "b": ["a"], "c": ["nobody"], "d": ["e"], "e": ["f"], "f": ["d", "e"]})
    assert [problem.task_id for problem in problems] == ["a", "c", "d"]


def test_two_tasks_of_one_id_are_a_problem() -> None:
    twins = (Task(id="a", run="true"), Task(id="a", run="false"))
    (problem,) = check_references(Requirement(id="r", title="r", tasks=twins))
    assert (problem.task_id, problem.field) == ("a", "id")


def test_no_more_problems_than_the_limit() -> None:
    assert len(check_needs({f"t{number}": ["nobody"] for number in range(PROBLEMS_MAX * 2)})) == PROBLEMS_MAX


def test_a_chain_of_20_000_tasks_is_planned_without_recursion() -> None:
    names = [f"t{number}" for number in range(CHAIN_LENGTH)]
    needs = {name: [names[at + 1]] if at + 1 < CHAIN_LENGTH else [] for at, name in enumerate(names)}
    plan = build_plan(requirement(needs))
    assert plan.order == tuple(reversed(names))
    assert len(plan.layers) == CHAIN_LENGTH


def test_a_circle_of_20_000_tasks_is_named_briefly() -> None:
    needs = {f"t{number}": [f"t{(number + 1) % CHAIN_LENGTH}"] for number in range(CHAIN_LENGTH)}
    (problem,) = check_needs(needs)
    assert problem.message.endswith("-> t19999 -> t0")
    assert "19989 more" in problem.message
    assert len(problem.message) < 200
