"""``python -m chaos``: list, run, report. The working folder is dropped from ``sys.path`` unless this package was
imported from there: a user's own folder of the name of one of our packages must not shadow it."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def _drop_working_folder() -> None:
    here = Path.cwd()
    ours = Path(__file__).resolve().parents[1]
    if here.resolve() != ours:
        sys.path[:] = [entry for entry in sys.path if entry and Path(entry).absolute() != here]


def main() -> None:
    """Run one verb and end the process with its exit code."""
    if sys.path and sys.path[0] in ("", os.getcwd()):  # noqa: PTH109 - compared as text, as Python put it there
        _drop_working_folder()
    from chaos.command import run_command_line

    sys.exit(run_command_line())


if __name__ == "__main__":
    main()
