"""Objects that somebody takes away: stashes that a task clears, and results that a prune of others removes on their way
to the target."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from git_sandbox import TARGET, Sandbox

from aidos_actors.core.errors import TryAgain
from aidos_actors.gitops.epoch import claim_epoch
from aidos_actors.gitops.git import Completed, Git, GitFailed, run_here
from aidos_actors.gitops.stashes import STASHES, keep_stashes
from supervisors.testing import eventually


def test_a_stash_of_the_user_survives_a_task_that_clears_them(sandbox: Sandbox) -> None:
    git, stashed = Git(str(sandbox.repo)), []
    assert keep_stashes(git) == 0
    for text in ("one", "two"):
        (sandbox.repo / "README").write_text(text)
        sandbox.git("stash", "push", "--quiet")
        stashed.append(sandbox.git("rev-parse", "refs/stash"))
    assert keep_stashes(git) == 2 and keep_stashes(git) == 0
    attempt = sandbox.prepare()
    sandbox.git("stash", "clear", cwd=attempt.path)
    sandbox.git("gc", "--quiet", "--prune=now")
    sandbox.git("stash", "apply", "--quiet", f"{STASHES}/{stashed[0]}")
    assert (sandbox.repo / "README").read_text() == "one"


def test_a_prune_of_others_is_waited_for_and_what_it_took_is_written_again(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch, attempt = claim_epoch(str(sandbox.repo), "home", 1), sandbox.prepare()
    (attempt.path / "result").write_text("result")
    shutil.copy2(shutil.which("cat") or "", tmp_path / "git")  # each lives until it has read what never comes
    for name in ("gc", "prune"):
        os.mkfifo(sandbox.repo / name)
    monkeypatch.setattr("aidos_actors.gitops.pruners.WAIT_MAX_S", 0.05)
    with _at_work(sandbox, tmp_path / "git", "gc"):
        first = sandbox.do("first", {"first": "1"}, epoch=epoch).commit
    with _at_work(sandbox, tmp_path / "git", "prune") as pid, pytest.raises(TryAgain, match=f"git prune.*{pid}"):
        sandbox.integrate(attempt, epoch=epoch)
    assert sandbox.git("rev-parse", TARGET) == first

    def takes_one(argv: Sequence[str], **more: Any) -> Completed:
        done = run_here(argv, **more)
        if b"refs/aidos/restore/" in more["input"]:
            blob = sandbox.git("hash-object", str(attempt.path / "result"))
            (sandbox.repo / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
        return done

    with pytest.raises(GitFailed, match="missing blob"):
        sandbox.integrate(attempt, epoch=epoch, run=takes_one)
    assert sandbox.git("rev-parse", TARGET) == first
    assert sandbox.git("fsck", "--no-dangling", "--no-progress") == ""  # no ref of ours names what is not whole
    assert sandbox.integrate(attempt, epoch=epoch).commit == sandbox.git("rev-parse", TARGET)
    sandbox.discard(attempt)
    sandbox.assert_nothing_left()


@contextmanager
def _at_work(sandbox: Sandbox, program: Path, verb: str) -> Iterator[int]:
    with subprocess.Popen(["git", verb], executable=program, cwd=sandbox.repo) as git:
        eventually(lambda: Path(f"/proc/{git.pid}/cmdline").read_text() == f"git\0{verb}\0")
        yield git.pid
        git.kill()
