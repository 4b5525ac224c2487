"""Where no command can be started there are fewer tasks at a time, and all of them again by itself."""

from __future__ import annotations

import signal
from typing import Any

import psutil
import pytest

from aidos_actors.executors.protocol import INLINE_BYTES_MAX
from tests.system.conftest import Place, eventually


def workers(place: Place) -> list[dict[str, Any]]:
    return list(next(child for child in place.tree()["children"] if child["id"] == "workers")["children"])


@pytest.mark.parametrize("sick", [1, 2])
def test_a_worker_that_starts_nothing_takes_nothing_until_it_can(place: Place, sick: int) -> None:
    """No file of the worker may grow, not even one in memory, by which a large order for a command travels."""
    serve = place.begin("serve", "--workers", "2")
    eventually(place.is_up)
    found = [psutil.Process(worker["pid"]) for worker in workers(place)]
    for each in found[:sick]:
        each.rlimit(psutil.RLIMIT_FSIZE, (0, psutil.RLIM_INFINITY))

    tasks = {f"t{n}": {"run": "sleep 0.05", "env": {"LARGE": "x" * INLINE_BYTES_MAX}} for n in range(8)}
    assert place.aidos("submit", str(place.requirement(tasks, name="many", repo=None))).returncode == 0
    eventually(lambda: sum(bool(worker["degraded"]) for worker in workers(place)) == sick)
    assert "start commands" in next(worker["degraded"] for worker in workers(place) if worker["degraded"])
    assert place.here("status").returncode == 9
    if sick == 1:
        eventually(lambda: place.data("status", "many")["state"] == "done")
    else:
        assert place.data("status", "many")["state"] == "running"
    for each in found[:sick]:
        each.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))

    eventually(lambda: place.data("status", "many")["state"] == "done")
    more = {f"m{n}": {"run": "sleep 0.2"} for n in range(8)}
    assert place.aidos("submit", str(place.requirement(more, name="more", repo=None))).returncode == 0
    eventually(lambda: place.data("status", "more")["state"] == "done")
    eventually(lambda: not any(worker["degraded"] for worker in workers(place)))
    for name in ("many", "more"):
        assert all(task["attempts"] - task["infra_faults"] == 1 for task in place.data("status", name)["tasks"])
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0
