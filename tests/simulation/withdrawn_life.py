"""Whole lives in which somebody cancels what is being integrated, at its gate or at any moment."""

from __future__ import annotations

from random import Random
from typing import Any

from aidos_actors.actors.words import GITOPS, SCHEDULER
from aidos_actors.core.orders import AttemptKey
from aidos_actors.core.states import REQUIREMENT_FINAL, TASK_FINAL
from supervisors.systems.simulated_tree import SimulatedTree
from tests.simulation.simulated_repository import ENDLESS, repository
from tests.simulation.whole_life import LIMIT_S, WholeLife

LEFT = AttemptKey("shop", "left", 1)
TARGET = "refs/heads/aidos/shop"
AT_ANY_MOMENT_S = (0.0, 4.0)
AT_ONCE_S = 10.0
VICTIMS = (SCHEDULER, GITOPS, None, None)


class WithdrawnLife(WholeLife):
    """The gate of ``left`` judges for an hour; it is cancelled meanwhile, and wanted again."""

    def __init__(self, **more: Any) -> None:
        super().__init__(endless=LEFT, meanwhile=self._steer, **more)

    def _steer(self, tree: SimulatedTree) -> None:
        tree.machine.run_until(lambda: self._is_judged or self._is_final("left"), tree.machine.now() + LIMIT_S)
        self.insist(verb="cancel", id="shop", task="left")
        self.insist(verb="retry", id="shop")

    @property
    def _is_judged(self) -> bool:
        found = repository(self.world).worktrees.items()
        return any(path.startswith("gate of ") and ENDLESS in each.files for path, each in found)

    def _is_final(self, task: str) -> bool:
        row = self.world.disk.tasks.get(("shop", task))
        return row is not None and row.state in TASK_FINAL


class CancelledLife(WithdrawnLife):
    """All of ``shop`` is cancelled at any moment, sometimes with a death just then, and not wanted again."""

    def _steer(self, tree: SimulatedTree) -> None:
        chance = Random(self.seed)
        tree.sleep(chance.uniform(*AT_ANY_MOMENT_S))
        self.is_in_time = self.insist(verb="status", id="shop")["state"] not in REQUIREMENT_FINAL
        if not self.is_in_time:
            return
        asked_at = tree.machine.now()
        self.insist(verb="cancel", id="shop")
        victim = chance.choice(VICTIMS)
        if victim in tree.living():
            tree.kill(victim)
        tree.machine.run_until(self._has_ended, tree.machine.now() + LIMIT_S)
        self.ended_after_s = tree.machine.now() - asked_at
        self.line_then = repository(self.world).line(TARGET)

    def _has_ended(self) -> bool:
        return self.world.disk.requirements["shop"].state in REQUIREMENT_FINAL

    def wrong(self) -> list[str]:
        """What may not be: told late, published late, published and not told, left behind."""
        repo, rows = repository(self.world), self.world.disk.tasks
        found = [f"{each.law}: {each.text}" for each in self.findings() if each.law not in ("done", "lost")]
        if not self.is_in_time:
            return found
        if self.ended_after_s > AT_ONCE_S:
            found.append(f"it ended {self.ended_after_s:.1f} s after it was cancelled")
        if repo.line(TARGET) != self.line_then:
            found.append(f"{repo.line(TARGET)} is published, and {self.line_then} was when it ended")
        there = {key.task: name for name in repo.line(TARGET) if (key := repo.commits[name].key) is not None}
        told = {row.id: row.commit for row in rows.values() if row.requirement == "shop" and row.commit is not None}
        if there != told:
            found.append(f"{there} is published, and {told} is told")
        return found
