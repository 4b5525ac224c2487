"""Where gates judge: what those of earlier lives left there is ended and taken away before the first gate of this one.

A gate's folder is named after the first of those whose results it judges. After a crash they may be judged in other
company, so nobody comes by the same folder again; and git keeps records of worktrees whose folders are gone.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from aidos_actors.executors.sweep import end_marked
from aidos_actors.folders import delete_tree
from aidos_actors.gitops.git import Run
from aidos_actors.gitops.worktrees import collect

END_LIMIT_S = 10.0


class GateFolders:
    """Those under ``root``, whose path is the mark of every process of a gate. From any thread."""

    def __init__(self, root: Path, run: Run) -> None:
        self._root = root
        self._run = run
        self._lock = Lock()
        self._cleared: set[str] = set()

    def clear_all(self) -> None:
        """Nothing works under ``root`` or is left there, nor on record in the repositories it tells of. Only while no
        gate runs: who lives there has outlived its minder."""
        end_marked(str(self._root), END_LIMIT_S)
        for pointer in sorted(self._root.glob("**/.git")):
            admin = Path(pointer.read_text(errors="surrogateescape").removeprefix("gitdir: ").strip())
            if admin.parent.name == "worktrees" and admin.parent.parent.is_dir():
                collect(str(admin.parent.parent), str(self._root), (), run=self._run)
        if self._root.is_dir():
            delete_tree(self._root)

    def clear(self, repo: str) -> None:
        """Once in this object's life, before any gate runs in it: ``repo`` has no record of a gate."""
        with self._lock:
            if repo not in self._cleared:
                collect(repo, str(self._root), (), run=self._run)
                self._cleared.add(repo)
