"""Somebody who is idle is stopped by a signal, and nobody continues it: a process that does nothing at all is not given
the time of a long handler."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from functools import partial

import pytest

from aidos_actors import Runtime
from supervisors import ChildInfo, SupervisorError
from tests.system.conftest import Place, eventually

WITHIN_S = 15.0  # two heartbeats of the Scheduler are 30 s, and two of a worker 20 s
RESTED_S = 1.0


def info(runtime: Runtime, path: str) -> ChildInfo | None:
    above, _, name = path.rpartition("/")
    with contextlib.suppress(SupervisorError):
        return next((each for each in runtime.tree.which_children(above) if each.id == name), None)
    return None


def has_rested(runtime: Runtime, *paths: str) -> bool:
    found = [info(runtime, path) for path in paths]
    return all(each is not None and (each.last_beat_s or 0.0) > RESTED_S for each in found)


def successor(runtime: Runtime, path: str, before: int) -> ChildInfo | None:
    found = info(runtime, path)
    return found if found is not None and found.state == "running" and found.pid != before else None


@pytest.mark.chaos
@pytest.mark.parametrize(
    "stopped",
    [("root/scheduling/scheduler", "root/workers/worker-1"), ("root/scheduling", "root/workers")],
    ids=["actors", "supervisors"],
)
def test_who_is_stopped_while_idle_is_replaced_whatever_its_heartbeat(place: Place, stopped: tuple[str, ...]) -> None:
    with Runtime(place.state, workers=2) as runtime:
        eventually(lambda: has_rested(runtime, "root/scheduling/scheduler", "root/workers/worker-1"))
        before = {path: info(runtime, path).pid for path in stopped}
        at = time.monotonic()
        for pid in before.values():
            os.kill(pid, signal.SIGSTOP)
        runtime.submit(place.requirement({name: {"run": f"echo > {name}"} for name in ("a", "b", "c")}))
        for path, pid in before.items():
            ended = eventually(partial(successor, runtime, path, pid)).last_exit
            assert ended.kind == "killed" and "stopped: held by a signal for" in ended.detail
            print(f"{path}: replaced after {time.monotonic() - at:.1f} s")
            assert time.monotonic() - at < WITHIN_S
        assert runtime.wait("work", 60.0).state == "done"
        assert info(runtime, "root/delivery/gitops").restarts == 0
    place.assert_laws("work", {"a", "b", "c"})
    place.assert_clean()
