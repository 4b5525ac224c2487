"""Victims are found by kind in a tree, are exact processes, and are never strangers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.experiment import Kill
from chaos.faults.processes import Process, family_of, kill_all, process_of
from chaos.sight import Node, Sight, sight_of
from chaos.stages import Opening
from chaos.victims import kind_of, victims_of

WAIT_S = 20.0


def leaf(name: str, pid: int | None, state: str = "running") -> dict[str, Any]:
    return {"id": name, "kind": "worker", "state": state, "pid": pid, "children": []}


def branch(name: str, pid: int, *children: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "kind": "supervisor", "state": "running", "pid": pid, "children": list(children)}


def tree(worker_2: dict[str, Any], first_pid: int = 10) -> dict[str, Any]:
    """The data of ``tree --json``."""
    pid = first_pid
    root = branch(
        "root",
        pid,
        branch("scheduling", pid + 1, leaf("scheduler", pid + 2)),
        branch("analysis", pid + 3, leaf("analyzer", pid + 4)),
        branch("delivery", pid + 5, leaf("gitops", pid + 6)),
        branch("workers", pid + 7, leaf("worker-1", pid + 8), worker_2),
    )
    system = {"guardian_pid": 1001, "admin_pid": 1002, "logger_pid": 1003, "launcher_pid": 1004}
    return {**root, **system}


def opening(stage: str = "running", **known: Any) -> Opening:
    return Opening(stage, "shop", "index", 1, 17.0, **known)


def test_a_tree_is_seen_with_its_kinds() -> None:
    sight = sight_of(tree(leaf("worker-2", 19)))
    kinds = {node.path: kind_of(node) for node in sight.nodes}
    assert kinds["root"] == "root"
    assert kinds["root/scheduling"] == kinds["root/workers"] == "supervisor"
    assert kinds["root/scheduling/scheduler"] == "scheduler"
    assert kinds["root/analysis/analyzer"] == "analyzer"
    assert kinds["root/delivery/gitops"] == "gitops"
    assert kinds["root/workers/worker-2"] == "worker"
    assert sight.system == {"guardian": 1001, "admin": 1002, "logger": 1003, "launcher": 1004}
    assert sight.pids == {*range(10, 20), 1001, 1002, 1003, 1004}


def test_the_answer_of_the_door_is_the_same_tree() -> None:
    def at_the_door(node: dict[str, Any]) -> dict[str, Any]:
        return {"node": {**node, "children": None}, "children": [at_the_door(child) for child in node["children"]]}

    said = tree(leaf("worker-2", 19))
    pids = {"guardian": 1001, "admin": 1002, "logger": 1003, "launcher": 1004, "root": 10}
    assert sight_of({**at_the_door(said), "pids": pids}) == sight_of(said)


@pytest.mark.parametrize(
    ("now", "dead", "is_back"),
    [
        (leaf("worker-2", 19), {19}, False),
        (leaf("worker-2", None, "restarting"), {19}, False),
        (leaf("worker-2", 21, "starting"), {19}, False),
        (leaf("worker-2", 21), {19}, True),
        (leaf("worker-3", 21), {19}, True),
        (leaf("worker-2", 21), {19, 1002}, False),
    ],
)
def test_back_is_what_runs_again_in_other_processes(now: dict[str, Any], dead: set[int], is_back: bool) -> None:
    before = sight_of(tree(leaf("worker-2", 19)))
    assert sight_of(tree(now)).has_back(before, frozenset(dead)) is is_back


def test_a_system_without_its_logger_is_not_back() -> None:
    before = sight_of(tree(leaf("worker-2", 19)))
    now = sight_of({**tree(leaf("worker-2", 19)), "logger_pid": None})
    assert not now.has_back(before, frozenset({1003}))


def sleeper(script: str = "import time; time.sleep(600)") -> subprocess.Popen[bytes]:
    """A Python that has got as far as ``script``."""
    child = subprocess.Popen(
        [sys.executable, "-c", f"print(flush=True); {script}", "nursery_main.py"], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    return child


@pytest.fixture
def sleepers() -> Iterator[list[subprocess.Popen[bytes]]]:
    found = [sleeper() for _ in range(3)]
    yield found
    for child in found:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def known(pid: int) -> Process:
    found = process_of(pid)
    assert found is not None
    return found


def me() -> Process:
    return known(os.getpid())


def test_the_worker_that_holds_the_attempt_is_the_victim(sleepers: list[subprocess.Popen[bytes]]) -> None:
    first, second, third = (child.pid for child in sleepers)
    sight = Sight(
        (
            Node("root/workers/worker-1", "worker", "running", first),
            Node("root/workers/worker-2", "worker", "running", second),
            Node("root/scheduling/scheduler", "worker", "running", third),
        )
    )
    held = opening(worker="root/workers/worker-2")
    assert victims_of(Kill("worker", "running"), held, sight, None) == [known(second)]
    assert victims_of(Kill("worker", "running"), opening(), sight, None) == [known(first)]
    assert victims_of(Kill("scheduler", "running"), held, sight, None) == [known(third)]
    assert victims_of(Kill("analyzer", "running"), held, sight, None) == []


def test_the_supervisor_of_the_branch_at_work_is_the_victim(sleepers: list[subprocess.Popen[bytes]]) -> None:
    first, second, _third = (child.pid for child in sleepers)
    nodes = (
        Node("root/scheduling", "supervisor", "running", first),
        Node("root/delivery", "supervisor", "running", second),
    )
    chosen = victims_of(Kill("supervisor", "integrating"), opening("integrating"), Sight(nodes), None)
    assert chosen == [known(second)]


def test_a_dead_process_is_no_victim(sleepers: list[subprocess.Popen[bytes]]) -> None:
    child = sleepers[0]
    child.kill()
    child.wait()
    sight = Sight((Node("root/delivery/gitops", "worker", "running", child.pid),), {"admin": child.pid})
    assert victims_of(Kill("gitops", "running"), opening(), sight, None) == []
    assert victims_of(Kill("admin", "running"), opening(), sight, None) == []


def test_nursery_and_minder_are_found_below_the_worker() -> None:
    """A worker's child that runs the nursery's file is the nursery, its forks are the minders."""
    fork = "import os, time\nfor _ in range(2): os.fork() or time.sleep(600)\nos.wait()"
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {fork!r}, 'nursery_main.py'])"
    worker = subprocess.Popen([sys.executable, "-c", start])
    own = known(worker.pid)
    try:
        until = time.monotonic() + WAIT_S
        while len(family_of(own)) < 4:
            assert time.monotonic() < until
            time.sleep(0.01)
        _, nursery, *minders = family_of(own)
        sight = Sight((Node("root/workers/worker-1", "worker", "running", worker.pid),))
        assert victims_of(Kill("nursery", "running"), opening(), sight, None) == [nursery]
        for minder in minders:
            held = opening(minder_pid=minder.pid)
            assert victims_of(Kill("minder", "running"), held, sight, None) == [minder]
        assert set(victims_of(Kill("tree", "running"), opening(), Sight((), {"guardian": worker.pid}), None)) == {
            own,
            nursery,
            *minders,
        }
    finally:
        for process in reversed(family_of(own)):
            kill_all([process], me())
        worker.wait()


def test_only_exact_members_of_the_family_are_killed(sleepers: list[subprocess.Popen[bytes]]) -> None:
    first, second, third = sleepers
    other = known(first.pid)
    assert kill_all([known(second.pid)], other) == []
    assert kill_all([Process(third.pid, 1)], me()) == []
    assert second.poll() is None and third.poll() is None
    assert [each.pid for each in kill_all([known(second.pid)], me())] == [second.pid]
    assert second.wait(WAIT_S) == -9


def test_the_run_itself_is_a_victim_only_where_it_is_ours(tmp_path: Path) -> None:
    assert victims_of(Kill("run", "running"), opening(), Sight(), me()) == [me()]
    assert victims_of(Kill("run", "running"), opening(), Sight(), None) == []
