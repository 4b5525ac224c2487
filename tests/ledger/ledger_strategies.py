"""Batches and faults made up at random: few names, so that they meet."""

from __future__ import annotations

from bad_disk import HAPPENS, STEPS, Fault
from hypothesis import strategies as st
from ledger_cases import DAY_S, NOON, a_requirement, a_task, an_attempt
from msgspec.structs import replace

from aidos_actors.core.records import Batch, NewEvent
from aidos_actors.core.states import AttemptState, RequirementState, TaskState

names = st.sampled_from(["a", "b", "c"])
texts = st.none() | st.text("a'\n\0é磁🔍\u2028", max_size=8)
moments = st.floats(NOON, NOON + 60) | st.floats(NOON - 2 * DAY_S, NOON + 2 * DAY_S)
data = st.dictionaries(
    st.text("abc", max_size=2), st.none() | st.integers(-9, 9) | st.text("é磁\n", max_size=3), max_size=2
)

requirements = st.builds(
    lambda name, position, state, error: a_requirement(name, position, state=state, error=error),
    names,
    st.integers(1, 9),
    st.sampled_from(RequirementState),
    texts,
)
tasks = st.builds(
    lambda requirement, name, state, result: a_task(name, requirement, ord(name), state=state, result=result),
    names,
    names,
    st.sampled_from(TaskState),
    texts,
)
attempts = st.builds(
    lambda requirement, task, number, state: an_attempt(number, task, requirement, state=state),
    names,
    names,
    st.integers(1, 3),
    st.sampled_from(AttemptState),
)
events = st.builds(NewEvent, moments, st.sampled_from(["x", "y"]), st.none() | names, names, st.integers(1, 3), data)
batches = st.builds(
    Batch,
    *(st.lists(kind, max_size=4).map(tuple) for kind in (requirements, tasks, attempts, events)),
)


faults = st.builds(
    Fault, st.sampled_from(STEPS), st.sampled_from(HAPPENS), st.sampled_from([0, 0, 0, 1, 5]), st.booleans()
)


def completed(batch: Batch) -> Batch:
    """With every row that another one names, and an event at least."""
    tasks = (*(a_task(one.task, one.requirement, ord(one.task)) for one in batch.attempts), *batch.tasks)
    requirements = (*(a_requirement(one.requirement) for one in tasks), *batch.requirements)
    return replace(batch, requirements=requirements, tasks=tasks, events=batch.events or (NewEvent(NOON, "x"),))
