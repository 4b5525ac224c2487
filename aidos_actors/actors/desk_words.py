"""What a call to the desk must look like. Whoever may connect may send anything, and none of it ends the Scheduler."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from aidos_actors.core.board.steering import OF_REQUIREMENTS
from aidos_actors.core.errors import BadInput

COUNT_MAX = 2**62  # what a database counts to


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and -COUNT_MAX < value < COUNT_MAX


def _is_span(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < COUNT_MAX and math.isfinite(value)


KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("id", "task", "requirement", "document", "base_commit"), (_is_text, "a text")),
    **dict.fromkeys(("after_seq", "limit"), (_is_count, "a whole number")),
    **dict.fromkeys(("wait_s", "drain_s"), (_is_span, "a number of seconds")),
}
MAY_BE_NONE = frozenset({"id", "task", "requirement", "base_commit"})
NEEDED: dict[str, tuple[str, ...]] = {
    "submit": ("document",),
    **dict.fromkeys(("explain", "result"), ("id", "task")),
    **dict.fromkeys(("wait", "progress", *OF_REQUIREMENTS), ("id",)),
}


def refuse_odd(call: Mapping[str, Any]) -> None:
    """BadInput when an argument that the verb needs is not there, or one is of another kind."""
    for name in NEEDED.get(call["verb"], ()):
        if call.get(name) is None:
            raise BadInput(f"the call {call['verb']!r} needs {name!r}")
    for name, (is_right, what) in KINDS.items():
        if name not in call or (call[name] is None and name in MAY_BE_NONE):
            continue
        if not is_right(call[name]):
            raise BadInput(f"{name!r} must be {what}")
