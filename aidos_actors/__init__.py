"""AIDOS: starts a development requirement and does not stop until it is merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aidos_actors.core.requirement import Requirement, Task
    from aidos_actors.runtime import Runtime, Status

__version__ = "0.1.0"
__all__ = ["Requirement", "Runtime", "Status", "Task", "__version__"]

_HOMES = {
    "Requirement": "aidos_actors.core.requirement",
    "Task": "aidos_actors.core.requirement",
    "Runtime": "aidos_actors.runtime",
    "Status": "aidos_actors.runtime",
}


def __getattr__(name: str) -> Any:
    """Public names are imported when first used, so that a small process stays small."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
