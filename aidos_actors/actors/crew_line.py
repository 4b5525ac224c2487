"""A worker's end of the short way to the Scheduler; where there is none, its words go by mail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from aidos_actors.actors.crew_socket import FRAME_BYTES_MAX, SOCKET_NAME, word_of
from aidos_actors.actors.framed_link import FramedLink
from aidos_actors.actors.words import SCHEDULER
from supervisors import ManagedActor
from supervisors.calls import connect_to
from supervisors.frames import encode
from supervisors.linux import peer_pid
from supervisors.whereabouts import pid_of

AGAIN_S = 0.05


class Reopen(Struct, frozen=True):
    """Timer: the link to that life of the Scheduler was lost a moment ago."""

    incarnation: str


class CrewLine:
    """``heard`` gets each word that comes. Called from the mailbox of ``actor``."""

    def __init__(self, actor: ManagedActor, state_dir: Path | None, heard: Callable[[Any], None]) -> None:
        """Without ``state_dir`` there is no short way."""
        self._actor = actor
        self._state_dir = state_dir
        self._heard = heard
        self._link: FramedLink | None = None
        self._to = ""

    def open(self, incarnation: str) -> None:
        """What is said goes to that life of the Scheduler, by the short way when it can be had."""
        self.close()
        self._to = incarnation
        if self._state_dir is None:
            return
        try:
            link = connect_to(self._state_dir, SOCKET_NAME)
        except OSError:
            return
        if peer_pid(link) != pid_of(incarnation):
            link.close()
            return
        self._link = FramedLink(link, FRAME_BYTES_MAX, self._lost)
        self._actor.on_readable(self._link.fd, self._take)

    def is_to(self, incarnation: str) -> bool:
        """The Scheduler is still that one."""
        return self._to == incarnation

    def say(self, word: Any) -> None:
        """``word`` is on its way to the Scheduler, or its next life."""
        if self._link is not None:
            self._link.send(encode(word, trusted=True))
        else:
            self._actor.send(SCHEDULER, word)

    def close(self) -> None:
        """Nothing comes by the short way any more, and nothing is said by it."""
        self._to = ""
        if self._link is not None:
            self._link.close()

    def _take(self) -> None:
        for body in self._link.take() if self._link is not None else ():
            self._heard(word_of(body))

    def _lost(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            self._actor.ignore(link.fd)
        if self._to:
            self._actor.after(AGAIN_S, Reopen(self._to))
