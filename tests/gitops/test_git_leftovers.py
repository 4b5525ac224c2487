"""What is taken away and what is not: worktrees, gates, restore points, empty objects and refs, locks."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from git_sandbox import TARGET, Attempt, Sandbox

from aidos_actors import crash
from aidos_actors.actors.words import GitWork
from aidos_actors.core.orders import AttemptKey, Discard
from aidos_actors.core.target_orders import Sweep
from aidos_actors.gitops.carry_out import GitHands
from aidos_actors.gitops.damage import mend, mend_empty_refs, set_empty_objects_aside
from aidos_actors.gitops.gate_folders import GateFolders
from aidos_actors.gitops.git import Git, GitFailed, run_here
from aidos_actors.gitops.leftovers import prune_restore_points, sweep_worktrees
from aidos_actors.gitops.repair import repair_locks
from aidos_actors.gitops.worktrees import add_worktree, discard
from aidos_actors.layout import Layout
from aidos_actors.withdrawal import Withdrawal

KEY = AttemptKey("shop", "one", 1)


class Killed(Exception):
    """The process would have ended here."""


def sweep(sandbox: Sandbox, *live: Attempt) -> list[str]:
    paths = [str(attempt.path) for attempt in live]
    return sweep_worktrees(str(sandbox.repo), sandbox.state / "worktrees", paths, sandbox.state / "aside", run_here)


def test_a_worktree_the_rows_do_not_know_goes_and_one_they_know_stays(sandbox: Sandbox) -> None:
    """The row died with its database, or the worktree came when its attempt was gone: both halves of one crash."""
    known, unknown, user = sandbox.prepare("known"), sandbox.prepare("unknown"), sandbox.root / "user"
    sandbox.git("worktree", "add", "--quiet", "-b", "topic", str(user))
    assert sweep(sandbox, known) == [str(unknown.path)]
    assert known.path.exists() and user.exists() and not unknown.path.exists()


@pytest.mark.parametrize("signal", ["it stands there", "it was told so"])
def test_one_in_which_a_process_works_stays_though_the_rows_do_not_know_it(sandbox: Sandbox, signal: str) -> None:
    attempt = sandbox.prepare("busy")
    inside = signal == "it stands there"
    with subprocess.Popen(
        ["sleep", "600"],
        cwd=attempt.path if inside else "/",
        env=None if inside else {**os.environ, "AIDOS_WORKTREE": str(attempt.path)},
    ) as worker:
        while b"sleep" not in Path(f"/proc/{worker.pid}/cmdline").read_bytes():
            time.sleep(0.01)
        assert sweep(sandbox) == [] and attempt.path.exists()
        worker.kill()
    assert sweep(sandbox) == [str(attempt.path)]


def test_what_a_killed_integration_left_beside_a_worktree_goes_with_it(sandbox: Sandbox) -> None:
    """Its redo may find the commit published already, and makes no index that it could take away again."""
    hands = GitHands(Layout(str(sandbox.state)), dict(os.environ))
    path = sandbox.state / "worktrees" / "shop" / "one.1"
    lost = path.with_name("two.1.integrating")
    for scratch in (lost, path.with_name("one.1.integrating"), path):
        scratch.mkdir(parents=True)
        (scratch / "index").write_text("torn")
    work = lambda order: GitWork(1, "0" * 16, order)  # noqa: E731
    hands.carry_out(work(Sweep(KEY, str(sandbox.repo), (str(path),))), Withdrawal())
    assert not lost.exists() and path.with_name("one.1.integrating").exists(), "beside a living one it may be in use"
    hands.carry_out(work(Discard(KEY, str(sandbox.repo), str(path), ())), Withdrawal())
    assert not list((sandbox.state / "worktrees").rglob("*"))
    hands.close()


def test_a_worktree_that_a_task_made_beside_its_own_goes_with_its_requirement(sandbox: Sandbox) -> None:
    hands = GitHands(Layout(str(sandbox.state)), dict(os.environ))
    theirs, other = (sandbox.state / "worktrees" / name / "a.1-side" for name in ("shop", "other"))
    for path in (theirs, other):
        sandbox.git("worktree", "add", "--quiet", "--detach", str(path), "main")
    over = Sweep(AttemptKey("shop", "", 0), str(sandbox.repo), ())
    swept = hands.carry_out(GitWork(1, "0" * 16, over), Withdrawal())
    assert swept.paths == (str(theirs),) and not theirs.parent.exists() and other.exists()
    hands.close()


@pytest.mark.parametrize("broken", ["no .git file", "no record", "moved", "empty record"])
def test_broken_worktrees_go_whatever_is_broken(sandbox: Sandbox, broken: str) -> None:
    attempt = sandbox.prepare("one")
    admin = sandbox.repo / ".git" / "worktrees" / attempt.path.name
    if broken == "no .git file":
        (attempt.path / ".git").unlink()
    elif broken == "no record":
        subprocess.run(["rm", "-r", str(admin)], check=True)
    elif broken == "moved":
        attempt.path.rename(attempt.path.with_name("elsewhere"))
    else:
        (admin / "gitdir").write_text("")
    sweep(sandbox)
    sandbox.discard(attempt)
    assert sandbox.git("worktree", "list", "--porcelain").count("worktree ") == 1
    assert sandbox.git("fsck", "--no-dangling") == ""


def test_what_a_dead_gitops_left_of_its_gates_goes(sandbox: Sandbox) -> None:
    gates = sandbox.state / "gates"
    attempt = sandbox.prepare("one")
    add_worktree(Git(str(sandbox.repo)), str(gates / "shop" / "one" / "1"), sandbox.base, attempt.key)
    (gates / "shop" / "two").mkdir(parents=True)
    GateFolders(gates, run_here).clear_all()
    assert not gates.exists() and attempt.path.exists()
    sandbox.discard(attempt)
    sandbox.assert_nothing_left()


@pytest.mark.parametrize("point", ["worktree-added", "folder-set-aside", "record-set-aside", "quarantine-emptied"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_whatever_a_gate_was_at_when_it_died_is_gone_before_the_next(sandbox: Sandbox, point: str, side: str) -> None:
    """The next gate may be another attempt's, so nobody else would come by this folder again."""
    gates = sandbox.state / "gates"
    folder = str(gates / "shop" / "one" / "1")

    def strike(reached: str, at: str) -> None:
        if (reached, at) == (point, side):
            raise Killed

    git = Git(str(sandbox.repo))
    crash.arm(strike)
    with pytest.raises(Killed):
        add_worktree(git, folder, sandbox.base, KEY)
        discard(git.repo, path=folder)
    crash.arm(None)
    folders = GateFolders(gates, run_here)
    folders.clear_all()
    folders.clear(git.repo)
    sandbox.assert_nothing_left()
    assert not gates.exists()


