"""What a task may do to its own worktree: the result is the final state of its files, nothing else."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from git_sandbox import TARGET, Attempt, Sandbox

from aidos_actors.gitops.outcomes import GateFailed

Act = Callable[[Sandbox, Attempt], None]


def _commits_itself(sandbox: Sandbox, attempt: Attempt) -> None:
    for name in ("done", "more"):
        (attempt.path / name).write_text(name)
        sandbox.git("add", "--all", cwd=attempt.path)
        sandbox.git("commit", "--quiet", f"--message={name}", cwd=attempt.path)
    (attempt.path / "more").write_text("uncommitted")


def _deletes_git_file(sandbox: Sandbox, attempt: Attempt) -> None:
    (attempt.path / ".git").unlink()


def _starts_another_repository(sandbox: Sandbox, attempt: Attempt) -> None:
    (attempt.path / ".git").unlink()
    sandbox.git("init", "--quiet", cwd=attempt.path)
    sandbox.git("add", "--all", cwd=attempt.path)


def _checks_out_a_branch(sandbox: Sandbox, attempt: Attempt) -> None:
    sandbox.git("checkout", "--quiet", "-b", "feature", cwd=attempt.path)
    sandbox.git("commit", "--quiet", "--allow-empty", "--message=mine", cwd=attempt.path)


def _makes_the_target_itself(sandbox: Sandbox, attempt: Attempt) -> None:
    sandbox.git("checkout", "--quiet", "-b", TARGET, cwd=attempt.path)
    _commits_itself(sandbox, attempt)


def _leaves_locks(sandbox: Sandbox, attempt: Attempt) -> None:
    admin = Path((attempt.path / ".git").read_text().removeprefix("gitdir: ").strip())
    for name in ("index.lock", "HEAD.lock"):
        (admin / name).touch()


def _leaves_a_broken_index(sandbox: Sandbox, attempt: Attempt) -> None:
    admin = Path((attempt.path / ".git").read_text().removeprefix("gitdir: ").strip())
    (admin / "index").write_bytes(b"garbage")
    (admin / "HEAD").write_text("garbage")


def _stops_in_a_merge(sandbox: Sandbox, attempt: Attempt) -> None:
    sandbox.git("checkout", "--quiet", "-b", "side", cwd=attempt.path)
    (attempt.path / "README").write_text("side\n")
    sandbox.git("commit", "--quiet", "--all", "--message=side", cwd=attempt.path)
    sandbox.git("checkout", "--quiet", "--detach", attempt.base_commit, cwd=attempt.path)
    (attempt.path / "README").write_text("here\n")
    sandbox.git("commit", "--quiet", "--all", "--message=here", cwd=attempt.path)
    sandbox.git("merge", "side", cwd=attempt.path, codes=(1,))
    (attempt.path / "README").write_text("resolved\n")


@pytest.mark.parametrize(
    "act",
    [
        _commits_itself,
        _deletes_git_file,
        _starts_another_repository,
        _checks_out_a_branch,
        _makes_the_target_itself,
        _leaves_locks,
        _leaves_a_broken_index,
        _stops_in_a_merge,
    ],
)
def test_the_state_of_git_in_the_worktree_makes_no_difference(sandbox: Sandbox, act: Act) -> None:
    before = sandbox.fingerprint()
    attempt = sandbox.prepare()
    act(sandbox, attempt)
    (attempt.path / "result").write_text("result")
    outcome = sandbox.integrate(attempt)
    assert outcome.commit == sandbox.git("rev-parse", TARGET)
    assert sandbox.line() == ["shop index"]
    assert sandbox.git("rev-parse", f"{TARGET}^") == sandbox.base
    assert sandbox.show("result") == "result"
    files = {path.name: path.read_text() for path in attempt.path.iterdir() if path.is_file() and path.name != ".git"}
    assert {name: sandbox.show(name) for name in files} == {name: text.strip() for name, text in files.items()}
    assert sandbox.integrate(attempt) == outcome
    sandbox.discard(attempt)
    sandbox.assert_nothing_left()
    assert sandbox.fingerprint() == before


def test_commits_made_on_the_target_are_squashed_onto_what_others_published(sandbox: Sandbox) -> None:
    first = sandbox.do("first", {"first": "1"}).commit
    attempt = sandbox.prepare("second")
    sandbox.git("checkout", "--quiet", TARGET, cwd=attempt.path)
    _commits_itself(sandbox, attempt)
    assert len(sandbox.line()) == 3
    outcome = sandbox.integrate(attempt)
    assert sandbox.line() == ["shop second", "shop first"]
    assert sandbox.git("rev-parse", f"{outcome.commit}^") == first
    assert sandbox.show("more") == "uncommitted"


def test_commits_of_others_on_the_target_stay_even_when_the_task_looked_at_them(sandbox: Sandbox) -> None:
    sandbox.do("first", {"first": "1"})
    attempt = sandbox.prepare("second")
    tree = sandbox.git("rev-parse", f"{TARGET}^{{tree}}")
    theirs = sandbox.git("commit-tree", tree, "-p", TARGET, "-m", "by hand")
    sandbox.git("update-ref", f"refs/heads/{TARGET}", theirs)
    sandbox.git("checkout", "--quiet", TARGET, cwd=attempt.path)
    (attempt.path / "second").write_text("2")
    assert sandbox.git("rev-parse", f"{sandbox.integrate(attempt).commit}^") == theirs


def test_every_kind_of_change_arrives(sandbox: Sandbox) -> None:
    odd = ["with space", "with\nnewline", "ünïcödé-名", '"quoted"', "-dash", "tab\t", os.fsdecode(b"latin-\xe9")]
    (sandbox.repo / "tool").write_text("#!/bin/sh\n")
    (sandbox.repo / "folder").mkdir()
    (sandbox.repo / "folder" / "inner").write_text("inner")
    (sandbox.repo / "link").symlink_to("README")
    sandbox.git("add", "--all")
    sandbox.git("commit", "--quiet", "--message=more")
    sandbox.base = sandbox.git("rev-parse", "HEAD")
    attempt = sandbox.prepare()
    for name in odd:
        (attempt.path / name).write_text(name if name.isascii() else "odd")
    (attempt.path / "tool").chmod(0o755)
    (attempt.path / "folder" / "inner").unlink()
    (attempt.path / "folder").rmdir()
    (attempt.path / "folder").write_text("a file now")
    (attempt.path / "link").unlink()
    (attempt.path / "link").symlink_to("nowhere/at all")
    (attempt.path / "README").unlink()
    (attempt.path / "x.tmp").write_text("ignored")
    (attempt.path / "empty").mkdir()
    os.mkfifo(attempt.path / "pipe")
    with socket.socket(socket.AF_UNIX) as door:
        here = Path.cwd()
        os.chdir(attempt.path)
        try:
            door.bind("door")
        finally:
            os.chdir(here)
    assert sandbox.integrate(attempt).commit is not None
    assert sandbox.names() == sorted([".gitignore", "folder", "link", "tool", *odd], key=os.fsencode)
    modes = sandbox.git("ls-tree", TARGET, "tool", "link", "folder")
    assert [line.split()[0] for line in modes.splitlines()] == ["100644", "120000", "100755"]
    assert sandbox.show("link") == "nowhere/at all"


def test_repositories_inside_the_worktree_become_plain_files(sandbox: Sandbox) -> None:
    (sandbox.repo / ".gitignore").write_text("*.tmp\nignored/\n")
    sandbox.git("commit", "--quiet", "--all", "--message=ignore")
    sandbox.base = sandbox.git("rev-parse", "HEAD")
    attempt = sandbox.prepare()
    for name in ("unborn", "born", "ignored", "deep/er"):
        inner = attempt.path / name
        inner.mkdir(parents=True)
        sandbox.git("init", "--quiet", cwd=inner)
        (inner / "file").write_text(name)
        (inner / "x.tmp").write_text("ignored by the outer rules")
    sandbox.git("add", "--all", cwd=attempt.path / "born")
    sandbox.git("-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "x", cwd=attempt.path / "born")
    sandbox.git("worktree", "add", "--quiet", "--detach", "agent/copy", cwd=attempt.path)
    assert sandbox.integrate(attempt).commit is not None
    assert sandbox.names() == [".gitignore", "README", "born/file", "deep/er/file", "unborn/file"]
    sandbox.discard(attempt)
    sandbox.assert_nothing_left()


def test_submodules_stay_submodules(sandbox: Sandbox) -> None:
    library = sandbox.root / "library"
    sandbox.git("clone", "--quiet", str(sandbox.repo), str(library))
    attempt = sandbox.prepare("add")
    sandbox.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), cwd=attempt.path)
    assert sandbox.integrate(attempt).commit is not None
    assert sandbox.git("ls-tree", TARGET, "library").startswith("160000 commit")
    sandbox.discard(attempt)
    later = sandbox.prepare("later")
    (later.path / "new").write_text("new")
    assert sandbox.integrate(later).commit is not None
    assert sandbox.git("ls-tree", TARGET, "library").startswith("160000 commit")
    sandbox.discard(later)
    sandbox.assert_nothing_left()


def test_content_git_cannot_store_is_the_task_s_own_failure(sandbox: Sandbox) -> None:
    attempt = sandbox.prepare()
    (attempt.path / "README").unlink()
    os.mkfifo(attempt.path / "README")
    outcome = sandbox.integrate(attempt)
    assert isinstance(outcome, GateFailed)
    assert "README" in outcome.output_tail
    assert sandbox.git("for-each-ref", "refs/heads/aidos") == ""
