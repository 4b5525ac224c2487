"""A repository, base or target that cannot carry a requirement is refused with the place and the reason."""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from git_sandbox import TARGET, Sandbox

from aidos_actors.core.errors import BadInput, Conflict, TryAgain
from aidos_actors.gitops.git import Completed, run_here
from aidos_actors.gitops.inspect import Inspected, inspect_repository


def test_the_base_is_the_branch_head_names_and_the_top_folder_is_found(sandbox: Sandbox) -> None:
    inner = sandbox.repo / "a" / "b"
    inner.mkdir(parents=True)
    expected = Inspected(str(sandbox.repo), "main", sandbox.base)
    assert inspect_repository(str(sandbox.repo), None, TARGET) == expected
    assert inspect_repository(str(inner), "main", TARGET) == expected


def test_other_bases(sandbox: Sandbox) -> None:
    sandbox.git("branch", "release/1")
    sandbox.git("tag", "v1")
    sandbox.git("commit", "--quiet", "--allow-empty", "--message=second")
    for base in ("release/1", "v1", sandbox.base):
        assert inspect_repository(str(sandbox.repo), base, TARGET).base_commit == sandbox.base
    sandbox.git("checkout", "--quiet", "--detach", sandbox.base)
    assert inspect_repository(str(sandbox.repo), None, TARGET) == Inspected(str(sandbox.repo), None, sandbox.base)


class Trips:
    """Git, which trips ``times`` times over a worktree that another one is making."""

    def __init__(self, times: int) -> None:
        self.times = times

    def __call__(self, argv: Sequence[str], **how: Any) -> Completed:
        if "worktree" in argv and self.times:
            self.times -= 1
            return Completed(128, b"", b"fatal: failed to read worktrees/1/commondir: Success")
        return run_here(argv, **how)


def test_a_worktree_that_is_being_made_is_looked_at_again(sandbox: Sandbox) -> None:
    assert inspect_repository(str(sandbox.repo), None, TARGET, Trips(4)).base_commit == sandbox.base
    with pytest.raises(TryAgain, match="failed to read"):
        inspect_repository(str(sandbox.repo), None, TARGET, Trips(5))


def test_a_bare_repository_that_has_the_base(sandbox: Sandbox) -> None:
    bare = sandbox.root / "bare.git"
    sandbox.git("clone", "--quiet", "--bare", str(sandbox.repo), str(bare))
    assert inspect_repository(str(bare), None, "main") == Inspected(str(bare), "main", sandbox.base)


def test_what_is_no_usable_repository(sandbox: Sandbox) -> None:
    empty = sandbox.root / "empty"
    with pytest.raises(BadInput, match="does not exist"):
        inspect_repository(str(empty), None, TARGET)
    empty.mkdir()
    with pytest.raises(BadInput, match="not a git repository"):
        inspect_repository(str(empty), None, TARGET)
    with pytest.raises(BadInput, match="cannot be used"):
        inspect_repository(str(sandbox.repo / ".git"), None, TARGET)
    sandbox.git("init", "--quiet", "--initial-branch=main", cwd=empty)
    with pytest.raises(BadInput, match="no commit yet"):
        inspect_repository(str(empty), None, TARGET)


@pytest.mark.parametrize("base", ["mian", "--all", "", "main^{tree}", "a..b"])
def test_a_base_that_does_not_exist(sandbox: Sandbox, base: str) -> None:
    with pytest.raises(BadInput, match="has no branch") as caught:
        inspect_repository(str(sandbox.repo), base, TARGET)
    if base == "mian":
        assert caught.value.hint == "Did you mean main?"


@pytest.mark.parametrize("target", ["a b", "-x", "a..b", "x.lock", "/a", "a/", "", "HEAD", "a\nb", "@{-1}"])
def test_a_target_that_is_no_branch_name(sandbox: Sandbox, target: str) -> None:
    with pytest.raises(BadInput, match="no valid branch name"):
        inspect_repository(str(sandbox.repo), None, target)


