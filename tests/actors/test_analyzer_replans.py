"""A task that failed for good: which analyzers are asked what to do in its place, what they are told of it, and for how
long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scripted_analyzers import DAY_S, FOUND, SCHEDULER, World, answered, held_up, living, wanted

from aidos_actors.actors.words import PlanAccepted, PlanRejected
from aidos_actors.analyzers.answers import NoPlan
from aidos_actors.core.errors import TryAgain
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.orders import Analyse
from aidos_actors.core.requirement import Requirement, Task
from supervisors.testing import eventually

PLAN = (Task(id="base", run="true"), Task(id="hard", run="false", needs=("base",)))
HARD = FailedTask("hard", 2, "exit code 1 with token=abc")


def about(failed: FailedTask = HARD, name: str = "r") -> Analyse:
    order = wanted(name, tasks=PLAN)
    return Analyse(name, order.document, failed)


def test_only_who_can_is_asked_about_a_task_that_failed_and_is_told_the_end_of_its_output(tmp_path: Path) -> None:
    output = tmp_path / "output" / "r"
    output.mkdir(parents=True)
    (output / "hard.2.log").write_text("first line\n" + "x" * 4000 + "\npassword: geheim\nlast line\n")
    with living(tmp_path, [NoPlan("not asked")], [FOUND]) as tree:
        tree.tell(SCHEDULER, about())
        word = answered(tree)
        assert (type(word), word.analyzer, word.failed) == (PlanAccepted, "second", HARD)
        assert Requirement.model_validate_json(word.found).tasks == FOUND
        (told,) = World.about
        assert told.error == "exit code 1 with token=***"
        assert told.output == "password: ***\nlast line\n", "whole lines of the last 4,000 bytes"
        tree.tell(SCHEDULER, about())
        eventually(lambda: len(World.words) == 2, clock=tree)
        assert World.asked == [("second", "r")], "the second time it was kept"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([NoPlan("no idea")], "second: no idea"),
        ([[PLAN[1]]], "second: task 'hard' is the task that failed, unchanged, and would fail again"),
        ([[Task(id="base", run="other")]], "second: task 'base' is there already"),
    ],
)  # fmt: skip
def test_what_is_no_help_is_told_with_the_task_that_it_was_about(tmp_path: Path, answer: list[Any], said: str) -> None:
    with living(tmp_path, [NoPlan("not asked")], answer) as tree:
        tree.tell(SCHEDULER, about())
        word = answered(tree)
        assert (type(word), word.failed) == (PlanRejected, HARD) and word.reason.startswith(said)
        assert not list((tmp_path / "analysis").rglob("*.json")), "nothing of it is kept"


def test_who_cannot_answer_is_waited_for_ten_minutes_and_no_longer(tmp_path: Path) -> None:
    with living(tmp_path, [NoPlan("not asked")], [TryAgain("no route")]) as tree:
        tree.tell(SCHEDULER, about())
        word = eventually(
            lambda: [each for each in World.words if isinstance(each, PlanRejected)], clock=tree, within_s=1000.0
        )[0]
        assert word == PlanRejected("r", word.reason, HARD) and "no route" in word.reason
        assert len(World.asked) > 3
        count = len(World.asked)
        tree.sleep(DAY_S)
        assert len(World.asked) == count


def test_a_task_that_failed_in_another_way_is_another_question(tmp_path: Path) -> None:
    with living(tmp_path, [NoPlan("not asked")], [TryAgain("no route"), FOUND]) as tree:
        tree.tell(SCHEDULER, about())
        eventually(held_up, clock=tree)
        other = FailedTask("hard", 3, "exit code 2")
        tree.tell(SCHEDULER, about(other))
        assert answered(tree).failed == other
