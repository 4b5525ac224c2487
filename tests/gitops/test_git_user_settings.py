"""The user's checkout, hooks, settings and name, and whatever kind of repository it is: none of it gets in the way of a
result, and none of it is changed."""

from __future__ import annotations

import os
from pathlib import Path

from git_sandbox import TARGET, Attempt, Sandbox

from aidos_actors.core.orders import AttemptKey
from aidos_actors.gitops.git import Git
from aidos_actors.gitops.outcomes import GateResult
from aidos_actors.gitops.worktrees import prepare


def test_the_user_s_dirty_checkout_and_hooks_play_no_part(sandbox: Sandbox) -> None:
    ran = sandbox.root / "hook-ran"
    for hook in ("pre-commit", "post-checkout", "reference-transaction", "post-index-change", "commit-msg"):
        script = sandbox.repo / ".git" / "hooks" / hook
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!/bin/sh\necho {hook} >> {ran}\nexit 1\n")
        script.chmod(0o755)
    (sandbox.repo / "README").write_text("dirty\n")
    (sandbox.repo / "staged").write_text("staged\n")
    sandbox.git("-c", "core.hooksPath=/dev/null", "add", "staged")
    (sandbox.repo / "untracked").write_text("untracked\n")
    before = sandbox.fingerprint()
    ran.unlink(missing_ok=True)
    assert sandbox.do("index", {"README": "clean\n"}, gate=lambda folder, tree: GateResult(0)).commit is not None
    assert not ran.exists()
    assert sandbox.fingerprint() == before
    assert sandbox.show("README") == "clean"


def test_settings_of_the_user_that_would_get_in_the_way(sandbox: Sandbox) -> None:
    for setting, value in {
        "commit.gpgsign": "true",
        "core.autocrlf": "input",
        "core.safecrlf": "true",
        "trailer.separators": "=",
        "log.showSignature": "true",
        "core.fsmonitor": "/nonexistent/watcher",
        "core.splitIndex": "true",
    }.items():
        sandbox.git("config", setting, value)
    assert sandbox.do("index", {"dos.txt": "a\r\nb\r\n"}).commit is not None
    assert sandbox.do("index", {"more": "more"}).commit == sandbox.git("rev-parse", TARGET)
    assert sandbox.git("cat-file", "blob", f"{TARGET}:dos.txt") == "a\nb"


def test_a_sparse_checkout_of_the_user_neither_hides_nor_deletes(sandbox: Sandbox) -> None:
    for folder in ("kept", "hidden"):
        (sandbox.repo / folder).mkdir()
        (sandbox.repo / folder / "file").write_text(folder)
    sandbox.git("add", "--all")
    sandbox.git("commit", "--quiet", "--message=folders")
    sandbox.base = sandbox.git("rev-parse", "HEAD")
    sandbox.git("sparse-checkout", "set", "kept")
    assert not (sandbox.repo / "hidden").exists()
    attempt = sandbox.prepare("index")
    assert (attempt.path / "hidden" / "file").exists()
    sandbox.git("reset", "--hard", "--quiet", cwd=attempt.path)
    assert (attempt.path / "hidden" / "file").exists()
    (attempt.path / "new").write_text("new")
    assert sandbox.integrate(attempt).commit is not None
    assert sandbox.names() == [".gitignore", "README", "hidden/file", "kept/file", "new"]
    assert not (sandbox.repo / "hidden").exists()


def test_the_author_is_ours_when_git_has_none_configured(sandbox: Sandbox, isolated_home: Path) -> None:
    sandbox.git("config", "--unset", "user.email")
    sandbox.do("one", {"a": "a"})
    assert sandbox.git("log", "-1", "--format=%an <%ae>|%cn <%ce>", TARGET) == (
        "AIDOS <aidos@localhost>|AIDOS <aidos@localhost>"
    )
    (isolated_home / ".gitconfig").write_text("[user]\n\temail = home@example.org\n[author]\n\tname = Éa\n")
    sandbox.do("two", {"b": "b"})
    assert sandbox.git("log", "-1", "--format=%an <%ae>|%cn <%ce>", TARGET) == (
        "Éa <home@example.org>|Ada <home@example.org>"
    )


def test_a_bare_repository_does_as_well(sandbox: Sandbox) -> None:
    bare = sandbox.root / "bare.git"
    sandbox.git("clone", "--quiet", "--bare", str(sandbox.repo), str(bare))
    sandbox.repo = bare
    assert sandbox.do("index", {"a": "a"}, gate=lambda folder, tree: GateResult(0)).commit is not None
    assert sandbox.line() == ["shop index"]


def test_reading_a_repository_by_any_path_inside_it(sandbox: Sandbox) -> None:
    inner = sandbox.repo / "deep"
    inner.mkdir()
    attempt = Attempt(AttemptKey("shop", "t", 1), sandbox.path_of("t"), sandbox.base)
    prepare(str(inner), path=str(attempt.path), target=TARGET, base_commit=sandbox.base, key=attempt.key)
    (attempt.path / "a").write_text("a")
    assert sandbox.integrate(attempt).commit is not None
    assert Git(str(inner)).common_dir == os.fspath(sandbox.repo / ".git")
