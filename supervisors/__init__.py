"""Erlang-style supervision for processes that must not stay dead."""

from typing import TYPE_CHECKING, Any

from supervisors import strategy
from supervisors.actor import ManagedActor
from supervisors.errors import ExitReason, SupervisorError
from supervisors.messages import IGNORE, ChildCounts, ChildInfo
from supervisors.specs import Backoff, ChildSpec, ErrorBudget, Restart, Shutdown, Strategy, SupervisorSpec
from supervisors.tree import ActorTree

if TYPE_CHECKING:
    from supervisors.durable import DurableActor

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
    """``DurableActor`` is imported when it is first asked for: processes without durable state do without pydantic."""
    if name == "DurableActor":
        from supervisors.durable import DurableActor

        return DurableActor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
