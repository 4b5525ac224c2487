"""What a coding agent says while it works, read as it comes: its session, its turns, what it cost, how it ended.

Each program has a dialect of its own (``agent_dialects``). Lines that are no part of it are passed over, and so is what
is too long: an agent may print anything. Pure.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from aidos_actors.core.agents.dialects import DIALECTS, STEPLESS
from aidos_actors.core.agents.facts import Facts
from aidos_actors.core.agents.loops import LoopWatch

LINE_BYTES_MAX = 8 * 1024 * 1024
OWN_WORDS = "aidos: "  # what we write into its output, above and below
TAIL_LINES = 40
TAIL_CHARS = 400
TEXT_REPEATS = 10
"""A line says less than a step does, so that so many times more of them make a loop."""
MESSAGES_PER_LINE_MAX = 50
NOT_UNDERSTOOD = (TypeError, ValueError, AttributeError, LookupError, RecursionError)
"""An agent may print anything: a message of a shape that is not known is passed over, and does not end who reads it."""
_decoder = json.JSONDecoder()


class Transcript:
    """Reads one attempt's output. ``feed`` takes it in pieces of any size."""

    def __init__(self, reads: str, loop_repeats_max: int = 0) -> None:
        self.facts = Facts()
        self._line, self._message = DIALECTS[reads]
        self._has_steps = reads not in STEPLESS
        self.loop = LoopWatch(loop_repeats_max * (1 if self._has_steps else TEXT_REPEATS))
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._rest = bytearray()
        self._is_too_long = False

    def feed(self, data: bytes) -> None:
        for chunk in data.splitlines(keepends=True):
            self._rest += chunk
            if len(self._rest) > LINE_BYTES_MAX:
                self._rest.clear()
                self._is_too_long = True
            if chunk.endswith((b"\n", b"\r")):
                self._take()

    def close(self) -> None:
        """What came last may have no end of its line."""
        self._take()

    @property
    def tail(self) -> str:
        """Its last lines, in so far as they are short."""
        return "\n".join(self._tail)

    def _take(self) -> None:
        line = self._rest.decode(errors="replace").strip()
        self._rest.clear()
        was_too_long, self._is_too_long = self._is_too_long, False
        if not line or was_too_long:
            return
        found = False
        if self._message is not None:
            for message in _messages(line):
                found = True
                with suppress(*NOT_UNDERSTOOD):
                    self._message(self.facts, message)
        if not found and not line.startswith(OWN_WORDS):
            self._tail.append(line[-TAIL_CHARS:])
            if self._line is not None:
                with suppress(*NOT_UNDERSTOOD):
                    self._line(self.facts, line)
            if not self._has_steps:
                self.loop.step(line)
        for step in self.facts.steps:
            self.loop.step(step)
        self.facts.steps.clear()


def _messages(line: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a line. One may have been written into the middle of another, which is lost then."""
    at = line.find("{")
    for _ in range(MESSAGES_PER_LINE_MAX):
        if at < 0:
            return
        try:
            value, at = _decoder.raw_decode(line, at)
        except (ValueError, RecursionError):
            at = line.find('{"type":', at + 1)
            continue
        if isinstance(value, dict):
            yield value
        at = line.find("{", at)
