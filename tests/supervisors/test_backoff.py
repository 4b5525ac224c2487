"""The wait before a restart: drawn below a ceiling that doubles, and small again after calm and work only."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors import ActorTree, Backoff, ChildSpec, SupervisorSpec
from supervisors.backoff import ceiling_s, restart_delay_s, tries_so_far
from supervisors.systems.entropy import SeededEntropy
from tests.supervisors.actors_for_tests import Obedient
from tests.supervisors.family_driver import Driver, child, tree
from tests.supervisors.real_trees import eventually

BACKOFFS = st.builds(
    Backoff, initial_s=st.floats(0, 100), factor=st.floats(1, 1e308), max_s=st.floats(0, 1000, allow_subnormal=False)
)


@given(BACKOFFS, st.integers(0, 10**6), st.floats(0, 1))
def test_a_wait_is_never_negative_never_above_its_ceiling_and_the_ceiling_never_sinks(
    backoff: Backoff, tries: int, fraction: float
) -> None:
    assert 0 <= restart_delay_s(backoff, tries, fraction) <= ceiling_s(backoff, tries) <= backoff.max_s
    assert ceiling_s(backoff, tries) <= ceiling_s(backoff, tries + 1)


@pytest.mark.parametrize(("factor", "tries"), [(1.01, 10_000), (10**6, 60), (1e308, 2)])
def test_a_ceiling_that_grows_slowly_or_beyond_all_numbers_ends_at_its_most(factor: float, tries: int) -> None:
    assert ceiling_s(Backoff(initial_s=0.5, factor=factor, max_s=30), tries) == 30


@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(1, 10))
def test_no_initial_wait_is_never_a_wait(tries: int, fraction: float, factor: float) -> None:
    assert restart_delay_s(Backoff(initial_s=0, factor=factor), tries, fraction) == 0


@given(st.integers(0, 2**63))
def test_one_seed_gives_one_series_that_fills_the_whole_span(seed: int) -> None:
    one, other, backoff = SeededEntropy(seed), SeededEntropy(seed), Backoff(initial_s=8, max_s=8)
    waits = [restart_delay_s(backoff, 0, one.fraction()) for _ in range(60)]
    assert waits == [restart_delay_s(backoff, 0, other.fraction()) for _ in range(60)]
    assert min(waits) < 2 and max(waits) > 6


@pytest.mark.parametrize(
    ("was_calm", "has_worked", "counted"), [(True, True, 0), (True, False, 7), (False, True, 7), (False, False, 7)]
)
def test_only_calm_and_work_together_make_it_small_again(was_calm: bool, has_worked: bool, counted: int) -> None:
    """BX-04, BX-05, BX-06."""
    assert tries_so_far(7, was_calm=was_calm, has_worked=has_worked) == counted


def test_a_child_that_is_calm_and_does_nothing_is_brought_back_more_and_more_slowly() -> None:
    world = Driver(tree(child("a", backoff=Backoff(initial_s=1, factor=2, max_s=60)), max_restarts=99)).begin()

    def fail(*, worked: bool, fraction: float = 1.0) -> float:
        world.passes(1000)  # it is back
        world.passes(1000)  # and calm for long
        world.dies("a", worked=worked, fraction=fraction)
        if "a" in world.living:
            return 0.0
        assert world.wake_at is not None
        return world.wake_at - world.now

    assert [fail(worked=False) for _ in range(4)] == [1, 2, 4, 8]
    assert fail(worked=False, fraction=0.25) == 4
    assert fail(worked=True) == 1
    assert fail(worked=False, fraction=0.0) == 0


def test_on_real_processes_work_is_told_from_idling(tmp_path: Path) -> None:
    """The second end of both comes after calm: who had handled a message is back at once, who had not is waited for."""
    steep = Backoff(initial_s=0.001, factor=10**6, max_s=10**6)
    children = [ChildSpec(id=name, actor=Obedient, backoff=steep) for name in ("idle", "busy")]
    spec = SupervisorSpec(id="root", children=children, within_s=0.001, max_restarts=9)
    with ActorTree.start(spec, state_dir=tmp_path / "state") as running:

        def stands(name: str, state: str, restarts: int) -> bool:
            info = next(info for info in running.which_children("root") if info.id == name)
            return (info.state, info.restarts) == (state, restarts)

        for name in ("idle", "busy"):
            running.tell(name, "raise")
            eventually(lambda name=name: stands(name, "running", 1))
        running.ask("busy", "hello")
        for name in ("idle", "busy"):
            running.tell(name, "raise")
        eventually(lambda: stands("busy", "running", 2))
        eventually(lambda: stands("idle", "restarting", 2))  # it was told first, and may have begun last
