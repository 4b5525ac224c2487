"""Erlang-style supervision for processes that must not stay dead."""

from supervisors.actor import ManagedActor
from supervisors.errors import ExitReason, SupervisorError
from supervisors.messages import IGNORE, ChildCounts, ChildInfo
from supervisors.specs import Backoff, ChildSpec, ErrorBudget, Restart, Shutdown, Strategy, SupervisorSpec
from supervisors.tree import ActorTree

__all__ = [
    "IGNORE",
    "ActorTree",
    "Backoff",
    "ChildCounts",
    "ChildInfo",
    "ChildSpec",
    "ErrorBudget",
    "ExitReason",
    "ManagedActor",
    "Restart",
    "Shutdown",
    "Strategy",
    "SupervisorError",
    "SupervisorSpec",
]
