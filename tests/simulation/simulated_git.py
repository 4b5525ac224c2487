"""The port ``Workspace`` on a repository in memory.

Each order goes through the steps of the real one, with the same crash points.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aidos_actors.actors.words import (
    Delivered,
    GitWord,
    GitWork,
    SweptUp,
    TargetSeen,
    TargetsPushed,
    WorkReverted,
    WorktreeGone,
    WorktreeReady,
)
from aidos_actors.core.orders import Discard, Prepare
from aidos_actors.core.target_orders import Push, Revert, Sweep, Watch
from aidos_actors.layout import Layout
from aidos_actors.withdrawal import Withdrawal
from tests.simulation.simulated_target import SimulatedTarget
from tests.simulation.world import Steps


class SimulatedWorkspace(SimulatedTarget):
    def __init__(self, layout: Layout, base_env: Mapping[str, str], remotes: Mapping[str, Any]) -> None:
        super().__init__()

    def close(self) -> None:
        pass

    def clean(self) -> None:
        steps: Any = self._clean()
        return steps  # type: ignore[no-any-return]

    def carry_out(self, work: GitWork, withdrawal: Withdrawal) -> GitWord:
        steps: Any = self._steps(work, withdrawal)  # a generator: the simulated machine lets its seconds pass
        return steps  # type: ignore[no-any-return]

    def _steps(self, work: GitWork, withdrawal: Withdrawal) -> Steps:
        match work.order:
            case Prepare() as order:
                commit = yield from self._prepare(order)
                return WorktreeReady(order.key, commit, order.repo)
            case Sweep() as order:
                return SweptUp(order.key, (yield from self._sweep(order)))
            case Watch() as order:
                return TargetSeen(order.key, (yield from self._look(order, withdrawal)))
            case Push() as order:
                return TargetsPushed(order.key, order.repo, (yield from self._push()))
            case Revert() as order:
                return WorkReverted(order.key, (yield from self._take_back(work, order)))
            case Discard() as order:
                yield from self._discard_order(order)
                return WorktreeGone(order.key)
        raise TypeError(work)

    def integrate(self, works: tuple[GitWork, ...], withdrawal: Withdrawal) -> Delivered:
        steps: Any = self._integrate(works, withdrawal)
        return steps  # type: ignore[no-any-return]
