"""A simulated system that is killed, frozen or gives up, in part or as a whole: it comes back by the guardian's
rule."""

from __future__ import annotations

import pytest

from supervisors import SupervisorError
from supervisors.testing import Faults, SimulatedTree, eventually
from tests.supervisors.busy_tree import busy_tree, puppet, root


def test_a_killed_root_is_brought_back_by_the_guardians_rule_until_its_limit() -> None:
    with busy_tree(0) as tree:
        for number in range(10):
            tree.kill("root")
            with pytest.raises(SupervisorError, match="restarting"):
                tree.ask("a", ("reply", 1))
            eventually(lambda: tree.ask("a", ("reply", 1)), clock=tree)
            assert tree.heals == number + 1
        tree.kill("root")
        reason = tree.wait_until_stopped(60)
        assert reason.kind == "shutdown" and "guardian_limit" in reason.detail
        with pytest.raises(SupervisorError, match="stopped"):
            tree.ask("a", ("reply", 1))


@pytest.mark.parametrize("role", ["launcher", "admin", "logger", "root", ""])
def test_the_whole_system_is_brought_back_whoever_of_it_is_killed(role: str) -> None:
    with busy_tree(0) as tree:
        before, at = tree.living(), tree.now()
        tree.kill_system(*([role] if role else []))
        assert eventually(lambda: tree.ask("c", ("reply", 1)), clock=tree) == 1
        assert tree.heals == 1 and set(tree.living()) == set(before)
        assert not set(tree.living().values()) & set(before.values()) and tree.now() - at < 0.2


def test_a_kill_at_any_moment_of_a_launch_and_of_a_pause_is_healed_once_each() -> None:
    for seed in range(20):
        with busy_tree(seed) as tree:
            for moment in range(8):
                tree.kill_system("admin")
                tree.sleep(tree.machine.random.random() * 0.3)
                tree.kill_system("root")
                tree.sleep(60.0 + moment)
                assert tree.ask("c", ("reply", 1)) == 1
            assert 8 <= tree.heals <= 16


def test_a_system_that_must_never_end_is_slowed_down_with_an_alarm_until_it_is_calm() -> None:
    with SimulatedTree.start(root(puppet("a")), on_give_up="restart") as tree:
        waits = []
        for _ in range(14):
            tree.kill_system()
            at = tree.now()
            assert tree.machine.run_until(tree.living, at + 61)
            eventually(lambda: tree.ask("a", ("reply", 1)), clock=tree)
            waits.append(tree.now() - at)
        assert waits[0] < 0.2 and waits[10] == pytest.approx(60.0, abs=0.5) and max(waits) < 61
        assert tree.alarm.startswith("P0: ") and tree.heals == 14
        tree.sleep(40)
        assert tree.alarm == "" and tree.ask("a", ("reply", 1)) == 1


def test_a_frozen_root_is_noticed_and_its_system_replaced() -> None:
    with busy_tree(0) as tree:
        before = tree.living()["root"]
        tree.freeze("root")
        eventually(lambda: tree.living().get("root", before) != before, clock=tree)
        assert eventually(lambda: tree.ask("c", ("reply", 1)), clock=tree) == 1 and tree.heals == 1
        tree.freeze("root")
        tree.thaw("root")
        tree.sleep(10)
        assert tree.heals == 1, "one that is only held for a moment is left alone"


def test_a_second_fault_while_the_system_comes_back_is_not_the_end() -> None:
    """A child killed in the middle of the relaunch fails its first start, and with it the root: tried again."""
    spec = root(puppet("a"), puppet("slow", args={"starts": ("ok",)}))
    with SimulatedTree.start(spec, faults=Faults(delay_s=(0.1, 0.2))) as tree:
        tree.kill("root")
        eventually(lambda: "root/slow" in tree.living(), clock=tree)
        tree.kill("slow")
        assert eventually(lambda: tree.ask("slow", ("reply", 1)), clock=tree) == 1
        assert tree.heals == 2


def test_what_ends_by_its_own_decision_stays_ended_unless_it_must_never_give_up() -> None:
    for on_give_up in ("end", "restart"):
        spec = root(puppet("a"), max_restarts=0)
        with SimulatedTree.start(spec, on_give_up=on_give_up) as tree:
            tree.kill("a")
            if on_give_up == "end":
                assert "more than 0 restarts" in tree.wait_until_stopped(60).detail
            else:
                eventually(lambda: tree.ask("a", ("reply", 1)), clock=tree)
                assert tree.heals == 1
