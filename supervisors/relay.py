"""Commands that the root hands on to inner supervisors, and their answers on the way back.

Rules for this file: bookkeeping only; it returns what is to be posted and posts nothing. All answers come back through
the root, behind everything the inner supervisor had told it before: whoever was told that a child has started can reach
it by its name. And who asked a supervisor that ended gets an answer all the same.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from supervisors.errors import SupervisorError
from supervisors.messages import Answer, Command
from supervisors.registrar import Registrar


class _Pending(Struct, frozen=True):
    reply_to: Any
    path: str
    incarnation: str


class Relay:
    """The commands under way to inner supervisors."""

    def __init__(self) -> None:
        self._pending: dict[str, _Pending] = {}

    def forward(self, registrar: Registrar, command: Command, reply_to: Any) -> tuple[Any, Command]:
        """Where to post what. SupervisorError when the command names no living supervisor."""
        path = registrar.resolve(command.target)
        home = registrar.homes.get(path)
        if registrar.entries[path].kind != "supervisor":
            raise SupervisorError("not_found", f"{path!r} is an actor, not a supervisor")
        if home is None and registrar.entries[path].state == "stopped":
            raise SupervisorError("stopped", f"supervisor {path!r} is stopped; restart_child starts it")
        if home is None:
            raise SupervisorError("restarting", f"supervisor {path!r} is being restarted")
        self._pending[command.request] = _Pending(reply_to, path, home[0])
        return home[1], replace(command, target=path, reply_to=None)

    def answered(self, answer: Answer) -> list[tuple[Any, Answer]]:
        """The answer of an inner supervisor goes to whoever asked."""
        pending = self._pending.pop(answer.request, None)
        return [] if pending is None else [(pending.reply_to, answer)]

    def lost(self, registrar: Registrar, cause: str) -> list[tuple[Any, Answer]]:
        """Answers to those whose supervisor does not live any more."""
        answers = []
        for request, pending in list(self._pending.items()):
            if registrar.homes.get(pending.path, ("", None))[0] != pending.incarnation:
                del self._pending[request]
                text = f"supervisor {pending.path!r} ended before it answered: {cause}"
                error = SupervisorError("actor_failed", text, cause=cause)
                answers.append((pending.reply_to, Answer(request, error=error)))
        return answers
