"""The public test kit: what it promises to the tests of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supervisors import ActorTree, ChildSpec, Restart, SupervisorError, SupervisorSpec
from supervisors.testing import Clock, ManualClock, Puppet, SimulatedTree, eventually


def test_a_manual_clock_moves_by_hand_only_and_never_back() -> None:
    clock: Clock = ManualClock(5.0, wall_s=100.0)
    assert isinstance(clock, ManualClock)
    assert (clock.now(), clock.wall()) == (5.0, 100.0) == (clock.now(), clock.wall())
    clock.advance(2.5)
    clock.set_wall(50.0)
    assert (clock.now(), clock.wall()) == (7.5, 50.0)
    with pytest.raises(ValueError, match="never goes back"):
        clock.advance(-1)


def test_eventually_gives_the_first_true_value_and_says_what_it_last_saw() -> None:
    clock = ManualClock()
    assert eventually(lambda: clock.now() > 3 and "yes", clock=clock) == "yes"
    with pytest.raises(AssertionError, match=r"within 2 s; the last look gave \[\]"):
        eventually(list, 2.0, clock=clock)


@pytest.mark.parametrize(("code", "passes"), [("restarting", True), ("actor_failed", True), ("not_found", False)])
def test_eventually_waits_out_what_passes_and_nothing_else(code: str, passes: bool) -> None:
    clock = ManualClock()
    errors = [SupervisorError(code, "just now")]

    def check() -> Any:
        if errors:
            raise errors.pop()
        return "calm"

    if passes:
        assert eventually(check, clock=clock) == "calm"
    else:
        with pytest.raises(SupervisorError):
            eventually(check, clock=clock)


@pytest.mark.parametrize("kind", ["simulated", "real"])
def test_a_puppet_does_what_it_is_told_on_both_systems(kind: str, tmp_path: Path) -> None:
    book = str(tmp_path / "book")
    specs = [
        ChildSpec(id="a", actor=Puppet, args={"name": "a", "book": book, "starts": ("info",)}),
        ChildSpec(id="t", actor=Puppet, restart=Restart.TRANSIENT, args={"name": "t", "stops": "all done"}),
    ]
    spec = SupervisorSpec(id="root", children=specs, max_restarts=50)
    tree: Any
    clock: Clock | None
    if kind == "simulated":
        clock = tree = SimulatedTree.start(spec)
    else:
        tree, clock = ActorTree.start(spec, state_dir=tmp_path / "state"), None
    with tree:
        assert tree.which_children("root")[0].info == {"name": "a"}
        assert tree.ask("a", ("reply", 7)) == 7 and tree.ask("a", "x") == "x" and tree.ask("a", "kept") == ["x"]
        seen = [tree.ask("a", "incarnation")]
        expected = {
            ("raise", "told to"): ("abnormal", "RuntimeError: told to"),
            ("exit", "leaving"): ("abnormal", "leaving"),
            ("die", 4): ("abnormal", "exit code 4"),
            ("kill",): ("killed", "SIGKILL"),
            ("stop", "normal", "enough"): ("normal", "enough"),
        }
        for command, (how, detail) in expected.items():
            tree.tell("a", command)
            seen.append(eventually(lambda: (now := tree.ask("a", "incarnation")) not in seen and now, clock=clock))
            last = tree.which_children("root")[0].last_exit
            assert (last.kind, last.detail) == (how, detail)
        assert tree.which_children("root")[0].restarts == len(expected)
        tree.tell("a", ("watch", "t"))
        tree.tell("a", ("later", 0.01, "rang"))
        eventually(lambda: "rang" in tree.ask("a", "kept") and len(tree.ask("a", "kept")) == 2, clock=clock)
        tree.terminate_child("root", "t")
        stopped = tree.which_children("root")[1]
        assert (stopped.state, stopped.last_exit.kind, stopped.last_exit.detail) == ("stopped", "shutdown", "all done")
