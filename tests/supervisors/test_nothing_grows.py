"""Actors come and go, by order and by SIGKILL; what their supervisor holds does not grow with their number.

``GROWTH_CYCLES`` makes it longer (``make growth``). Judged by slopes, so that a busy machine changes nothing: memory
per cycle after a first half in which caches fill, and everything countable not at all.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import astuple, dataclass
from pathlib import Path

from supervisors import ActorTree, ChildSpec, ManagedActor, SupervisorError, SupervisorSpec
from supervisors.linux import descendants

CYCLES = int(os.environ.get("GROWTH_CYCLES", "100"))
BYTES_PER_CYCLE_MAX = 8_000
"""Thespian keeps about 3 kB for every child it ever had; more would be ours."""


class Mayfly(ManagedActor):
    def receive(self, message: object, sender: str | None) -> None:
        self.reply(os.getpid())


@dataclass(frozen=True, slots=True)
class Held:
    processes: int
    zombies: int
    fds: int
    sockets: int
    memory_bytes: int


def held(pids: dict[str, int]) -> Held:
    fds = [fd for pid in pids.values() for fd in Path(f"/proc/{pid}/fd").iterdir()]
    sockets = [fd for fd in fds if "socket:" in _target(fd)]
    below = descendants(pids["guardian"])
    zombies = [pid for pid in below if _status(pid, "State").startswith("Z")]
    memory = sum(int(_status(pid, "RssAnon").split()[0]) * 1024 for pid in pids.values())
    return Held(len(below), len(zombies), len(fds), len(sockets), memory)


def _target(fd: Path) -> str:
    try:
        return str(fd.readlink())
    except OSError:
        return ""


def _status(pid: int, name: str) -> str:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "0 kB"


def cycle(tree: ActorTree, number: int) -> None:
    """One life: the process has ended and another has taken its place."""
    if number % 2:
        tree.terminate_child("root", "fly")
        tree.restart_child("root", "fly")
        return
    before = tree.ask("fly", "pid")
    os.kill(before, signal.SIGKILL)
    until = time.monotonic() + 20
    while True:
        try:
            if tree.ask("fly", "pid") != before:
                return
        except SupervisorError:
            assert time.monotonic() < until
            time.sleep(0.002)


def test_nothing_grows_with_the_number_of_lives(tmp_path: Path) -> None:
    spec = SupervisorSpec(
        id="root", children=(ChildSpec(id="fly", actor=Mayfly),), max_restarts=10 * CYCLES, within_s=1.0
    )
    with ActorTree.start(spec, state_dir=tmp_path) as tree:
        pids = dict(tree._call("ping", "", {})["pids"])
        seen = []
        for part in range(4):
            for number in range(CYCLES // 4):
                cycle(tree, part * (CYCLES // 4) + number)
            seen.append(_settled(pids))
            print(part, seen[-1])
        assert tree._call("ping", "", {})["pids"] == pids, "the system itself was never replaced"
    for early, late in zip(astuple(seen[0])[:4], astuple(seen[-1])[:4], strict=True):
        assert late <= early + 3, seen
    grown = seen[3].memory_bytes - seen[1].memory_bytes
    assert grown / (CYCLES / 2) < BYTES_PER_CYCLE_MAX + 1_000_000 / CYCLES, f"{grown} bytes in {CYCLES // 2} cycles"


def _settled(pids: dict[str, int]) -> Held:
    """What is held once what has just ended is gone. One zombie is who forked the admin."""
    until = time.monotonic() + 5
    while (now := held(pids)).zombies > 1 and time.monotonic() < until:
        time.sleep(0.01)
    return now
