"""A tree of real processes whose own system is killed, frozen, or cannot be launched at once: it comes back by
itself."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from supervisors import ActorTree, ChildSpec, SupervisorError, SupervisorSpec, watchman
from supervisors.testing import Puppet
from tests.supervisors.real_trees import child, eventually, is_gone, root, start


@pytest.mark.parametrize("role", ["root", "admin", "logger", "launcher", "guardian", "everything"])
def test_the_system_comes_back_by_itself(tmp_path: Path, role: str) -> None:
    with start(tmp_path, child("a", tmp_path)) as tree:
        before, pids = tree.ask("a", "pid"), dict(tree.pids)
        for pid in pids.values() if role == "everything" else [pids[role]]:
            with contextlib.suppress(ProcessLookupError):  # gone with one that was killed before it
                os.kill(pid, signal.SIGKILL)
        after = eventually(lambda: (pid := tree.ask("a", "pid", 1.0)) != before and pid)
        assert after != before and is_gone(before)


def watchman_of(guardian: psutil.Process) -> psutil.Process | None:
    """None while one takes another's place."""
    try:
        found = [each for each in guardian.children() if each.cmdline() == guardian.cmdline()]
    except psutil.Error:  # it ends just now
        return None
    return found[0] if len(found) == 1 else None


@pytest.mark.parametrize("is_settled", [False, True], ids=["the first", "one that took its place"])
def test_a_watchman_that_was_stopped_does_its_work_when_its_guardian_dies(tmp_path: Path, is_settled: bool) -> None:
    with start(tmp_path, child("a", tmp_path)) as tree:
        guardian = psutil.Process(tree.pids["guardian"])
        first = eventually(lambda: watchman_of(guardian))
        if is_settled:
            kept = eventually(lambda: (found := watchman_of(guardian)) != first and found)
            assert not first.is_running()
        else:
            kept = first
        kept.suspend()
        guardian.kill()
        eventually(lambda: not kept.is_running() or kept.status() == psutil.STATUS_ZOMBIE)
        assert eventually(lambda: tree.ask("a", "pid", 1.0))


def test_who_should_end_by_itself_and_does_not_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = f"test-{os.getpid()}"
    with subprocess.Popen(["sleep", "60"], env=watchman.ending_by_itself({watchman.MARK: mark})) as hung:
        monkeypatch.setattr(watchman, "ENDING_LIMIT_S", 0.2)
        assert watchman.sweep(mark) == 1
        assert hung.wait() == -signal.SIGKILL


@pytest.mark.parametrize("role", ["root", "guardian"])
def test_a_relaunch_that_fails_is_tried_again(tmp_path: Path, role: str) -> None:
    """A second fault while the system is brought back is not the end of it, whoever brings it back."""
    args = {"name": "p", "book": str(tmp_path / "book"), "starts": ("ok", "raise", "ok")}
    with start(tmp_path, ChildSpec(id="p", actor=Puppet, args=args)) as tree:
        os.kill(tree.pids[role], signal.SIGKILL)
        assert eventually(lambda: tree.ask("p", ("reply", 1))) == 1
        assert (tmp_path / "book").read_text().count("start") == 3


@pytest.mark.parametrize("on_give_up", ["end", "restart"])
def test_a_first_start_that_somebody_kills_is_tried_again_where_it_must_not_give_up(
    tmp_path: Path, on_give_up: str
) -> None:
    args = {"name": "p", "book": str(tmp_path / "book"), "starts": ("kill", "ok")}
    spec = root(SupervisorSpec(id="inner", children=(ChildSpec(id="p", actor=Puppet, args=args),)))
    if on_give_up == "end":
        with pytest.raises(SupervisorError) as failed:
            ActorTree.start(spec, state_dir=tmp_path / "state", on_give_up=on_give_up)
        assert (failed.value.code, failed.value.child, failed.value.cause) == ("start_failed", "p", "SIGKILL")
    else:
        with ActorTree.start(spec, state_dir=tmp_path / "state", on_give_up=on_give_up) as tree:
            assert (tree.ask("p", ("reply", 1)), tree.heals) == (1, 1)


def test_a_frozen_admin_is_the_end_of_that_system(tmp_path: Path) -> None:
    with start(tmp_path, child("a", tmp_path)) as tree:
        before = tree.ask("a", "pid")
        os.kill(tree.pids["admin"], signal.SIGSTOP)
        assert eventually(lambda: (pid := tree.ask("a", "pid", 1.0)) != before and pid, 30.0)
