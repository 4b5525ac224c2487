"""What each type of error calls for: how grave it is, whether it passes by itself, and what is done about it. Pure.

A table of types, not a ladder of ``except`` clauses: the nearest listed ancestor of an error's type answers for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Grade(StrEnum):
    """P0: work stands still or is in danger. P1: part of the work waits. P2: expected; one piece of work is
    concerned."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"


class Policy(StrEnum):
    """``RETRY``: in place, under the operation's error budget. ``DEGRADE``: trying again soon is no use, and another
    process would fare no better: probe slowly, for ever. ``CRASH``: this process cannot be trusted with it any more.
    ``GIVE_UP``: it is an answer, not a fault: trying again would give the same one."""

    RETRY = "retry in place"
    DEGRADE = "degrade"
    CRASH = "crash"
    GIVE_UP = "give up"


class Treatment(Struct, frozen=True):
    """``is_transient``: the same call may succeed later without anybody's doing."""

    grade: Grade
    is_transient: bool
    policy: Policy


UNKNOWN = Treatment(Grade.P1, False, Policy.RETRY)


class Treatments:
    """A table from error types to treatments; ``UNKNOWN`` for what it does not list."""

    def __init__(self, rows: Mapping[type[BaseException], Treatment] | None = None) -> None:
        self.rows = dict(rows or {})

    def of(self, error: BaseException) -> Treatment:
        """That of the nearest type in the error's ancestry."""
        return next((self.rows[kind] for kind in type(error).__mro__ if kind in self.rows), UNKNOWN)
