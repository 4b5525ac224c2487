"""When a usage limit ends, found in what a program says of it.

Programs name it as seconds since the epoch, as a moment with or without a date and a time zone, or as a span from now:
``|1749924000``, ``resets 3pm (Europe/Berlin)``, ``resets Apr 23 at 4pm``, ``try again at Apr 28th, 2026 10:03 PM``,
``try again in 3 days 4 hours 5 minutes``, ``retry after 30 seconds``, ``2026-11-28T04:00:00Z``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

AHEAD_MAX_S = 40 * 86400.0
BEHIND_MAX_S = 3600.0
JUST_OVER = timedelta(minutes=30)
"""A time of day so far back is today's, by a clock that goes wrong or a word that came late, and not tomorrow's."""
TEXT_CHARS_MAX = 20_000
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
UNITS_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}

_EPOCH = re.compile(r"(?:\||resets?_?(?:at|in)?[\"': =]{1,4}|until[\"': =]{1,4})(1[5-9]\d{8}|2\d{9})(?:\d{3})?\b", re.I)
_ISO = re.compile(r"\b(20\d\d-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)")
_SPAN = re.compile(
    r"(?:again|resets?|retry(?:ing)?|retry[- ]after|available|wait)\D{0,20}?"
    r"((?:\d+(?:\.\d+)?\s*(?:days?|hours?|hrs?|minutes?|mins?|seconds?|secs?|d|h|m|s)\b[\s,]*(?:and\s+)?)+)",
    re.I,
)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([dhms])", re.I)
_AT = re.compile(
    r"(?:resets?|again|until|available|reset at)\b[^\n]{0,12}?"
    r"(?:(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?"
    r"(?:,?\s+(?P<year>20\d\d))?,?\s*(?:at\s+)?)?"
    r"(?:(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?\s*(?P<half>am|pm)|(?P<hour24>\d{1,2}):(?P<minute24>\d\d))"
    r"(?:\s*\((?P<zone>[A-Za-z_+\-/0-9]+)\))?",
    re.I,
)


def reset_moment(text: str, now: float, local: tzinfo) -> float | None:
    """The first moment named in ``text`` that can be meant, in wall seconds; None when it names none. ``local`` is the
    time zone of who said it. A moment of the last hour counts as well: then the limit has just ended."""
    found = (at for at in _moments(text[-TEXT_CHARS_MAX:], now, local) if -BEHIND_MAX_S <= at - now <= AHEAD_MAX_S)
    return next(found, None)


def _moments(text: str, now: float, local: tzinfo) -> Iterator[float]:
    for found in _EPOCH.finditer(text):
        yield float(found[1])
    for found in _ISO.finditer(text):
        moment = datetime.fromisoformat(found[1].replace(" ", "T"))
        yield (moment if moment.tzinfo is not None else moment.replace(tzinfo=local)).timestamp()
    for found in _SPAN.finditer(text):
        yield now + sum(float(number) * UNITS_S[unit.lower()] for number, unit in _PART.findall(found[1]))
    for found in _AT.finditer(text):
        at = _named(found, now, local)
        if at is not None:
            yield at


def _named(found: re.Match[str], now: float, local: tzinfo) -> float | None:
    """A time of day is the next one; a day without a year the one nearest ahead."""
    zone = _zone(found["zone"], local)
    here = datetime.fromtimestamp(now, UTC).astimezone(zone)
    hour, minute = _hour(found), int(found["minute"] or found["minute24"] or 0)
    try:
        if found["month"] is None:
            moment = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
            return (moment if here - moment < JUST_OVER else moment + timedelta(days=1)).timestamp()
        month, day = MONTHS.index(found["month"].lower()) + 1, int(found["day"])
        year = int(found["year"] or here.year)
        moment = datetime(year, month, day, hour, minute, tzinfo=zone)
        if found["year"] is None and moment < here - timedelta(days=180):
            moment = moment.replace(year=year + 1)
        return moment.timestamp()
    except ValueError:
        return None


def _hour(found: re.Match[str]) -> int:
    if found["hour24"] is not None:
        return int(found["hour24"])
    return int(found["hour"]) % 12 + (12 if found["half"].lower() == "pm" else 0)


def _zone(name: str | None, local: tzinfo) -> tzinfo:
    if name is None:
        return local
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return local
