"""Plumbing without a minder: it still ends with its owner, and whatever may run a command of the user's is minded."""

from __future__ import annotations

import os
import select
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from git_sandbox import Sandbox

from aidos_actors.gitops.git import Completed, Git, run_here
from aidos_actors.gitops.quick_run import QuickRun, verb_of

pytestmark = pytest.mark.skipif(shutil.which("setpriv") is None, reason="there is no setpriv (util-linux)")


class Minded:
    """Counts what is given to it."""

    def __init__(self) -> None:
        self.verbs: list[str] = []

    def __call__(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        input: bytes = b"",  # noqa: A002
        timeout_s: float = 60.0,
    ) -> Completed:
        self.verbs.append(verb_of(argv))
        return run_here(argv, cwd=cwd, env=env, input=input, timeout_s=timeout_s)


def test_the_verb_is_found_behind_settings_and_places() -> None:
    assert verb_of(["git", "-c", "a=b", "--git-dir=/x", "-c", "c=d", "rev-parse", "HEAD"]) == "rev-parse"
    assert verb_of(["git", "--version"]) == ""


def test_plumbing_goes_the_quick_way_and_says_the_same(sandbox: Sandbox) -> None:
    minded = Minded()
    git = Git(str(sandbox.repo), QuickRun(minded))
    assert git.commit_of("main") == sandbox.base and git.object_of("none") is None
    assert git.text("hash-object", "--stdin", data=b"x") == Git(str(sandbox.repo)).text(
        "hash-object", "--stdin", data=b"x"
    )
    assert minded.verbs == []
    git.call("fsck")
    assert minded.verbs == ["fsck"]


@pytest.mark.parametrize(
    ("setting", "verb"), [("filter.lfs.clean", "add"), ("merge.mine.driver", "merge-tree"), ("filter.x.process", "add")]
)
def test_what_may_run_a_command_of_the_user_is_minded(sandbox: Sandbox, setting: str, verb: str) -> None:
    sandbox.git("config", setting, "cat")
    minded = Minded()
    git = Git(str(sandbox.repo), QuickRun(minded))
    words = {"add": ("add", "--dry-run", "README"), "merge-tree": ("merge-tree", "--write-tree", "main", "main")}[verb]
    git.call(*words, work_tree=str(sandbox.repo))
    assert minded.verbs == [verb]


def test_a_command_that_takes_too_long_is_ended_and_one_that_cannot_start_is_said(tmp_path: Path) -> None:
    run = QuickRun(Minded())
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = run(["git", "rev-parse"], cwd="/", env=env, timeout_s=0.5)
    assert done.exit_code == -signal.SIGKILL and b"ended after" in done.stderr
    assert run(["git", "rev-parse"], cwd=str(tmp_path / "none"), env=env).exit_code == 127


def test_it_ends_with_its_owner_however_that_ends(tmp_path: Path) -> None:
    slow = tmp_path / "git"
    slow.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid.new\nmv {tmp_path}/pid.new {tmp_path}/pid\nexec sleep 600\n")
    slow.chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    owner = os.fork()
    if owner == 0:
        QuickRun(Minded())(["git", "update-ref", "--stdin"], cwd="/", env=env, timeout_s=60)
        os._exit(0)
    while not (tmp_path / "pid").exists():
        assert os.waitpid(owner, os.WNOHANG) == (0, 0)
    child = os.pidfd_open(int((tmp_path / "pid").read_text()))
    os.kill(owner, signal.SIGKILL)
    os.waitpid(owner, 0)
    assert select.select([child], [], [], 10.0)[0], "the git of a dead owner lives on"
    os.close(child)


def test_without_setpriv_everything_is_minded(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    minded = Minded()
    assert Git(str(sandbox.repo), QuickRun(minded)).commit_of("main") == sandbox.base
    assert minded.verbs == ["rev-parse", "rev-parse"]


def test_a_kept_index_sees_every_change_a_fresh_one_sees(sandbox: Sandbox) -> None:
    """Same size, same moment by the clock, another content: the inode's own change time tells."""
    attempt = sandbox.prepare("a")
    before = (attempt.path / "README").stat()
    (attempt.path / "README").write_text("ONE\ntwo\nthree\n")
    os.utime(attempt.path / "README", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sandbox.integrate(attempt).commit is not None
    assert sandbox.show("README") == "ONE\ntwo\nthree"


@pytest.mark.parametrize("left", ["missing", "garbage"])
def test_a_kept_index_that_is_damaged_is_not_needed(sandbox: Sandbox, left: str) -> None:
    attempt = sandbox.prepare("a")
    index = sandbox.repo / ".git" / "worktrees" / attempt.path.name / "aidos-index"
    index.unlink() if left == "missing" else index.write_bytes(b"\0" * 7)
    (attempt.path / "a").write_text("a")
    assert sandbox.integrate(attempt).commit is not None
    assert sandbox.names() == [".gitignore", "README", "a"]
