"""The Analyzer in virtual time: who is asked when, for how long it goes on, and what it says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aidos_actors.actors.analyzer import Analyzer
from aidos_actors.actors.words import AnalysisDue, AnalysisHeldUp, PlanAccepted, PlanRejected
from aidos_actors.analysis_settings import AnalysisSettings
from aidos_actors.analyzers.answers import NoPlan, NotNow
from aidos_actors.analyzers.documents import DocumentAnalyzer
from aidos_actors.analyzers.withdrawal import Withdrawal
from aidos_actors.core.errors import TryAgain
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.orders import Analyse, Withdraw
from aidos_actors.core.requirement import Requirement, Task
from supervisors import ChildSpec, ManagedActor, SupervisorSpec
from supervisors.testing import SimulatedTree, eventually

DAY_S = 24 * 3600.0
FOUND = (Task(id="a", run="true"),)
SCHEDULER, ANALYZER = "root/scheduling/scheduler", "root/analysis/analyzer"


class World:
    """What the actors of a test share: all of them live in its process."""

    says: dict[str, Any]
    asked: list[tuple[str, str]]
    words: list[Any]
    wanted: dict[str, Analyse]
    ended: list[str]
    about: list[FailedTask]


class Scripted:
    """Answers as ``World.says`` by its name, the last of a list again and again."""

    def __init__(self, name: str) -> None:
        self._name = name

    def understands(self, requirement: Requirement) -> bool:
        return requirement.text is not None

    def fingerprint(self) -> str:
        return ""

    def analyse(self, requirement: Requirement) -> tuple[Task, ...]:
        return self.analyse_until(requirement, Withdrawal())

    def analyse_until(self, requirement: Requirement, withdrawal: Withdrawal) -> tuple[Task, ...]:
        World.asked.append((self._name, requirement.id))
        withdrawal.then(lambda: World.ended.append(requirement.id))
        script = World.says[self._name]
        said = script.pop(0) if len(script) > 1 else script[0]
        if callable(said):
            said = said(withdrawal)
        if isinstance(said, Exception):
            raise said
        return tuple(said)

    def close(self) -> None: ...


class Replanning(Scripted):
    """One that can also be asked about a task that failed."""

    def replan_until(self, requirement: Requirement, failed: FailedTask, withdrawal: Withdrawal) -> tuple[Task, ...]:
        World.about.append(failed)
        return self.analyse_until(requirement, withdrawal)


def scripted(settings: AnalysisSettings, folder: Path, base_env: Mapping[str, str]) -> dict[str, Any]:
    return {"document": DocumentAnalyzer(), "first": Scripted("first"), "second": Replanning("second")}


class SchedulerOfATest(ManagedActor):
    """Keeps what it hears, and wants what ``World.wanted`` says."""

    def receive(self, message: Any, sender: str | None) -> None:
        if isinstance(message, Analyse):
            World.wanted[message.requirement] = message
            self.send(ANALYZER, message)
            return
        if isinstance(message, Withdraw):
            World.wanted.pop(message.requirement, None)
            self.send(ANALYZER, message)
            return
        World.words.append(message)
        if isinstance(message, AnalysisDue):
            self.send(ANALYZER, World.wanted.get(message.requirement) or Withdraw(message.requirement))


@contextmanager
def living(folder: Path, first: list[Any], second: list[Any]) -> Iterator[SimulatedTree]:
    World.says, World.asked, World.words, World.wanted = {"first": first, "second": second}, [], [], {}
    World.ended, World.about = [], []
    args = {"state_dir": str(folder), "make": scripted}
    children = [
        SupervisorSpec(id="scheduling", children=[ChildSpec(id="scheduler", actor=SchedulerOfATest)]),
        SupervisorSpec(id="analysis", children=[ChildSpec(id="analyzer", actor=Analyzer, args=args)]),
    ]
    with SimulatedTree.start(SupervisorSpec(id="root", children=children), seed=7) as tree:
        yield tree


def wanted(name: str = "r", **more: Any) -> Analyse:
    model = Requirement(**{"id": name, "title": name, "text": f"Words of {name}.", **more})
    return Analyse(name, model.model_dump_json())


def answered(tree: SimulatedTree) -> Any:
    """The last word: a plan, or that there is none."""
    return eventually(
        lambda: [each for each in World.words if isinstance(each, PlanAccepted | PlanRejected)], clock=tree
    )[-1]


def held_up() -> list[tuple[str, str | None]]:
    return [(each.analyzer, each.next) for each in World.words if isinstance(each, AnalysisHeldUp)]


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


def test_nothing_is_asked_for_what_nobody_wants_any_more(tmp_path: Path) -> None:
    with living(tmp_path, [TryAgain("down")], [TryAgain("down, too")]) as tree:
        tree.tell(SCHEDULER, wanted())
        eventually(lambda: len(World.asked) >= 2, clock=tree)
        World.wanted.clear()
        tree.sleep(120.0)
        asked = len(World.asked)
        tree.sleep(DAY_S)
        assert len(World.asked) == asked


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


def degraded(tree: SimulatedTree) -> str:
    return tree.which_children("root/analysis")[0].degraded or ""


def test_what_is_withdrawn_is_ended_and_nobody_else_is_asked(tmp_path: Path) -> None:
    with living(tmp_path, [TryAgain("down")], [TryAgain("down, too")]) as tree:
        tree.tell(SCHEDULER, wanted())
        eventually(lambda: World.asked, clock=tree)
        for _ in range(2):
            tree.tell(SCHEDULER, Withdraw("r"))
        eventually(lambda: World.ended, clock=tree)
        asked = len(World.asked)
        tree.sleep(DAY_S)
        assert len(World.asked) == asked
        assert not [each for each in World.words if isinstance(each, PlanAccepted | PlanRejected)]


def test_what_waits_for_its_turn_is_withdrawn_before_it_is_asked_about(tmp_path: Path) -> None:
    with living(tmp_path, [FOUND], [FOUND]) as tree:
        for number in range(50):
            tree.tell(SCHEDULER, wanted(f"r{number}"))
            tree.tell(SCHEDULER, Withdraw(f"r{number}"))
        tree.tell(SCHEDULER, wanted())
        answered(tree)
        tree.sleep(60.0)
        assert len(World.asked) < 25


def test_a_withdrawal_is_no_failure_of_the_analyzer_and_its_probe_is_free_again(tmp_path: Path) -> None:
    """Degraded: each question is a probe. One that is withdrawn while it is asked must not be the last."""

    def cut_off(withdrawal: Withdrawal) -> Exception:
        withdrawal.withdraw()
        return TryAgain("it was cut off")

    with living(tmp_path, [TryAgain("down")], [NoPlan("too hard")]) as tree:
        tree.tell(SCHEDULER, wanted())
        eventually(lambda: degraded(tree), within_s=600.0, clock=tree)
        World.says["first"], World.asked = [cut_off, FOUND], []
        eventually(lambda: World.asked, within_s=600.0, clock=tree)
        tree.tell(SCHEDULER, Withdraw("r"))
        tree.tell(SCHEDULER, wanted())
        assert answered(tree).analyzer == "first"
        assert not degraded(tree)


def test_a_withdrawal_that_comes_late_loses_nothing(tmp_path: Path) -> None:
    """The word of a dead Scheduler comes after the order of its successor."""
    with living(tmp_path, [TryAgain("down"), FOUND], [NoPlan("too hard")]) as tree:
        tree.tell(SCHEDULER, wanted())
        eventually(lambda: World.asked, clock=tree)
        tree.tell(ANALYZER, Withdraw("r"))
        assert answered(tree).analyzer == "first"


def test_a_new_scheduler_is_asked_whether_it_wants_what_is_under_way(tmp_path: Path) -> None:
    with living(tmp_path, [FOUND], [FOUND]) as tree:
        for number in range(300):
            tree.tell(SCHEDULER, wanted(f"r{number}"))
        eventually(lambda: World.asked, clock=tree)
        tree.kill(SCHEDULER)
        World.wanted.clear()
        tree.sleep(DAY_S)
        assert len(World.asked) < 250, "without a question to the new one it would be all 300"


def test_one_that_is_killed_is_asked_for_again_by_whoever_wants_it(tmp_path: Path) -> None:
    with living(tmp_path, [FOUND], [FOUND]) as tree:
        tree.tell(SCHEDULER, wanted())
        answered(tree)
        tree.kill(ANALYZER)
        eventually(lambda: tree.which_children("root/analysis")[0].restarts == 1, clock=tree)
        tree.tell(SCHEDULER, wanted())
        eventually(lambda: len(World.words) == 2, clock=tree)
        assert len(World.asked) == 1, "what it had found is on disk"


PLAN = (Task(id="base", run="true"), Task(id="hard", run="false", needs=("base",)))
HARD = FailedTask("hard", 2, "exit code 1 with token=abc")


def about(failed: FailedTask = HARD, name: str = "r") -> Analyse:
    order = wanted(name, tasks=PLAN)
    return Analyse(name, order.document, failed)


def test_only_who_can_is_asked_about_a_task_that_failed_and_is_told_the_end_of_its_output(tmp_path: Path) -> None:
    output = tmp_path / "output" / "r" / "hard"
    output.mkdir(parents=True)
    (output / "2.log").write_text("first line\n" + "x" * 4000 + "\npassword: geheim\nlast line\n")
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
