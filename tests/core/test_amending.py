"""What may take the place of a task that failed: the table of what an answer may and may not change."""

from __future__ import annotations

from typing import Any

import pytest
from board_bench import requirement

from aidos_actors.core import amending
from aidos_actors.core.amending import amended, told
from aidos_actors.core.errors import BadInput
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.masking import masked
from aidos_actors.core.requirement import Requirement, Task

PLAN = requirement(
    {
        "base": {"title": "Base"},
        "aside": {},
        "hard": {"needs": ["base"], "run": "make all", "timeout_s": 90},
        "next": {"needs": ["hard", "aside"]},
        "last": {"needs": ["next"]},
    },
    text="Do it.",
)


def answer(**tasks: dict[str, Any]) -> tuple[Task, ...]:
    return requirement(tasks).tasks


def needs(model: Requirement) -> dict[str, list[str]]:
    return {task.id: list(task.needs) for task in model.tasks}


def test_smaller_tasks_stand_where_the_failed_one_stood_and_what_needed_it_needs_the_last_of_them() -> None:
    found = answer(one={"needs": ["base"]}, two={"needs": ["one"]}, three={"needs": ["one", "aside"]})
    assert needs(amended(PLAN, "hard", found)) == {
        "base": [],
        "aside": [],
        "one": ["base"],
        "two": ["one"],
        "three": ["one", "aside"],
        "next": ["two", "three", "aside"],
        "last": ["next"],
    }


def test_it_may_be_done_in_another_way_under_its_own_name() -> None:
    model = amended(PLAN, "hard", answer(before={}, hard={"run": "make all", "needs": ["base", "before"]}))
    assert needs(model)["hard"] == ["base", "before"] and needs(model)["next"] == ["hard", "aside"]
    other = amended(PLAN, "hard", answer(hard={"call": "x:y", "needs": ["base"]}))
    assert other.tasks[2].call == "x:y" and other.model_copy(update={"tasks": PLAN.tasks}) == PLAN


def test_what_waited_for_it_may_be_changed_and_never_goes() -> None:
    model = amended(PLAN, "hard", answer(one={}, last={"needs": ["one"], "run": "other"}))
    assert needs(model) == {"base": [], "aside": [], "one": [], "next": ["one", "aside"], "last": ["one"]}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (answer(base={"run": "false"}, one={}), "task 'base' is there already and cannot be changed"),
        (answer(aside={}, one={}), "task 'aside' is there already"),
        (answer(hard={"run": "make all", "needs": ["base"], "timeout_s": 90}), "'hard' is the task that failed"),
        (answer(same={"run": "make all", "needs": ["base"], "timeout_s": 90, "title": "New"}), "'same' is the"),
        (answer(next={"needs": ["aside"]}), "no task in the place of 'hard'"),
        (answer(one={"needs": ["next"]}), "need each other in a circle"),
        (answer(one={}, next={"needs": ["hard"]}), "task 'next' needs 'hard', which is no task here"),
    ],
)  # fmt: skip
def test_everything_else_is_refused(found: tuple[Task, ...], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        amended(PLAN, "hard", found)


def test_no_plan_grows_beyond_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amending, "TASKS_MAX", 6)
    with pytest.raises(BadInput, match="more than 6 tasks"):
        amended(PLAN, "hard", answer(one={}, two={}))


def test_what_is_told_says_what_is_done_and_what_may_be_changed() -> None:
    found = told(PLAN, FailedTask("hard", 3, "exit code 2", "boom"))
    assert found["failed"] == {
        "id": "hard", "needs": ["base"], "run": "make all", "timeout": "90s", "retries": 3, "priority": 50,
        "error": "exit code 2", "output": "boom",
    }  # fmt: skip
    assert [task["id"] for task in found["waiting_for_it"]] == ["next", "last"]
    assert found["done"] == [{"id": "base", "title": "Base", "needs": []}]
    assert found["not_concerned"] == [{"id": "aside", "title": "", "needs": []}]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("DB_PASSWORD=hunter2 next", "DB_PASSWORD=*** next"),
        ('{"api_key": "abc", "keyboard": "us"}', '{"api_key": ***, "keyboard": "us"}'),
        ("Authorization: Bearer abcdefghijkl", "Authorization: Bearer ***"),
        ("fatal: https://me:pw@host/x.git", "fatal: https://***@host/x.git"),
        ("key sk-abcdefghijklmnop1234 used", "key *** used"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nafter", "***\nafter"),
        ("tokenizers_parallelism=false, 12 tokens left", "tokenizers_parallelism=false, 12 tokens left"),
    ],
)  # fmt: skip
def test_secrets_are_masked(text: str, shown: str) -> None:
    assert masked(text) == shown
