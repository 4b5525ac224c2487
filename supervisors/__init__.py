"""Erlang-style supervision for processes that must not stay dead."""

from typing import TYPE_CHECKING, Any

from supervisors import strategy
from supervisors.actor import ManagedActor
from supervisors.errors import ExitReason, SupervisorError
from supervisors.messages import IGNORE, ChildCounts, ChildInfo
from supervisors.specs import Backoff, ChildSpec, ErrorBudget, Restart, Shutdown, Strategy, SupervisorSpec

if TYPE_CHECKING:
    from supervisors.durable import DurableActor
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


def __getattr__(name: str) -> Any:
    """What only some processes need is imported when it is first asked for: processes without durable state do without
    pydantic, and those within a tree without what holds one from outside."""
    if name == "DurableActor":
        from supervisors.durable import DurableActor

        return DurableActor
    if name == "ActorTree":
        from supervisors.tree import ActorTree

        return ActorTree
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