def test_a_record_of_a_gate_without_a_folder_goes_too(sandbox: Sandbox) -> None:
    """Git writes its record first."""
    gates = sandbox.state / "gates"
    add_worktree(Git(str(sandbox.repo)), str(gates / "shop" / "one" / "1"), sandbox.base, KEY)
    shutil.rmtree(gates)
    folders = GateFolders(gates, run_here)
    folders.clear_all()
    folders.clear(str(sandbox.repo))
    sandbox.assert_nothing_left()


def test_gates_of_this_life_are_left_alone(sandbox: Sandbox) -> None:
    folders = GateFolders(sandbox.state / "gates", run_here)
    folders.clear(str(sandbox.repo))
    alive = sandbox.state / "gates" / "shop" / "one" / "1"
    add_worktree(Git(str(sandbox.repo)), str(alive), sandbox.base, KEY)
    folders.clear(str(sandbox.repo))
    assert alive.exists()
    discard(str(sandbox.repo), path=str(alive))


def test_only_old_restore_points_whose_commits_a_branch_holds_go(sandbox: Sandbox) -> None:
    for number in range(6):
        sandbox.do(f"t{number}", {f"f{number}": "x"})
    lost = sandbox.git("commit-tree", "main^{tree}", "-p", "main", "-m", "rewritten away")
    sandbox.git("update-ref", "refs/aidos/restore/shop/old-1", lost)
    git = Git(str(sandbox.repo))
    assert prune_restore_points(git, kept=2) in (4, 5)
    left = sandbox.git("for-each-ref", "--format=%(refname)", "refs/aidos/restore").split()
    assert "refs/aidos/restore/shop/old-1" in left, "nothing else holds that commit"
    assert prune_restore_points(git, kept=2) == 0
    assert sandbox.line() == [f"shop t{number}" for number in reversed(range(6))]


def empty_object(sandbox: Sandbox, content: str) -> Path:
    """An object of which the power cut left the name."""
    words = ["git", "hash-object", "-w", "--stdin"]
    made = subprocess.run(words, cwd=sandbox.repo, input=content, text=True, capture_output=True, check=True)
    name = made.stdout.strip()
    path = sandbox.repo / ".git" / "objects" / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_bytes(b"")
    return path


def test_an_empty_object_is_set_aside_and_written_again(sandbox: Sandbox) -> None:
    attempt = sandbox.prepare("one")
    (attempt.path / "a").write_text("content")
    path = empty_object(sandbox, "content")
    git = Git(str(sandbox.repo))
    try:
        sandbox.integrate(attempt)
    except GitFailed as failed:
        assert mend(git, failed) == [str(path)]
    else:
        assert set_empty_objects_aside(git) == [str(path)]
        sandbox.git("update-ref", "-d", f"refs/heads/{TARGET}")
    assert sandbox.integrate(attempt).commit is not None
    assert sandbox.show("a") == "content"
    sandbox.discard(attempt)
    assert sandbox.git("fsck", "--no-dangling") == ""


def test_an_empty_object_that_somebody_has_open_stays(sandbox: Sandbox) -> None:
    path = empty_object(sandbox, "content")
    with path.open():
        assert set_empty_objects_aside(Git(str(sandbox.repo))) == []
    assert set_empty_objects_aside(Git(str(sandbox.repo))) == [str(path)]


def test_an_empty_target_comes_back_from_its_reflog_and_other_branches_are_left(sandbox: Sandbox) -> None:
    head = sandbox.do("a", {"a": "a"}).commit
    sandbox.git("branch", "topic")
    for name in (TARGET, "topic"):
        (sandbox.repo / ".git" / "refs" / "heads" / name).write_text("")
    (sandbox.repo / ".git" / "refs" / "aidos" / "restore" / "shop" / "a-1").write_text("")
    mended = mend_empty_refs(Git(str(sandbox.repo)), TARGET)
    assert len(mended) == 2
    assert sandbox.git("rev-parse", TARGET) == head
    assert (sandbox.repo / ".git" / "refs" / "heads" / "topic").read_text() == "", "a branch of the user's"


def test_shared_locks_go_only_after_an_hour_and_the_user_s_never(sandbox: Sandbox) -> None:
    git_dir = sandbox.repo / ".git"
    for name, age_s in {"config.lock": 3700, "shallow.lock": 60, "index.lock": 99_999, "HEAD.lock": 99_999}.items():
        (git_dir / name).touch()
        os.utime(git_dir / name, (time.time() - age_s,) * 2)
    assert repair_locks(str(sandbox.repo), TARGET) == [str(git_dir / "config.lock")]
    assert (git_dir / "index.lock").exists() and (git_dir / "shallow.lock").exists()
