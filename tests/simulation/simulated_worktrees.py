"""Worktrees of a repository in memory. Each step of the real thing stands alone, with the same crash points: a process
may die, or be frozen, between any two of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aidos_actors.core.errors import TryAgain
from aidos_actors.core.orders import Discard, Prepare
from aidos_actors.core.target_orders import Sweep
from tests.simulation.simulated_minder import places_of_work
from tests.simulation.simulated_repository import Worktree, repository
from tests.simulation.world import Steps, step, world

GIT_S = (0.002, 0.02)


class SimulatedWorktrees:
    def __init__(self) -> None:
        self._world = world()
        self._repo = repository(self._world)

    def _clean(self) -> Steps:
        """What a GitOps that died left of its gates."""
        for path in [path for path in self._repo.worktrees if path.startswith("gate of ")]:
            yield from self._discard(path)

    def _do(self, name: str, act: Callable[[], Any], span_s: tuple[float, float] = GIT_S) -> Steps:
        return step(name, self._world.chance.uniform(*span_s), act)

    def _prepare(self, order: Prepare) -> Steps:
        found = self._repo.worktrees.get(order.path)
        if found is not None and found.is_marked and found.has_folder:
            return found.base
        yield from self._discard(order.path)
        commit = self._repo.refs.get(f"refs/heads/{order.target}", order.base_commit)
        yield from self._add(order.path, commit)
        yield from self._do("worktree-marked", lambda: setattr(self._repo.worktrees[order.path], "is_marked", True))
        return commit

    def _add(self, path: str, commit: str) -> Steps:
        def act() -> None:
            if path in self._repo.worktrees:
                raise TryAgain(f"{path} exists")
            self._repo.worktrees[path] = Worktree(commit, dict(self._repo.commits[commit].tree))

        yield from self._do("worktree-added", act)

    def _discard(self, path: str) -> Steps:
        def set_aside() -> None:
            found.has_folder = False
            self._world.quarantine.append(path)

        def take_record() -> None:
            del self._repo.worktrees[path]
            self._world.quarantine.append(f"record of {path}")

        found = self._repo.worktrees.get(path)
        if found is not None and found.has_folder:
            yield from self._do("folder-set-aside", set_aside)
        if found is not None:
            yield from self._do("record-set-aside", take_record)
        yield from self._do("quarantine-emptied", self._world.quarantine.clear)

    def _discard_order(self, order: Discard) -> Steps:
        living = [life for life in self._world.lives if life.is_alive]
        if any(getattr(life, "pid", None) in {pid for pid, _ in order.previous} for life in living):
            raise TryAgain(f"a minder of {order.key} still runs")
        if order.repo is None:
            yield from self._do("folder-deleted", lambda: self._world.folders.discard(order.path))
        else:
            yield from self._discard(order.path)

    def _sweep(self, order: Sweep) -> Steps:
        """As the real one: who lives in a worktree keeps it, whatever the rows say."""
        gone, meant = [], f"{order.key.requirement}/"
        for path in [path for path in self._repo.worktrees if not path.startswith("gate of ") and meant in path]:
            if path not in order.live and path not in places_of_work(self._world):
                yield from self._discard(path)
                gone.append(path)
        yield from self._do("restore-point-pruned", lambda: None)
        return tuple(gone)
