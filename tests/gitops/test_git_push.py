"""Targets on a remote: each head once, never over anybody's work, whatever dies on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_sandbox import TARGET, Dying, Sandbox, in_child

from aidos_actors.gitops.git import Git, GitFailed, Run, run_here
from aidos_actors.gitops.line import Line
from aidos_actors.gitops.push import Diverged, Remote, push_all
from aidos_actors.gitops.stack import Item
from aidos_actors.gitops.train import carry

KILLED = 17
ORIGIN = Remote("origin")


@pytest.fixture
def bare(sandbox: Sandbox) -> Path:
    path = sandbox.root / "remote.git"
    sandbox.git("init", "--quiet", "--bare", str(path))
    sandbox.git("remote", "add", "origin", str(path))
    return path


def publish(sandbox: Sandbox, task: str) -> str:
    attempt = sandbox.prepare(task)
    (attempt.path / task).write_text(task)
    item = Item(attempt.key, str(attempt.path), attempt.base_commit, sandbox.base, task)
    carry(Line(Git(str(sandbox.repo)), TARGET, is_pushed=True), [item])
    sandbox.discard(attempt)
    return sandbox.git("rev-parse", TARGET)


def push(sandbox: Sandbox, run: Run = run_here, remote: Remote = ORIGIN) -> int:
    return push_all(Git(str(sandbox.repo), run), remote)


def on_remote(sandbox: Sandbox, bare: Path, branch: str = TARGET) -> str:
    return sandbox.git("rev-parse", "--verify", "--quiet", branch, cwd=bare, codes=(0, 1))


def count_pushes(bare: Path) -> Path:
    """Every push that moves something is counted by the remote itself."""
    log = bare / "pushes"
    hook = bare / "hooks" / "post-receive"
    hook.write_text(f"#!/bin/sh\ncat >> '{log}'\n")
    hook.chmod(0o755)
    log.touch()
    return log


def test_what_is_published_is_on_the_remote_once(sandbox: Sandbox, bare: Path) -> None:
    log = count_pushes(bare)
    assert push(sandbox) == 0
    first = publish(sandbox, "a")
    assert push(sandbox) == 1 and on_remote(sandbox, bare) == first
    assert push(sandbox) == 0
    second = publish(sandbox, "b")
    assert push(sandbox) == 1 and on_remote(sandbox, bare) == second
    assert len(log.read_text().splitlines()) == 2
    assert sandbox.git("branch", "--list", "main", cwd=bare) == "", "only the target is ours to push"


def test_what_the_user_knows_of_the_remote_stays_as_it_is(sandbox: Sandbox, bare: Path) -> None:
    """A push that is killed would leave the lock of the ref behind that it moves there."""
    publish(sandbox, "a")
    assert push(sandbox) == 1
    assert sandbox.git("for-each-ref", "refs/remotes") == ""


def test_a_branch_of_another_name(sandbox: Sandbox, bare: Path) -> None:
    head = publish(sandbox, "a")
    push(sandbox, remote=Remote("origin", "review/shop"))
    assert on_remote(sandbox, bare, "review/shop") == head and not on_remote(sandbox, bare)


def test_a_remote_that_is_away_is_an_error_and_nothing_is_lost(sandbox: Sandbox, bare: Path) -> None:
    head = publish(sandbox, "a")
    bare.rename(bare.with_suffix(".away"))
    with pytest.raises(GitFailed):
        push(sandbox)
    bare.with_suffix(".away").rename(bare)
    assert push(sandbox) == 1 and on_remote(sandbox, bare) == head


def test_commits_of_others_on_the_remote_branch_are_never_overwritten(sandbox: Sandbox, bare: Path) -> None:
    publish(sandbox, "a")
    push(sandbox)
    clone = sandbox.root / "clone"
    sandbox.git("clone", "--quiet", "--branch", TARGET, str(bare), str(clone))
    (clone / "theirs").write_text("theirs")
    sandbox.git("add", "--all", cwd=clone)
    sandbox.git("-c", "user.name=Eve", "-c", "user.email=e@x", "commit", "--quiet", "-m", "Theirs", cwd=clone)
    sandbox.git("push", "--quiet", "origin", TARGET, cwd=clone)
    theirs = on_remote(sandbox, bare)
    publish(sandbox, "b")
    with pytest.raises(Diverged, match="stands at"):
        push(sandbox)
    assert on_remote(sandbox, bare) == theirs
    sandbox.git("fetch", "--quiet", "origin")
    with pytest.raises(Diverged):
        push(sandbox)
    assert on_remote(sandbox, bare) == theirs


def test_one_target_that_diverged_holds_up_no_other(sandbox: Sandbox, bare: Path) -> None:
    publish(sandbox, "a")
    sandbox.git("push", "--quiet", "origin", f"main:refs/heads/{TARGET}")
    sandbox.git("branch", "other", "main")
    tree = sandbox.git("rev-parse", "main^{tree}")
    foreign = sandbox.git("commit-tree", tree, "-p", "main", "-m", "x")
    sandbox.git("push", "--quiet", "--force", "origin", f"{foreign}:refs/heads/{TARGET}")
    attempt = sandbox.prepare("b", target="aidos/z")
    (attempt.path / "b").write_text("b")
    item = Item(attempt.key, str(attempt.path), attempt.base_commit, sandbox.base, "b")
    carry(Line(Git(str(sandbox.repo)), "aidos/z", is_pushed=True), [item])
    with pytest.raises(Diverged):
        push(sandbox)
    assert on_remote(sandbox, bare, "aidos/z") == sandbox.git("rev-parse", "aidos/z")


def test_the_user_s_push_hooks_and_settings_play_no_part(sandbox: Sandbox, bare: Path) -> None:
    hook = sandbox.repo / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    for setting, value in {"push.followTags": "true", "push.gpgSign": "true", "push.default": "matching"}.items():
        sandbox.git("config", setting, value)
    sandbox.git("tag", "-a", "v1", "-m", "v1")
    head = publish(sandbox, "a")
    assert push(sandbox) == 1 and on_remote(sandbox, bare) == head
    assert sandbox.git("tag", cwd=bare) == ""


def test_killed_before_each_git_command_nothing_is_pushed_twice(sandbox: Sandbox, bare: Path) -> None:
    log, rounds, exit_code = count_pushes(bare), 0, KILLED
    while exit_code == KILLED:
        head = publish(sandbox, f"t{rounds:02}")
        exit_code = in_child(lambda: push(sandbox, Dying(rounds)))  # noqa: B023
        assert exit_code in (0, KILLED)
        push(sandbox)
        assert on_remote(sandbox, bare) == head
        rounds += 1
    assert rounds > 6
    assert len(log.read_text().splitlines()) == rounds
    sandbox.assert_nothing_left()
