"""What is about to be published, kept from a ``git prune`` of others (``git gc --prune=now`` ends with one).

Such a git notes what the refs name, and deletes everything else, seconds later in a large repository. One that begins
after a ref of ours names the commit spares it. One that began before may have taken parts of it, and may still; so it
is waited for, and then it is looked whether all is there.
"""

from __future__ import annotations

from pathlib import Path

from aidos_actors.core.errors import TryAgain
from aidos_actors.executors.sweep import wait_gone
from aidos_actors.gitops.git import HEAVY_TIMEOUT_S, Git
from aidos_actors.gitops.quick_run import verb_of
from aidos_actors.gitops.repair import gits_at_work
from supervisors.linux import start_ticks

WAIT_MAX_S = 60.0


def make_sure_of(git: Git, commit: str, parent: str) -> None:
    """All objects that ``commit`` has beyond ``parent`` are there and stay, as long as some ref names it, as one does.

    Raises ``GitFailed`` when some are gone: they must be written again. Raises ``TryAgain`` when a prune goes on.
    """
    for pid, started in _pruners(git):
        if not wait_gone(pid, started, WAIT_MAX_S):
            raise TryAgain(
                f"a `git prune` of somebody (pid {pid}) has been at work in {git.repo} for over {WAIT_MAX_S:g} s;"
                " what is published now it might take",
                hint="It is waited for. Let `git gc` keep young objects (without --prune=now), or run it afterwards.",
            )
    git.call("rev-list", "--objects", "--quiet", commit, f"^{parent}", "--", timeout_s=HEAVY_TIMEOUT_S)


def _pruners(git: Git) -> list[tuple[int, int]]:
    """(pid, start time) of each that is at work here."""
    found = []
    for pid, words in gits_at_work(Path(git.common_dir)):
        started = start_ticks(pid)
        if started is not None and verb_of(words) == "prune":
            found.append((pid, started))
    return found
