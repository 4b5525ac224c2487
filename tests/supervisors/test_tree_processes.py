"""Supervision with real processes: starts, messages, deaths, stops."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from supervisors import Restart, Strategy, SupervisorError, SupervisorSpec
from tests.supervisors.real_trees import child, eventually, is_gone, start


def test_ask_tell_and_send_by_path_and_by_unique_id(tmp_path: Path) -> None:
    with start(tmp_path, child("a", tmp_path), SupervisorSpec(id="sub", children=(child("b", tmp_path),))) as tree:
        assert tree.ask("a", "hello") == ("hello", None)
        assert tree.ask("root/sub/b", 1) == (1, None)
        tree.tell("a", ("send", "b", "from a"))
        eventually(lambda: tree.ask("b", "got") == [1, "from a"])
        with pytest.raises(SupervisorError) as refused:
            tree.ask("nobody", 1)
        assert refused.value.code == "not_found"
        assert [info.id for info in tree.which_children("root")] == ["a", "sub"]
        assert tree.count_children("root").supervisors == 1


@pytest.mark.parametrize(
    ("trouble", "kind", "text"),
    [
        ("raise", "abnormal", "RuntimeError: told to"),
        ("exit", "abnormal", "told to leave"),
        ("segv", "abnormal", "SIGSEGV"),
    ],
)
def test_an_end_is_told_with_its_reason_and_the_child_is_replaced(
    tmp_path: Path, trouble: str, kind: str, text: str
) -> None:
    with start(tmp_path, child("a", tmp_path)) as tree:
        before = tree.ask("a", "pid")
        with pytest.raises(SupervisorError) as failed:
            tree.ask("a", trouble)
        assert failed.value.code == "actor_failed" and text in failed.value.cause
        assert eventually(lambda: tree.ask("a", "pid")) != before
        info = tree.which_children("root")[0]
        assert info.last_exit is not None and info.last_exit.kind == kind and info.restarts == 1


def test_a_killed_child_is_replaced_and_its_mail_is_kept_in_order(tmp_path: Path) -> None:
    with start(tmp_path, child("a", tmp_path), child("b", tmp_path)) as tree:
        pid = tree.ask("b", "pid")
        for number in range(5):
            tree.tell("a", ("send", "b", ("slowly", number)))
        eventually(lambda: tree.ask("a", "pid"))
        time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        got = eventually(lambda: len(tree.ask("b", "got", 5.0)) >= 4 and tree.ask("b", "got"))
        assert got == [1, 2, 3, 4], "the message being handled is not repeated, the others come in order"


def test_children_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    with start(tmp_path, *(child(name, tmp_path) for name in "cab")):
        pass
    assert (tmp_path / "log").read_text().split("\n")[:-1] == [
        *("start c", "start a", "start b"),
        *("stop b", "stop a", "stop c"),
    ]


@pytest.mark.parametrize(
    ("how", "cause"), [("raise", "ValueError: cannot start"), ("exit", "no such thing"), ("die", "exit code 3")]
)
def test_a_first_start_that_fails_leaves_nothing(tmp_path: Path, how: str, cause: str) -> None:
    with pytest.raises(SupervisorError) as failed:
        start(tmp_path, child("good", tmp_path), child("bad", tmp_path, args={"start": how}))
    assert failed.value.code == "start_failed" and cause in failed.value.message
    with start(tmp_path, child("good", tmp_path)) as tree:
        assert tree.ask("good", 1) == (1, None)


def test_a_start_that_takes_too_long_fails(tmp_path: Path) -> None:
    with start(tmp_path, child("a", tmp_path)) as tree:
        with pytest.raises(SupervisorError) as failed:
            tree.start_child("root", child("slow", tmp_path, args={"start": "slow"}, start_timeout_s=0.3))
        assert failed.value.code == "start_failed"
        assert [info.id for info in tree.which_children("root")] == ["a"]


def test_children_are_added_terminated_restarted_and_deleted(tmp_path: Path) -> None:
    with start(tmp_path, child("a", tmp_path)) as tree:
        info = tree.start_child("root", child("b", tmp_path))
        assert info.state == "running" and info.info == {"name": "b"}
        for code, spec in (("already_started", child("b", tmp_path)),):
            with pytest.raises(SupervisorError) as refused:
                tree.start_child("root", spec)
            assert refused.value.code == code
        tree.terminate_child("root", "b")
        assert is_gone(info.pid or 0)
        tree.terminate_child("root", "b")
        assert tree.restart_child("root", "b").pid not in (None, info.pid)
        with pytest.raises(SupervisorError, match="running"):
            tree.delete_child("root", "b")
        tree.terminate_child("root", "b")
        tree.delete_child("root", "b")
        assert [each.id for each in tree.which_children("root")] == ["a"]


def test_over_its_limit_the_tree_ends_with_shutdown(tmp_path: Path) -> None:
    with start(tmp_path, child("a", tmp_path), max_restarts=1) as tree:
        for _ in range(2):
            os.kill(eventually(lambda: tree.ask("a", "pid")), signal.SIGKILL)
            time.sleep(0.05)
        reason = tree.wait_until_stopped(20)
        assert reason.kind == "shutdown" and "more than 1 restarts" in reason.detail


def test_who_asked_the_one_that_ended_all_is_told_why(tmp_path: Path) -> None:
    """The end of the tree and the answer travel on different ways; asked often enough, either comes first."""
    for number in range(5):
        tree = start(tmp_path / f"{number}", child("a", tmp_path), max_restarts=0)
        with tree, pytest.raises(SupervisorError) as failed:
            tree.ask("a", "raise")
        assert failed.value.code == "actor_failed", failed.value
        assert "RuntimeError: told to" in failed.value.cause


@pytest.mark.parametrize(
    ("strategy", "changed"),
    [(Strategy.ONE_FOR_ONE, "b"), (Strategy.ONE_FOR_ALL, "abc"), (Strategy.REST_FOR_ONE, "bc")],
)
def test_who_is_restarted_with_whom(tmp_path: Path, strategy: Strategy, changed: str) -> None:
    with start(tmp_path, *(child(name, tmp_path) for name in "abc"), strategy=strategy) as tree:
        before = {name: tree.ask(name, "pid") for name in "abc"}
        os.kill(before["b"], signal.SIGKILL)
        eventually(lambda: all(tree.ask(name, "pid") != before[name] for name in changed))
        after = {name: tree.ask(name, "pid") for name in "abc"}
        assert {name for name in "abc" if after[name] != before[name]} == set(changed)


def test_transient_and_temporary_children(tmp_path: Path) -> None:
    specs = [child("t", tmp_path, restart=Restart.TRANSIENT), child("m", tmp_path, restart=Restart.TEMPORARY)]
    with start(tmp_path, *specs) as tree:
        tree.tell("t", "stop")
        eventually(lambda: tree.which_children("root")[0].state == "stopped")
        os.kill(tree.ask("m", "pid"), signal.SIGKILL)
        eventually(lambda: [info.id for info in tree.which_children("root")] == ["t"])


def test_a_killed_inner_supervisor_takes_its_children_along_and_comes_back(tmp_path: Path) -> None:
    with start(tmp_path, SupervisorSpec(id="sub", children=(child("b", tmp_path),))) as tree:
        before = tree.ask("b", "pid")
        os.kill(tree.which_children("root")[0].pid or 0, signal.SIGKILL)
        eventually(lambda: is_gone(before), 2.0)
        assert eventually(lambda: tree.ask("b", "pid")) != before
        assert [event.type for event in tree.events() if event.path == "root/sub/b"] == ["started", "exited", "started"]


def test_a_child_that_does_not_stop_is_killed_after_its_time(tmp_path: Path) -> None:
    with start(tmp_path, child("stubborn", tmp_path, shutdown=0.3)) as tree:
        pid = tree.ask("stubborn", "pid")
        tree.terminate_child("root", "stubborn")
        assert is_gone(pid)


def test_a_dynamic_pool_starts_its_instances_and_more(tmp_path: Path) -> None:
    pool = SupervisorSpec(
        id="pool", strategy=Strategy.DYNAMIC, children=(child("w", tmp_path),), initial=2, max_children=3
    )
    with start(tmp_path, pool) as tree:
        assert [info.id for info in tree.which_children("pool")] == ["w-1", "w-2"]
        third = tree.start_child("pool", args={"name": "third"})
        assert third.info == {"name": "third"}
        with pytest.raises(SupervisorError, match="max_children"):
            tree.start_child("pool")
        tree.terminate_child("pool", third.id)
        counts = tree.count_children("pool")
        assert (counts.specs, counts.active, counts.workers) == (1, 2, 2)
