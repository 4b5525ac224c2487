"""Locks that a killed git left behind, and a look at whether the repository is sound.

A lock is set aside only on two signals: it is older than git itself would wait for it, and no process that could be
its creator lives. Age alone proves nothing: a slow disk or a stopped process makes every lock old.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from aidos_actors.gitops.git import Git, GitFailed, Run, run_here

LOCK_AGE_MIN_S = 2.0
USERS_LOCK_AGE_MIN_S = 3600.0  # what no git of ours takes, but may stand in the way of everybody
LOCK_TRIES_MAX = 3
KEPT_LOCKS_MAX = 100
QUARANTINE = "aidos-quarantine"
OUR_REASON = "aidos "  # how the lock reason of each of our worktrees begins
# A ref's lock is closed before it is renamed, so its holder need not have it open: any git at work here may be it,
# except those that only read and often live for hours.
ONLY_READING = frozenset((b"cat-file", b"fsmonitor--daemon", b"log", b"diff", b"show", b"blame", b"grep", b"rev-list"))


def repair_locks(
    repo: str, target: str, run: Run = run_here, now: float | None = None, proc_root: str = "/proc"
) -> list[str]:
    """No stale lock of ours stands in the way afterwards; returns the paths of those set aside.

    Ours are the locks of ``target``, of ``refs/aidos``, of the packed refs, and inside our worktrees' records. Those of
    ``config`` and ``shallow``, which all share, must be an hour old besides. Locks of the user's checkouts (HEAD,
    index) are never touched. ``now`` is the wall clock in seconds.
    """
    git = Git(repo, run)
    return _set_stale_aside(git, target, time.time() if now is None else now, Path(proc_root))


def transact(git: Git, lines: Sequence[str], reason: str, *, target: str = "") -> None:
    """``Git.transact``, with stale locks set aside and the transaction tried again, a bounded number of times."""
    for tries_left in reversed(range(LOCK_TRIES_MAX)):
        try:
            return git.transact(lines, reason)
        except GitFailed as failed:
            if not failed.is_lock_held or tries_left == 0:
                raise
            _set_stale_aside(git, target, time.time(), Path("/proc"))
    return None


def _set_stale_aside(git: Git, target: str, now: float, proc: Path) -> list[str]:
    root = Path(git.common_dir)
    aside = []
    for lock, age_min_s in _locks(root, target):
        try:
            before = lock.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        is_old = not 0 <= now - before.st_mtime < age_min_s  # a moment in the future: the clock was set back
        if before.st_uid != os.geteuid() or not is_old or _has_living_holder(before, root, proc):
            continue
        if _move_if_same(lock, before, root / QUARANTINE / "locks"):
            aside.append(str(lock))
    return aside


def _locks(root: Path, target: str) -> Iterator[tuple[Path, float]]:
    """Each that may be set aside, with the age that it must have besides."""
    yield from ((lock, LOCK_AGE_MIN_S) for lock in _our_locks(root, target))
    yield from ((root / name, USERS_LOCK_AGE_MIN_S) for name in ("config.lock", "shallow.lock"))


def is_open_somewhere(file: os.stat_result, proc: Path = Path("/proc")) -> bool:
    """Whether a process of this user has it open."""
    return any(_has_open(process, file) for process in proc.iterdir() if process.name.isdigit())


def _our_locks(root: Path, target: str) -> Iterator[Path]:
    if target:
        yield root / "refs" / "heads" / f"{target}.lock"
    yield root / "packed-refs.lock"
    yield root / "packed-refs.new"
    yield from sorted((root / "refs" / "aidos").glob("**/*.lock"))
    for admin in sorted((root / "worktrees").glob("*")):
        if _text(admin / "locked").startswith(OUR_REASON):
            yield from sorted(admin.glob("*.lock"))


def _has_living_holder(lock: os.stat_result, root: Path, proc: Path) -> bool:
    """Whether a process has the file open, or is a git that may be writing in this repository."""
    places = _places(root)
    return any(
        _has_open(process, lock) or _is_writing_git(process, root, places)
        for process in proc.iterdir()
        if process.name.isdigit()
    )


def _has_open(process: Path, lock: os.stat_result) -> bool:
    try:
        handles = list((process / "fd").iterdir())
    except OSError:
        return False  # it ended, or belongs to somebody else, who did not create a file of ours
    for handle in handles:
        try:
            found = handle.stat()
        except OSError:
            continue
        if (found.st_dev, found.st_ino) == (lock.st_dev, lock.st_ino):
            return True
    return False


def _is_writing_git(process: Path, root: Path, places: Sequence[Path]) -> bool:
    words = _words_of_git(process, root, places)
    return words is not None and not ONLY_READING.intersection(words)


def gits_at_work(root: Path, proc: Path = Path("/proc")) -> Iterator[tuple[int, list[str]]]:
    """Pid and command line of each git of this user that may be working in the repository ``root``."""
    places = _places(root)
    for process in proc.iterdir():
        words = _words_of_git(process, root, places) if process.name.isdigit() else None
        if words is not None:
            yield int(process.name), [os.fsdecode(word) for word in words]


def _words_of_git(process: Path, root: Path, places: Sequence[Path]) -> list[bytes] | None:
    """The command line, when it is a git that may be working in ``root``."""
    try:
        if not (process / "comm").read_bytes().startswith(b"git"):
            return None
        words = (process / "cmdline").read_bytes().split(b"\0")
        folder = (process / "cwd").readlink()
        named = b"\0".join(words) + (process / "environ").read_bytes()
    except OSError:
        return None  # as above
    is_here = os.fsencode(root) in named or any(folder.is_relative_to(place) for place in places)
    return words if is_here else None


def _places(root: Path) -> list[Path]:
    """Every folder in which a git that works on this repository may stand."""
    linked = (_text(record) for record in (root / "worktrees").glob("*/gitdir"))
    return [root, *([root.parent] if root.name == ".git" else []), *(Path(text).parent for text in linked if text)]


def _move_if_same(lock: Path, before: os.stat_result, quarantine: Path) -> bool:
    """Sets the lock aside unless another one has taken its place; keeps the newest of those set aside before."""
    quarantine.mkdir(parents=True, exist_ok=True)
    kept = sorted(quarantine.iterdir(), key=lambda path: path.lstat().st_mtime_ns)
    for oldest in kept[: max(0, len(kept) - KEPT_LOCKS_MAX + 1)]:
        oldest.unlink(missing_ok=True)
    try:
        found = lock.stat(follow_symlinks=False)
        if (found.st_ino, found.st_mtime_ns) != (before.st_ino, before.st_mtime_ns):
            return False
        lock.rename(quarantine / f"{lock.name}-{before.st_mtime_ns}-{before.st_ino}")
    except FileNotFoundError:
        return False
    return True


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="surrogateescape").strip()
    except OSError:
        return ""
