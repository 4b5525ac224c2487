"""``python -m aidos_actors``. The working folder is dropped from ``sys.path`` unless this package was imported from
there: a user's own folder of the same name as one of our packages must not shadow it. Named in ``PYTHONPATH``, it is
wanted for callables, and comes last."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path

GARBAGE_THRESHOLDS = (200_000, 20, 100)
"""What a command imports stays: to look through it as often as Python does by itself takes a tenth of its time."""


def _drop_working_folder() -> None:
    here = Path.cwd()
    ours = Path(__file__).resolve().parents[1]
    if here.resolve() != ours:
        sys.path[:] = [entry for entry in sys.path if entry and Path(entry).absolute() != here]
        wanted = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if any(entry and Path(entry).absolute() == here for entry in wanted):
            sys.path += [str(ours), str(here)]  # an editable install finds us by a hook, which comes after all of these


def _open_standard_streams() -> None:
    """Whoever started us may have closed some: what we open must not get their numbers, or our words go into it."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(opened, True)
    os.close(opened)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - a descriptor, open to the end
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def main() -> None:
    """Run one verb and end the process with its exit code."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    interrupt = signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is someone who can answer it without a stack
    _open_standard_streams()
    try:
        if sys.path and sys.path[0] in ("", os.getcwd()):  # noqa: PTH109 - compared as text, as Python put it there
            _drop_working_folder()
    except FileNotFoundError:
        sys.stderr.write("error: the working folder was removed\nhint: change to one that exists, and repeat\n")
        sys.exit(78)
    from aidos_actors.cli.app import run_command_line

    signal.signal(signal.SIGINT, interrupt)
    code = run_command_line()
    gc.freeze()  # nor is it looked through once more at the end
    sys.exit(code)


if __name__ == "__main__":
    main()
