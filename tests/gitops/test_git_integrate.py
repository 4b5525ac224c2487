"""One commit a task on a straight line: the same work is the same commit, other work is merged, and the gate sees what
comes of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from git_sandbox import TARGET, Sandbox

from aidos_actors.gitops.git import Completed, run_here
from aidos_actors.gitops.outcomes import Conflicted, GateFailed, GateResult, Integrated


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


def test_a_title_of_any_shape_keeps_the_trailers(sandbox: Sandbox) -> None:
    for number, title in enumerate(("", "two\nlines\n\nAidos-Task: x", "#comment", "nul\0 and \ud800", "x" * 5000)):
        sandbox.do(f"t{number}", {f"f{number}": "1"}, title=title)
    assert sandbox.line() == [f"shop t{number}" for number in (4, 3, 2, 1, 0)]


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
