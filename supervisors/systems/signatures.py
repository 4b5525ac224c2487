"""What makes a message of a system its own: a key that only its processes hold, and never the same message twice.

Under the signature are the receiver's port, the sender, and the sender's counter. The counter is the machine's
monotonic clock, which all processes share, so a process refuses what was sent before it was born: bytes that were
meant for an earlier owner of its port. The key lives in memory only; processes get it by being forked.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import pickle
import secrets
import struct
import time
from typing import Any

MAC_BYTES = 16
WINDOW = 1024
SENDERS_MAX = 4096
KINDS = ("forged", "redirected", "replayed", "malformed", "crowded")

_HEAD = struct.Struct(">cH8sQ")
_CONTROL, _MESSAGE = b"c", b"m"


class Refused(pickle.UnpicklingError):
    """These bytes are not a message for this process; nothing of them was unpickled."""


class Repeated(Refused):
    """This very message has been taken before."""


class Refusals:
    """What all processes of a system have refused, by kind. Counted in the kernel, so that a fork shares the count and
    no lock is needed."""

    def __init__(self) -> None:
        self._fds = {kind: os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for kind in KINDS}
        self._totals = dict.fromkeys(KINDS, 0)

    def count(self, kind: str) -> None:
        try:
            os.eventfd_write(self._fds[kind], 1)
        except OSError:
            pass

    def totals(self) -> dict[str, int]:
        """How many so far. For one process only: reading empties what the kernel holds."""
        for kind, fd in self._fds.items():
            try:
                self._totals[kind] += os.eventfd_read(fd)
            except BlockingIOError:
                continue
        return dict(self._totals)


class Window:
    """The counters that one sender has used: each is good once. They may come out of order, since a message whose
    connection broke is sent again after later ones, but not by more than ``WINDOW`` messages."""

    __slots__ = ("floor", "recent")

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self.recent: set[int] = set()

    def admit(self, counter: int) -> bool:
        if counter <= self.floor or counter in self.recent:
            return False
        self.recent.add(counter)
        if len(self.recent) >= 2 * WINDOW:
            ordered = sorted(self.recent)
            self.floor = ordered[-WINDOW - 1]
            self.recent = set(ordered[-WINDOW:])
        return True


class SignedPickle:
    """``pickle`` for one process of a system: ``loads`` verifies before it unpickles. Used from one thread."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self.refusals = Refusals()
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """A fork is another sender, and has received nothing yet."""
        self._me = secrets.token_bytes(8)
        self._floor = self._last = time.monotonic_ns()
        self._senders: dict[bytes, Window] = {}
        self._ports: set[int] = set()

    def listens_on(self, port: int) -> None:
        """What is addressed to that port is meant for this process."""
        self._ports.add(port)

    def dumps(self, value: Any, receiver_port: int | None = None) -> bytes:
        """A message for the process that listens on that port; without one, an acknowledgement."""
        body = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        if receiver_port is None:
            return self._signed(_HEAD.pack(_CONTROL, 0, bytes(8), 0) + body)
        self._last = max(self._last + 1, time.monotonic_ns())
        return self._signed(_HEAD.pack(_MESSAGE, receiver_port, self._me, self._last) + body)

    def loads(self, raw: Any) -> Any:
        """The value; ``Refused`` when the bytes are not signed, meant for another, or too old; ``Repeated``."""
        raw = bytes(raw)
        signed = raw[MAC_BYTES:]
        if len(signed) <= _HEAD.size or not hmac.compare_digest(raw[:MAC_BYTES], self._mac(signed)):
            raise self._refuse("forged")
        kind, port, sender, counter = _HEAD.unpack_from(signed)
        if kind == _MESSAGE:
            if port not in self._ports:
                raise self._refuse("redirected")
            if not self._window(sender).admit(counter):
                raise self._refuse("replayed", Repeated)
        return pickle.loads(signed[_HEAD.size :])  # noqa: S301 - verified above

    def _mac(self, signed: bytes) -> bytes:
        return hashlib.blake2b(signed, key=self._key, digest_size=MAC_BYTES).digest()

    def _signed(self, content: bytes) -> bytes:
        return self._mac(content) + content

    def _refuse(self, kind: str, error: type[Refused] = Refused) -> Refused:
        self.refusals.count(kind)
        return error(f"a {kind} message is dropped")

    def _window(self, sender: bytes) -> Window:
        """The sender's window, now the last in line; the one unused for longest makes room. Counters are moments, so
        what that one might still be owed is no older than the new floor for all."""
        window = self._senders.pop(sender, None)
        if window is None:
            if len(self._senders) >= SENDERS_MAX:
                oldest = self._senders.pop(next(iter(self._senders)))
                self._floor = max([self._floor, oldest.floor, *oldest.recent])
            window = Window(self._floor)
        self._senders[sender] = window
        return window
