"""What a sender keeps for each target until the target has begun to handle it.

Rules for this file: pure bookkeeping, no transport. A message is *kept* until ``began`` names it; it goes out again,
in order, to whatever incarnation succeeds the one it was sent to. The message that was being handled when a process
died was begun, so it is not repeated: where the word of that has not come, the news of the end says so. For each
incarnation of the target the numbers count from 1, so that it sees a gap where the transport lost something, and begins
nothing behind it until that has come again. Per target at most ``KEPT_MAX`` messages are kept (more: dropped and
counted) and at most ``WINDOW`` are on the way: an unread burst to one hung process would stop Thespian's sender for
everyone.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from msgspec import Struct, field

KEPT_MAX = 1000
WINDOW = 10
MARKS_CACHED = 1024


@lru_cache(MARKS_CACHED)
def mark_of(incarnation: str, sender_incarnation: str, route: str) -> int:
    """64 bits that stand for all that this life of a sender sends by ``route`` to this life of its target."""
    text = f"{incarnation} {sender_incarnation} {route}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


class Kept(Struct):
    """A message; its number is 0 until it is on the way."""

    payload: Any
    seq: int = 0
    key: str | None = None


class Route(Struct):
    """One target by the name its sender uses: where it lives now, and what waits for it."""

    name: str
    path: str = ""
    incarnation: str | None = None
    address: Any = None
    waiting: deque[Kept] = field(default_factory=deque)
    on_the_way: deque[Kept] = field(default_factory=deque)
    sent: int = 0
    dropped: int = 0

    @property
    def room(self) -> int:
        """How many more messages are kept."""
        return KEPT_MAX - len(self.waiting) - len(self.on_the_way)

    def add(self, payload: Any, key: str | None = None) -> bool:
        """Keep ``payload`` for the target; False, and counted, when ``KEPT_MAX`` are kept already."""
        if self.room <= 0:
            self.dropped += 1
            return False
        self.waiting.append(Kept(payload, key=key))
        return True

    def moved(self, path: str, incarnation: str | None, address: Any) -> None:
        """The target is another process now (or none): what it had not begun waits again, in order."""
        self.path = path
        if incarnation == self.incarnation:
            self.address = address
            return
        self.incarnation, self.address = incarnation, address
        self.waiting.extendleft(reversed(self.on_the_way))
        self.on_the_way.clear()
        self.sent = 0

    def began(self, incarnation: str, seq: int) -> None:
        """The target has begun message ``seq``, and by the order of delivery all before it."""
        if incarnation != self.incarnation:
            return
        while self.on_the_way and self.on_the_way[0].seq <= seq:
            self.on_the_way.popleft()

    def take(self) -> list[Kept]:
        """What may be sent now, within the window; it counts as on the way from here on."""
        if self.incarnation is None:
            return []
        ready: list[Kept] = []
        while self.waiting and len(self.on_the_way) < WINDOW:
            kept = self.waiting.popleft()
            self.sent += 1
            kept.seq = self.sent
            self.on_the_way.append(kept)
            ready.append(kept)
        return ready

    def unacknowledged(self) -> list[Kept]:
        """What was sent and not begun: to be sent again when the transport may have lost it."""
        return list(self.on_the_way)