@pytest.mark.parametrize(
    ("branch", "target"), [("aidos", "aidos/x"), ("aidos", "aidos/x/y"), ("aidos/x/y", "aidos/x"), ("a/b", "a")]
)
def test_a_target_that_is_impossible_beside_a_branch(sandbox: Sandbox, branch: str, target: str) -> None:
    sandbox.git("branch", branch)
    with pytest.raises(Conflict, match=f"beside the branch {branch} ") as caught:
        inspect_repository(str(sandbox.repo), None, target)
    assert caught.value.exit_code == 7
    sandbox.git("pack-refs", "--all")
    with pytest.raises(Conflict):
        inspect_repository(str(sandbox.repo), None, target)


def test_a_target_the_user_has_checked_out_is_refused_and_the_place_is_said(sandbox: Sandbox) -> None:
    with pytest.raises(Conflict, match=str(sandbox.repo)):
        inspect_repository(str(sandbox.repo), None, "main")
    elsewhere = sandbox.root / "else where"
    sandbox.git("worktree", "add", "--quiet", "-b", TARGET, str(elsewhere))
    with pytest.raises(Conflict, match="else where"):
        inspect_repository(str(sandbox.repo), None, TARGET)
    for path in (elsewhere / "README", elsewhere / ".gitignore", elsewhere / ".git"):
        path.unlink()
    elsewhere.rmdir()
    assert inspect_repository(str(sandbox.repo), None, TARGET).base_commit == sandbox.base


def test_a_task_that_checked_out_the_target_is_not_the_user(sandbox: Sandbox) -> None:
    attempt = sandbox.prepare()
    sandbox.git("checkout", "--quiet", "-b", TARGET, cwd=attempt.path)
    assert inspect_repository(str(sandbox.repo), None, TARGET).base_commit == sandbox.base


def test_an_existing_target_must_contain_the_base(sandbox: Sandbox) -> None:
    sandbox.git("branch", TARGET)
    assert inspect_repository(str(sandbox.repo), None, TARGET).base_commit == sandbox.base
    sandbox.git("commit", "--quiet", "--allow-empty", "--message=second")
    with pytest.raises(Conflict, match="does not contain the base main"):
        inspect_repository(str(sandbox.repo), None, TARGET)
    sandbox.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
    with pytest.raises(Conflict, match="symbolic"):
        inspect_repository(str(sandbox.repo), None, "alias")


@pytest.mark.parametrize("version", ["git version 2.37.9", "git version 1.8", "something else"])
def test_a_git_that_is_too_old(sandbox: Sandbox, version: str) -> None:
    def old(
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        input: bytes = b"",  # noqa: A002
        timeout_s: float = 1,
    ) -> Completed:
        return Completed(0, version.encode(), b"")

    with pytest.raises(BadInput, match="too old"):
        inspect_repository(str(sandbox.repo), None, TARGET, run=old)


def test_no_git_at_all(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="could not be started"):
        inspect_repository(str(sandbox.repo), None, TARGET)


def test_inherited_variables_do_not_redirect(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    assert inspect_repository(str(sandbox.repo), None, TARGET).base_commit == sandbox.base


def test_a_command_that_never_ends_is_ended_with_its_children(tmp_path: Path) -> None:
    argv = ["/bin/sh", "-c", f"sleep 600 & echo $! > {tmp_path}/pid; wait"]
    done = run_here(argv, cwd="/", env={"PATH": "/usr/bin:/bin"}, timeout_s=1.0)
    assert done.exit_code == -9
    assert b"ended after 1 s" in done.stderr
    with contextlib.suppress(ProcessLookupError):
        child = os.pidfd_open(int((tmp_path / "pid").read_text()))
        # It ran nothing more when its pipes had closed; the kernel may still be taking it apart.
        assert select.select([child], [], [], 10.0)[0]
        os.close(child)
