"""Spans of time as people write them: ``250ms 30s 10m 24h 7d``, or seconds as a number."""

from __future__ import annotations

import math
import re
from decimal import Decimal

DURATION_MAX_S = 365 * 86_400.0
_TEXT_MAX_CHARS = 40
_PATTERN = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)((?:[eE][+-]?[0-9]+)?)(ms|s|m|h|d)?")
_UNIT_S = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3_600),
    "d": Decimal(86_400),
}
_RULE = "a number and one of ms, s, m, h, d, or seconds as a number, for example 250ms, 30s, 10m, 24h, 7d or 90"


def parse_duration_s(value: str | int | float) -> float:
    """The span in seconds, more than 0 and at most 365 days.

    The same span gives the same number however it was written (``1.1m`` is ``66s``). Raises ``ValueError`` with the
    rule and an example.
    """
    shown = repr(value) if len(str(value)[: _TEXT_MAX_CHARS + 1]) <= _TEXT_MAX_CHARS else "this text"
    try:
        seconds = _seconds(value)
    except (ArithmeticError, ValueError):
        raise ValueError(f"{shown} is not a duration: {_RULE}") from None
    if not math.isfinite(seconds):
        raise ValueError(f"{shown} is not a duration: it must be finite; {_RULE}")
    if seconds <= 0:
        raise ValueError(f"{shown} is not a duration: it must be more than 0; {_RULE}")
    if seconds > DURATION_MAX_S:
        raise ValueError(f"{shown} is too long: at most 365d")
    return seconds


def _seconds(value: str | int | float) -> float:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("neither text nor a number")
    if not isinstance(value, str):
        return float(value)
    found = _PATTERN.fullmatch(value) if len(value) <= _TEXT_MAX_CHARS else None
    if found is None:
        raise ValueError("not of the form number and unit")
    number, exponent, unit = found.groups()
    if exponent and unit:
        raise ValueError("an exponent is for plain numbers of seconds")
    return float(Decimal(number + exponent) * _UNIT_S[unit or "s"])
