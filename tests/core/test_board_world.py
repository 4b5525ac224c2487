"""The board in random worlds: whatever dies, doubles or comes late, nothing is lost or done twice, and all ends."""

from __future__ import annotations

import pytest
from board_world import KINDS, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aidos_actors.core.requirement import Mode, Requirement, Task
from aidos_actors.core.states import RequirementState, TaskState

pytestmark = pytest.mark.usefixtures("form")


@st.composite
def requirements(draw: st.DrawFn, name: str = "r") -> Requirement:
    tasks = []
    for number in range(draw(st.integers(1, 6))):
        needs = draw(st.sets(st.sampled_from([t.id for t in tasks]), max_size=2)) if tasks else ()
        kind = draw(st.sampled_from(["run", "call", "agent"]))
        who = {"names": draw(st.sampled_from([["fast"], ["slow"], ["fast", "nobody"], ["slow", "fast"]]))}
        tasks.append(
            Task.model_validate(
                {
                    "id": f"t{number}",
                    kind: who if kind == "agent" else "x:y",
                    "needs": sorted(needs),
                    "retries": draw(st.integers(0, 2)),
                    "priority": draw(st.sampled_from([10, 50])),
                    "group": draw(st.sampled_from([None, "a", "b"])),
                }
            )
        )
    return Requirement(
        id=name,
        title=name,
        repo=draw(st.sampled_from([None, "/repo"])),
        mode=draw(st.sampled_from(list(Mode))),
        workers=draw(st.sampled_from([None, 1, 2])),
        deadline_s=draw(st.sampled_from([None, None, 20.0])),
        text=draw(st.sampled_from([None, "Do it."])),
        tasks=tuple(tasks),
    )


CHOICES = st.lists(st.integers(0, KINDS * 64 - 1), min_size=100, max_size=300)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@FEW
@given(first=requirements("a"), second=requirements("b"), choices=CHOICES)
def test_whatever_happens_everything_ends_once(first: Requirement, second: Requirement, choices: list[int]) -> None:
    world = World([first, second])
    for choice in choices:
        world.act(choice)
        world.take(world.board.dispatch(world.now))
    world.calm()


@FEW
@given(model=requirements(), choices=CHOICES)
def test_without_own_failures_and_cancels_every_task_is_done(model: Requirement, choices: list[int]) -> None:
    """Deaths, restarts, drains, duplicates and late words never use up a retry."""
    tasks = tuple(
        task.model_copy(update={"retries": 0, "call": None, "run": None if task.agent else "x"}) for task in model.tasks
    )
    world = World([model.model_copy(update={"tasks": tasks, "deadline_s": None})], has_own_failures=False)
    for choice in choices:
        world.act(choice)
        world.take(world.board.dispatch(world.now))
    world.calm()
    assert world.ledger.requirements["r"].state is RequirementState.DONE
    assert {(t.state, t.own_failures) for t in world.ledger.tasks.values()} == {(TaskState.DONE, 0)}
