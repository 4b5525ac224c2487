"""What a process is called in lists of processes."""

from __future__ import annotations

import os

_KEEP_ENVIRONMENT = "SPT_NOENV"


def take_title(title: str) -> None:
    """This process is shown as ``title``, where that is possible. Its environment stays readable in /proc: by a mark in
    there it is told whose processes these are, and the room for a title is not taken from it."""
    os.environ[_KEEP_ENVIRONMENT] = "1"
    try:
        from setproctitle import setproctitle

        setproctitle(title)
    except ImportError:
        pass
    finally:
        del os.environ[_KEEP_ENVIRONMENT]
