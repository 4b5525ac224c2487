"""Erlang-style supervision for processes that must not stay dead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supervisors import strategy
    from supervisors.actor import ManagedActor
    from supervisors.backoff import Backoff
    from supervisors.budget import ErrorBudget
    from supervisors.durable import DurableActor
    from supervisors.errors import ExitReason, SupervisorError
    from supervisors.messages import IGNORE, ChildCounts, ChildInfo
    from supervisors.specs import ChildSpec, Restart, Shutdown, Strategy, SupervisorSpec
    from supervisors.tree import ActorTree

__all__ = [
    "IGNORE",
    "ActorTree",
    "Backoff",
    "ChildCounts",
    "ChildInfo",
    "ChildSpec",
    "DurableActor",
    "ErrorBudget",
    "ExitReason",
    "ManagedActor",
    "Restart",
    "Shutdown",
    "Strategy",
    "SupervisorError",
    "SupervisorSpec",
    "strategy",
]

_HOMES = {
    "supervisors.actor": ("ManagedActor",),
    "supervisors.backoff": ("Backoff",),
    "supervisors.budget": ("ErrorBudget",),
    "supervisors.durable": ("DurableActor",),
    "supervisors.errors": ("ExitReason", "SupervisorError"),
    "supervisors.messages": ("IGNORE", "ChildCounts", "ChildInfo"),
    "supervisors.specs": (
        "ChildSpec",
        "Restart",
        "Shutdown",
        "Strategy",
        "SupervisorSpec",
    ),
    "supervisors.tree": ("ActorTree",),
}


def __getattr__(name: str) -> Any:
    """Public names are imported when first used, so that a small process stays small: one without durable state does
    without pydantic, and a command that only knocks at a door does without what decides in a tree."""
    from importlib import import_module

    if name == "strategy":
        return import_module("supervisors.strategy")
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(home), name)
    return found
