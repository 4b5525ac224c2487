"""The tree of a worktree's final state, whatever its task did to git there.

Nothing of the worktree's own git state is used: an index of our own, as git made it with the worktree or fresh from
the base commit, takes in the files as they are, with the repository's ignore rules. So commits, branches, a merge half
done, an ``index.lock`` or a missing ``.git`` of the task make no difference.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from aidos_actors.core.errors import NotFound
from aidos_actors.folders import delete_tree, is_real_folder
from aidos_actors.gitops.filters import is_refusal
from aidos_actors.gitops.git import HEAVY_TIMEOUT_S, Git, GitFailed
from aidos_actors.gitops.outcomes import Unstorable
from aidos_actors.gitops.submodules import refuse_unpushed, submodules
from aidos_actors.gitops.worktrees import kept_index, real_path

# What git says when the content itself cannot be stored, and what it says as well when the store is to blame.
UNSTORABLE = (
    "does not have a commit checked out",
    "can only add regular files",
    "unable to index file",
    "invalid path",
    "Permission denied",
    "File name too long",
)
SCRATCH_SUFFIX = ".integrating"
INDEX_DAMAGED = ("index file", "bad signature", "unknown index entry", "index uses")
STORE_FAILED = ("into database", "repository database", "No space left", "Input/output error", "Read-only file system")


def scratch_folder(worktree: str) -> Path:
    """Where integrating this worktree keeps its index, beside the worktree; made by ``result_tree``."""
    where = real_path(worktree)
    return where.parent / f"{where.name}{SCRATCH_SUFFIX}"


def remove_scratch(worktree: str) -> None:
    """What an integration that was killed may have left beside the worktree is gone."""
    scratch = scratch_folder(worktree)
    if scratch.exists():
        delete_tree(scratch)


def remove_scratch_of_the_gone(root: Path) -> None:
    """The same beside every worktree under ``root`` that is not there any more."""
    for scratch in root.glob(f"*/*{SCRATCH_SUFFIX}"):
        if not scratch.with_name(scratch.name.removesuffix(SCRATCH_SUFFIX)).exists():
            delete_tree(scratch)


def result_tree(git: Git, worktree: str, base_commit: str) -> str:
    """The tree of all files in ``worktree`` that are not ignored, durable.

    Raises ``NotFound`` when the worktree is gone, ``Unstorable`` when its content cannot be stored.
    """
    where = real_path(worktree)
    if not is_real_folder(where):
        raise NotFound(f"the worktree {where} is gone, and with it what its attempt made", hint="Try the task again.")
    if not any(where.iterdir()):
        raise Unstorable("the task emptied its worktree altogether, even of .git; that is not taken for its result")
    remove_scratch(worktree)
    scratch = scratch_folder(worktree)
    scratch.mkdir()
    index = {"GIT_INDEX_FILE": str(scratch / "index")}
    kept = kept_index(git, worktree, base_commit)
    if kept is not None:
        shutil.copy2(kept, scratch / "index")
    else:
        git.call("read-tree", base_commit, env=index)
    kept_inside = _dissolve_inner_repositories(git, where, scratch, index)
    try:
        _add_all(git, where, base_commit, index, has_kept=kept is not None)
    except GitFailed as failed:
        is_content = _is_said(UNSTORABLE, failed) or is_refusal(failed)
        if is_content and not _is_said(STORE_FAILED, failed):
            raise Unstorable(f"git cannot store it: {' '.join(failed.stderr.split())}") from failed
        raise
    if kept_inside:
        refuse_unpushed(git, where, base_commit, kept_inside, index)
    return git.text("write-tree", env=index)


def _add_all(git: Git, where: Path, base_commit: str, index: dict[str, str], *, has_kept: bool) -> None:
    words = ("add", "--all", "--", ".")
    try:
        git.call(*words, work_tree=str(where), env=index, timeout_s=HEAVY_TIMEOUT_S)
    except GitFailed as failed:
        if not has_kept or not _is_said(INDEX_DAMAGED, failed):
            raise
        Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)
        git.call("read-tree", base_commit, env=index)
        git.call(*words, work_tree=str(where), env=index, timeout_s=HEAVY_TIMEOUT_S)


def _is_said(signs: tuple[str, ...], failed: GitFailed) -> bool:
    return any(sign in failed.stderr for sign in signs)


def _dissolve_inner_repositories(git: Git, where: Path, scratch: Path, index: dict[str, str]) -> set[bytes]:
    """Repositories the task made inside its worktree become plain folders, unless they are submodules or ignored.
    Returns the submodules among them.

    Git would store only a commit id for each, naming a commit that exists nowhere else: the files would be lost.
    A further worktree of this repository is no result at all and is moved away.
    """
    found = {os.fsencode(path.relative_to(where)): path for path in _inner_repositories(where)}
    if not found:
        return set()
    kept = submodules(git, where, index)
    names = [name for name in found if name not in kept]
    ignored = git.call(
        *("check-ignore", "-z", "--stdin"),
        data=b"".join(b"%s\0" % name for name in names),
        work_tree=str(where),
        env=index,
        allowed=(0, 1),
    ).stdout.split(b"\0")
    for number, name in enumerate(names):
        inner = found[name]
        if name not in ignored and inner.exists():
            (inner if _is_worktree_of(git, inner) else inner / ".git").rename(scratch / f"inner-{number}")
    return kept.intersection(found)


def _is_worktree_of(git: Git, folder: Path) -> bool:
    pointer = folder / ".git"
    return pointer.is_file() and pointer.read_text(errors="replace").startswith(f"gitdir: {git.common_dir}/worktrees/")


def _inner_repositories(where: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(where):
        inner = Path(folder)
        if inner != where and (".git" in names or ".git" in files):
            yield inner
        if ".git" in names:
            names.remove(".git")
