"""Where each target was last moved to by this installation, kept under a ref of ours: what is done stays done when
somebody deletes the target, or moves it back, while its requirement runs.

The ref is written before the target moves, so it also keeps what is about to be published from a ``git gc`` of others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from aidos_actors.core.errors import Conflict
from aidos_actors.gitops.git import Git
from aidos_actors.gitops.our_commits import OurCommit, our_commits

HEADS = "refs/aidos/head"
NAMED_MAX = 5


def head_ref(installation: str, target: str) -> str:
    """Hashed: targets that never existed together may bar each other's names."""
    return f"{HEADS}/{installation}/{hashlib.sha256(target.encode(errors='surrogateescape')).hexdigest()[:16]}"


def last_head(
    git: Git, installation: str, target: str, base: str, requirements: Collection[str], now: str | None = None
) -> str | None:
    """Where ``target``, which is at ``now``, was last moved to, when that is another place and holds commits of these
    requirements after ``base``; else it is nothing of theirs, and the user may have deleted it for good."""
    head = git.commit_of(head_ref(installation, target)) if installation else None
    return head if head not in (None, now) and our_commits(git, head, base, requirements) else None


def start_of(git: Git, installation: str, target: str, base: str, requirement: str) -> str | None:
    """Where an attempt begins: at the head of ``target``, at the one it had when somebody deleted it, at ``base``; None
    when neither exists."""
    head = git.commit_of(f"refs/heads/{target}")
    return head or last_head(git, installation, target, base, {requirement}) or git.commit_of(base)


def refuse_moved_back(git: Git, target: str, head: str, last: str, requirements: Collection[str]) -> None:
    """Raises ``Conflict`` when ``target`` stood at ``last``, and somebody moved it to ``head``, which lacks commits of
    tasks that are done: what comes next would be built without them."""
    if git.call("merge-base", "--is-ancestor", last, head, allowed=(0, 1)).exit_code == 0:
        return
    lost = our_commits(git, last, head, requirements)
    if lost and _has_stood_at(git, target, last):
        raise Conflict(
            f"the target branch {target} was moved back by somebody: it lacks {_named(lost)}. Nothing is lost:"
            f" `git update-ref refs/heads/{target} {last[:12]}` puts it back where it was",
            hint="Put it back, or cherry-pick what came since onto that commit; then `retry` the requirement.",
        )


def _has_stood_at(git: Git, target: str, commit: str) -> bool:
    """By its reflog: a move that was announced and never made is no move back."""
    try:
        return f" {commit} " in (Path(git.common_dir) / "logs" / "refs" / "heads" / target).read_text(errors="replace")
    except OSError:
        return False


def _named(lost: list[OurCommit]) -> str:
    named = ", ".join(f"{each.id[:12]} of {each.key.task}" for each in lost[:NAMED_MAX])
    return named + (f" and {len(lost) - NAMED_MAX} more" if len(lost) > NAMED_MAX else "")
