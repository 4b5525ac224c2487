"""A lock is set aside only when it is old and nobody who could hold it lives."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from git_sandbox import TARGET, Sandbox

from aidos_actors.gitops.epoch import claim_epoch
from aidos_actors.gitops.repair import repair_locks

OLD_S = 60.0


def lock(sandbox: Sandbox, name: str, age_s: float = OLD_S) -> Path:
    path = sandbox.repo / ".git" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def repair(sandbox: Sandbox) -> list[str]:
    return repair_locks(str(sandbox.repo), TARGET)


def test_stale_locks_of_ours_are_set_aside_and_others_left(sandbox: Sandbox) -> None:
    attempt = sandbox.prepare()
    ours = [
        lock(sandbox, name)
        for name in (
            f"refs/heads/{TARGET}.lock",
            "refs/aidos/epoch/home.lock",
            "refs/aidos/restore/shop/index-1.lock",
            "packed-refs.lock",
            "packed-refs.new",
            f"worktrees/{attempt.path.name}/index.lock",
        )
    ]
    user = sandbox.root / "user"
    sandbox.git("worktree", "add", "--quiet", "--detach", str(user))
    theirs = [
        lock(sandbox, name)
        for name in ("index.lock", "HEAD.lock", "config.lock", "refs/heads/main.lock", "worktrees/user/index.lock")
    ]
    assert sorted(repair(sandbox)) == sorted(map(str, ours))
    assert not any(path.exists() for path in ours)
    assert all(path.exists() for path in theirs)
    assert len(list((sandbox.repo / ".git" / "aidos-quarantine" / "locks").iterdir())) == len(ours)
    assert repair(sandbox) == []


def test_a_young_lock_stays(sandbox: Sandbox) -> None:
    young = lock(sandbox, f"refs/heads/{TARGET}.lock", age_s=0)
    assert repair_locks(str(sandbox.repo), TARGET, now=young.stat().st_mtime + 1.9) == []
    assert repair_locks(str(sandbox.repo), TARGET, now=young.stat().st_mtime + 2.1) == [str(young)]


def test_a_lock_from_the_future_is_old(sandbox: Sandbox) -> None:
    future = lock(sandbox, f"refs/heads/{TARGET}.lock", age_s=-3600)
    assert repair(sandbox) == [str(future)]


def test_an_old_lock_that_somebody_has_open_stays(sandbox: Sandbox) -> None:
    held = lock(sandbox, f"refs/heads/{TARGET}.lock")
    with held.open():
        assert repair(sandbox) == []
    assert repair(sandbox) == [str(held)]


def test_an_old_lock_stays_while_a_git_that_writes_is_at_work_here(sandbox: Sandbox) -> None:
    held = lock(sandbox, f"refs/heads/{TARGET}.lock")
    for words, is_repaired in (("update-ref --stdin", False), ("cat-file --batch", True)):
        with subprocess.Popen(["git", *words.split()], cwd=sandbox.repo, stdin=subprocess.PIPE) as git:
            assert (repair(sandbox) == [str(held)]) is is_repaired
            assert git.stdin is not None
            git.stdin.close()


def test_a_git_elsewhere_does_not_keep_a_lock(sandbox: Sandbox) -> None:
    held = lock(sandbox, f"refs/heads/{TARGET}.lock")
    other = sandbox.root / "other"
    sandbox.git("clone", "--quiet", str(sandbox.repo), str(other))
    with subprocess.Popen(["git", "update-ref", "--stdin"], cwd=other, stdin=subprocess.PIPE) as git:
        assert repair(sandbox) == [str(held)]
        assert git.stdin is not None
        git.stdin.close()


@pytest.mark.parametrize(
    "name", [f"refs/heads/{TARGET}.lock", "refs/aidos/epoch/home.lock", "refs/aidos/restore/shop/index-1.lock"]
)
def test_publishing_gets_through_a_stale_lock_by_itself(sandbox: Sandbox, name: str) -> None:
    epoch = claim_epoch(str(sandbox.repo), "home", 1)
    lock(sandbox, name)
    assert sandbox.do("index", {"a": "a"}, epoch=epoch).commit == sandbox.git("rev-parse", TARGET)
    sandbox.assert_nothing_left()


def test_claiming_an_epoch_gets_through_a_stale_lock_by_itself(sandbox: Sandbox) -> None:
    lock(sandbox, "refs/aidos/epoch/home.lock")
    assert claim_epoch(str(sandbox.repo), "home", 1).ref == "refs/aidos/epoch/home"


def test_an_epoch_that_cannot_be_read_is_replaced(sandbox: Sandbox) -> None:
    garbage = sandbox.git("rev-parse", "main")
    sandbox.git("update-ref", "refs/aidos/epoch/home", garbage)
    token = claim_epoch(str(sandbox.repo), "home", 3)
    assert sandbox.git("cat-file", "blob", token.ref) == "3"
