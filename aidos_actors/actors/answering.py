"""Answers of the Scheduler, by whichever way somebody asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aidos_actors.actors.desk_socket import Caller
from aidos_actors.core.errors import TryAgain
from aidos_actors.core.views import error_view
from supervisors import SupervisorError
from supervisors.actor import Asked
from supervisors.frames import FrameError


def answer(reply: Callable[[Any, Asked], object], found: Any, asked: Asked | Caller) -> None:
    """Whoever asked has the answer, by the socket or by mail with ``reply``; or ``TryAgain``, when no message carries
    so much."""

    def give(what: Any) -> None:
        if isinstance(asked, Caller):
            asked.answer(what)
        else:
            reply(what, asked)

    try:
        give(found)
    except (SupervisorError, FrameError, RecursionError) as error:
        text = f"the answer is too large for a message: {error}"
        give({"error": error_view(TryAgain(text, hint="read verbs of the command line find it"))})
