"""A process that is being exec'ed is bound to its starter before it imports anything of ours."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from supervisors.linux import start_ticks

STARTER = """\
import os, subprocess, sys
sys.path.insert(0, sys.argv[1])
import supervisors
from supervisors import boot
argv, fd = boot.command("slow_to_import", b"", ("supervisors",), parent=os.getpid())
subprocess.Popen(argv, pass_fds=[fd], start_new_session=True).wait()
"""
SLOW = """\
import os, time
with open(os.path.join(os.path.dirname(__file__), "written"), "w") as file:
    file.write(str(os.getpid()))
os.rename(file.name, os.path.join(os.path.dirname(__file__), "pid"))
time.sleep(60)
"""


@pytest.mark.chaos
def test_one_that_still_imports_ends_with_its_starter(tmp_path: Path) -> None:
    (tmp_path / "slow_to_import.py").write_text(SLOW)
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)])
    try:
        until = time.monotonic() + 30
        while not (tmp_path / "pid").exists():
            assert time.monotonic() < until, "the import did not begin"
            time.sleep(0.01)
    finally:
        starter.send_signal(signal.SIGKILL)
        starter.wait()
    child = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 1.0
    while start_ticks(child) is not None:
        assert time.monotonic() < until, "it goes on importing"
        time.sleep(0.01)


UNGUARDED = """\
from supervisors import ActorTree, ChildSpec, ManagedActor, SupervisorError, SupervisorSpec
class Idle(ManagedActor):
    def receive(self, message, sender): ...
try:
    ActorTree.start(SupervisorSpec(id="root", children=[ChildSpec(id="a", actor=Idle)]), state_dir="state")
except SupervisorError as error:
    if __name__ != "__main__":
        raise
    print(error)
"""


def test_a_main_file_that_is_not_guarded_is_told_how_to(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(UNGUARDED)
    argv = [sys.executable, "program.py"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("start_failed: ") and "do it under `if __name__ == '__main__':`" in done.stdout
