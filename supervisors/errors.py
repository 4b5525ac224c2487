"""The one error type of supervision, told apart by ``code``, and the reason with which a process ends."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

STACK_CHARS_MAX = 8000
DETAIL_CHARS_MAX = 2000

CODES = frozenset(
    {
        "already_started",
        "already_present",
        "not_found",
        "running",
        "restarting",
        "start_failed",
        "max_children",
        "not_importable",
        "not_picklable",
        "timeout",
        "actor_failed",
        "stopped",
        "bad_spec",
        "forked",
    }
)


class SupervisorError(Exception):
    """A request to a tree was refused or failed. ``code`` is stable; the text is for people.

    Of a child: ``not_found``, ``already_started`` (it runs), ``already_present`` (it is listed, and stopped or
    restarting), ``running`` or ``restarting`` (terminate it first), ``start_failed``, ``max_children``. Of a name:
    ``not_found``, ``stopped`` (``restart_child`` starts it), ``restarting`` (try again). Of a message: ``actor_failed``
    (it died of it, or before it), ``timeout``, ``not_picklable``. Of a description: ``bad_spec``, ``not_importable``,
    ``not_picklable``. Of a tree: ``stopped`` (it has ended), ``already_started`` (its folder is another's), ``forked``.

    ``child`` names the child it is about, ``cause`` the exception type and text, exit text or exit code behind it,
    ``stack`` the formatted stack where there is one.
    """

    def __init__(self, code: str, message: str, *, child: str = "", cause: str = "", stack: str = "") -> None:
        assert code in CODES, code
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.child = child
        self.cause = cause
        self.stack = stack

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.message, self.child, self.cause, self.stack)


def _rebuild(code: str, message: str, child: str, cause: str, stack: str) -> SupervisorError:
    return SupervisorError(code, message, child=child, cause=cause, stack=stack)


@dataclass(frozen=True, slots=True)
class ExitReason:
    """Why a process ended. ``kind``: normal (its work is done) | shutdown (it was asked to, or gave up in good order)
    | killed (SIGKILL) | abnormal (a raise, an exit code, another signal). ``detail`` is a text of at most
    ``DETAIL_CHARS_MAX`` characters. ``stack`` is set after a raise; ``child`` when a supervisor ended because that
    child failed its first start; ``in_stop`` when it was ending as expected, and ``on_stop`` raised or said otherwise.
    """

    kind: str
    detail: str = ""
    stack: str = ""
    child: str = ""
    in_stop: bool = False

    def __post_init__(self) -> None:
        if self.kind not in ("normal", "shutdown", "killed", "abnormal"):
            raise ValueError(f"exit kind {self.kind!r} is none of normal, shutdown, killed, abnormal")
        object.__setattr__(self, "detail", str(self.detail)[:DETAIL_CHARS_MAX])

    @property
    def is_expected(self) -> bool:
        """True for the ends that do not bring a transient child back."""
        return self.in_stop or self.kind in ("normal", "shutdown")

    def __str__(self) -> str:
        return f"{self.kind} ({self.detail})" if self.detail else self.kind


def reason_of(error: BaseException) -> ExitReason:
    """The exit reason that a raise is: abnormal with type, text and stack; ``SystemExit(0)`` is normal."""
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return ExitReason("normal", "exit code 0")
    stack = "".join(traceback.format_exception(error))[-STACK_CHARS_MAX:]
    return ExitReason("abnormal", _text_of(error), stack)


def _text_of(error: BaseException) -> str:
    try:
        return str(error.code) if isinstance(error, SystemExit) else f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__}, whose text cannot be had"
