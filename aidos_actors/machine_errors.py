"""What the operating system refuses, as one of our errors: some of it passes, some calls for whoever owns the place."""

from __future__ import annotations

import errno

from aidos_actors.core.errors import AidosError, TryAgain, Unfit

PASSING = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
)
NO_ACCESS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
HINT_PASSING = "free space on that disk and look at its health, or raise the limits of this process; then repeat"
HINT_ACCESS = "look at its owner and its mode"


def in_our_words(error: OSError) -> AidosError | None:
    """``TryAgain`` or ``Unfit``; None for any other: then we have asked for what cannot be."""
    text = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    if error.errno in PASSING:
        return TryAgain(text, hint=HINT_PASSING)
    if error.errno in NO_ACCESS:
        return Unfit(text, hint=HINT_ACCESS)
    return None
