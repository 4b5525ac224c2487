"""A stack of results on a target's head: one linear commit each, written as objects that no ref names yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from msgspec import Struct

from aidos_actors import crash
from aidos_actors.core.errors import AidosError
from aidos_actors.core.orders import AttemptKey
from aidos_actors.gitops.git import HEAVY_TIMEOUT_S, Git, GitFailed
from aidos_actors.gitops.outcomes import Conflicted
from aidos_actors.gitops.publish import bare_commit, commit_tree
from aidos_actors.gitops.snapshot import result_tree, scratch_folder

CONFLICT_FILES_MAX = 1000
AT_ONCE_MAX = 4
Thing = TypeVar("Thing")
Made = TypeVar("Made")


class Item(Struct, frozen=True):
    """One result that waits: the work in ``worktree``, which stood on ``base_commit``. The target began at
    ``target_base``; commits of attempts up to ``after`` are of another definition of the task, or were reverted."""

    key: AttemptKey
    worktree: str
    base_commit: str
    target_base: str
    title: str
    after: int = 0


class Work(Struct):
    """What one attempt left, as a tree; and, once it was to be merged, as a bare commit on what it started from."""

    tree: str
    ours: str | None = None


class Stacked(Struct, frozen=True):
    """One commit of a stack. ``ours`` is the work as it was left, on its base; ``tree`` what it came to on
    ``parent``."""

    item: Item
    commit: str
    parent: str
    tree: str
    work: Work


class NotTheSameTree(AidosError):
    """A merge done again gave another tree than the commit that was to be published holds; nothing was moved."""

    code = "not_the_same_tree"


def snapshot(git: Git, item: Item) -> Work:
    """The work is a tree in the repository. Raises ``NotFound`` and ``Unstorable``."""
    crash.before("task-tree-written")
    tree = result_tree(git, item.worktree, item.base_commit)
    crash.after("task-tree-written")
    return Work(tree)


def ours_of(git: Git, item: Item, work: Work) -> str:
    """The work as a commit on what it started from; never published."""
    return work.ours or bare_commit(git, work.tree, item.base_commit)


def merge(git: Git, item: Item, work: Work, parent: str) -> str | Conflicted:
    """The tree of the work on ``parent``. Attributes (as ``merge=union``) are read from the worktree."""
    crash.before("merge-tree-written")
    merged = work.tree if parent == item.base_commit else _merge_tree(git, item, parent, work)
    crash.after("merge-tree-written")
    return merged


def stack_on(git: Git, item: Item, work: Work, parent: str, tree: str) -> Stacked:
    """The work as one more commit on ``parent``."""
    crash.before("commit-written")
    commit = commit_tree(git, tree, parent, item.title, item.key)
    crash.after("commit-written")
    return Stacked(item, commit, parent, tree, work)


def check_identity(git: Git, stack: list[Stacked]) -> None:
    """Each commit, read back, has the parent and the tree that it was to have, and its merge done again gives that very
    tree. Raises ``NotTheSameTree``."""
    if not stack:
        return
    said = git.text("log", "--no-walk=unsorted", "--format=%H %T %P", *(each.commit for each in stack)).splitlines()
    wanted = [f"{each.commit} {each.tree} {each.parent}" for each in stack]
    if said != wanted:
        raise NotTheSameTree(f"the commits to be published in {git.repo} read back as other ones: {said} for {wanted}")
    merges = at_once(lambda each: merge(git, each.item, each.work, each.parent), stack)
    for each, again in zip(stack, merges, strict=True):
        if again != each.tree:
            raise NotTheSameTree(
                f"the work of {each.item.key.task} merged onto {each.parent[:12]} once more gives {again},"
                f" not the tree {each.tree} of the commit that was to be published",
                hint="Nothing was published; it is merged anew. When it comes again: check memory and disk.",
            )


def who_touched(git: Git, stack: list[Stacked], files: tuple[str, ...]) -> list[Item]:
    """Whose commits of the stack changed one of ``files``, as far as git can tell."""
    span = f"{stack[0].parent}..{stack[-1].commit}"
    paths = "".join(f":(top,literal){name}\n" for name in files)
    asked = f"--\n{paths}".encode(errors="surrogateescape")
    found = git.call("rev-list", "--stdin", span, data=asked, allowed=(0, 128, 129)).stdout.decode().split()
    return [each.item for each in stack if each.commit in found]


def _merge_tree(git: Git, item: Item, parent: str, work: Work) -> str | Conflicted:
    work.ours = ours_of(git, item, work)
    index = {"GIT_INDEX_FILE": str(scratch_folder(item.worktree) / "index")}
    return merge_commits(git, parent, work.ours, work_tree=item.worktree, env=index)


def merge_commits(git: Git, one: str, other: str, **where: Any) -> str | Conflicted:
    """The tree of both commits together, without a checkout. ``where``: of ``Git.call``, where attributes are read."""
    words = ("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", one, other)
    try:
        done = git.call(*words, allowed=(0, 1), timeout_s=HEAVY_TIMEOUT_S, **where)
    except GitFailed as failed:
        if "unrelated histories" not in failed.stderr:
            raise
        return Conflicted(("everything, the two have no commit in common",))  # somebody put another history there
    merged, *files = (part.decode(errors="replace") for part in done.stdout.split(b"\0") if part)
    return merged if done.exit_code == 0 else Conflicted(tuple(files[:CONFLICT_FILES_MAX]))


def at_once(do: Callable[[Thing], Made], things: Sequence[Thing]) -> list[Made]:
    """``do`` with each, a few at a time, in threads: their git processes do not wait for each other. The first error is
    raised when all have ended."""
    if len(things) < 2:
        return [do(thing) for thing in things]
    with ThreadPoolExecutor(AT_ONCE_MAX) as pool:
        return list(pool.map(do, things))
