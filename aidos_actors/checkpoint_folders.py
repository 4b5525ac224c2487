"""When a task's checkpoint goes: as soon as the task is done or has another definition, at the latest with its
requirement.

The ledger knows nothing of checkpoints. Whoever writes a step there calls ``settle`` after it, and a new Scheduler
calls ``sweep`` for what its predecessor could not do any more. Both only rename, so that an attempt which begins at
once afterwards finds a clean place; ``empty`` deletes, beside the mailbox. The folder that a requirement's attempts had
theirs in goes at the same moment: who removes it after each of them makes it again for the next.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from aidos_actors.core.records import Batch, TaskRecord
from aidos_actors.core.states import REQUIREMENT_FINAL, TaskState
from aidos_actors.folders import delete_tree, is_real_folder, remove_if_empty
from aidos_actors.layout import Layout
from aidos_actors.ports import LedgerView

GONE = ".gone"  # no requirement has such an id


class CheckpointFolders:
    """The checkpoints below one state directory."""

    def __init__(self, layout: Layout) -> None:
        self._root, self._worktrees = layout.checkpoints, layout.worktrees
        self._root_path = str(self._root)
        self._gone = self._root / GONE
        self.is_pending = False

    def settle(self, batch: Batch) -> None:
        """Nothing is left of what ``batch`` says has ended. ``is_pending``: there is something to delete."""
        ended = {each.id for each in batch.requirements if each.state in REQUIREMENT_FINAL}
        for requirement in ended:
            self._set_aside(requirement)
            remove_if_empty(self._worktrees / requirement)
        for task in batch.tasks:
            if task.requirement not in ended and not _is_wanted(task):
                self._set_aside(task.requirement, task.id)
        going_on = {task.requirement for task in batch.accepted} - ended
        saved = {name for name in going_on if (self._root / name).exists()}
        for task in batch.accepted if saved else ():  # many, most of which have saved nothing
            if task.requirement in saved:
                self._set_aside(task.requirement, task.id)

    def sweep(self, ledger: LedgerView) -> None:
        """As ``settle``, for everything that has ended by what ``ledger`` says."""
        is_open = {each.id for each in ledger.open_requirements()}
        for folder in self._root.glob("*"):
            if folder.name in is_open:
                over = {task.id for task in ledger.tasks(folder.name, with_removed=True) if not _is_wanted(task)}
                for inner in folder.glob("*"):
                    if inner.name in over:
                        self._set_aside(folder.name, inner.name)
            elif folder.name != GONE:
                self._set_aside(folder.name)
        self.is_pending = self._gone.exists()

    def empty(self) -> None:
        """What was set aside is deleted; what cannot be (another user's) stays out of the way. Blocks; for a job."""
        self.is_pending = False  # first: what is set aside meanwhile counts again
        for left in self._gone.glob("*"):
            try:
                delete_tree(left)
            except OSError:
                continue
        remove_if_empty(self._gone)

    def _set_aside(self, *names: str) -> None:
        """What these name below the root. One call is all that most need: they saved nothing."""
        path = "/".join((self._root_path, *names))
        try:
            os.rmdir(path)  # noqa: PTH106 - a path object for each would take longer than the call
        except FileNotFoundError:
            return
        except OSError:
            folder = Path(path)
            with contextlib.suppress(OSError):  # it stays until the next sweep: no reason to stop work
                self._gone.mkdir(exist_ok=True)
                if is_real_folder(folder):
                    folder.chmod(stat.S_IRWXU)  # a read-only folder cannot be moved to another parent
                folder.rename(Path(tempfile.mkdtemp(dir=self._gone)) / folder.name)
                self.is_pending = True


def _is_wanted(task: TaskRecord) -> bool:
    """Another attempt may still go on from it; not so after a revision until there was an attempt."""
    return task.state not in (TaskState.DONE, TaskState.REMOVED) and task.revised_after != task.attempts
