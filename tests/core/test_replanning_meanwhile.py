"""What happens while a new plan is waited for: somebody steers or revises the requirement, its time is over, or an old
result comes."""

from __future__ import annotations

import pytest
from board_bench import requirement
from board_doers import OWN
from replanning_bench import SPLIT, asked, failed, finish_all, key_of, planned, question, replanned, states, withdrawn

from aidos_actors.core.errors import Conflict
from aidos_actors.core.orders import Discard
from aidos_actors.core.states import RequirementState

pytestmark = pytest.mark.usefixtures("form")


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
