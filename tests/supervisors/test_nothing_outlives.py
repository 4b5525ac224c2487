"""Any ancestor killed, at any stage: a second later no descendant of it lives, and nothing of it was left behind.

``OUTLIVES_KILLS`` and ``OUTLIVES_SEED`` make it the whole campaign (``make outlives``).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from supervisors.linux import children, descendants, start_ticks, state_of

KILLS = int(os.environ.get("OUTLIVES_KILLS", "12"))
SEED = int(os.environ.get("OUTLIVES_SEED", "7"))
STAGES = ("starting", "up", "restarting", "stopping")
MARK = "OUTLIVES_MARK"
LIMIT_S = 1.0
START_LIMIT_S = 60.0
PROCESSES = 18
"""Below the host, when all have started."""
KEPT = (2031,)
"""Seeds that have failed once: the admin killed while the tree stops, then the host."""


class Round:
    """One host, one kill."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.stage = STAGES[seed % len(STAGES)]
        self.mark = os.urandom(8).hex()
        how = ["fork"] if seed // len(STAGES) % 2 else []
        argv = [sys.executable, "-m", "tests.supervisors.outlives_host", str(folder), *how]
        self.host = subprocess.Popen(
            argv,
            env={**os.environ, MARK: self.mark},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
        )

    def reach(self) -> None:
        """The stage has been reached, and a moment of it has passed. How far a start has come is told by how many there
        are below the host."""
        self._hear("starting")
        if self.stage == "starting":
            self._wait_for_processes(self.chance.randint(0, PROCESSES))
            return
        self._hear("up")
        if self.stage in ("restarting", "stopping"):
            assert self.host.stdin is not None
            self.host.stdin.write({"restarting": "restart", "stopping": "stop"}[self.stage] + "\n")
            self.host.stdin.flush()
            self._hear(self.stage)
        time.sleep(self.chance.random() * 0.05)

    def _wait_for_processes(self, count: int) -> None:
        until = time.monotonic() + START_LIMIT_S
        while len(descendants(self.host.pid)) < count:
            assert time.monotonic() < until, f"there were never {count} processes"
            time.sleep(0.001)

    def _hear(self, word: str) -> None:
        assert self.host.stdout is not None
        assert self.host.stdout.readline().strip() == word

    def kill(self) -> tuple[str, dict[int, int]]:
        """Somebody of the system above others was killed; who, and those that were below it at that moment: it is held
        first, so that it hands nobody over between the look and the kill."""
        while True:
            system = [pid for pid in [self.host.pid, *descendants(self.host.pid)] if not _title(pid).startswith("sh ")]
            victim = self.chance.choice([pid for pid in system if descendants(pid)] or [self.host.pid])
            if not _held(victim):  # one that was just stopping has ended by itself
                continue
            if _title(victim).startswith("sh "):  # it was about to become one of these when it was chosen
                os.kill(victim, signal.SIGCONT)
                continue
            below = {pid: ticks for pid in descendants(victim) if (ticks := start_ticks(pid)) is not None}
            name = _title(victim)
            os.kill(victim, signal.SIGKILL)
            return name, below

    def survivors(self, below: dict[int, int]) -> list[str]:
        """Those of them that live on when ``LIMIT_S`` is over."""
        until = time.monotonic() + LIMIT_S
        while alive := [pid for pid, ticks in below.items() if start_ticks(pid) == ticks]:
            if time.monotonic() > until:
                return [f"{pid} {_title(pid)}" for pid in alive]
            time.sleep(0.01)
        return []

    def finish(self) -> list[str]:
        """The host is killed; who of the whole system lives on after that."""
        self.host.kill()
        self.host.wait()
        for stream in (self.host.stdin, self.host.stdout):
            assert stream is not None
            stream.close()
        until = time.monotonic() + LIMIT_S
        while alive := self._marked():
            if time.monotonic() > until:
                return alive
            time.sleep(0.02)
        return []

    def _marked(self) -> list[str]:
        wanted, found = f"{MARK}={self.mark}".encode(), []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and wanted in (entry / "environ").read_bytes() and start_ticks(int(entry.name)):
                    found.append(f"{entry.name} {_title(int(entry.name))}")
            except OSError:
                continue
        return found


def _held(pid: int) -> bool:
    """Whether the process lives, and does nothing more: it is stopped by a signal."""
    try:
        os.kill(pid, signal.SIGSTOP)
    except ProcessLookupError:
        return False
    while (state := state_of(pid)) not in ("T", "t"):
        if state in ("", "Z", "X"):
            return False
        time.sleep(0.0005)
    return True


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:60]
    except OSError:
        return "gone"


@pytest.mark.chaos
def test_nothing_outlives_its_owner(tmp_path: Path) -> None:
    failures = []
    for seed in (*range(SEED, SEED + KILLS), *KEPT):
        one = Round(tmp_path / str(seed), seed)
        try:
            one.reach()
            victim, below = one.kill()
            left = one.survivors(below)
        finally:
            orphans = one.finish()
        print(f"seed {seed}: {one.stage}, killed {victim!r} above {len(below)}: {left + orphans or 'nothing left'}")
        if left or orphans:
            failures.append((seed, one.stage, victim, left, orphans))
    assert not failures, f"{len(failures)} of {KILLS + len(KEPT)}: {failures}"


@pytest.mark.chaos
def test_a_guardian_waits_for_no_farewell_when_its_host_is_killed(tmp_path: Path) -> None:
    """The root has said its last word, and the launcher waits for an admin that does not answer."""
    one = Round(tmp_path, STAGES.index("up"))
    try:
        one.reach()
        (guardian,) = children(one.host.pid)
        admin = next(pid for pid in descendants(guardian) if "MultiProcAdmin" in _title(pid))
        root = next(pid for pid in children(admin) if "outlives root" in _title(pid))
        os.kill(admin, signal.SIGSTOP)
        assert one.host.stdin is not None
        one.host.stdin.write("stop\n")
        one.host.stdin.flush()
        until = time.monotonic() + 20
        while start_ticks(root) is not None:
            assert time.monotonic() < until, "the root did not stop"
            time.sleep(0.001)
        one.host.kill()
        until = time.monotonic() + LIMIT_S / 2
        while start_ticks(guardian) is not None:
            assert time.monotonic() < until, "the guardian lives on"
            time.sleep(0.001)
    finally:
        left = one.finish()
    assert not left
