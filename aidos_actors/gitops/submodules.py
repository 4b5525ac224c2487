"""Submodules of a result: which folders are some, and whether the commits they point to will exist afterwards.

A task's submodules live in git's record of its worktree and go with it. A commit made there that was never pushed would
be named by the target and exist nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from aidos_actors.gitops.git import Git, GitFailed
from aidos_actors.gitops.outcomes import Unstorable

GITLINK = b"160000"


def submodules(git: Git, where: Path, index: Mapping[str, str]) -> set[bytes]:
    """Folders that are submodules: by the base commit, or by the task's ``.gitmodules``."""
    kept = set(_gitlinks(git, index))
    modules = where / ".gitmodules"
    if modules.is_file() and not modules.is_symlink():
        done = git.call(
            *("config", "--file", str(modules), "-z", "--get-regexp", r"^submodule\..*\.path$"), allowed=(0, 1, 3, 128)
        )
        kept |= {line.partition(b"\n")[2].rstrip(b"/") for line in done.stdout.split(b"\0") if line}
    return kept


def refuse_unpushed(git: Git, where: Path, base_commit: str, names: Iterable[bytes], index: Mapping[str, str]) -> None:
    """Raises ``Unstorable`` when one of the submodules ``names`` was moved to a commit that no remote of it is known
    to have."""
    links = _gitlinks(git, index)
    for name in names:
        commit, path = links.get(name), os.fsdecode(name)
        if commit is None or commit == git.object_of(f"{base_commit}:{path}") or _is_pushed(git, where / path, commit):
            continue
        raise Unstorable(
            f"the submodule {path} stands at {commit[:12]}, a commit that exists only in this worktree and goes with"
            " it: the task must push it to the submodule's remote before it ends"
        )


def _is_pushed(git: Git, inner: Path, commit: str) -> bool:
    words = ("for-each-ref", "--count=1", "--format=1", f"--contains={commit}", "refs/remotes", "refs/tags")
    try:
        return bool(Git(str(inner), git.run).look(*words).stdout)
    except GitFailed:
        return False


def _gitlinks(git: Git, index: Mapping[str, str]) -> dict[bytes, str]:
    """Path -> commit."""
    staged = git.call("ls-files", "--stage", "-z", env=index).stdout.split(b"\0")
    links = (line.partition(b"\t") for line in staged if line.startswith(GITLINK))
    return {path: facts.split(b" ")[1].decode() for facts, _, path in links}
