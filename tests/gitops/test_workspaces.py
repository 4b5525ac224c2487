"""Results that are not wanted any more: the same laws for real git and for the simulated one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from workspaces import Bench, RealBench, SimulatedBench, unwanted

from aidos_actors import crash
from aidos_actors.core.orders import Integrate, Integration
from aidos_actors.withdrawal import Withdrawal, Withdrawn
from tests.simulation.simulated_repository import ENDLESS

WITHDRAWN = Integration(None, "withdrawn")


@pytest.fixture(params=[RealBench, SimulatedBench])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made = request.param(tmp_path)
    yield made
    made.close()


def test_withdrawn_while_its_gate_runs_nothing_is_published_and_the_gate_is_gone(bench: Bench) -> None:
    order = bench.result("a", "a.txt", ENDLESS)
    with pytest.raises(Withdrawn):
        bench.integrate(order, at_gate=Withdrawal.withdraw)
    assert bench.on_target() == [] and bench.left() == []
    assert bench.integrate(unwanted(order)) == {"a": WITHDRAWN}
    assert bench.on_target() == [] and bench.left() == []


def test_what_was_judged_with_it_is_published_without_it_and_not_to_blame(bench: Bench) -> None:
    orders = [bench.result("a", "a.txt"), bench.result("b", ENDLESS), bench.result("c", "c.txt")]
    with pytest.raises(Withdrawn):
        bench.integrate(*orders, at_gate=Withdrawal.withdraw)
    assert bench.integrate(unwanted(orders[1])) == {"b": WITHDRAWN}
    said = bench.integrate(orders[0], orders[2])
    assert {task: answer.verdict for task, answer in said.items()} == {"a": "integrated", "c": "integrated"}
    assert bench.on_target() == ["c", "a"] and bench.left() == []


@pytest.mark.parametrize(
    ("place", "has_gate"),
    [("before task-tree-written", True), ("after commit-written", False), ("after gate-run", True)],
)
def test_before_it_is_announced_it_can_be_withdrawn(bench: Bench, place: str, has_gate: bool) -> None:
    order, withdrawal = bench.result("a", "a.txt"), Withdrawal()
    order = order if has_gate else replace(order, verify=None)
    with pytest.raises(Withdrawn), at(place, withdrawal.withdraw):
        bench.integrate(order, withdrawal=withdrawal)
    assert bench.integrate(unwanted(order)) == {"a": WITHDRAWN} and bench.left() == []


@pytest.mark.parametrize("place", ["before restore-point", "before ref-moved", "after ref-moved"])
def test_from_there_on_it_is_published_and_told(bench: Bench, place: str) -> None:
    order, withdrawal = bench.result("a", "a.txt"), Withdrawal()
    with at(place, withdrawal.withdraw):
        said = bench.integrate(order, withdrawal=withdrawal)
    assert bench.integrate(unwanted(order)) == said == {"a": Integration(bench.commit_of("a"), "integrated")}


@pytest.mark.parametrize(("point", "is_there"), [("ref-moved", True), ("commit-written", False)])
def test_of_a_life_that_died_the_target_says_how_far_it_came(bench: Bench, point: str, is_there: bool) -> None:
    bench.integrate(bench.result("before", "before.txt"))
    order = bench.result("a", "a.txt")
    die_after(bench, point, order)
    told = Integration(bench.commit_of("a"), "integrated") if is_there else WITHDRAWN
    for _ in range(2):
        assert bench.integrate(unwanted(order)) == {"a": told}
    assert bench.on_target() == (["a"] if is_there else []) + ["before"]


def test_a_first_result_that_was_announced_is_published_and_told(tmp_path: Path) -> None:
    """Where a target that is not there stood last may have been deleted: it comes back, whoever looks for it."""
    bench = RealBench(tmp_path)
    order = bench.result("a", "a.txt")
    die_after(bench, "restore-point", order)
    assert bench.on_target() == []
    assert bench.integrate(unwanted(order))["a"].verdict == "integrated" and bench.on_target() == ["a"]
    bench.close()


def test_a_further_one_that_was_only_announced_is_not(bench: Bench) -> None:
    bench.integrate(bench.result("before", "before.txt"))
    order = bench.result("a", "a.txt")
    die_after(bench, "restore-point", order)
    assert bench.integrate(unwanted(order)) == {"a": WITHDRAWN}
    bench.integrate(bench.result("b", "b.txt"))
    assert bench.on_target() == ["b", "before"]


def die_after(bench: Bench, point: str, order: Integrate) -> None:
    """It is integrated by a life that dies just after that point."""

    def die() -> None:
        raise Died

    with pytest.raises(Died), at(f"after {point}", die):
        bench.integrate(order)


@contextmanager
def at(place: str, act: Callable[[], None]) -> Iterator[None]:
    """``act`` is done whenever somebody comes to that side of a crash point."""

    def strike(point: str, side: str) -> None:
        if f"{side} {point}" == place:
            act()

    crash.arm(strike)
    try:
        yield
    finally:
        crash.arm(None)


class Died(BaseException):
    pass


def test_what_somebody_else_publishes_is_not_taken_for_it(bench: Bench) -> None:
    bench.integrate(bench.result("a", "a.txt"))
    bench.publish_by_others("theirs.txt")
    assert bench.integrate(unwanted(bench.result("b", "b.txt"))) == {"b": WITHDRAWN}
    assert bench.on_target()[-1] == "a"


def test_asked_when_its_worktree_is_gone_it_says_the_same(bench: Bench) -> None:
    order = bench.result("a", "a.txt")
    assert bench.integrate(replace(unwanted(order), path=f"{order.path}-gone")) == {"a": WITHDRAWN}


def test_a_look_that_nobody_waits_for_any_more_ends_with_its_gate(bench: Bench) -> None:
    bench.integrate(bench.result("a", "a.txt"))
    bench.publish_by_others("red.txt", ENDLESS)
    with pytest.raises(Withdrawn):
        bench.look(Withdrawal.withdraw)
    assert bench.left() == []
