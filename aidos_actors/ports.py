"""What the actors need from the world, as protocols. Each has one conformance suite, run against every adapter."""

from __future__ import annotations

from typing import Protocol

from aidos_actors.core.records import AttemptRecord, Batch, JournalEvent, RequirementRecord, TaskRecord


class LedgerView(Protocol):
    """What the system of record says; each answer is from one moment. Blocks for a disk read."""

    @property
    def installation(self) -> str:
        """16 hex digits, the same for the life of the state directory."""

    def epoch(self) -> int:
        """The newest scheduler's number; 0 before the first."""

    def open_requirements(self) -> list[RequirementRecord]:
        """Those whose state is not final, in the order of submission."""

    def requirements(self) -> list[RequirementRecord]:
        """All, in the order of submission."""

    def requirement(self, requirement_id: str) -> RequirementRecord | None: ...

    def tasks(self, requirement_id: str, *, with_removed: bool = False) -> list[TaskRecord]:
        """In file order; none for an unknown requirement. Removed ones only when asked for."""

    def attempts(self, requirement_id: str, task: str | None = None) -> list[AttemptRecord]:
        """By task and number."""

    def events(self, after_seq: int = 0, limit: int = 1000, requirement: str | None = None) -> list[JournalEvent]:
        """The first ``limit`` events after ``after_seq``, in order."""

    def last_seq(self) -> int:
        """The number of the newest event, 0 before the first."""

    def next_position(self) -> int:
        """The position the next requirement gets; 1 for the first."""

    def close(self) -> None: ...


class Ledger(LedgerView, Protocol):
    """The sole system of record. What a call returned survives kill and power cut; what it raised for left no trace."""

    def begin_epoch(self, at: float) -> int:
        """The new epoch, one more than the last; all earlier ones are fenced. Journals ``scheduler_started``."""

    def apply(self, epoch: int, batch: Batch) -> int:
        """The batch, whole, is durable; returns the last seq. Raises ``Fenced`` when ``epoch`` is not the newest,
        ``LedgerUnavailable`` when the disk cannot, ``LedgerRefused`` when a row breaks a rule. Blocks for a sync."""
