"""A task that failed for good is given back once or twice: what waits, what goes on, who is asked, and what follows."""

from __future__ import annotations

import pytest
from board_bench import Bench, requirement
from board_doers import OWN
from replanning_bench import (
    ONCE,
    PLAN,
    SPLIT,
    asked,
    failed,
    finish_all,
    key_of,
    planned,
    question,
    replanned,
    states,
    withdrawn,
)

from aidos_actors.core.failed_task import ERROR_CHARS_MAX, FailedTask
from aidos_actors.core.orders import AttemptOutcome
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.states import RequirementState, TaskState

pytestmark = pytest.mark.usefixtures("form")


def test_it_waits_for_a_plan_in_place_of_having_failed_and_the_rest_goes_on() -> None:
    bench = failed(planned())
    assert states(bench) == {"base": "done", "hard": "replanning", "next": "waiting", "aside": "leased"}
    assert (bench.record().state, bench.record().replans, bench.record().error) == (RequirementState.RUNNING, 1, None)
    assert not asked(bench), "its folder is not cleared up yet"
    bench.discard()
    (about,) = asked(bench)
    assert about == FailedTask("hard", 1, "no") == question(bench)
    (event,) = [event for event in bench.ledger.events if event.type == "task_replanning"]
    assert (event.data["replan"], event.data["of"], event.data["error"]) == (1, 2, "no")
    (reason,) = bench.board.explain("r", "hard", bench.now)
    assert reason.code == "replanning" and "waits for a new plan: 1 of 2 (no)" in reason.text
    bench.finish(bench.run(key_of(bench, "aside")))
    assert not asked(bench), "it is said once"
    assert states(bench)["aside"] == "done" and bench.record().state is RequirementState.RUNNING


def test_the_new_tasks_take_its_place_and_all_is_done() -> None:
    bench = failed(planned())
    bench.discard()
    replanned(bench, SPLIT)
    assert states(bench) == {
        "base": "done", "hard": "removed", "one": "ready", "two": "waiting", "next": "waiting", "aside": "leased",
    }  # fmt: skip
    plan = Requirement.model_validate_json(bench.record().document)
    assert [(task.id, task.needs) for task in plan.tasks] == [
        ("base", ()), ("one", ("base",)), ("two", ("one",)), ("next", ("two",)), ("aside", ("base",)),
    ]  # fmt: skip
    assert plan.content_sha256() == requirement(PLAN, text="Do it.").content_sha256(), "the words are the same"
    assert not bench.board.owed("analyzer")
    finish_all(bench)
    assert bench.record().state is RequirementState.DONE
    assert {name: bench.task(name).attempts for name in ("base", "one", "two", "next")} == dict.fromkeys(
        ("base", "one", "two", "next"), 1
    )


def test_an_answer_is_taken_once_and_only_for_its_own_question() -> None:
    bench = failed(planned())
    bench.discard()
    about = question(bench)
    other = FailedTask("hard", 7, "no")
    assert replanned(bench, SPLIT, other).batch.is_empty
    replanned(bench, SPLIT, about)
    assert withdrawn(bench), "a dead Scheduler and its successor may both have asked"
    before = dict(bench.ledger.tasks)
    assert replanned(bench, {"three": {}}, about).batch.is_empty
    assert bench.take(bench.board.rejected("r", "late", bench.now, about)).batch.is_empty
    assert bench.ledger.tasks == before


def test_when_nothing_helps_it_fails_as_before_and_says_why() -> None:
    for refuse in (
        lambda bench: bench.take(bench.board.rejected("r", "llm: no idea", bench.now, question(bench))),
        lambda bench: replanned(bench, {"base": {}, "one": {}}),
    ):
        bench = failed(planned())
        bench.discard()
        refuse(bench)
        assert states(bench) == {"base": "done", "hard": "failed", "next": "skipped", "aside": "leased"}
        finish_all(bench)
        error = bench.record().error or ""
        assert bench.record().state is RequirementState.FAILED
        assert error.startswith("task hard failed: no; and there is no new plan: ")


def test_a_name_that_comes_back_goes_on_with_its_numbers() -> None:
    bench = failed(planned())
    bench.discard()
    replanned(bench, {"one": {"needs": ["base"], "run": "less", **ONCE}})
    bench.finish(bench.run(key_of(bench, "aside")))
    bench.end(bench.run(), OWN)
    bench.discard()
    assert bench.record().replans == 2 and question(bench).id == "one"
    replanned(bench, {"hard": {"needs": ["base"], "run": "other", **ONCE}})
    assert (bench.task("hard").state, bench.task("hard").attempts, bench.task("hard").revised_after) == (
        TaskState.READY, 1, 1,
    )  # fmt: skip
    key = bench.run()
    assert (key.task, key.number) == ("hard", 2)
    bench.end(key, OWN)
    bench.discard()
    assert states(bench)["hard"] == "failed", "twice is the most"
    assert bench.record().state is RequirementState.FAILED


@pytest.mark.parametrize(("replans_max", "text"), [(0, "Do it."), (2, None)])
def test_who_is_not_given_back(replans_max: int, text: str | None) -> None:
    """Where it is switched off, and a plan that a person wrote."""
    bench = failed(planned(replans_max, text))
    assert states(bench)["hard"] == "failed" and states(bench)["next"] == "skipped"


def test_what_would_fail_all_the_same_is_not_given_back() -> None:
    bench = planned()
    bench.take(bench.board.steer("cancel", "r", "next", bench.now))
    failed(bench)
    assert states(bench)["hard"] == "failed"


def test_two_that_failed_are_asked_about_one_after_the_other() -> None:
    tasks = {"a": ONCE, "b": {**ONCE}, "c": {"needs": ["a", "b"]}}
    bench = Bench(tasks, text="Do it.", slots=2, settings={"replans_max": 2})
    bench.dispatch()
    first, second = bench.ledger.attempts
    bench.run(first)
    bench.run(second)
    bench.end(second, OWN)
    bench.discard()
    bench.now += 1
    bench.end(first, OWN)
    bench.discard()
    assert question(bench).id == second.task, "who failed first"
    replanned(bench, {"x": {}})
    assert [about.id for about in asked(bench) if about] == [first.task]
    replanned(bench, {"y": {}})
    assert bench.record().replans == 2
    finish_all(bench)
    assert bench.record().state is RequirementState.DONE


def test_a_long_error_is_cut() -> None:
    bench = failed(planned(), AttemptOutcome(ok=False, exit_code=1, error="x" * 10_000 + "end", fault="own"))
    bench.discard()
    assert len(question(bench).error) == ERROR_CHARS_MAX and question(bench).error.endswith("end")
