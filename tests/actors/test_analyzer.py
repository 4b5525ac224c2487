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
from aidos_actors.core.errors import TryAgain
from aidos_actors.core.orders import Analyse
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


class Scripted:
    """Answers as ``World.says`` by its name, the last of a list again and again."""

    def __init__(self, name: str) -> None:
        self._name = name

    def understands(self, requirement: Requirement) -> bool:
        return requirement.text is not None

    def fingerprint(self) -> str:
        return ""

    def analyse(self, requirement: Requirement) -> tuple[Task, ...]:
        World.asked.append((self._name, requirement.id))
        script = World.says[self._name]
        said = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(said, Exception):
            raise said
        return tuple(said)

    def close(self) -> None: ...


def scripted(settings: AnalysisSettings, folder: Path, base_env: Mapping[str, str]) -> dict[str, Any]:
    return {"document": DocumentAnalyzer(), "first": Scripted("first"), "second": Scripted("second")}


class SchedulerOfATest(ManagedActor):
    """Keeps what it hears, and wants what ``World.wanted`` says."""

    def receive(self, message: Any, sender: str | None) -> None:
        if isinstance(message, Analyse):
            World.wanted[message.requirement] = message
            self.send(ANALYZER, message)
            return
        World.words.append(message)
        if isinstance(message, AnalysisDue) and message.requirement in World.wanted:
            self.send(ANALYZER, World.wanted[message.requirement])


@contextmanager
def living(folder: Path, first: list[Any], second: list[Any]) -> Iterator[SimulatedTree]:
    World.says, World.asked, World.words, World.wanted = {"first": first, "second": second}, [], [], {}
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


def test_one_that_is_killed_is_asked_for_again_by_whoever_wants_it(tmp_path: Path) -> None:
    with living(tmp_path, [FOUND], [FOUND]) as tree:
        tree.tell(SCHEDULER, wanted())
        answered(tree)
        tree.kill(ANALYZER)
        eventually(lambda: tree.which_children("root/analysis")[0].restarts == 1, clock=tree)
        tree.tell(SCHEDULER, wanted())
        eventually(lambda: len(World.words) == 2, clock=tree)
        assert len(World.asked) == 1, "what it had found is on disk"
