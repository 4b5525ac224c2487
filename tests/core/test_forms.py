"""A plan in memory, small or large: both forms say what a tuple of tasks and a dict of rows say."""

from __future__ import annotations

import json
from array import array

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from aidos_actors.core import forms
from aidos_actors.core.board.links import Links
from aidos_actors.core.board.planned_rows import planned_rows
from aidos_actors.core.documents import requirement_of
from aidos_actors.core.forms import Form, form_of, in_form
from aidos_actors.core.packed_tasks import PackedTasks, outline, task_of
from aidos_actors.core.packed_text import PackedText, packed_if_long
from aidos_actors.core.plan import needs_of
from aidos_actors.core.records import TaskRecord
from aidos_actors.core.requirement import Requirement, Task
from aidos_actors.core.states import TASK_FINAL, TaskState

pytestmark = pytest.mark.usefixtures("packed")
SEVERAL = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORK = st.sampled_from(
    [{"run": "make"}, {"call": "m:f"}, {"agent": "claude"}, {"agent": {"names": ["a", "b"], "changes": "optional"}}]
)
JSON = st.recursive(st.none() | st.integers() | st.text(max_size=3) | st.floats(allow_nan=False, allow_infinity=False),
                    lambda inner: st.lists(inner, max_size=2), max_leaves=3)  # fmt: skip
MORE = st.fixed_dictionaries(
    {},
    optional={
        "title": st.text(max_size=5),
        "args": st.dictionaries(st.text(max_size=3), JSON, max_size=2),
        "env": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
        "timeout_s": st.sampled_from([1e-5, 0.5, 60.0, 3e17, float("inf")]),
        "stall_s": st.sampled_from([None, 1.0]),
        "retries": st.integers(0, 9),
        "retry": st.sampled_from([None, {"delay_s": 2.0, "on": {"timeout": {"retries": 1}}}]),
        "priority": st.integers(0, 100),
        "group": st.sampled_from([None, "g", "ü"]),
        "verify": st.sampled_from([None, "true"]),
    },
)


@st.composite
def tasks(draw: st.DrawFn) -> tuple[Task, ...]:
    names = draw(st.lists(st.from_regex(r"[A-Za-z0-9]{1,3}", fullmatch=True), min_size=1, max_size=9, unique=True))
    found = []
    for at, name in enumerate(names):
        needs = draw(st.lists(st.sampled_from(names[:at]), max_size=3, unique=True)) if at else []
        found.append(Task.model_validate({"id": name, **draw(WORK), **draw(MORE), "needs": needs}))
    return tuple(found)


def written_in_full(model: Requirement) -> str:
    """With spans that never end, which pydantic writes as none."""
    return json.dumps(model.model_dump(mode="json"))


@SEVERAL
@given(tasks(), st.data())
def test_packed_tasks_are_the_tasks(found: tuple[Task, ...], data: st.DataObject) -> None:
    model = Requirement(id="r", title="R", tasks=found)
    read = in_form(requirement_of(written_in_full(model)))
    for packed in (read.tasks, in_form(model).tasks):
        assert isinstance(packed, PackedTasks)
        assert tuple(packed) == found and len(packed) == len(found) and packed[-1] == found[-1]
        assert list(packed[1:3]) == list(found[1:3])
        assert list(outline(packed)) == list(outline(found))
        for at in data.draw(st.lists(st.integers(0, len(found) - 1))):
            assert packed[at] == found[at] and task_of(form_of(packed).definitions[found[at].id]) == found[at]
        assert "nobody" not in form_of(packed).definitions and list(form_of(packed).definitions) == [
            t.id for t in found
        ]
        with pytest.raises(IndexError):
            packed[len(found)]
    if not any(task.timeout_s == float("inf") for task in found):  # of which the two ways to JSON say different things
        assert read.content_sha256() == in_form(model).content_sha256() == model.content_sha256()


