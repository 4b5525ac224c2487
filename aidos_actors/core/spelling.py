"""The valid name a person most likely meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from itertools import islice

NAMES_COMPARED_MAX = 50_000
NAME_COMPARED_MAX_CHARS = 100
NAMES_LISTED_MAX = 20


def nearest_name(wrong: str, names: Collection[str]) -> str | None:
    """The one of the first 50,000 ``names`` that is most like ``wrong``, whatever the case; None when none is alike."""
    if len(wrong) > NAME_COMPARED_MAX_CHARS:
        return None
    folded = {name.casefold(): name for name in islice(names, NAMES_COMPARED_MAX)}
    found = get_close_matches(wrong.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def suggestion(wrong: str, names: Collection[str]) -> str:
    """A sentence for a hint: the nearest name, and all valid names when they are few enough to be read."""
    near = nearest_name(wrong, names)
    asked = f"did you mean {near!r}?" if near is not None else ""
    listed = f"valid: {', '.join(names)}" if 0 < len(names) <= NAMES_LISTED_MAX else ""
    return " ".join(part for part in (asked, listed) if part)
