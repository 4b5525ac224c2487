"""A task that failed for good is given back once or twice: what waits, what goes on, who is asked, and what follows."""

from __future__ import annotations

from typing import Any

import pytest
from board_bench import Bench, requirement
from board_doers import OWN

from aidos_actors.core.analysis import Planned
from aidos_actors.core.errors import Conflict
from aidos_actors.core.failed_task import ERROR_CHARS_MAX, FailedTask
from aidos_actors.core.orders import Analyse, AttemptKey, AttemptOutcome, Discard, Step, Withdraw
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.states import RequirementState, TaskState

ONCE = {"retries": 0}
PLAN: dict[str, dict[str, Any]] = {
    "base": {},
    "hard": {"needs": ["base"], **ONCE},
    "next": {"needs": ["hard"]},
    "aside": {"needs": ["base"]},
}
SPLIT: dict[str, dict[str, Any]] = {"one": {"needs": ["base"]}, "two": {"needs": ["one"]}}


def planned(replans_max: int = 2, text: str | None = "Do it.", **more: Any) -> Bench:
    return Bench(PLAN, text=text, slots=2, settings={"replans_max": replans_max}, **more)


def failed(bench: Bench, outcome: AttemptOutcome = OWN) -> Bench:
    """``base`` is done, and ``hard`` has failed for good."""
    bench.finish(bench.run())
    bench.dispatch()
    bench.end(bench.run(key_of(bench, "hard")), outcome)
    return bench


def key_of(bench: Bench, task: str) -> AttemptKey:
    """Its newest attempt."""
    return max(key for key in bench.ledger.attempts if key.task == task)


def asked(bench: Bench) -> list[FailedTask | None]:
    return [order.failed for order in bench.orders if isinstance(order, Analyse)]


def withdrawn(bench: Bench) -> bool:
    return any(isinstance(order, Withdraw) for order in bench.orders)


def question(bench: Bench) -> FailedTask:
    """What is owed, which every board that is made of the rows owes as well."""
    (order,) = bench.board.owed("analyzer")
    assert isinstance(order, Analyse) and order.failed is not None
    assert bench.ledger.board(bench.epoch, bench.now, bench.settings).owed("analyzer") == (order,)
    return order.failed


def replanned(bench: Bench, tasks: dict[str, dict[str, Any]], about: FailedTask | None = None) -> Step:
    model = Requirement.model_validate_json(bench.record().document)
    found = model.model_copy(update={"tasks": requirement(tasks).tasks})
    rows = [row for key, row in bench.ledger.tasks.items() if key[0] == "r"]
    about = about or question(bench)
    return bench.take(bench.board.replanned("r", bench.now, about, Planned(found, "", "llm"), rows))


def states(bench: Bench) -> dict[str, str]:
    return {name: str(row.state) for (_, name), row in bench.ledger.tasks.items()}


def finish_all(bench: Bench) -> None:
    for _ in range(20):
        open_keys = [key for key, attempt in bench.ledger.attempts.items() if attempt.ended_at is None]
        for key in open_keys:
            bench.finish(bench.run(key))
        bench.dispatch()
        if bench.record().state is not RequirementState.RUNNING:
            return


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


@pytest.mark.parametrize(
    ("verb", "task", "state"),
    [
        ("cancel", None, "cancelled"),
        ("cancel", "hard", "cancelled"),
        ("retry", "hard", "ready"),
        ("retry", None, "ready"),
    ],
)
def test_who_changes_the_task_meanwhile_takes_the_question_back(verb: str, task: str | None, state: str) -> None:
    bench = failed(planned())
    bench.discard()
    about = question(bench)
    bench.take(bench.board.steer(verb, "r", task, bench.now))
    assert withdrawn(bench) and states(bench)["hard"] == state
    assert replanned(bench, SPLIT, about).batch.is_empty


