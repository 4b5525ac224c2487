"""The Analyzer in virtual time: who is asked when, for how long it goes on, and what it says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted_analyzers import ANALYZER, DAY_S, FOUND, SCHEDULER, World, answered, held_up, living, wanted

from aidos_actors.actors.words import PlanAccepted, PlanRejected
from aidos_actors.analyzers.answers import NoPlan, NotNow
from aidos_actors.core.errors import TryAgain
from aidos_actors.core.requirement import Requirement
from supervisors.testing import eventually


def test_when_one_gives_up_the_next_is_asked(tmp_path: Path) -> None:
    with living(tmp_path, [NoPlan("too hard")], [FOUND]) as tree:
        tree.tell(SCHEDULER, wanted())
        word = answered(tree)
        assert (type(word), word.analyzer) == (PlanAccepted, "second")
        plan = Requirement.model_validate_json(word.found)
        assert (plan.tasks, plan.text) == (FOUND, "Words of r.")
        assert held_up() == [("first", "second")]
        tree.tell(SCHEDULER, wanted())
        eventually(lambda: len(World.words) == 3, clock=tree)
        assert len(World.asked) == 2, "the second time it was kept"


def test_when_all_give_up_it_is_rejected_with_all_reasons(tmp_path: Path) -> None:
    with living(tmp_path, [NoPlan("too hard")], [NoPlan("too vague")]) as tree:
        tree.tell(SCHEDULER, wanted())
        assert answered(tree) == PlanRejected("r", "first: too hard; second: too vague")
        tree.sleep(DAY_S)
        assert len(World.asked) == 2


@pytest.mark.parametrize(("span_s", "asked"), [(30.0, ["first", "first"]), (90.0, ["first", "second"])])
def test_a_short_wait_is_kept_and_a_long_one_is_not(tmp_path: Path, span_s: float, asked: list[str]) -> None:
    with living(tmp_path, [NotNow("busy", span_s), FOUND], [FOUND]) as tree:
        tree.tell(SCHEDULER, wanted())
        tree.sleep(25.0)
        assert [name for name, _ in World.asked] == (asked if span_s > 60 else ["first"])
        answered(tree)
        assert [name for name, _ in World.asked] == asked


def test_what_may_come_later_is_asked_for_a_day_but_seldom_and_said_once(tmp_path: Path) -> None:
    with living(tmp_path, [TryAgain("down")], [NoPlan("too hard")]) as tree:
        tree.tell(SCHEDULER, wanted())
        tree.sleep(DAY_S)
        first = [name for name, _ in World.asked].count("first")
        assert DAY_S / 120 < first < DAY_S / 20
        assert len(World.asked) == first + 1, "the second had said all it had to say"
        assert held_up() == [("first", "second"), ("second", None), ("first", None)]
        assert tree.which_children("root/analysis")[0].restarts == 0
        World.says["first"] = [FOUND]
        assert answered(tree).analyzer == "first"


def test_an_order_that_comes_again_is_asked_once_and_another_document_is_asked_about(tmp_path: Path) -> None:
    with living(tmp_path, [FOUND], [FOUND]) as tree:
        for _ in range(3):
            tree.tell(SCHEDULER, wanted())
        tree.tell(SCHEDULER, wanted(text="Other words."))
        eventually(
            lambda: any(isinstance(w, PlanAccepted) and "Other" in str(w.found) for w in World.words), clock=tree
        )
        tree.sleep(60.0)
        assert len(World.asked) <= 2


def test_many_at_once_all_come_to_their_end(tmp_path: Path) -> None:
    with living(tmp_path, [FOUND], [FOUND]) as tree:
        for number in range(300):
            tree.tell(SCHEDULER, wanted(f"r{number}"))
        eventually(lambda: len(World.words) == 300, within_s=600.0, clock=tree)
        assert {each.requirement for each in World.words} == {f"r{number}" for number in range(300)}


def test_one_that_is_killed_is_asked_for_again_by_whoever_wants_it(tmp_path: Path) -> None:
    with living(tmp_path, [FOUND], [FOUND]) as tree:
        tree.tell(SCHEDULER, wanted())
        answered(tree)
        tree.kill(ANALYZER)
        eventually(lambda: tree.which_children("root/analysis")[0].restarts == 1, clock=tree)
        tree.tell(SCHEDULER, wanted())
        eventually(lambda: len(World.words) == 2, clock=tree)
        assert len(World.asked) == 1, "what it had found is on disk"
