"""What a power cut leaves in a repository, recognised by what git says, and put right where nothing can be lost.

An object without content is set aside: git never makes one, and while it lies there, git takes it for the real one and
does not write it again. A ref of ours without content is set aside too; a target's comes back from its reflog. Each is
judged by two signals: it is empty, and nobody has it open.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from aidos_actors.gitops.git import Git, GitFailed
from aidos_actors.gitops.repair import QUARANTINE, is_open_somewhere

SIGNS = ("is empty", "is corrupt", "unable to unpack", "inflate", "bad object", "broken", "loose object", "not a valid")
HEX_LENGTHS = (38, 62)


def mend(git: Git, failed: GitFailed, target: str = "") -> list[str]:
    """What was put right, if ``failed`` sounds like damage; none: trying again would give the same."""
    if not any(sign in failed.stderr for sign in SIGNS):
        return []
    return [*set_empty_objects_aside(git), *mend_empty_refs(git, target)]


def set_empty_objects_aside(git: Git) -> list[str]:
    root = Path(git.common_dir)
    return [str(path) for path in _empty(_loose_objects(root)) if _set_aside(root, path)]


def mend_empty_refs(git: Git, target: str) -> list[str]:
    """Empty refs of ours are set aside, each is written again when it is needed; ``target`` stands where its reflog
    says that it stood. Without a reflog it stays as it is: it is not ours to guess."""
    root = Path(git.common_dir)
    mended = [str(path) for path in _empty((root / "refs" / "aidos").glob("**/*")) if _set_aside(root, path)]
    for path in _empty([root / "refs" / "heads" / target] if target else []):
        commit = _last_known(git, root / "logs" / "refs" / "heads" / target)
        if commit is not None and _set_aside(root, path):
            git.transact([f"create refs/heads/{target} {commit}"], "aidos: restored from the reflog")
            mended.append(str(path))
    return mended


def _last_known(git: Git, log: Path) -> str | None:
    """The newest commit of a reflog that still exists."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return None
    words = (line.split(" ")[1] for line in reversed(lines) if line.count(" ") > 1)
    return next((word for word in words if git.commit_of(word)), None)


def _loose_objects(root: Path) -> Iterator[Path]:
    for folder in sorted((root / "objects").glob("[0-9a-f][0-9a-f]")):
        yield from (path for path in folder.iterdir() if len(path.name) in HEX_LENGTHS)


def _empty(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        try:
            found = path.lstat()
        except OSError:
            continue
        is_ours = found.st_uid == os.geteuid()
        if path.is_file() and not path.is_symlink() and found.st_size == 0 and is_ours and not is_open_somewhere(found):
            yield path


def _set_aside(root: Path, path: Path) -> bool:
    place = root / QUARANTINE / "empty"
    place.mkdir(parents=True, exist_ok=True)
    try:
        path.rename(place / "-".join(path.parts[-3:]))
    except OSError:
        return False
    return True
