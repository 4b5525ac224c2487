"""What a coding agent leaves behind: in its folder, and of its output."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from aidos_actors.core.orders import AttemptOutcome, Start
from aidos_actors.folders import delete_tree, is_real_folder

HEADER_BYTES_MAX = 1000


def is_sound(order: Start) -> bool:
    """The next attempt can go on in the folder."""
    folder = Path(order.path)
    return is_real_folder(folder) and (order.repo is None or (folder / ".git").exists())


def with_something_in_it(order: Start, outcome: AttemptOutcome) -> AttemptOutcome:
    """The same, but a failure where its folder is gone; or where nothing is in it, and no repository tells whether
    something was changed."""
    if not outcome.ok or order.agent is None:
        return outcome
    name, work = order.agent.name, order.task.agent_work
    folder = Path(order.path)
    if not is_real_folder(folder):
        error = f"{name} removed its own working folder"
    elif order.repo is None and work is not None and work.changes == "required" and not any(folder.iterdir()):
        error = f"{name} ended as if all were well, and left nothing in its folder"
    else:
        return outcome
    return AttemptOutcome(False, 0, error, outcome.stage, fault="own", causes=("unchanged",), agent=outcome.agent)


def cut(output: Path, bytes_max: int) -> None:
    """What it printed beyond its limit before it was ended does not stay on the disk."""
    with contextlib.suppress(OSError):
        if output.stat().st_size > bytes_max + HEADER_BYTES_MAX:
            os.truncate(output, bytes_max)
            with output.open("a") as file:
                file.write(f"\naidos: what follows was over the limit of {bytes_max:,} bytes and is cut off\n")


def remove_litter(folder: Path, patterns: tuple[str, ...]) -> None:
    """Folders that the agent keeps for itself are gone, and do not become part of its work."""
    for pattern in patterns:
        for found in folder.glob(pattern):
            with contextlib.suppress(OSError):
                if is_real_folder(found):
                    delete_tree(found)
