"""Who is asked next, and a plan that was found on its way to the record."""

from __future__ import annotations

import pytest
from board_bench import Bench, requirement
from hypothesis import given
from hypothesis import strategies as st

from aidos_actors.core.analysis import (
    WAIT_MIN_S,
    Ask,
    Failure,
    Planned,
    Reject,
    Wait,
    next_step,
    worth_keeping,
)
from aidos_actors.core.errors import Conflict
from aidos_actors.core.orders import Analyse, Step, Withdraw
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.states import RequirementState

NAMES = ("a", "b", "c")
BUSY = Failure("busy", 30.0, is_asked_for=True)
DOWN = Failure("down", 5.0)
NO = Failure("no plan")

TABLE = [
    ({}, Ask("a")),
    ({"a": DOWN}, Ask("b")),
    ({"a": NO, "b": DOWN}, Ask("c")),
    ({"a": BUSY}, Wait(30.0, "a: busy")),
    ({"a": Failure("busy", 61.0, is_asked_for=True)}, Ask("b")),
    ({"a": NO, "b": BUSY}, Wait(30.0, "b: busy")),
    ({"a": NO, "b": DOWN, "c": NO}, Wait(5.0, "a: no plan; b: down; c: no plan")),
    ({"a": NO, "b": Failure("x", 0.0), "c": DOWN}, Wait(WAIT_MIN_S, "a: no plan; b: x; c: down")),
    ({"a": NO, "b": NO, "c": NO}, Reject("a: no plan; b: no plan; c: no plan")),
]


@pytest.mark.parametrize(("failures", "step"), TABLE)
def test_the_next_step(failures: dict[str, Failure], step: Ask | Wait | Reject) -> None:
    assert next_step(NAMES, failures, 60.0) == step


failure = st.builds(Failure, st.just("x"), st.none() | st.floats(0, 1e6), st.booleans())


@given(st.dictionaries(st.sampled_from(NAMES), failure), st.floats(0, 1e5))
def test_laws(failures: dict[str, Failure], wait_max_s: float) -> None:
    match next_step(NAMES, failures, wait_max_s):
        case Ask(name=name):
            assert name not in failures and all(other in failures for other in NAMES[: NAMES.index(name)])
        case Wait(span_s=span_s):
            assert span_s >= WAIT_MIN_S and any(each.again_s is not None for each in failures.values())
        case Reject():
            assert set(failures) == set(NAMES) and all(each.again_s is None for each in failures.values())
    assert set(worth_keeping(failures)) == {name for name, each in failures.items() if each.again_s is None}


def words(text: str = "Build it.", **more: object) -> Requirement:
    return Requirement(**{"id": "r", "title": "R", "text": text, **more})


def found_for(model: Requirement, **tasks: dict[str, object]) -> Planned:
    plan = model.model_copy(update={"tasks": requirement(tasks or {"a": {}, "b": {"needs": ["a"]}}).tasks})
    return Planned(plan, plan.model_dump_json(), "llm")


def analysing(model: Requirement | None = None) -> Bench:
    bench = Bench()
    bench.submit(model or words())
    assert bench.record().state is RequirementState.WAITING
    assert [type(order) for order in bench.dispatch().orders] == [Analyse]
    return bench


def test_the_plan_is_recorded_before_any_task_starts_and_is_the_document_from_then_on() -> None:
    bench = analysing()
    sha256 = bench.record().sha256
    plan = found_for(words())
    step = bench.take(bench.board.analysed("r", bench.now, plan))
    record = bench.record()
    assert (record.state, record.document, record.sha256) == (RequirementState.RUNNING, plan.document, sha256)
    assert step.batch.events[0].data == {"tasks": 2, "analyzer": "llm"}
    assert {task.id: str(task.state) for task in step.batch.tasks} == {"a": "ready", "b": "waiting"}
    assert bench.board.analysed("r", bench.now, plan) == Step()
    assert bench.submit(words(), known=record) == Step(), "the same words are the same requirement"


def test_the_content_is_what_was_handed_in() -> None:
    plan = found_for(words()).model
    assert plan.content_sha256() == words().content_sha256() == found_for(words(), z={}).model.content_sha256()
    hashes = {each.content_sha256() for each in (words(), words("Other."), words(priority=9), words(title="T"))}
    assert words(mode="mixed").content_sha256() in hashes
    assert len(hashes) == 4 and plan.model_copy(update={"text": None}).content_sha256() not in hashes


