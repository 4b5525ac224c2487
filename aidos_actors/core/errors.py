"""Errors, split by who must act. Each carries what happened, and where it helps a hint what to do next."""

from __future__ import annotations


class AidosError(Exception):
    """Base of all errors of AIDOS; never raised itself. ``code`` is stable, ``exit_code`` is the process's end."""

    code = "error"
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class IllegalTransition(AidosError):
    """A state change that no table has: our own mistake, so the actor that meets it crashes."""

    code = "illegal_transition"


class BadInput(AidosError):
    """The requirement file or another input cannot be used: its author must act. Nothing was stored."""

    code = "bad_input"
    exit_code = 3

    def __init__(self, message: str, *, file: str = "", line: int | None = None, hint: str = "") -> None:
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(where + message, hint=hint)
        self.file = file
        self.line = line


class Conflict(AidosError):
    """Something else holds what was asked for: another owner, other content under the same id, a checked-out branch."""

    code = "conflict"
    exit_code = 7


class Fenced(Conflict):
    """A newer scheduler epoch exists; this writer must stop. Nothing was written."""

    code = "fenced"


class OwnedElsewhere(Conflict):
    """Another process owns the state directory: its system may be joined."""


class NotFound(AidosError):
    """No requirement, task or attempt of that name."""

    code = "not_found"
    exit_code = 6


class Unreachable(AidosError):
    """The running system, or a service that is needed, did not answer."""

    code = "unreachable"
    exit_code = 4


class Unfit(AidosError):
    """The platform or the configuration cannot carry the system; a restart would not help."""

    code = "unfit"
    exit_code = 78


class TryAgain(AidosError):
    """The system is healing and has changed nothing; the same call may succeed in a moment."""

    code = "try_again"
    exit_code = 75


class TimedOut(AidosError):
    """The time given for waiting is over; what was started goes on."""

    code = "timed_out"
    exit_code = 8