def test_the_deadline_holds_and_takes_the_question_back() -> None:
    bench = failed(planned(deadline_s=60.0))
    bench.discard()
    bench.tick(after_s=61.0)
    assert withdrawn(bench) and states(bench)["hard"] == "cancelled"
    finish_all(bench)
    (record,) = [bench.record()]
    assert (record.error or "").startswith("deadline")


def test_while_it_is_paused_nobody_is_asked_and_an_answer_is_taken() -> None:
    bench = failed(planned())
    bench.take(bench.board.steer("pause", "r", None, bench.now))
    bench.take(bench.board.discarded(key_of(bench, "hard"), bench.now))
    assert not asked(bench) and not bench.board.owed("analyzer")
    (reason,) = bench.board.explain("r", "hard", bench.now)
    assert "nobody is asked while its requirement is paused" in reason.text
    bench.take(bench.board.steer("resume", "r", None, bench.now))
    (about,) = asked(bench)
    bench.take(bench.board.steer("pause", "r", None, bench.now))
    assert not withdrawn(bench), "what is under way is paid for"
    replanned(bench, SPLIT, about)
    assert states(bench)["one"] == "ready" and not bench.starts()
    assert bench.record().state is RequirementState.PAUSED


def test_a_list_of_tasks_takes_its_place_and_counts_anew() -> None:
    bench = failed(planned())
    bench.discard()
    bench.finish(bench.run(key_of(bench, "aside")))
    bench.take(bench.board.steer("pause", "r", None, bench.now))
    model = requirement({"base": {}, "hard": {"needs": ["base"], "run": "other"}})
    rows = [row for key, row in bench.ledger.tasks.items() if key[0] == "r"]
    document = model.model_dump_json()
    bench.take(
        bench.board.revise(model, base_commit=None, document=document, known=bench.record(), tasks=rows, now=bench.now)
    )
    assert withdrawn(bench) and bench.record().replans is None
    assert states(bench)["hard"] == "ready"


def test_a_person_s_word_about_what_waits_is_kept() -> None:
    bench = failed(planned())
    bench.discard()
    bench.take(bench.board.steer("cancel", "r", "next", bench.now))
    replanned(bench, {**SPLIT, "next": {"needs": ["two"], "run": "other"}, "more": {"needs": ["next"]}})
    assert states(bench)["next"] == "cancelled" and states(bench)["more"] == "skipped"


def test_a_retry_of_one_that_failed_gives_all_its_replans_again() -> None:
    bench = failed(planned(replans_max=1))
    bench.discard()
    bench.take(bench.board.rejected("r", "no", bench.now, question(bench)))
    finish_all(bench)
    rows = bench.ledger
    ended = (bench.record(), list(rows.tasks.values()), list(rows.attempts.values()))
    bench.take(bench.board.steer("retry", "r", None, bench.now, ended))
    assert bench.record().replans is None
    bench.end(bench.run(), OWN)
    bench.discard()
    assert states(bench)["hard"] == "replanning" and question(bench).attempt == 2


def test_a_long_error_is_cut() -> None:
    bench = failed(planned(), AttemptOutcome(ok=False, exit_code=1, error="x" * 10_000 + "end", fault="own"))
    bench.discard()
    assert len(question(bench).error) == ERROR_CHARS_MAX and question(bench).error.endswith("end")


def test_a_result_that_comes_for_a_task_that_is_gone_changes_nothing() -> None:
    bench = failed(planned(repo="/repo"))
    key = key_of(bench, "hard")
    bench.discard()
    replanned(bench, SPLIT)
    before = dict(bench.ledger.tasks)
    bench.take(bench.board.ended(bench.worker(key), key, OWN, bench.now))
    bench.take(bench.board.prepared(key, "head", "/repo", bench.now))
    assert any(isinstance(order, Discard) for order in bench.orders)
    assert bench.ledger.tasks == before


def test_what_was_under_way_cannot_be_revised_by_hand() -> None:
    bench = failed(planned())
    with pytest.raises(Conflict):
        bench.take(
            bench.board.revise(
                requirement({"a": {}}), base_commit=None, document="{}", known=bench.record(), tasks=[], now=bench.now
            )
        )
