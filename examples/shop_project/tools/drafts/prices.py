"""Prices as people write them, and as the shop counts them: whole cents."""

from __future__ import annotations

import re

_PRICE = re.compile(r"(?P<whole>\d{1,9})(?:[.,](?P<cents>\d{2}))?")


def parse_price(text: str) -> int:
    """Cents of ``12``, ``12.50`` or ``12,50``. Raises ``ValueError`` for anything else."""
    found = _PRICE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no price; write it as 12 or 12.50")
    return int(found["whole"]) * 100 + int(found["cents"] or 0)


def format_price(cents: int) -> str:
    """``-1,234.50`` for -123450."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole:,}.{rest:02}"
