"""What nobody wants any more: an order that is withdrawn is ended or never asked about, and whoever wants it again
loses nothing by that."""

from __future__ import annotations

from pathlib import Path

from scripted_analyzers import ANALYZER, DAY_S, FOUND, SCHEDULER, World, answered, living, wanted

from aidos_actors.actors.words import PlanAccepted, PlanRejected
from aidos_actors.analyzers.answers import NoPlan
from aidos_actors.core.errors import TryAgain
from aidos_actors.core.orders import Withdraw
from aidos_actors.withdrawal import Withdrawal
from supervisors.testing import SimulatedTree, eventually


def test_nothing_is_asked_for_what_nobody_wants_any_more(tmp_path: Path) -> None:
    with living(tmp_path, [TryAgain("down")], [TryAgain("down, too")]) as tree:
        tree.tell(SCHEDULER, wanted())
        eventually(lambda: len(World.asked) >= 2, clock=tree)
        World.wanted.clear()
        tree.sleep(120.0)
        asked = len(World.asked)
        tree.sleep(DAY_S)
        assert len(World.asked) == asked


def degraded(tree: SimulatedTree) -> str:
    return tree.which_children("root/analysis")[0].degraded or ""


def test_what_is_withdrawn_is_ended_and_nobody_else_is_asked(tmp_path: Path) -> None:
    with living(tmp_path, [TryAgain("down")], [TryAgain("down, too")]) as tree:
        tree.tell(SCHEDULER, wanted())
        eventually(lambda: World.asked, clock=tree)
        for _ in range(2):
            tree.tell(SCHEDULER, Withdraw("r"))
        eventually(lambda: World.ended, clock=tree)
        asked = len(World.asked)
        tree.sleep(DAY_S)
        assert len(World.asked) == asked
        assert not [each for each in World.words if isinstance(each, PlanAccepted | PlanRejected)]


def test_what_waits_for_its_turn_is_withdrawn_before_it_is_asked_about(tmp_path: Path) -> None:
    with living(tmp_path, [FOUND], [FOUND]) as tree:
        for number in range(50):
            tree.tell(SCHEDULER, wanted(f"r{number}"))
            tree.tell(SCHEDULER, Withdraw(f"r{number}"))
        tree.tell(SCHEDULER, wanted())
        answered(tree)
        tree.sleep(60.0)
        assert len(World.asked) < 25


def test_a_withdrawal_is_no_failure_of_the_analyzer_and_its_probe_is_free_again(tmp_path: Path) -> None:
    """Degraded: each question is a probe. One that is withdrawn while it is asked must not be the last."""

    def cut_off(withdrawal: Withdrawal) -> Exception:
        withdrawal.withdraw()
        return TryAgain("it was cut off")

    with living(tmp_path, [TryAgain("down")], [NoPlan("too hard")]) as tree:
        tree.tell(SCHEDULER, wanted())
        eventually(lambda: degraded(tree), within_s=600.0, clock=tree)
        World.says["first"], World.asked = [cut_off, FOUND], []
        eventually(lambda: World.asked, within_s=600.0, clock=tree)
        tree.tell(SCHEDULER, Withdraw("r"))
        tree.tell(SCHEDULER, wanted())
        assert answered(tree).analyzer == "first"
        assert not degraded(tree)


def test_a_withdrawal_that_comes_late_loses_nothing(tmp_path: Path) -> None:
    """The word of a dead Scheduler comes after the order of its successor."""
    with living(tmp_path, [TryAgain("down"), FOUND], [NoPlan("too hard")]) as tree:
        tree.tell(SCHEDULER, wanted())
        eventually(lambda: World.asked, clock=tree)
        tree.tell(ANALYZER, Withdraw("r"))
        assert answered(tree).analyzer == "first"


def test_a_new_scheduler_is_asked_whether_it_wants_what_is_under_way(tmp_path: Path) -> None:
    with living(tmp_path, [FOUND], [FOUND]) as tree:
        for number in range(300):
            tree.tell(SCHEDULER, wanted(f"r{number}"))
        eventually(lambda: World.asked, clock=tree)
        tree.kill(SCHEDULER)
        World.wanted.clear()
        tree.sleep(DAY_S)
        assert len(World.asked) < 250, "without a question to the new one it would be all 300"