@pytest.mark.parametrize("other", [words("Build another."), words(priority=90), requirement({"a": {}})])
def test_what_was_found_for_another_document_changes_nothing(other: Requirement) -> None:
    bench = analysing()
    assert bench.board.analysed("r", bench.now, found_for(other)) == Step()
    assert bench.record().state is RequirementState.ANALYSING


def test_it_is_owed_while_it_is_analysing_and_no_longer() -> None:
    bench = analysing()
    assert bench.board.owed_analysis("r").orders == (Analyse("r", bench.record().document),)
    assert bench.board.owed_analysis("other").orders == (Withdraw("other"),)
    bench.take(bench.board.held_up("r", bench.now, analyzer="llm", error="down", next=None, again_s=5.0))
    assert bench.ledger.events[-1].type == "analysis_held_up"
    assert bench.take(bench.board.steer("cancel", "r", None, bench.now)).orders == (Withdraw("r"),)
    assert bench.board.owed_analysis("r").orders == (Withdraw("r"),)
    assert bench.board.held_up("r", bench.now, "down", analyzer="llm") == Step()
    assert bench.board.analysed("r", bench.now, found_for(words())) == Step()


def test_past_its_deadline_it_is_withdrawn() -> None:
    bench = analysing(words(deadline_s=10))
    due_at = bench.board.next_due_at()
    assert due_at is not None
    bench.now = due_at
    assert Withdraw("r") in bench.take(bench.board.tick(due_at)).orders
    assert bench.record().state is RequirementState.FAILED
    assert bench.board.owed_analysis("r").orders == (Withdraw("r"),)


def test_paused_it_may_be_answered_and_other_words_withdraw_it() -> None:
    bench = analysing()
    assert bench.take(bench.board.steer("pause", "r", None, bench.now)).orders == ()
    assert bench.board.owed_analysis("r") == Step()
    model = words("Other.")
    step = bench.board.revise(
        model, base_commit=None, document=model.model_dump_json(), known=bench.record(), tasks=[], now=bench.now
    )
    assert bench.take(step).orders == (Withdraw("r"),)
    bench.take(bench.board.steer("cancel", "r", None, bench.now))
    assert bench.board.owed_analysis("r").orders == (Withdraw("r"),)


def test_what_was_not_begun_or_is_planned_needs_no_withdrawal_when_it_is_cancelled() -> None:
    bench = Bench()
    bench.submit(words())
    assert bench.take(bench.board.steer("cancel", "r", None, bench.now)).orders == ()
    bench = analysing()
    bench.take(bench.board.analysed("r", bench.now, found_for(words())))
    assert Withdraw("r") not in bench.take(bench.board.steer("cancel", "r", None, bench.now)).orders


def test_words_cannot_replace_a_plan_but_a_plan_can_replace_words() -> None:
    bench = analysing()
    bench.take(bench.board.analysed("r", bench.now, found_for(words())))
    bench.take(bench.board.steer("pause", "r", None, bench.now))
    tasks = list(bench.ledger.tasks.values())

    def revise(model: Requirement) -> Step:
        document = model.model_dump_json()
        return bench.board.revise(
            model, base_commit=None, document=document, known=bench.record(), tasks=tasks, now=bench.now
        )

    with pytest.raises(Conflict, match="words cannot replace") as refused:
        revise(words("Other."))
    assert "## Tasks" in refused.value.hint
    step = revise(requirement({"a": {}, "c": {}}))
    assert {task.id: str(task.state) for task in step.batch.tasks} == {"a": "ready", "b": "removed", "c": "ready"}


def test_words_that_were_rejected_may_be_revised_by_words() -> None:
    bench = analysing()
    bench.take(bench.board.rejected("r", "llm: no plan", bench.now))
    model = words("Better.")
    bench.take(
        bench.board.revise(
            model, base_commit=None, document=model.model_dump_json(), known=bench.record(), tasks=[], now=bench.now
        )
    )
    bench.dispatch()
    bench.take(bench.board.analysed("r", bench.now, found_for(model)))
    assert bench.record().state is RequirementState.RUNNING
