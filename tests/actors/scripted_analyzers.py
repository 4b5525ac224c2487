"""The Analyzer in virtual time, between a Scheduler of a test and analyzers that answer by script; what all of them
were asked and told is kept in one ``World``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aidos_actors.actors.analyzer import Analyzer
from aidos_actors.actors.words import AnalysisDue, AnalysisHeldUp, PlanAccepted, PlanRejected
from aidos_actors.analysis_settings import AnalysisSettings
from aidos_actors.analyzers.documents import DocumentAnalyzer
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.orders import Analyse, Withdraw
from aidos_actors.core.requirement import Requirement, Task
from aidos_actors.withdrawal import Withdrawal
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
