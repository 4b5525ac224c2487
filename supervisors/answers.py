"""The messages a durable actor has handled, by their idempotency keys, with what it answered.

Rules for this file: pure. What is kept is bounded, in number and in size; the oldest is forgotten first.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from msgspec import Struct

ANSWERS_BYTES_MAX = 256 * 1024
_PLAIN = (type(None), bool, int, float, str)


class Handled(Struct, frozen=True):
    """``answer`` is JSON text, None when the message has not been answered (yet)."""

    key: str
    answer: str | None = None

    @property
    def value(self) -> Any:
        assert self.answer is not None
        return from_plain(json.loads(self.answer))


class Answers:
    """At most ``kept`` messages, at most ``ANSWERS_BYTES_MAX`` bytes of answers."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._order: deque[str] = deque()
        self._handled: dict[str, Handled] = {}
        self._bytes = 0
        self._dumped: str | None = None

    def find(self, key: str) -> Handled | None:
        return self._handled.get(key)

    def begin(self, key: str) -> None:
        """The message of ``key`` is handled, and has no answer so far."""
        self._put(Handled(key))

    def answer(self, key: str, value: Any) -> None:
        """The first answer is the one that is given again. TypeError when it is no value that JSON and tuples can
        carry; nothing is changed then."""
        text = json.dumps(to_plain(value), allow_nan=False)
        known = self._handled.get(key)
        if known is None or known.answer is None:
            self._put(Handled(key, text))

    def dumped(self) -> str:
        """All of it as JSON text, for ``load``."""
        if self._dumped is None:
            self._dumped = json.dumps([[each.key, each.answer] for each in map(self._handled.__getitem__, self._order)])
        return self._dumped

    def load(self, stored: list[list[Any]]) -> None:
        for key, answer in stored:
            self._put(Handled(key, answer))

    def _put(self, handled: Handled) -> None:
        if handled.key not in self._handled:
            self._order.append(handled.key)
        else:
            self._bytes -= len(self._handled[handled.key].answer or "")
        self._handled[handled.key] = handled
        self._bytes += len(handled.answer or "")
        self._dumped = None
        while len(self._order) > self._kept or self._bytes > ANSWERS_BYTES_MAX:
            self._bytes -= len(self._handled.pop(self._order.popleft()).answer or "")


def to_plain(value: Any) -> Any:
    """``value`` in JSON's own types, tuples told apart from lists. TypeError for what would come back as another."""
    if type(value) in _PLAIN:
        return value
    if type(value) is list:
        return [to_plain(each) for each in value]
    if type(value) is tuple:
        return {"$tuple": [to_plain(each) for each in value]}
    if type(value) is dict and all(type(key) is str for key in value):
        plain = {key: to_plain(each) for key, each in value.items()}
        return {"$dict": plain} if any(key.startswith("$") for key in plain) else plain
    what = type(value).__name__
    raise TypeError(f"the answer to a message with an idempotency key is kept as JSON, which has no {what}: {value!r}")


def from_plain(plain: Any) -> Any:
    if type(plain) is list:
        return [from_plain(each) for each in plain]
    if type(plain) is dict:
        if set(plain) == {"$tuple"}:
            return tuple(from_plain(each) for each in plain["$tuple"])
        inner = plain["$dict"] if set(plain) == {"$dict"} else plain
        return {key: from_plain(each) for key, each in inner.items()}
    return plain
