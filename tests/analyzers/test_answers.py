"""What an analyzer that is not ours may answer, and what is refused of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aidos_actors.analyzers.answers import NoPlan, keys_for, read_answer
from aidos_actors.core.requirement import Task

ALL = ("run", "call", "verify")
ARGS = {"n": [1, 2.5, True, None, "x"]}
RETRY = {"on": {"75": {"delay": "2s"}}}


def answer(*tasks: Any) -> str:
    return json.dumps({"tasks": list(tasks)})


def test_tasks_as_in_a_file() -> None:
    text = answer(
        {"id": "a", "title": "水", "run": "make", "verify": None, "env": {"X": "1"}, "retry": RETRY},
        {"id": "b", "call": "os:getcwd", "args": ARGS, "needs": ["a"], "timeout": 90, "retries": 0},
    )
    first, second = read_answer(text, ALL)
    assert first == Task(id="a", title="水", run="make", env={"X": "1"}, retry=first.retry)
    assert first.retry is not None and first.retry.on["75"].delay_s == 2.0
    assert (second.args, second.needs, second.timeout_s, second.retries) == (
        ARGS,
        ("a",),
        90.0,
        0,
    )


REFUSED: dict[str, tuple[str, str]] = {
    "no JSON": ("Here is the plan:", "not JSON"),
    "JSON in a fence": ("```json\n{}\n```", "not JSON"),
    "NaN": ('{"tasks": [{"id": "a", "run": "x", "priority": NaN}]}', "no value of JSON"),
    "a number without end": ('{"tasks": ' + "1" * 5000 + "}", "not JSON"),
    "nested without end": ("[" * 100_000, ""),
    "deep": (answer({"id": "a", "call": "os:x", "args": json.loads('{"a":' * 200 + "1" + "}" * 200)}), "deep"),
    "a list": ("[]", "only key is `tasks`"),
    "another key": ('{"tasks": [], "repo": "/"}', "only key is `tasks`"),
    "tasks by id": ('{"tasks": {"a": {"run": "x"}}}', "only key is `tasks`"),
    "a doubled key": ('{"tasks": [{"id": "a", "run": "x", "run": "y"}]}', "'run' is written twice"),
    "no tasks": (answer(), "there are no tasks"),
    "no object": (answer("a"), "task 1 of the list"),
    "no id": (answer({"run": "x"}), "task 1 of the list"),
    "an id that is no text": (answer({"id": 1, "run": "x"}), "task 1 of the list"),
    "a bad id": (answer({"id": "../x", "run": "x"}), "is not an id"),
    "a doubled task": (answer({"id": "a", "run": "x"}, {"id": "a", "run": "y"}), "is there twice"),
    "an unknown key": (answer({"id": "a", "run": "x", "sudo": True}), "'sudo' is not allowed"),
    "an agent": (answer({"id": "a", "agent": "x"}), "'agent' is not allowed"),
    "no way to work": (answer({"id": "a"}), "none of run, call and agent"),
    "two ways to work": (answer({"id": "a", "run": "x", "call": "a:b"}), "exactly one of"),
    "an unknown need": (answer({"id": "a", "run": "x", "needs": ["b"]}), "'b'"),
    "a circle": (answer({"id": "a", "run": "x", "needs": ["b"]}, {"id": "b", "run": "x", "needs": ["a"]}), "circle"),
    "a bad span": (answer({"id": "a", "run": "x", "timeout": "soon"}), "soon"),
    "a NUL": ('{"tasks": [{"id": "a", "run": "x\\u0000"}]}', "NUL"),
    "half a character": ('{"tasks": [{"id": "a", "run": "\\ud800"}]}', "half a character"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    text, said = REFUSED[name]
    with pytest.raises(NoPlan) as error:
        read_answer(text, ALL)
    assert said in " ".join(error.value.problems) and error.value.message.startswith("its answer is no plan")


def test_everything_that_is_wrong_is_told_for_a_second_try() -> None:
    with pytest.raises(NoPlan) as error:
        read_answer(answer({"id": "a", "sudo": 1}, {"id": "b", "run": "x", "needs": ["c"], "retries": -1}), ["run"])
    assert len(error.value.problems) == 4 and error.value.message.endswith("(and 3 more)")


KEYS = ("run", "call", "args", "verify", "env", "agent", "prompt", "title", "needs", "timeout", "stall", "priority")


@pytest.mark.parametrize("allow", [("run",), ("call",), ("run", "verify"), ALL])
def test_only_what_is_allowed(allow: tuple[str, ...]) -> None:
    may = keys_for(allow)
    assert not {"agent", "prompt", "id"} & set(may)
    assert ("verify" in may, "run" in may, "env" in may) == ("verify" in allow, "run" in allow, "run" in allow)
    assert ("call" in may, "args" in may) == ("call" in allow,) * 2


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
made_up = st.fixed_dictionaries({}, optional={key: values | st.sampled_from(["a", "1s", "m:f"]) for key in KEYS})


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), made_up), max_size=3), st.sets(st.sampled_from(ALL)))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first draw builds the strategy
def test_whatever_is_answered_is_a_plan_of_allowed_keys_or_is_refused(
    rows: list[tuple[str, dict[str, Any]]], allow: set[str]
) -> None:
    try:
        tasks = read_answer(answer(*({"id": name, **keys} for name, keys in rows)), allow)
    except NoPlan as error:
        assert error.problems
        return
    assert tasks
    for task in tasks:
        assert task.agent is None and (task.run is None or "run" in allow) and (task.call is None or "call" in allow)
        assert (task.verify is None or "verify" in allow) and (not task.env or "run" in allow)


@given(st.text(max_size=100) | st.binary(max_size=100).map(lambda raw: raw.decode("latin-1")))
def test_any_text(text: str) -> None:
    with pytest.raises(NoPlan):
        read_answer(text, ALL)
