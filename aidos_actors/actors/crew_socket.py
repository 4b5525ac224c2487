"""The Scheduler's end of the short way to its workers: a socket of its own, beside the mail of the tree.

A message of the tree passes two transports and is confirmed twice; between a Scheduler and its workers, who talk with
each task, that would cost more than most tasks. What is said here is said as by mail, in order; and as a message to one
who has died is lost, so is what a broken link still held. That harms nobody: a worker that has lost its link says anew
what it holds, and every order is derived anew from the rows.

Only living workers are listened to, known by their processes, which the kernel names; so what comes may be pickled.
"""

from __future__ import annotations

import pickle
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aidos_actors.actors.delivery_watch import LookWhetherBack
from aidos_actors.actors.framed_link import FramedLink
from aidos_actors.actors.inputs import Inputs
from aidos_actors.actors.words import WorkerHello
from aidos_actors.core.orders import WorkerId
from supervisors.frames import encode
from supervisors.linux import peer_pid
from supervisors.premises import bind
from supervisors.whereabouts import pid_of

SOCKET_NAME = "crew.sock"
LINKS_MAX = 256
FRAME_BYTES_MAX = 64 * 1024 * 1024


def word_of(body: bytes) -> Any:
    """Only for what came from a process of this tree."""
    return pickle.loads(body)  # noqa: S301


def _warn(text: str, *about: object) -> None:
    from loguru import logger  # it imports asyncio: not at every start, for a line that is rarely written

    logger.warning(text, *about)


class CrewSocket:
    """``heard`` gets each word that comes by ``inputs``. Thread: the message loop's."""

    def __init__(
        self,
        state_dir: Path,
        inputs: Inputs,
        heard: Callable[[Any], None],
        wait: Callable[[LookWhetherBack], object],
    ) -> None:
        """``wait`` gets what is to be looked at some time after the end of a link. OSError when the socket cannot be
        made."""
        self._inputs, self._heard, self._wait = inputs, heard, wait
        self._unknown: dict[int, socket.socket] = {}
        self._links: dict[WorkerId, tuple[FramedLink, int]] = {}  # and its last greeting by that
        self._open: dict[int, FramedLink] = {}
        self._living: set[int] = set()
        self._listener = bind(state_dir, SOCKET_NAME)
        self._listener.setblocking(False)
        inputs.watch(self._listener.fileno(), self._accept)

    def lives(self, incarnation: str) -> None:
        """A worker is that process; what it says here is heard from now on."""
        pid = pid_of(incarnation)
        self._living.add(pid)
        link = self._unknown.pop(pid, None)
        if link is not None:
            self._listen(link)

    def gone(self, incarnation: str) -> None:
        """That process is no worker any more."""
        self._living.discard(pid_of(incarnation))

    def send(self, worker: WorkerId, word: Any) -> bool:
        """Whether ``word`` is on its way to that very life of a worker, for which it must have a link."""
        found = self._links.get(worker)
        if found is None:
            return False
        found[0].send(encode(word, trusted=True))
        return worker in self._links

    def _accept(self) -> None:
        try:
            link, _ = self._listener.accept()
        except OSError:
            return
        pid = peer_pid(link)
        if pid in self._living and len(self._open) < LINKS_MAX:
            self._listen(link)
        else:  # the word that it lives may still be on its way
            before = self._unknown.pop(pid, None)
            if before is None and len(self._unknown) >= LINKS_MAX:
                before = self._unknown.pop(next(iter(self._unknown)))  # who waits longest waits in vain
            if before is not None:
                before.close()
            self._unknown[pid] = link

    def _listen(self, link: socket.socket) -> None:
        fd = link.fileno()
        self._open[fd] = FramedLink(link, FRAME_BYTES_MAX, lambda: self._ended(fd))
        self._inputs.watch(fd, lambda: self._take(fd))

    def _take(self, fd: int) -> None:
        link = self._open[fd]
        for body in link.take():
            try:
                word = word_of(body)
            except Exception:  # whatever unpickling raises
                _warn("what came by {} cannot be read", SOCKET_NAME)
                link.close()  # it may have ended by itself with these very bytes
                return
            if isinstance(word, WorkerHello) and fd in self._open:
                self._links[word.worker] = (link, word.number)
            self._heard(word)

    def _ended(self, fd: int) -> None:
        link = self._open.pop(fd)
        self._inputs.ignore(fd)
        for worker in [worker for worker, found in self._links.items() if found[0] is link]:
            self._wait(LookWhetherBack(worker, self._links.pop(worker)[1]))
