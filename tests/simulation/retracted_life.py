"""Whole lives in which somebody cancels a task whose commit is being taken back, or all of its requirement."""

from __future__ import annotations

from random import Random
from typing import Any

from aidos_actors.actors.words import GITOPS, SCHEDULER
from aidos_actors.core.states import REQUIREMENT_FINAL, TASK_FINAL, TaskState
from supervisors.systems.simulated_tree import SimulatedTree
from tests.simulation.simulated_repository import repository
from tests.simulation.whole_life import LIMIT_S, WholeLife

TARGET = "refs/heads/aidos/shop"
WITHIN_S = (0.0, 0.15)
MEANWHILE = ("worktree_discarded", "stale_result_refused")
VICTIMS = (SCHEDULER, GITOPS, None)


class RetractedLife(WholeLife):
    """``wild`` turns the target of ``shop`` red, and is cancelled when that has been found. ``is_in_time``: before its
    commit was taken back."""

    def __init__(self, **more: Any) -> None:
        super().__init__(is_red=True, meanwhile=self._steer, **more)
        self.is_in_time = False

    def _steer(self, tree: SimulatedTree) -> None:
        chance = Random(self.seed)
        tree.machine.run_until(lambda: self._is_condemned or self._is_over(), tree.machine.now() + LIMIT_S)
        tree.sleep(chance.uniform(*WITHIN_S))
        if not self._is_condemned or self._has_ended("wild"):
            return
        self.insist(verb="cancel", id="wild", task=chance.choice(("wild", None)))
        self.is_in_time = "task_withdrawn" in self._types()
        victim = chance.choice(VICTIMS)
        if victim in tree.living():
            tree.kill(victim)
        tree.machine.run_until(lambda: self._has_ended("wild"), tree.machine.now() + LIMIT_S)
        self.then = self._on_target(), self._told

    @property
    def _is_condemned(self) -> bool:
        return "task_condemned" in self._types()

    def _types(self) -> list[str]:
        events = self.world.disk.events
        return [event.type for event in events if (event.requirement, event.task) == ("wild", "wild")]

    def _has_ended(self, task: str) -> bool:
        """The task has; and its requirement, when it was all cancelled."""
        row, record = self.world.disk.tasks["wild", task], self.world.disk.requirements["wild"]
        is_open = record.error is not None and record.state not in REQUIREMENT_FINAL
        return row.state in TASK_FINAL and row.state is not TaskState.DONE and not is_open

    def _on_target(self) -> list[str]:
        """The commits of the task, and what takes them back."""
        repo = repository(self.world)
        line = [(name, repo.commits[name]) for name in repo.line(TARGET)]
        mine = {name for name, each in line if each.key is not None and each.key.task == "wild"}
        return [name for name, each in line if name in mine or each.reverts in mine]

    @property
    def _told(self) -> str | None:
        return self.world.disk.tasks["wild", "wild"].commit

    def wrong(self) -> list[str]:
        """What may not be: ended while its commit stands, taken back untold or late, tried again, left behind."""
        found = [f"{each.law}: {each.text}" for each in self.findings() if each.law not in ("done", "lost")]
        record = self.world.disk.requirements["shop"]
        if record.state != "done":
            found.append(f"shop, whose target was mended, is {record.state}: {record.error}")
        if not self.is_in_time:
            return found
        if (self._on_target(), self._told) != self.then:
            found.append(f"{self._on_target()} is there and {self._told} told; when it ended it was {self.then}")
        if len(self._on_target()) != 2:
            found.append(f"{self._on_target()} is there: not one commit and its revert")
        types = self._types()
        after = [kind for kind in types[types.index("task_withdrawn") + 1 :] if kind not in MEANWHILE]
        if after != ["task_reverted", "task_cancelled"]:
            found.append(f"after it was cancelled this is told: {after}")
        return found
