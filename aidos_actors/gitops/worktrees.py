"""A worktree for each attempt: made from a clean start, and removed so that a crash at any point can be repeated.

Ours are told by git's own lock, whose reason begins with ``aidos`` and ends with the path: it is the first thing git
writes, so that even a half-made one is found again, and nobody else's ``git worktree prune`` or ``remove`` touches it.
Removing is: rename the folder away, rename git's record away, then delete both.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from msgspec import Struct

from aidos_actors import crash
from aidos_actors.core.errors import NotFound
from aidos_actors.core.orders import AttemptKey
from aidos_actors.folders import delete_tree, is_real_folder, remove_if_empty
from aidos_actors.gitops.git import HEAVY_TIMEOUT_S, Git, Run, run_here
from aidos_actors.gitops.last_heads import start_of
from aidos_actors.gitops.repair import OUR_REASON, QUARANTINE

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
KEPT_INDEX = "aidos-index"
READY = "aidos-ready"  # in git's record of a worktree that was made whole: this boot, and the commit it started from


class Record(Struct, frozen=True):
    """What git keeps about one linked worktree: ``admin`` is the record's folder, ``path`` where the worktree is."""

    admin: Path
    path: Path | None
    is_ours: bool


def prepare(
    repo: str,
    *,
    path: str,
    target: str,
    base_commit: str,
    key: AttemptKey,
    run: Run = run_here,
    quarantine_dir: str | None = None,
    installation: str = "",
) -> str:
    """A detached worktree stands at ``path``, made at the head of ``target`` (``base_commit`` while there is none), or
    where ``installation`` last moved it to for this requirement, when somebody deleted it since.

    Returns the commit it was made at. One that an earlier call made whole is left as it is: its attempt may be at work
    there. What an interrupted call left at ``path`` is discarded first. Raises ``NotFound`` when neither commit exists,
    ``GitFailed`` when git cannot make it.
    """
    git = Git(repo, run)
    made_at = _made_whole(git, path)
    if made_at is not None:
        return made_at
    discard(repo, path=path, quarantine_dir=quarantine_dir, run=run)
    commit = start_of(git, installation, target, base_commit, key.requirement)
    if commit is None:
        raise NotFound(
            f"{repo} has neither a branch {target} nor the commit {base_commit}",
            hint="Was the branch or the history removed while the requirement ran? Submit it again.",
        )
    admin = add_worktree(git, path, commit, key)
    keep_index(admin)
    crash.before("worktree-marked")
    (admin / READY).write_text(f"{_read(BOOT_ID)} {commit}")
    crash.after("worktree-marked")
    return commit


def keep_index(admin: Path) -> None:
    """The index of a worktree as git made it is kept beside it, with its time: what was not touched since need not be
    read again when the result is taken."""
    try:
        shutil.copy2(admin / "index", admin / KEPT_INDEX)
    except OSError:  # it saves time, and no more
        (admin / KEPT_INDEX).unlink(missing_ok=True)


def kept_index(git: Git, path: str, commit: str) -> Path | None:
    """The index that was kept of the worktree at ``path``, which was made at ``commit`` since this machine started."""
    admin = record_of(git, path)
    index = admin / KEPT_INDEX if admin is not None else None
    is_fit = admin is not None and _read(admin / READY) == f"{_read(BOOT_ID)} {commit}"
    return index if index is not None and is_fit and index.is_file() else None


def record_of(git: Git, path: str) -> Path | None:
    """The folder of git's record of the worktree at ``path``, when the two name each other; else by looking at all."""
    where = real_path(path)
    admin = Path(_read(where / ".git").removeprefix("gitdir: "))
    if admin.parent == Path(git.common_dir) / "worktrees" and _read(admin / "gitdir") == str(where / ".git"):
        return admin
    return next((record.admin for record in records(git) if record.path == where), None)


def add_worktree(git: Git, path: str, commit: str, key: AttemptKey) -> Path:
    """A full, detached checkout of ``commit`` is at ``path``, which was free before; no branch is made. Returns the
    folder of git's record."""
    where = real_path(path)
    where.parent.mkdir(parents=True, exist_ok=True)
    reason = f"{OUR_REASON}{key.requirement}/{key.task}-{key.number} {where}"
    crash.before("worktree-added")
    git.call(
        *("worktree", "add", "--quiet", "--detach", "--lock", "--reason", reason, str(where), commit),
        timeout_s=HEAVY_TIMEOUT_S,
    )
    crash.after("worktree-added")
    admin = Path(_read(where / ".git").removeprefix("gitdir: "))
    _forget_sparse_checkout(git, admin)
    return admin


