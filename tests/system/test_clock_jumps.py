"""The wall clock is set while a real system works: whatever is waited for comes when it would have come.

Python reads the clock of the test's processes through ``sitecustomize``, which adds what stands in a file.
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import pytest

from tests.system.conftest import Place, eventually

SITE = """
import mmap, os, struct, time
with open(os.environ["TEST_CLOCK"], "rb") as file:
    ahead = mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)
real, real_ns, told = time.time, time.time_ns, set()
def by_s():
    (found,) = struct.unpack("d", ahead)
    if found and os.getpid() not in told:
        told.add(os.getpid())
        open(f"{os.environ['TEST_CLOCK']}.{os.getpid()}", "w").close()
    return found
time.time = lambda: real() + by_s()
time.time_ns = lambda: real_ns() + int(by_s() * 1e9)
"""
DAY_S, DEADLINE_S, DELAY_S = 86_400.0, 6.0, 3.0


class Clock:
    """The clock of all Python processes that get ``env``."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._file.write_bytes(struct.pack("d", 0.0))
        (folder / "sitecustomize.py").write_text(SITE)
        path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        self.env = {"PYTHONPATH": path, "TEST_CLOCK": str(self._file)}

    def was_read_by(self, pid: int) -> bool:
        """Since it was set."""
        return self._file.with_name(f"clock.{pid}").exists()

    def set_ahead(self, by_s: float) -> None:
        with self._file.open("rb+") as file:
            file.write(struct.pack("d", by_s))


@pytest.mark.parametrize(
    ("ahead_s", "is_killed"), [(2 * 3600.0, False), (-2 * 3600.0, False), (-2 * 3600.0, True), (30 * DAY_S, True)]
)
def test_limits_waits_and_deadlines_are_as_long_as_they_were_to_be(
    place: Place, ahead_s: float, is_killed: bool
) -> None:
    """``is_killed``: the Scheduler dies in the moment in which the clock is set, and another one finds it so."""
    (place.folder / "site").mkdir()
    clock, gate = Clock(place.folder / "site"), place.folder / "go"
    place.begin("serve", "--workers", "3", **clock.env)
    eventually(place.is_up)
    waits = f"until [ -e '{gate}' ]; do sleep 0.05; done"
    fails_once = f"[ -e '{place.folder}/second' ] || {{ touch '{place.folder}/second'; exit 1; }}"
    again = {"run": fails_once, "retry": {"delay": DELAY_S, "jitter": 0}}
    files = [
        place.requirement({"slow": {"run": waits, "timeout": "1h"}}, name="long", repo=None, deadline="1h"),
        place.requirement({"again": again}, name="again", repo=None),
        place.requirement({"late": {"run": "sleep 77"}}, name="late", repo=None, deadline=DEADLINE_S),
    ]
    began_at = time.monotonic()
    for file in files:
        assert place.here("submit", str(file)).returncode == 0
    eventually(lambda: place.event("task_retry_scheduled", "again") and place.event("attempt_started", "late"))

    clock.set_ahead(ahead_s)
    if is_killed:
        place.kill(place.pids()["root/scheduling/scheduler"])

    eventually(lambda: place.event("requirement_done") or place.event("requirement_failed"), 30.0)
    again_s = time.monotonic() - began_at
    eventually(lambda: place.event("requirement_failed"), 30.0)
    late_s = time.monotonic() - began_at
    assert place.data("status", "again")["state"] == "done"
    assert DELAY_S * 0.9 < again_s < late_s
    assert place.data("status", "late")["error"].startswith("deadline") and late_s > DEADLINE_S * 0.9
    assert place.data("status", "long")["state"] == "running"
    gate.touch()
    eventually(lambda: place.data("status", "long")["state"] == "done", 30.0)
    assert place.data("status", "long")["tasks"][0]["attempts"] == 1
    assert clock.was_read_by(place.pids()["root/scheduling/scheduler"])
    assert place.data("db", "check")["sound"]
