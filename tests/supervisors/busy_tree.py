"""Trees of puppets in virtual time, and one with a supervisor in it that restarts all of its own."""

from __future__ import annotations

from typing import Any

from supervisors import ChildSpec, Strategy, SupervisorSpec
from supervisors.testing import Faults, Puppet, SimulatedTree


def puppet(name: str, **more: Any) -> ChildSpec:
    return ChildSpec(id=name, actor=Puppet, args={"name": name, **more.pop("args", {})}, **more)


def root(*children: Any, **more: Any) -> SupervisorSpec:
    return SupervisorSpec(id="root", children=children, **{"max_restarts": 100, **more})


def busy_tree(seed: int, faults: Faults | None = None) -> SimulatedTree:
    inner = SupervisorSpec(id="sub", strategy=Strategy.ONE_FOR_ALL, children=(puppet("b"), puppet("c")), max_restarts=9)
    return SimulatedTree.start(root(puppet("a"), inner), seed=seed, faults=faults)
