"""The lines of the day files: an event as JSON, of which day it is, and which lines at a file's end are whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from msgspec import DecodeError, Raw, Struct, json

from aidos_actors.ledger.errors import LedgerRefused
from aidos_actors.ledger.rows import Values

DAY_S = 86_400


def last_known(tail: bytes, is_known: Callable[[dict[str, Any]], bool]) -> tuple[int, int]:
    """The last whole line that the table has: its seq, and where the line ends. (0, 0) when there is none.
    (The end of a line that began before ``tail`` is never whole JSON: it has one closing bracket too many.)"""
    end = tail.rfind(b"\n") + 1
    while end:
        begin = tail.rfind(b"\n", 0, end - 1) + 1
        line = _read(tail[begin:end])
        if line is not None and is_known(line):
            return line["seq"], end
        end = begin
    return 0, 0


def _read(line: bytes) -> dict[str, Any] | None:
    """None: it is no line of an event."""
    try:
        found = json.decode(line)
        return found if isinstance(found["seq"], int) else None
    except (ValueError, TypeError, KeyError, DecodeError):
        return None


class _Line(Struct):
    seq: int
    at: float
    type: str
    requirement: str | None
    task: str | None
    attempt: int | None
    epoch: int
    data: Raw


_ENCODER = json.Encoder()


def lines_of(rows: Sequence[Values]) -> bytes:
    """A line of JSON for each."""
    lines = [_Line(*where, Raw(data)) for *where, data in rows]  # type: ignore[call-arg]
    return _ENCODER.encode_lines(lines)


def by_day(rows: Sequence[Values]) -> dict[str, Sequence[Values]]:
    with contextlib.suppress(TypeError):
        if len({row[1] // DAY_S for row in rows}) == 1:  # nearly always, and then this is the quick way
            return {_day_of(rows[0][1]): rows}
    days: dict[str, list[Values]] = {}
    for row in rows:
        days.setdefault(_day_of(row[1]), []).append(row)
    return dict(days)


def _day_of(at: float) -> str:
    try:
        return _day_name(int(at // DAY_S))
    except (OverflowError, ValueError, TypeError, OSError) as error:
        raise LedgerRefused(f"{at!r} is not a moment in seconds since 1970: {error}") from error


@lru_cache(maxsize=16)
def _day_name(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_S, UTC).date().isoformat()
