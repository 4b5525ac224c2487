"""Where things lie in a state directory. One place that knows the names; nothing is made here."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from msgspec import Struct


class Layout(Struct, frozen=True, dict=True):
    """The folders of one state directory, given as an absolute path."""

    state_dir: str

    @cached_property
    def root(self) -> Path:
        return Path(self.state_dir)

    @property
    def worktrees(self) -> Path:
        return self.root / "worktrees"

    @property
    def discarded(self) -> Path:
        """Quarantine: on the same file system as the worktrees, because things are renamed into it."""
        return self.root / "discarded"

    @cached_property
    def blobs(self) -> Path:
        """Texts too large for a message, named by their SHA-256."""
        return self.root / "blobs"

    @property
    def analysis(self) -> Path:
        """The Analyzer's own: plans that were found once, and what its analyzers keep, each in a folder of its name."""
        return self.root / "analysis"

    def begun(self, worker: str) -> Path:
        """Where the lives of a worker (its actor path) mark what they call."""
        return self.root / "workers" / worker.rpartition("/")[2]

    def output(self, requirement: str, task: str, number: int) -> Path:
        return self.root / "output" / requirement / f"{task}.{number}.log"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    def checkpoint(self, requirement: str, task: str) -> Path:
        return self.checkpoints / requirement / task

    @property
    def gates(self) -> Path:
        """Where merge results are checked out for their gates."""
        return self.root / "gates"

    def gate(self, requirement: str, task: str, number: int) -> Path:
        """For the gate that sees the work of this attempt last."""
        return self.gates / requirement / f"{task}.{number}"

    def gate_output(self, requirement: str, task: str, number: int) -> Path:
        return self.root / "output" / requirement / f"{task}.{number}.gate.log"
