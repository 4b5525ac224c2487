"""All sockets of one actor behind one descriptor: what has come by any of them is taken before it is answered."""

from __future__ import annotations

import select
from collections.abc import Callable

LINGER_S = 0.0015


class Inputs:
    """``on_readable(fd, call)`` as an actor's; ``taken()`` is called after each turn in which something was readable.
    Thread: the message loop's."""

    def __init__(self, on_readable: Callable[[int, Callable[[], None]], None], taken: Callable[[], None]) -> None:
        self._calls: dict[int, Callable[[], None]] = {}
        self._epoll = select.epoll()
        self._taken = taken
        on_readable(self._epoll.fileno(), self._take)

    def watch(self, fd: int, call: Callable[[], None]) -> None:
        """``call()`` runs in each turn in which ``fd`` can be read, until ``ignore``."""
        self._calls[fd] = call
        self._epoll.register(fd, select.EPOLLIN)

    def ignore(self, fd: int) -> None:
        """To be called before ``fd`` is closed."""
        if self._calls.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def linger(self, wait_s: float = LINGER_S) -> bool:
        """Within a turn: what comes by any of them in the next ``wait_s`` seconds is taken too, as soon as the first
        has come; whether any has."""
        ready = self._epoll.poll(wait_s)
        for fd, _ in ready:
            call = self._calls.get(fd)
            if call is not None:
                call()
        return bool(ready)

    def _take(self) -> None:
        self.linger(0)
        self._taken()
