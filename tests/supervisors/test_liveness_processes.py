"""Hung and stopped processes are ended and replaced; idle, long and suspended ones are left alone."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from supervisors import ActorTree, ChildInfo, ChildSpec, Strategy, SupervisorError, SupervisorSpec
from supervisors.linux import is_frozen
from tests.supervisors.hanging_actors import Endless, Hanging
from tests.supervisors.real_trees import eventually, is_gone

HEARTBEAT_S = 0.5


def child(name: str, heartbeat_s: float | None = HEARTBEAT_S) -> ChildSpec:
    return ChildSpec(id=name, actor=Hanging, heartbeat_s=heartbeat_s)


def start(tmp_path: Path, *children: Any) -> ActorTree:
    spec = SupervisorSpec(id="root", children=children, max_restarts=20)
    return ActorTree.start(spec, state_dir=tmp_path / "state")


def infos(tree: ActorTree, supervisor: str = "root") -> dict[str, ChildInfo]:
    return {info.id: info for info in tree.which_children(supervisor)}


def replaced(tree: ActorTree, name: str, before: int) -> ChildInfo:
    """The child once another process has taken the place of ``before``."""

    def other() -> ChildInfo | None:
        info = infos(tree)[name]
        return info if info.state == "running" and info.pid != before else None

    info: ChildInfo = eventually(other)
    return info


def stop_exactly(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: is_frozen(pid))


def test_a_hung_handler_is_ended_whatever_it_hangs_in(tmp_path: Path) -> None:
    """BX-26."""
    ways = ("spin", "regex", "foreign", "wait")
    with start(tmp_path, *(child(way) for way in ways), child("idle"), child("unwatched", None)) as tree:
        before = {name: info.pid or 0 for name, info in infos(tree).items()}
        tree.tell("unwatched", "wait")
        for way in ways:
            tree.tell(way, way)
        for way in ways:
            info = replaced(tree, way, before[way])
            assert info.restarts == 1 and info.last_exit is not None
            assert info.last_exit.kind == "killed" and "stalled: in one handler for" in info.last_exit.detail
            assert is_gone(before[way]) and tree.ask(way, "pid") == info.pid
        left = infos(tree)
        assert (left["idle"].pid, left["unwatched"].pid) == (before["idle"], before["unwatched"])
        os.kill(before["unwatched"], signal.SIGKILL)


def test_twenty_idle_children_and_a_long_handler_that_advances_are_left_alone(tmp_path: Path) -> None:
    """BX-26."""
    names = [f"c{n}" for n in range(20)]
    with start(tmp_path, *(child(name) for name in names)) as tree:
        before = infos(tree)
        pid, steps = tree.ask("c7", ("work", 12, HEARTBEAT_S / 2, True), timeout_s=30)
        assert (pid, steps) == (before["c7"].pid, 12)
        tree.ask("c3", ("degrade", "disk is slow"))
        after = infos(tree)
        assert [after[name].pid for name in names] == [before[name].pid for name in names]
        assert {info.restarts for info in after.values()} == {0}
        assert (after["c3"].degraded, after["c4"].degraded) == ("disk is slow", None)
        beats = {name: after[name].last_beat_s or 0.0 for name in names}
        assert beats["c4"] > 3 * HEARTBEAT_S > beats["c3"]


def test_a_job_that_keeps_the_interpreter_s_lock_is_no_hung_handler(tmp_path: Path) -> None:
    with start(tmp_path, child("a")) as tree:
        pid = infos(tree)["a"].pid
        assert tree.ask("a", ("job", 2), timeout_s=30) == pid
        assert infos(tree)["a"].restarts == 0


def test_a_stopped_worker_is_ended(tmp_path: Path) -> None:
    with start(tmp_path, child("a"), child("b")) as tree:
        before = infos(tree)["a"].pid or 0
        stop_exactly(before)
        eventually(lambda: infos(tree)["a"].degraded == "stopped")
        info = replaced(tree, "a", before)
        assert info.last_exit is not None and "stopped: held by a signal" in info.last_exit.detail
        assert infos(tree)["b"].restarts == 0 and is_gone(before)


def test_a_stopped_inner_supervisor_is_ended_with_all_below_it(tmp_path: Path) -> None:
    with start(tmp_path, SupervisorSpec(id="sub", children=(child("leaf"),))) as tree:
        below, before = tree.ask("leaf", "pid"), infos(tree)["sub"].pid or 0
        stop_exactly(before)
        info = replaced(tree, "sub", before)
        assert info.last_exit is not None and "stopped: held by a signal" in info.last_exit.detail
        eventually(lambda: is_gone(below))
        assert eventually(lambda: tree.ask("leaf", "pid")) != below


def test_a_hung_root_is_the_end_of_that_system_and_the_beginning_of_the_next(tmp_path: Path) -> None:
    pool = SupervisorSpec(id="root", strategy=Strategy.DYNAMIC, children=(child("w"),), initial=1)
    with ActorTree.start(pool, state_dir=tmp_path / "state") as tree:
        before = tree.pids["root"]
        with pytest.raises(SupervisorError) as lost:
            tree.start_child("root", args=Endless())
        assert lost.value.code == "restarting" and is_gone(before)
        assert eventually(lambda: tree.ask("w-1", "pid")) and tree.heals == 1


@pytest.mark.parametrize("first", ["sub", "leaf"])
def test_when_all_stood_still_nobody_is_blamed(tmp_path: Path, first: str) -> None:
    """Supervisor and child are stopped together, in the middle of a handler, for longer than any limit below."""
    sub = SupervisorSpec(id="sub", children=(child("leaf"),), heartbeat_s=60.0)
    with start(tmp_path, sub) as tree:
        pids = {"sub": infos(tree)["sub"].pid or 0, "leaf": tree.ask("leaf", "pid")}
        answers: list[Any] = []
        work = ("work", 8, HEARTBEAT_S / 8, False)

        def ask() -> None:
            try:
                answers.append(tree.ask("leaf", work, timeout_s=30))
            except SupervisorError as error:
                answers.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        eventually(lambda: (infos(tree, "sub")["leaf"].last_beat_s or 0) > HEARTBEAT_S / 4)
        for name in ("sub", "leaf"):
            stop_exactly(pids[name])
        until = time.monotonic() + 4 * HEARTBEAT_S
        eventually(lambda: time.monotonic() > until)
        for name in (first, *(pids.keys() - {first})):
            os.kill(pids[name], signal.SIGCONT)
        asking.join(30)
        assert answers == [(pids["leaf"], 8)]
        assert infos(tree, "sub")["leaf"].restarts == 0
