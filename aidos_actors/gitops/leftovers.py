"""What earlier lives left behind, taken away: worktrees nobody knows, restore points by the hundred.

Nothing goes by its age, and nothing on one signal: a worktree only when the rows know no attempt of it *and* no process
is at work in it; a restore point only when newer ones abound *and* a branch still holds its commit.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from aidos_actors import crash
from aidos_actors.folders import remove_if_empty
from aidos_actors.gitops.git import Git, Run
from aidos_actors.gitops.publish import RESTORE
from aidos_actors.gitops.repair import transact
from aidos_actors.gitops.worktrees import discard, real_path, registered

RESTORE_POINTS_KEPT = 200
PRUNED_AT_ONCE_MAX = 100


def sweep_worktrees(repo: str, root: Path, live: Collection[str], quarantine: Path, run: Run) -> list[str]:
    """Worktrees under our own folder ``root`` that are neither ``live`` by the rows nor worked in by any process are
    discarded; returns them."""
    kept = {real_path(path) for path in live}
    gone = []
    for name in registered(repo, str(root), run):
        path = Path(name)
        is_kept = any(path.is_relative_to(each) or each.is_relative_to(path) for each in kept)
        if not is_kept and not is_worked_in(path):
            discard(repo, path=name, quarantine_dir=str(quarantine), run=run)
            gone.append(name)
    return gone


def prune_restore_points(git: Git, kept: int = RESTORE_POINTS_KEPT) -> int:
    """All but the ``kept`` newest restore points whose commits some branch still holds are gone, at most 100 at once;
    how many went."""
    lines = git.text("for-each-ref", "--sort=-creatordate", "--format=%(objectname) %(refname)", RESTORE).splitlines()
    pruned = 0
    for line in lines[kept : kept + PRUNED_AT_ONCE_MAX]:
        commit, ref = line.split(" ", 1)
        if git.text("for-each-ref", "--count=1", "--format=1", f"--contains={commit}", "refs/heads"):
            crash.before("restore-point-pruned")
            transact(git, [f"delete {ref} {commit}"], "aidos: pruned")
            crash.after("restore-point-pruned")
            pruned += 1
    return pruned


def is_worked_in(path: Path) -> bool:
    """Whether a process stands in ``path``, or was told that it is its worktree. Who cannot be looked at belongs to
    another user, and none of ours does."""
    told = b"AIDOS_WORKTREE=" + os.fsencode(path)
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if (process / "cwd").readlink().is_relative_to(path):
                return True
            if told in (process / "environ").read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False


def remove_empty_folders(root: Path) -> None:
    """Folders of requirements under ``root`` in which no attempt is left are gone."""
    for folder in root.glob("*"):
        remove_if_empty(folder)
