"""What the user has stashed, kept from tasks: git has one stash for all worktrees of a repository."""

from __future__ import annotations

from pathlib import Path

from aidos_actors.gitops.git import Git
from aidos_actors.gitops.repair import transact

STASHES = "refs/aidos/stash"
KEPT_MAX = 50


def keep_stashes(git: Git) -> int:
    """The newest 50 stashes have a ref of ours each, so that one which a task drops, pops or clears is not lost; older
    refs are gone. How many were new. ``git stash apply`` takes such a ref."""
    wanted = _stashed(Path(git.common_dir))
    if not wanted:
        return 0
    layout = "--format=%(refname:lstrip=3)"
    kept = git.text("for-each-ref", "--sort=-creatordate", layout, STASHES).split()
    new = [commit for commit in wanted if commit not in kept and git.commit_of(commit)]
    over = kept[max(0, KEPT_MAX - len(new)) :]
    if new:
        lines = [f"update {STASHES}/{commit} {commit}" for commit in new]
        transact(git, [*lines, *(f"delete {STASHES}/{commit}" for commit in over)], "aidos: kept")
    return len(new)


def _stashed(root: Path) -> list[str]:
    """By the reflog, which is what git shows as the list of stashes; newest first."""
    try:
        lines = (root / "logs" / "refs" / "stash").read_text(errors="replace").splitlines()
    except OSError:
        return []
    return list(dict.fromkeys(line.split(" ")[1] for line in reversed(lines) if line.count(" ") > 1))[:KEPT_MAX]