def discard(repo: str, *, path: str, quarantine_dir: str | None = None, run: Run = run_here) -> None:
    """Neither ``path`` nor git's record of it exists afterwards, whatever state either was in; safe to repeat.

    ``quarantine_dir`` (beside ``path`` unless given) must be on the same file system; what could not be deleted there
    is tried again by the next call. Worktrees inside ``path`` lose their records too. The caller knows that no
    process works there any more.
    """
    git = Git(repo, run)
    where = real_path(path)
    quarantine = Path(quarantine_dir) if quarantine_dir else where.parent / ".discarded"
    if os.path.lexists(where):
        crash.before("folder-set-aside")
        _set_aside(where, quarantine)
        crash.after("folder-set-aside")
    records_aside = Path(git.common_dir) / QUARANTINE / "worktrees"
    for record in records(git):
        if record.path is not None and record.path.is_relative_to(where):
            crash.before("record-set-aside")
            _set_aside(record.admin, records_aside)
            crash.after("record-set-aside")
    _remove_unborn_record(Path(git.common_dir) / "worktrees", where.name)
    crash.before("quarantine-emptied")
    _empty(quarantine)
    _empty(records_aside)
    crash.after("quarantine-emptied")
    remove_if_empty(records_aside.parent)


def registered(repo: str, root: str, run: Run = run_here) -> list[str]:
    """The paths of all worktrees git has on record under the folder ``root``, made by us or inside one of ours."""
    top = real_path(root)
    return sorted({str(record.path) for record in records(Git(repo, run)) if _is_under(record, top)})


def collect(
    repo: str, root: str, live: Collection[str], *, quarantine_dir: str | None = None, run: Run = run_here
) -> list[str]:
    """Discards what is under our own folder ``root`` and neither in ``live`` nor inside one of those; returns it."""
    kept = [real_path(path) for path in live]
    gone = [
        path
        for path in registered(repo, root, run)
        if not any(Path(path).is_relative_to(one) or one.is_relative_to(path) for one in kept)
    ]
    for path in gone:
        discard(repo, path=path, quarantine_dir=quarantine_dir, run=run)
    return gone


def records(git: Git) -> Iterator[Record]:
    """Git's records of linked worktrees, read as files: that works for broken and half-made ones too."""
    for admin in sorted((Path(git.common_dir) / "worktrees").glob("*")):
        reason = _read(admin / "locked")
        is_ours = reason.startswith(OUR_REASON)
        pointer = _read(admin / "gitdir")
        if pointer:
            yield Record(admin, real_path(str((admin / pointer).parent)), is_ours)
        else:  # killed before the pointer was written: the reason tells the path
            path = reason.split(" ", 2)[2:] if is_ours else []
            yield Record(admin, Path(path[0]) if path else None, is_ours)


def real_path(path: str) -> Path:
    """``path`` with the links of its folders resolved, but not itself: what a link points to is never removed."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  Path has no form that removes ".." without following links
    return absolute.parent.resolve() / absolute.name


def _made_whole(git: Git, path: str) -> str | None:
    """The commit at which a worktree was made that stands at ``path``, whole. One of an earlier boot does not count:
    what the page cache lost with the power is missing in it."""
    where = real_path(path)
    if not is_real_folder(where):
        return None
    marks = [_read(record.admin / READY) for record in records(git) if record.path == where]
    boot, _, commit = marks[0].partition(" ") if len(marks) == 1 else ("", "", "")
    return commit if boot == _read(BOOT_ID) and commit else None


def _set_aside(path: Path, quarantine: Path) -> None:
    quarantine.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=quarantine))
    if is_real_folder(path):
        path.chmod(stat.S_IRWXU)  # a read-only folder cannot be moved to another parent
    try:
        path.rename(place / path.name)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        delete_tree(path)  # another file system: no rename is possible, so it goes at once


def _empty(quarantine: Path) -> None:
    """Deletes what was set aside, by this call or by one that was killed, and the folder itself."""
    for left in quarantine.glob("*"):
        try:
            delete_tree(left)
        except OSError:
            continue  # owned by another user, or immutable: out of the way at least
    remove_if_empty(quarantine)


def _remove_unborn_record(folder: Path, name: str) -> None:
    """A git killed at its very first steps leaves a folder of that name, with a number after it where the name was
    taken; nothing is in there yet, or only an empty ``locked``, which would stay for ever: no path, and no owner."""
    for born in folder.glob(f"{name}*"):
        if born.name.removeprefix(name).isdigit() or born.name == name:
            if [path.name for path in born.iterdir()] == ["locked"] and not _read(born / "locked"):
                (born / "locked").unlink(missing_ok=True)
            remove_if_empty(born)


def _forget_sparse_checkout(git: Git, admin: Path) -> None:
    """A sparse checkout of the user is copied by git into new worktrees; the task shall see the whole tree."""
    (admin / "info" / "sparse-checkout").unlink(missing_ok=True)
    if (admin / "config.worktree").exists():
        git.call("config", "--file", str(admin / "config.worktree"), "core.sparseCheckout", "false")


def _is_under(record: Record, top: Path) -> bool:
    return record.path is not None and record.path != top and record.path.is_relative_to(top)


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="surrogateescape").removesuffix("\n")
    except OSError:
        return ""