@SEVERAL
@given(tasks())
def test_both_forms_say_the_same_of_each_task(found: tuple[Task, ...]) -> None:
    plain, packed = form_of(found), form_of(PackedTasks.of(found))
    assert plain.has_groups == packed.has_groups

    def said(form: Form, at: int) -> tuple[object, ...]:
        task = form.task(at)
        named = form.definitions[task.id]
        assert task_of(named) == task_of(task)
        return (task_of(task), form.priority(at), form.executor(at), task.agent_work, task.executor)

    for at in range(len(found)):
        assert said(plain, at) == said(packed, at)
    assert list(planned_rows("r", found)) == list(planned_rows("r", PackedTasks.of(found)))


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        '{"id": "r", "title": "R", "tasks": []}',
        '{"id": "r", "title": "R", "tasks": {"a": 1}}',
        '{"id": "r", "title": "R", "tasks": [1]}',
        '{"id": "r", "title": "R", "tasks": [{"id": "a", "run": "x"}, {"id": "b"}]}',
        '{"id": "r", "title": "R", "tasks": [{"id": "a", "run": "x", "retries": -1}]}',
        '{"id": "r", "title": "R", "tasks": [{"id": "a", "run": "x"}], "more": 1}',
        '{"id": "r", "tasks": [{"id": "a", "run": "x"}]}',
    ],
)
def test_what_is_no_requirement_is_refused_in_the_same_words(document: str) -> None:
    with pytest.raises(ValidationError) as plain:
        Requirement.model_validate_json(document)
    with pytest.raises(ValidationError) as packed:
        requirement_of(document)
    assert str(packed.value) == str(plain.value)


@pytest.mark.parametrize("said", ['"retries": "2"', '"priority": 7.0', '"timeout_s": 3', '"title": "a", "title": "b"'])
def test_text_that_says_it_in_another_way_is_understood(said: str) -> None:
    document = f'{{"id": "r", "title": "R", "tasks": [{{"id": "a", "run": "x", {said}}}]}}'
    read = requirement_of(document).tasks
    assert isinstance(read, PackedTasks)
    assert tuple(read) == Requirement.model_validate_json(document).tasks
    assert task_of(read.at(0)) == read[0] and isinstance(read[0].timeout_s, float)


@SEVERAL
@given(tasks(), st.data())
def test_links_agree_with_looking_at_every_task(found: tuple[Task, ...], data: st.DataObject) -> None:
    links = Links(needs_of(Requirement(id="r", title="R", tasks=found)))
    done: set[str] = set()
    for at in data.draw(st.lists(st.integers(0, len(found) - 1))):
        name = found[at].id
        links.has_changed(at, -1 if name in done else 1)
        done ^= {name}
        assert list(links.missing) == [len(set(task.needs) - done) for task in found]
    assert links.is_empty == (not any(task.needs for task in found))
    for at, task in enumerate(found):
        assert links.dependents(at) == array("I", [n for n, other in enumerate(found) if task.id in other.needs])


def row(name: str, at: int, state: TaskState, extra: int) -> TaskRecord:
    planned = TaskRecord("r", name, at, state)
    if state in TASK_FINAL:
        return replace(planned, attempts=extra, result=f'"{name}"', finished_at=float(extra))
    return (planned, replace(planned, attempts=1), replace(planned, paused_at=5.0))[extra]


@pytest.mark.parametrize("packed_from", [1, 99])
@SEVERAL
@given(st.lists(st.tuples(st.integers(0, 8), st.sampled_from([*TaskState, None]), st.integers(0, 2)), max_size=60))
def test_rows_agree_with_a_dict(packed_from: int, steps: list[tuple[int, TaskState | None, int]]) -> None:
    forms.PACKED_FROM = packed_from
    found = tuple(Task(id=f"t{at}", run="x") for at in range(9))
    rows, naive = form_of(in_form(Requirement(id="r", title="R", tasks=found)).tasks).rows("r"), {}
    for at, state, extra in steps:
        name = f"t{at}"
        if state is not None:
            rows[name] = naive[name] = row(name, at, state, extra)
        elif name in naive:
            assert rows.pop(name) == naive.pop(name)
        assert len(rows) == len(naive) and (name in rows) == (name in naive)
        assert rows.get(name) == naive.get(name)
    by_position = sorted(naive.values(), key=lambda each: each.position)
    assert sorted(rows.values(), key=lambda each: each.position) == by_position and dict(rows) == naive
    assert "t9" not in rows and rows.get("t9") is None
    for state in TaskState:
        here = sorted(rows.in_states((state,)), key=lambda each: each.position)
        assert here == [each for each in by_position if each.state is state]
    with pytest.raises(KeyError):
        rows["t9"]


def test_a_long_text_is_the_same_text(packed: None) -> None:
    assert str(packed_if_long("lang ü")) == "lang ü" and isinstance(packed_if_long("lang ü"), PackedText)
    assert packed_if_long(packed_if_long("x")) == packed_if_long("x")
