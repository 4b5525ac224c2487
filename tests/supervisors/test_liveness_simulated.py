"""Hanging in virtual time: to the tenth of a second, and for as long as nobody could wait."""

from __future__ import annotations

from typing import Any

import pytest

from supervisors import ChildSpec, ManagedActor, SupervisorSpec
from supervisors.liveness import IDLE_LOOK_S, STOPPED_MAX_S
from supervisors.testing import SimulatedTree, eventually

HEARTBEAT_S = 5.0


class Patient(ManagedActor):
    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case ("works", steps, step_s, says_so):
                for _ in range(steps):
                    self._shell.system.takes(step_s)  # type: ignore[attr-defined]
                    if says_so:
                        self.progress()
                self.reply("done")


def start(seed: int = 0, below_s: float = HEARTBEAT_S, **more: Any) -> SimulatedTree:
    children = (
        ChildSpec("a", Patient, heartbeat_s=HEARTBEAT_S),
        ChildSpec("b", Patient),
        SupervisorSpec("sub", children=(ChildSpec("c", Patient, heartbeat_s=below_s),), **more),
    )
    return SimulatedTree.start(SupervisorSpec("root", children=children), seed=seed)


def exits(tree: SimulatedTree) -> list[tuple[str, float, str]]:
    return [(event.path, event.at, event.reason.detail) for event in tree.events() if event.type == "exited"]


@pytest.mark.parametrize("seed", range(20))
def test_a_hung_handler_is_ended_within_its_time(seed: int) -> None:
    """BX-26."""
    with start(seed) as tree:
        tree.sleep(tree.machine.random.uniform(0, 3))
        for name in ("a", "b", "c"):
            tree.tell(name, ("works", 1, 3600.0, False))
        began_at = tree.wall()
        tree.sleep(60)
        ended = {path: (at - began_at, detail) for path, at, detail in exits(tree)}
        assert ended.keys() == {"root/a", "root/sub/c"}
        for after_s, detail in ended.values():
            assert 2 * HEARTBEAT_S - 0.01 <= after_s <= 2 * HEARTBEAT_S + 0.5
            assert detail.startswith("SIGKILL: stalled: in one handler for 10.")


def test_idle_for_hours_and_working_for_an_hour_is_healthy() -> None:
    with start() as tree:
        assert tree.ask("a", ("works", 900, 4.0, True), timeout_s=4_000.0) == "done"
        tree.sleep(10_000)
        assert not exits(tree) and tree.which_children("root")[0].restarts == 0


@pytest.mark.parametrize(("frozen", "ended"), [("a", {"root/a"}), ("b", set()), ("sub", {"root/sub", "root/sub/c"})])
def test_a_frozen_process_is_ended_and_comes_back(frozen: str, ended: set[str]) -> None:
    with start() as tree:
        tree.freeze(frozen)
        tree.sleep(STOPPED_MAX_S - 0.1)
        assert not exits(tree)
        tree.sleep(IDLE_LOOK_S)
        assert {path for path, _, _ in exits(tree)} == ended
        eventually(lambda: set(tree.living()) == {"root", "root/a", "root/b", "root/sub", "root/sub/c"}, clock=tree)


def test_when_all_stood_still_nobody_is_blamed() -> None:
    """For longer than any limit below, and for as long as the root allows, which went on."""
    with start(below_s=0.5, heartbeat_s=1e6) as tree:
        tree.tell("c", ("works", 1, 0.9, False))
        for name in ("c", "sub"):
            tree.sleep(0.2)
            tree.freeze(name)
        tree.sleep(STOPPED_MAX_S - 0.3)
        for name in ("sub", "c"):
            tree.thaw(name)
            tree.sleep(0.1)
        tree.sleep(60)
        assert not exits(tree)
