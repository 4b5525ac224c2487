"""Public incidents of other orchestrators that concern git and its queue, planted here and healed by nobody's hand.

Each test names what happened elsewhere. Virtual time, the real actors, the planted bug in one life of one of them.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from aidos_actors.actors.delivery_watch import WINDOW_S
from aidos_actors.actors.words import GitWork
from aidos_actors.core.orders import Integrate, Prepare
from aidos_actors.gitops import lanes
from tests.simulation.simulated_git import SimulatedWorkspace
from tests.simulation.simulated_minder import places_of_work
from tests.simulation.simulated_repository import repository
from tests.simulation.test_crash_sweep import lived
from tests.simulation.whole_life import HANDS, WholeLife
from tests.simulation.world import Place, world


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("point", ["ledger-commit", "order-sent", "worktree-added", "worktree-marked"])
def test_killed_between_the_row_and_the_worktree(point: str, side: str) -> None:
    """A daemon killed between "insert row" and "create worktree" left a row that broke its project for ever; another,
    killed between worktree and registry, left a worktree nobody knew."""
    for nth in (1, 2, 3):
        lived(WholeLife(seed=nth, places=(Place(point, side, 4 + nth if point == "ledger-commit" else nth),)))


def test_an_order_that_is_lost_on_its_way_is_told_again_within_two_windows() -> None:
    """Claims that leaked, and blocked all dispatch until somebody restarted it."""
    lost: list[str] = []
    take = lanes.Lanes.take

    def forgetful(self: lanes.Lanes, work: GitWork) -> None:
        name = lanes.name_of(work)
        if isinstance(work.order, Prepare | Integrate) and name not in lost and len(lost) < 3:
            lost.append(name)
            return
        take(self, work)

    life = _with_bug("take", forgetful)
    assert len(lost) == 3
    assert life.took_s < 3 * 2 * WINDOW_S + 20


def test_a_queue_frozen_by_what_leaked_in_it_goes_on_within_two_windows() -> None:
    """53,000 items behind slots that nobody held any more, for more than 30 hours."""
    leaked: list[str] = []
    again = lanes.Lanes.again

    def leaky(self: lanes.Lanes, name: str) -> None:
        if name.startswith("integrate") and name not in leaked:
            leaked.append(name)  # it is wanted, and neither waits nor is under way
            return
        again(self, name)

    life = _with_bug("again", leaky)
    assert leaked
    assert life.took_s < len(leaked) * 2 * WINDOW_S + 20


def test_a_loop_that_finds_nothing_to_do_while_items_wait_is_noticed_and_replaced() -> None:
    """A merge agent polled with a wrong filter for 13 h 42 min, exit 0 every time, 7 items waiting; nobody saw it."""
    blind: list[lanes.Lanes] = []
    next_of = lanes.Lanes.next

    def look_elsewhere(self: lanes.Lanes, may_begin=lambda _operation: True):
        if not blind and any(name.startswith("integrate") for names in self._waiting.values() for name in names):
            blind.append(self)
        return [] if self in blind else next_of(self, may_begin)

    life = _with_bug("next", look_elsewhere)
    assert blind
    assert life.took_s < 2 * WINDOW_S + 20


class Forgetful(SimulatedWorkspace):
    """Sweeps as if no worktree were known to the rows."""

    def _sweep(self, order):
        before = places_of_work(world()) & set(repository(world()).worktrees)
        SWEPT.append(len(before))
        yield from super()._sweep(replace(order, live=()))
        assert before <= set(repository(world()).worktrees), "a living worktree was removed"


SWEPT: list[int] = []


def test_a_worktree_in_which_somebody_works_is_never_taken_for_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clean-up deleted 21 worktrees and 51 branches, some with open work: it believed one signal. Here the rows say
    that nothing is in use, which they never do; and still a minder's worktree stays."""
    monkeypatch.setitem(HANDS["gitops"], "hands", Forgetful)
    for nth in range(1, 8):
        WholeLife(seed=nth, places=(Place("worktree-added", "after", nth),)).run()
    assert any(SWEPT), "nobody was at work in any of these sweeps"


def _with_bug(name: str, bug) -> WholeLife:
    kept = getattr(lanes.Lanes, name)
    setattr(lanes.Lanes, name, bug)
    try:
        return lived(WholeLife(seed=3))
    finally:
        setattr(lanes.Lanes, name, kept)
