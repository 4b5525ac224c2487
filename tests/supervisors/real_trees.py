"""Trees of real processes whose children write down their starts and stops, and how to wait for what becomes of
them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervisors import ActorTree, ChildSpec, SupervisorError, SupervisorSpec
from supervisors.linux import start_ticks
from tests.supervisors.actors_for_tests import Obedient


def eventually(check: Callable[[], Any], within_s: float = 20.0) -> Any:
    until = time.monotonic() + within_s
    while True:
        try:
            found = check()
        except SupervisorError as error:
            if error.code not in ("restarting", "actor_failed", "timeout"):
                raise
            found = None
        if found:
            return found
        assert time.monotonic() < until, "it did not become true"
        time.sleep(0.01)


def child(name: str, tmp_path: Path, **more: Any) -> ChildSpec:
    args = {"log": str(tmp_path / "log"), "name": name, **more.pop("args", {})}
    return ChildSpec(id=name, actor=Obedient, args=args, **more)


def root(*children: Any, **more: Any) -> SupervisorSpec:
    return SupervisorSpec(id="root", children=children, **{"max_restarts": 20, **more})


def start(tmp_path: Path, *children: Any, **more: Any) -> ActorTree:
    return ActorTree.start(root(*children, **more), state_dir=tmp_path / "state")


def is_gone(pid: int) -> bool:
    return start_ticks(pid) is None
