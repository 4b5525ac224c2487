"""One whole life of AIDOS in virtual time: the tree as it is, on simulated hands, from the submission of two
requirements to their end, with processes ended on the way; and what the laws say of what is left."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from aidos_actors import crash
from aidos_actors.actors.words import SCHEDULER
from aidos_actors.analysis_settings import AnalysisSettings
from aidos_actors.core.orders import AttemptKey
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.states import REQUIREMENT_FINAL
from aidos_actors.core.views import event_view, status_view
from aidos_actors.gitops.push import Remote
from aidos_actors.layout import Layout
from aidos_actors.tree import aidos_tree
from chaos.facts import Commit, Evidence, Finding, GitFacts
from chaos.laws import judge
from supervisors import ChildSpec, SupervisorError, SupervisorSpec
from supervisors.handle import pickled
from supervisors.systems.simulated import Faults, Simulation
from supervisors.systems.simulated_tree import SimulatedTree
from tests.simulation.memory_ledger import MemoryLedger
from tests.simulation.simulated_executor import SimulatedExecutor
from tests.simulation.simulated_git import SimulatedWorkspace
from tests.simulation.simulated_model import REQUIREMENT, broken_laws, simulated_analyzers
from tests.simulation.simulated_repository import repository
from tests.simulation.world import WORLD, Fates, Place, World, world

LIMIT_S = 900.0
CALM_S = 3.0
LARGE = "x" * 110_000
WORKERS = 2
COLLECTED_EVERY_LIVES = 100
LIVES = count(1)


def memory_ledger(_state_dir: Path) -> MemoryLedger:
    return MemoryLedger(world().disk)


HANDS: dict[str, dict[str, Any]] = {
    "scheduler": {"open_ledger": memory_ledger, "has_socket": False},
    "gitops": {"hands": SimulatedWorkspace, "remotes": {"/shop": Remote("origin")}},
    "worker": {"hands": SimulatedExecutor, "has_socket": False},
    "analyzer": {"make": simulated_analyzers},
}


@cache
def requirements(*, is_large: bool = False, is_red: bool = False) -> tuple[Requirement, ...]:
    """One on a repository, two without, one in words: between them they come to nearly every crash point.
    ``is_large``: in messages, the first has to travel as a file. ``is_red``: one more publishes to the first one's
    target, what its gate refuses."""
    env = {"LARGE": LARGE} if is_large else {}
    shop = {
        "id": "shop", "repo": "/shop", "base": "main", "verify": "gate",
        "tasks": [
            {"id": "first", "run": "first", "retries": 9, "env": env},
            {"id": "left", "run": "left", "needs": ["first"], "verify": "check", "retries": 9},
            {"id": "right", "run": "right", "needs": ["first"], "retries": 9},
            {"id": "last", "call": "some:thing", "needs": ["left", "right"], "retries": 9},
        ],
    }  # fmt: skip
    plain = {"id": "plain", "tasks": [{"id": "one", "run": "one", "retries": 9}]}
    calls = {"id": "calls", "tasks": [{"id": f"c{n}", "call": "some:thing", "retries": 9} for n in range(5)]}
    calls["tasks"] += [{"id": "after", "call": "some:thing", "needs": ["c0", "c4"], "retries": 9}]
    wild = {"id": "wild", "repo": "/shop", "base": "main", "target": "aidos/shop", "mode": "serial"}
    wild["tasks"] = [{"id": name, "run": name, "retries": 9} for name in ("wild", *(f"tame{n}" for n in range(3)))]
    some = (wild, shop, plain, calls, REQUIREMENT) if is_red else (shop, plain, calls, REQUIREMENT)
    return tuple(Requirement.model_validate({"title": each["id"], **each}) for each in some)


CHANGING = {
    "shop": frozenset({"first", "left", "right"}),
    "plain": None,
    "calls": None,
    "words": None,
    "wild": frozenset({"wild", *(f"tame{n}" for n in range(3))}),
}


def simulated(spec: SupervisorSpec) -> SupervisorSpec:
    """The same tree, with other hands."""
    children: list[Any] = []
    for child in spec.children:
        if isinstance(child, SupervisorSpec):
            children.append(simulated(child))
        else:
            children.append(_with_hands(child))
    return replace(spec, children=tuple(children))


def _with_hands(child: ChildSpec) -> ChildSpec:
    return replace(child, args={**child.args, **HANDS.get(child.id, {})})


@dataclass
class WholeLife:
    """``run`` once. The same arguments give the same life, ``trace`` included."""

    seed: int = 0
    places: tuple[Place, ...] = ()
    faults: Faults | None = None
    is_large: bool = False
    is_red: bool = False
    endless: AttemptKey | None = None
    meanwhile: Callable[[SimulatedTree], None] = lambda _tree: None
    before_end: Callable[[], Any] = lambda: None

    def run(self) -> WholeLife:
        self.world = World(self.seed, self.endless)
        WORLD.append(self.world)
        self.fates = Fates(self.world, self.places)
        try:
            with tempfile.TemporaryDirectory(prefix="aidos-simulated-") as folder:
                self._live(folder)
        finally:
            crash.arm(None)
            WORLD.pop()
            _bury_the_dead()
        return self

    def _live(self, state_dir: str) -> None:
        spec = simulated(aidos_tree(state_dir, workers=WORKERS, base_env={}, analysis=AnalysisSettings()))
        self.tree = tree = _Tree.begun(spec, self.seed, self.world)
        tree.machine.faults = self.faults or Faults()  # from here on: a tree that cannot start at first is not started
        crash.arm(self.fates)
        self.machine = tree.machine
        for each in self._requirements:
            self.submit(each)
        self.meanwhile(tree)
        self.machine.run_until(self._is_over, self.machine.now() + LIMIT_S)
        self.took_s = self.machine.now()
        tree.sleep(CALM_S)
        self.before_end()
        tree.stop()
        crash.arm(None)
        self.machine.run_for(CALM_S)
        self.world.broken += broken_laws(self.world, Layout(state_dir).analysis)

    @property
    def _requirements(self) -> tuple[Requirement, ...]:
        return requirements(is_large=self.is_large, is_red=self.is_red)

    def submit(self, requirement: Requirement) -> None:
        base_commit = None if requirement.repo is None else "c0"
        self.insist(verb="submit", document=requirement.model_dump_json(), base_commit=base_commit)

    def insist(self, **call: Any) -> dict[str, Any]:
        """Repeated, as callers do, until it is on the ledger's disk."""
        until = self.machine.now() + LIMIT_S
        while self.machine.now() < until:
            try:
                answer = self.tree.ask(SCHEDULER, call, timeout_s=5.0)
            except SupervisorError:
                answer = {"error": {"code": "try_again"}}
            if "value" in answer:
                return dict(answer["value"])
            assert answer["error"]["code"] == "try_again", answer
            self.tree.sleep(0.1)
        raise AssertionError(f"nobody answers {call['verb']}; seed {self.seed}")

    def _is_over(self) -> bool:
        found = self.world.disk.requirements
        return len(found) == len(self._requirements) and all(each.state in REQUIREMENT_FINAL for each in found.values())

    # ---- what is left

    def findings(self) -> list[Finding]:
        """What is wrong; none is good news."""
        found = [Finding("seen", text) for text in self.world.broken]
        for requirement in self._requirements:
            if requirement.id in self.world.disk.requirements:
                found += judge(self._evidence(requirement))
        if not self._is_over():
            found.append(Finding("done", f"not over after {LIMIT_S:g} virtual seconds"))
        refs, remote = repository(self.world).refs, repository(self.world).remote
        behind = [name for name in refs if name.startswith("refs/heads/aidos/") and remote.get(name) != refs[name]]
        found += [Finding("pushed", f"{name} is {refs[name]}, and {remote.get(name)} on the remote") for name in behind]
        left = [*self.world.folders, *self.world.quarantine]
        return found + [Finding("left", f"{path} was left behind") for path in left]

    def _evidence(self, requirement: Requirement) -> Evidence:
        ledger = MemoryLedger(self.world.disk)
        record = ledger.requirement(requirement.id)
        assert record is not None
        living = [life.name for life in self.world.lives if life.is_alive]
        return Evidence(
            requirement=requirement.id,
            events=tuple(event_view(event) for event in self.world.disk.events),
            status=status_view(record, ledger.tasks(requirement.id)),
            git=self._git_facts(requirement) if requirement.repo is not None else None,
            records=tuple(each for each in self.world.records if each.key.startswith(f"{requirement.id}/")),
            orphans=tuple(f"{name} lives" for name in living),
            changing=CHANGING[requirement.id],
        )

    def _git_facts(self, requirement: Requirement) -> GitFacts:
        repo = repository(self.world)
        names = list(reversed(repo.line(f"refs/heads/{requirement.target_branch}")))[1:]
        commits = []
        for name in names:
            commit = repo.commits[name]
            assert commit.parent is not None
            key = (commit.key.requirement, commit.key.task, str(commit.key.number)) if commit.key else ("", "", "")
            commits.append(Commit(name, (commit.parent,), *key, commit.reverts or ""))
        return GitFacts("c0", tuple(commits), tuple(repo.worktrees))

    def back_after_s(self) -> list[float]:
        """For each place that struck: until what ended there was back, or, where it need not be, until the end."""
        ends = (self.fates.again.get(number, self.took_s) for number in range(len(self.fates.struck)))
        return [end - struck for struck, end in zip(self.fates.struck, ends, strict=True)]

    def __str__(self) -> str:
        return f"seed {self.seed}: {', then '.join(map(str, self.places)) or 'chance alone'}, {self.faults}"


def _bury_the_dead() -> None:
    """A Scheduler makes what it restored permanent, for it lives until its process ends; here many live in one, and
    some four thousand would map all the memory there may be."""
    if next(LIVES) % COLLECTED_EVERY_LIVES == 0:
        gc.unfreeze()
        gc.collect()


class _Tree(SimulatedTree):
    """Its machine is known to the world before its actors are."""

    @classmethod
    def begun(cls, spec: SupervisorSpec, seed: int, of: World) -> SimulatedTree:
        tree = object.__new__(cls)
        of.machine = Simulation(seed)
        tree._begin(pickled(spec), of.machine, "restart")
        return tree
