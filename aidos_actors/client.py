"""Calls to the Scheduler of a running system, repeated while it heals."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from aidos_actors.actors.words import SCHEDULER
from aidos_actors.core import errors as known
from aidos_actors.core.errors import AidosError, TryAgain, Unreachable
from supervisors.calls import Unanswered
from supervisors.errors import SupervisorError

HEALING_WAIT_S = 10.0
FIRST_PAUSE_S = 0.02
PAUSE_MAX_S = 0.25
RETRYABLE = frozenset({"restarting", "actor_failed", "timeout", "not_found"})

Send = Callable[[str, str, dict[str, Any], float], Any]


def error_of(view: dict[str, Any]) -> AidosError:
    """The error that a desk's answer describes, as the class with its code."""
    classes = (kind for kind in vars(known).values() if isinstance(kind, type) and issubclass(kind, AidosError))
    kinds = {kind.code: kind for kind in classes if "code" in vars(kind)}  # others have that of the class they refine
    kind = kinds.get(str(view.get("code")), AidosError)
    error = AidosError.__new__(kind)
    AidosError.__init__(error, str(view.get("message")), hint=str(view.get("hint", "")))
    error.code, error.exit_code = str(view.get("code")), int(view.get("exit_code", 1))
    if isinstance(error, known.BadInput):
        error.file, error.line = "", None
    return error


def ask_scheduler(send: Send, call: dict[str, Any], timeout_s: float = 5.0, patience_s: float = HEALING_WAIT_S) -> Any:
    """The Scheduler's answer to ``call``, repeated while the system heals, for at most ``patience_s`` seconds.

    Every verb is idempotent, so repeating is harmless. AidosError as the desk says; ``TryAgain`` when it healed too
    long; ``Unreachable`` when it has ended; OSError when nothing runs; SupervisorError ``forked`` in a fork child of
    the host, which nothing would heal.
    """
    until = time.monotonic() + patience_s
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            answer = send("ask", SCHEDULER, {"message": call}, timeout_s)
        except (SupervisorError, Unanswered) as error:
            code = error.code if isinstance(error, SupervisorError) else "restarting"
            if code == "forked":
                raise
            if code == "stopped":
                hint = "`run FILE` or `serve` starts it again"
                raise Unreachable(f"the running system is no more: {error}", hint=hint) from error
            if code not in RETRYABLE or time.monotonic() + pause_s > until:
                hint = "the system is healing; repeat the command in a moment"
                raise TryAgain(f"the scheduler did not answer: {error}", hint=hint) from error
            time.sleep(pause_s)
            pause_s = min(PAUSE_MAX_S, pause_s * 2)
            continue
        return value_of(answer)


def value_of(answer: dict[str, Any]) -> Any:
    """What the desk answers with. AidosError as it says."""
    if "error" in answer:
        raise error_of(answer["error"])
    return answer["value"]
