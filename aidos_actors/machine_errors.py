"""What the operating system refuses, as one of our errors: some of it passes, some calls for whoever owns the place."""

from __future__ import annotations

import errno
import os

from aidos_actors.core.errors import AidosError, TryAgain, Unfit
from aidos_actors.ledger.errors import LedgerDamaged, LedgerUnavailable

PASSING = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
)
NO_ACCESS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
HINT_PASSING = "free space on that disk and look at its health, or raise the limits of this process; then repeat"
HINT_ACCESS = "look at its owner and its mode"
HINT_START = "`db check` says what is in the ledger; the state directory's `log` folder has the stack"
FILES_MIN = 40
FILES_PER_WORKER = 4
FILE_BYTES_MIN = 16 * 1024 * 1024


def in_our_words(error: OSError) -> AidosError | None:
    """``TryAgain`` or ``Unfit``; None for any other: then we have asked for what cannot be."""
    text = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    if error.errno in PASSING:
        return TryAgain(text, hint=HINT_PASSING)
    if error.errno in NO_ACCESS:
        return Unfit(text, hint=HINT_ACCESS)
    return None


def start_error(cause: str) -> AidosError | None:
    """As ``in_our_words`` for a system that did not start: ``cause`` is the type and the text of the error that one of
    its processes ended with."""
    name, _, text = cause.partition(": ")
    told = f"the system could not start: {text or cause}"
    for kind, hint in ((LedgerUnavailable, HINT_PASSING), (LedgerDamaged, HINT_START), (Unfit, HINT_START)):
        if name == kind.__name__:
            return kind(told, hint=hint)
    if any(os.strerror(number) in cause for number in PASSING):
        return TryAgain(told, hint=HINT_PASSING)
    return Unfit(told, hint=HINT_ACCESS) if any(os.strerror(number) in cause for number in NO_ACCESS) else None


def refuse_low_limits(workers: int) -> None:
    """``Unfit`` where this process may open too few files, or write none that is large enough, for a system with so
    many ``workers`` to start."""
    import resource  # of Unix alone

    needed = FILES_MIN + FILES_PER_WORKER * workers
    for limit, least, of, option in (
        (resource.RLIMIT_NOFILE, needed, "open files", "ulimit -n"),
        (resource.RLIMIT_FSIZE, FILE_BYTES_MIN, "bytes in one file", "ulimit -f"),
    ):
        allowed, _hard = resource.getrlimit(limit)
        if allowed != resource.RLIM_INFINITY and allowed < least:
            text = f"this process is allowed {allowed:,} {of}; a system with {workers} workers needs {least:,}"
            raise Unfit(text, hint=f"raise that limit: `{option}`")
