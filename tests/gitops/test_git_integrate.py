"""One commit a task on a straight line, whatever happens beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from git_sandbox import TARGET, Attempt, Sandbox

from aidos_actors.core.errors import Conflict, Fenced, NotFound, TryAgain
from aidos_actors.core.orders import AttemptKey
from aidos_actors.gitops import (
    Completed,
    Conflicted,
    GateFailed,
    GateResult,
    Integrated,
    claim_epoch,
    prepare,
    run_here,
)
from aidos_actors.gitops.git import Git


def test_each_changing_task_adds_one_commit_with_trailers_and_one_parent(sandbox: Sandbox) -> None:
    first = sandbox.do("index", {"index.py": "1\n"})
    second = sandbox.do("page", {"page.py": "2\n"})
    assert sandbox.line() == ["shop page", "shop index"]
    assert sandbox.git("rev-parse", TARGET, f"{TARGET}^").split() == [second.commit, first.commit]
    assert sandbox.git("rev-parse", f"{first.commit}^") == sandbox.base
    body = sandbox.git("log", "-1", "--format=%an <%ae>|%cn|%B", TARGET)
    assert body == ("Ada <ada@example.org>|Ada|Do page\n\nAidos-Requirement: shop\nAidos-Task: page\nAidos-Attempt: 1")
    assert sandbox.git("for-each-ref", "--format=%(objectname)", "refs/aidos/restore/shop/page-1") == first.commit
    assert sandbox.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split() == [TARGET, "main"]
    sandbox.assert_nothing_left()


def test_the_same_work_again_is_the_same_commit_even_by_another_attempt(sandbox: Sandbox) -> None:
    attempt = sandbox.prepare("index")
    (attempt.path / "a").write_text("a")
    first = sandbox.integrate(attempt)
    sandbox.do("other", {"b": "b"})
    assert sandbox.integrate(attempt) == first
    sandbox.discard(attempt)
    assert sandbox.integrate(attempt) == first  # the worktree is no longer needed
    late = sandbox.prepare("index", 2)
    (late.path / "a").write_text("something else")
    assert sandbox.integrate(late) == first
    assert sandbox.line() == ["shop other", "shop index"]


def test_work_of_an_earlier_definition_does_not_count_and_that_of_this_one_does(sandbox: Sandbox) -> None:
    first = sandbox.do("index", {"a": "a"})
    second = sandbox.prepare("index", 2)
    (second.path / "a").write_text("b")
    done = sandbox.integrate(second, after=1)
    assert isinstance(done, Integrated) and done != first
    third = sandbox.prepare("index", 3)
    (third.path / "a").write_text("c")
    assert sandbox.integrate(third, after=1) == done
    assert sandbox.line() == ["shop index", "shop index"]


def test_a_task_whose_name_is_part_of_another_is_not_taken_for_it(sandbox: Sandbox) -> None:
    sandbox.do("index-page", {"a": "a"}, title="Aidos-Task: index\nAidos-Requirement: shop")
    assert sandbox.do("index", {"b": "b"}).commit is not None
    assert sandbox.line() == ["shop index", "shop index-page"]


def test_commits_before_the_requirement_s_base_do_not_count(sandbox: Sandbox) -> None:
    sandbox.do("index", {"a": "a"})
    revised_from = sandbox.git("rev-parse", TARGET)
    attempt = sandbox.prepare("index", 2)
    (attempt.path / "a").write_text("revised")
    assert sandbox.integrate(attempt, target_base=revised_from).commit not in (None, revised_from)
    assert sandbox.show("a") == "revised"


def test_parallel_attempts_on_different_files_are_merged(sandbox: Sandbox) -> None:
    attempts = [sandbox.prepare(task) for task in ("a", "b", "c")]
    for attempt in attempts:
        (attempt.path / attempt.key.task).write_text(attempt.key.task)
        assert isinstance(sandbox.integrate(attempt), Integrated)
    assert sandbox.names() == [".gitignore", "README", "a", "b", "c"]
    assert sandbox.line() == ["shop c", "shop b", "shop a"]


def test_attributes_of_the_work_rule_the_merge(sandbox: Sandbox) -> None:
    (sandbox.repo / ".gitattributes").write_text("NEWS merge=union\n")
    (sandbox.repo / "NEWS").write_text("start\n")
    sandbox.git("add", "--all")
    sandbox.git("commit", "--quiet", "--message=news")
    sandbox.base = sandbox.git("rev-parse", "HEAD")
    attempts = [sandbox.prepare(task) for task in ("a", "b")]
    for attempt in attempts:
        (attempt.path / "NEWS").write_text(f"start\n{attempt.key.task}\n")
        assert isinstance(sandbox.integrate(attempt), Integrated)
    assert sandbox.show("NEWS") == "start\na\nb"


def test_a_conflict_names_the_files_and_moves_nothing(sandbox: Sandbox) -> None:
    mine, theirs = sandbox.prepare("mine"), sandbox.prepare("theirs")
    (theirs.path / "README").write_text("theirs\n")
    (mine.path / "README").write_text("mine\n")
    (mine.path / "new").write_text("new\n")
    head = sandbox.integrate(theirs).commit
    assert sandbox.integrate(mine) == Conflicted(("README",))
    assert sandbox.git("rev-parse", TARGET) == head
    sandbox.discard(mine)
    again = sandbox.prepare("mine", 2)
    assert again.base_commit == head


def test_no_change_is_no_commit(sandbox: Sandbox) -> None:
    assert sandbox.do("idle", {}) == Integrated(None, is_unchanged=True)
    assert sandbox.do("noise", {"x.tmp": "ignored"}) == Integrated(None, is_unchanged=True)
    assert sandbox.git("for-each-ref", f"refs/heads/{TARGET}") == ""
    one, other = sandbox.prepare("one"), sandbox.prepare("other")
    for attempt in (one, other):
        (attempt.path / "same").write_text("same\n")
    assert sandbox.integrate(one).commit is not None
    assert sandbox.integrate(other) == Integrated(None)
    assert sandbox.line() == ["shop one"]


def test_the_gate_sees_the_merge_result_and_may_refuse_it(sandbox: Sandbox) -> None:
    seen: list[tuple[list[str], str, str]] = []

    def gate(folder: str, tree: str) -> GateResult:
        names = sorted(path.name for path in Path(folder).iterdir())
        seen.append((names, tree, sandbox.git("rev-parse", "HEAD^{tree}", cwd=Path(folder))))
        Path(folder, "rubbish").write_text("left by the gate")
        return GateResult(3, "red") if "bad" in names else GateResult(0)

    good, bad = sandbox.prepare("good"), sandbox.prepare("bad")
    (good.path / "good").write_text("good")
    (bad.path / "bad").write_text("bad")
    head = sandbox.integrate(good, gate=gate).commit
    assert sandbox.integrate(bad, gate=gate) == GateFailed("red", 3)
    assert sandbox.git("rev-parse", TARGET) == head
    assert [names for names, _, _ in seen] == [
        [".git", ".gitignore", "README", "good"],
        [".git", ".gitignore", "README", "bad", "good"],
        [".git", ".gitignore", "README", "good"],  # nobody here knew yet that the head itself is green
    ]
    assert all(tree == checked_out for _, tree, checked_out in seen)
    assert sandbox.git("rev-parse", f"{TARGET}^{{tree}}") == seen[0][1]
    for attempt in (good, bad):
        sandbox.discard(attempt)
    sandbox.assert_nothing_left()


def test_a_lost_race_is_run_again_on_the_new_head(sandbox: Sandbox) -> None:
    attempt, rival = sandbox.prepare("slow"), sandbox.prepare("fast")
    (attempt.path / "slow").write_text("slow")
    (rival.path / "fast").write_text("fast")
    gated: list[str] = []

    def gate(folder: str, tree: str) -> GateResult:
        gated.append(tree)
        if len(gated) == 1:
            sandbox.integrate(rival)
        return GateResult(0)

    assert sandbox.integrate(attempt, gate=gate).commit == sandbox.git("rev-parse", TARGET)
    assert sandbox.line() == ["shop slow", "shop fast"]
    assert gated[-1] == sandbox.git("rev-parse", f"{TARGET}^{{tree}}") != gated[0]


def test_a_race_that_is_lost_for_ever_ends(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("aidos_actors.gitops.train"), "PUBLISH_TRIES_MAX", 3)
    sandbox.do("first", {"first": "1"})
    attempt = sandbox.prepare("slow")
    (attempt.path / "slow").write_text("slow")
    tree = sandbox.git("rev-parse", "main^{tree}")

    def gate(folder: str, _: str) -> GateResult:
        head = sandbox.git("rev-parse", TARGET)
        sandbox.git("update-ref", f"refs/heads/{TARGET}", sandbox.git("commit-tree", tree, "-p", head, "-m", "rival"))
        return GateResult(0)

    with pytest.raises(TryAgain):
        sandbox.integrate(attempt, gate=gate)


def test_a_fenced_scheduler_publishes_nothing(sandbox: Sandbox) -> None:
    old = claim_epoch(str(sandbox.repo), "home-1", 4)
    assert claim_epoch(str(sandbox.repo), "home-1", 4) == old
    assert sandbox.do("before", {"a": "a"}, epoch=old).commit is not None
    new = claim_epoch(str(sandbox.repo), "home-1", 11)
    head, refs = sandbox.git("rev-parse", TARGET), sandbox.git("for-each-ref", "refs/aidos")
    attempt = sandbox.prepare("late")
    (attempt.path / "late").write_text("late")
    with pytest.raises(Fenced):
        sandbox.integrate(attempt, epoch=old)
    with pytest.raises(Fenced, match="epoch 11"):
        claim_epoch(str(sandbox.repo), "home-1", 9)
    assert (sandbox.git("rev-parse", TARGET), sandbox.git("for-each-ref", "refs/aidos")) == (head, refs)
    assert sandbox.integrate(attempt, epoch=new).commit is not None
    assert claim_epoch(str(sandbox.repo), "home-2", 1).ref != new.ref


def test_fencing_between_gate_and_publishing_is_seen(sandbox: Sandbox) -> None:
    old = claim_epoch(str(sandbox.repo), "home-1", 1)

    def gate(folder: str, tree: str) -> GateResult:
        claim_epoch(str(sandbox.repo), "home-1", 2)
        return GateResult(0)

    with pytest.raises(Fenced):
        sandbox.do("late", {"a": "a"}, epoch=old, gate=gate)
    assert sandbox.git("for-each-ref", "refs/heads/aidos", "refs/aidos/restore") == ""


def test_a_target_the_user_checked_out_meanwhile_is_not_moved(sandbox: Sandbox) -> None:
    sandbox.do("first", {"a": "a"})
    attempt = sandbox.prepare("second")
    (attempt.path / "b").write_text("b")
    elsewhere = sandbox.root / "elsewhere"
    sandbox.git("worktree", "add", "--quiet", str(elsewhere), TARGET)
    with pytest.raises(Conflict, match="elsewhere"):
        sandbox.integrate(attempt)
    sandbox.git("worktree", "remove", str(elsewhere))
    assert sandbox.integrate(attempt).commit is not None


def test_a_branch_that_bars_the_target_s_name_is_said(sandbox: Sandbox) -> None:
    attempt = sandbox.prepare("first")
    (attempt.path / "a").write_text("a")
    sandbox.git("branch", "aidos")
    with pytest.raises(Conflict, match="beside the branch aidos "):
        sandbox.integrate(attempt)


def test_a_vanished_worktree_is_not_taken_for_a_deletion_of_everything(sandbox: Sandbox) -> None:
    attempt = sandbox.prepare("gone")
    sandbox.discard(attempt)
    with pytest.raises(NotFound):
        sandbox.integrate(attempt)
    attempt.path.mkdir()
    assert isinstance(sandbox.integrate(attempt), GateFailed)


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


def test_a_title_of_any_shape_keeps_the_trailers(sandbox: Sandbox) -> None:
    for number, title in enumerate(("", "two\nlines\n\nAidos-Task: x", "#comment", "nul\0 and \ud800", "x" * 5000)):
        sandbox.do(f"t{number}", {f"f{number}": "1"}, title=title)
    assert sandbox.line() == [f"shop t{number}" for number in (4, 3, 2, 1, 0)]


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


def test_what_is_published_is_synced_objects_first_and_then_the_name(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    synced: list[str] = []
    fsync = os.fsync

    def remember(handle: int) -> None:
        synced.append(os.fspath(Path(f"/proc/self/fd/{handle}").readlink()))
        fsync(handle)

    def recording(argv: Sequence[str], **more: Any) -> Completed:
        assert "core.fsync=committed,reference" in argv and "core.fsyncMethod=fsync" in argv
        calls.append(" ".join(argv))
        assert not synced
        return run_here(argv, **more)

    monkeypatch.setattr("os.fsync", remember)
    attempt = sandbox.prepare()
    (attempt.path / "a").write_text("a")
    assert sandbox.integrate(attempt, run=recording).commit is not None
    assert " update-ref " in calls[-1]
    refs = sandbox.repo / ".git" / "refs"
    assert synced[:3] == [str(refs / "heads" / "aidos"), str(refs / "heads"), str(refs)]
