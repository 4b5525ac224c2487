"""From a worktree to one commit on the target: find, snapshot, merge, gate, publish.

Until the last step nothing that anyone looks at has changed, and the last step is one rename; so a run that is ended
anywhere is simply run again. That it was already published is told by the trailers on the target itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from aidos_actors import crash
from aidos_actors.core.errors import TryAgain
from aidos_actors.core.orders import AttemptKey
from aidos_actors.folders import delete_tree
from aidos_actors.gitops.epoch import EpochToken
from aidos_actors.gitops.git import HEAVY_TIMEOUT_S, Git, Run, run_here
from aidos_actors.gitops.inspect import refuse_checked_out, refuse_impossible
from aidos_actors.gitops.publish import bare_commit, commit_tree, find_published, ground_of, publish
from aidos_actors.gitops.snapshot import Unstorable, result_tree, scratch_folder
from aidos_actors.gitops.worktrees import add_worktree, discard

PUBLISH_TRIES_MAX = 50
CONFLICT_FILES_MAX = 1000


class Integrated(Struct, frozen=True):
    """The work is on the target as ``commit``; None when there was nothing to add to it, ``is_unchanged`` when the
    worktree held what it began with."""

    commit: str | None
    is_unchanged: bool = False


class Conflicted(Struct, frozen=True):
    """The work does not merge with what others published meanwhile; ``files`` names at most 1,000 of the places."""

    files: tuple[str, ...]


class GateFailed(Struct, frozen=True):
    """The gate refused the merge result, or git cannot store the work (exit code 1). The target did not move."""

    output_tail: str
    exit_code: int


class GateResult(Struct, frozen=True):
    """How the gate's command ended; 0 lets the work pass."""

    exit_code: int
    output_tail: str = ""


Outcome = Integrated | Conflicted | GateFailed
Gate = Callable[[str, str], GateResult]
Emit = Callable[[str, Mapping[str, Any]], None]


def _emit_nothing(stage: str, facts: Mapping[str, Any]) -> None:
    pass


class _Work(Struct, frozen=True):
    git: Git
    worktree: str
    base_commit: str
    target_base: str
    target: str
    key: AttemptKey
    after: int
    title: str
    gate: Gate | None
    gate_folder: str | None
    epoch: EpochToken | None
    emit: Emit


def integrate(
    repo: str,
    *,
    worktree: str,
    base_commit: str,
    target_base: str,
    target: str,
    key: AttemptKey,
    title: str,
    after: int = 0,
    gate: Gate | None = None,
    gate_folder: str | None = None,
    epoch: EpochToken | None = None,
    run: Run = run_here,
    emit: Emit = _emit_nothing,
) -> Outcome:
    """The work in ``worktree`` (which stood on ``base_commit``) is one durable commit on ``target``, exactly once.

    A commit of the same requirement and task on the target after ``target_base`` is the result of an earlier call, but
    for those of attempts up to number ``after``.
    ``gate(folder, tree)`` sees the merge result checked out in ``gate_folder``, fresh each time and removed after.
    ``emit`` hears the stages committed, merged, gated, published. Raises ``Conflict`` when the user has the target
    checked out, ``Fenced`` when ``epoch`` is over, ``NotFound`` when the worktree is gone, ``TryAgain`` when others
    kept moving the target, ``GitFailed`` otherwise; in all these cases the target was not moved by this call.
    """
    if gate is not None and gate_folder is None:
        raise ValueError("a gate needs a gate_folder")
    git = Git(repo, run)
    work = _Work(git, worktree, base_commit, target_base, target, key, after, title, gate, gate_folder, epoch, emit)
    try:
        return _carry_out(work)
    except Unstorable as fault:
        return GateFailed(fault.message, 1)
    finally:
        scratch = scratch_folder(worktree)
        if scratch.exists():
            delete_tree(scratch)


def _carry_out(work: _Work) -> Outcome:
    tree = None
    for _ in range(PUBLISH_TRIES_MAX):
        head = work.git.commit_of(f"refs/heads/{work.target}")
        published = (
            find_published(work.git, work.target, head, work.target_base, work.key, work.after) if head else None
        )
        if published is not None:
            return Integrated(published)
        if tree is None:
            crash.before("task-tree-written")
            tree = result_tree(work.git, work.worktree, work.base_commit)
            crash.after("task-tree-written")
            work.emit("committed", {"tree": tree})
        if tree == work.git.tree_of(work.base_commit):
            return Integrated(None, is_unchanged=True)
        outcome = _merge_and_publish(work, tree, head)
        if outcome is not None:
            return outcome
    raise TryAgain(
        f"{work.target} was moved by others {PUBLISH_TRIES_MAX} times in a row; {work.key.task} is not on it yet",
        hint="Only one runtime should publish to a target.",
    )


def _merge_and_publish(work: _Work, tree: str, head: str | None) -> Outcome | None:
    """One try on the target as it stood at ``head``; None when others moved it meanwhile."""
    parent = ground_of(work.git, work.worktree, work.target, head) if head else work.base_commit
    crash.before("merge-tree-written")
    merged = _merge(work, tree, parent)
    crash.after("merge-tree-written")
    if isinstance(merged, Conflicted):
        return merged
    if merged == work.git.tree_of(parent):
        return Integrated(None)
    crash.before("commit-written")
    commit = commit_tree(work.git, merged, parent, work.title, work.key)
    crash.after("commit-written")
    work.emit("merged", {"tree": merged, "commit": commit, "head": head})
    if work.gate is not None and work.gate_folder is not None:
        result = _ask_gate(work, work.gate, work.gate_folder, commit, merged)
        work.emit("gated", {"tree": merged, "exit_code": result.exit_code})
        if result.exit_code != 0:
            return GateFailed(result.output_tail, result.exit_code)
    refuse_checked_out(work.git, work.target)
    if head is None:
        refuse_impossible(work.git, work.target)
    if not publish(work.git, work.target, commit, head, parent, work.key, work.epoch):
        return None
    work.emit("published", {"commit": commit, "target": work.target})
    return Integrated(commit)


def _merge(work: _Work, tree: str, parent: str) -> str | Conflicted:
    """The tree of the work on ``parent``. Attributes (as ``merge=union``) are read from the worktree."""
    if parent == work.base_commit:
        return tree
    ours = bare_commit(work.git, tree, work.base_commit)
    done = work.git.call(
        *("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", parent, ours),
        work_tree=work.worktree,
        env={"GIT_INDEX_FILE": str(scratch_folder(work.worktree) / "index")},
        allowed=(0, 1),
        timeout_s=HEAVY_TIMEOUT_S,
    )
    merged, *files = (part.decode(errors="replace") for part in done.stdout.split(b"\0") if part)
    return merged if done.exit_code == 0 else Conflicted(tuple(files[:CONFLICT_FILES_MAX]))


def _ask_gate(work: _Work, gate: Gate, folder: str, commit: str, tree: str) -> GateResult:
    """What the gate says of the very commit that would be published, in a worktree of its own."""
    repo, run = work.git.repo, work.git.run
    discard(repo, path=folder, run=run)
    try:
        add_worktree(work.git, folder, commit, work.key)
        crash.before("gate-run")
        result = gate(folder, tree)
        crash.after("gate-run")
        return result
    finally:
        discard(repo, path=folder, run=run)
