"""What a supervisor sees of a child's process: whether it runs, and by whom it is held if it does not."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from types import SimpleNamespace

import pytest

from supervisors.liveness import Beat, ProcessState
from supervisors.systems.child_process import ChildProcess
from tests.supervisors.real_trees import eventually

ATTACH, DETACH = 16, 17


def test_who_holds_a_process_is_seen() -> None:
    ptrace = ctypes.CDLL(None).ptrace
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        pid = sleeper.pid
        child = ChildProcess("a", 1, pid, None, -1, -1, SimpleNamespace(read=lambda: Beat(1)))

        def is_seen(state: ProcessState) -> None:
            eventually(lambda: child.sight().process is state)

        try:
            is_seen(ProcessState.RUNS)
            os.kill(pid, signal.SIGSTOP)
            is_seen(ProcessState.STOPPED)
            os.kill(pid, signal.SIGCONT)
            is_seen(ProcessState.RUNS)
            if ptrace(ATTACH, pid, 0, 0):
                pytest.skip("nobody may look into a process here")
            is_seen(ProcessState.TRACED)
            ptrace(DETACH, pid, 0, 0)
            is_seen(ProcessState.RUNS)
        finally:
            sleeper.kill()
        is_seen(ProcessState.GONE)
