"""What may be spent in a day on an analyzer that costs something, and what was. Days are those of UTC.

A charge is reserved at its highest before it is made, and corrected when it is known: a process that dies between has
spent too little, never too much.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace


class Charge(Struct, frozen=True):
    """One call. ``cost`` is in the currency of the configured prices."""

    tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    calls: int = 1


class DayLimits(Struct, frozen=True):
    """None: no limit."""

    calls: int | None = None
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None


class Spent(Struct, frozen=True):
    """``day`` is an ISO date; an empty one is before all others. ``resting_until`` is a moment in wall seconds before
    which the other side asked not to be called."""

    day: str = ""
    calls: int = 0
    tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    resting_until: float = 0.0


_WORDS = {"calls": "calls", "tokens": "tokens", "cost": "cost", "seconds": "seconds of waiting"}


def day_of(wall: float) -> str:
    """
    >>> day_of(86400.0)
    '1970-01-02'
    """
    return datetime.fromtimestamp(wall, UTC).date().isoformat()


def until_next_day_s(wall: float) -> float:
    """
    >>> until_next_day_s(86399.0)
    1.0
    """
    now = datetime.fromtimestamp(wall, UTC)
    following = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (following - now).total_seconds()


def reserve(spent: Spent, limits: DayLimits, charge: Charge, wall: float) -> Spent | str:
    """``spent`` with the charge in it; or, as words, which limit that would break. A clock that was set back brings no
    new day."""
    day = day_of(wall)
    if day > spent.day:
        spent = Spent(day, resting_until=spent.resting_until)
    after = _with(spent, charge, 1)
    for name, words in _WORDS.items():
        limit = getattr(limits, name)
        if limit is not None and getattr(after, name) > limit:
            return f"{limit:g} {words}"
    return after


def settle(spent: Spent, reserved: Charge, actual: Charge, day: str) -> Spent:
    """The charge reserved on ``day`` was another. What it cost on a day that is over counts no more."""
    return spent if day != spent.day else _with(_with(spent, reserved, -1), actual, 1)


def _with(spent: Spent, charge: Charge, sign: int) -> Spent:
    return replace(
        spent,
        calls=max(0, spent.calls + sign * charge.calls),
        tokens=max(0, spent.tokens + sign * charge.tokens),
        cost=max(0.0, spent.cost + sign * charge.cost),
        seconds=max(0.0, spent.seconds + sign * charge.seconds),
    )
