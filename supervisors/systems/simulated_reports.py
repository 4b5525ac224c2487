"""What a simulated child tells its supervisor through their pipe, as the message that the supervisor's shell gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from supervisors.messages import ChildEnded, ChildIgnored, ChildStarted


def message_of(
    child: str, generation: int, pid: int, has_worked: bool, begun: Mapping[int, int], word: tuple[Any, ...]
) -> ChildStarted | ChildIgnored | ChildEnded:
    """``word`` is (started, incarnation, address, info), (ignored,) or (ended, reason)."""
    match word:
        case ("started", incarnation, address, info):
            return ChildStarted(child, generation, pid, incarnation, address, info)
        case ("ignored",):
            return ChildIgnored(child, generation, pid)
        case (_, reason):
            return ChildEnded(child, generation, reason, pid, has_worked, begun)
    raise ValueError(f"nothing a child says: {word!r}")
