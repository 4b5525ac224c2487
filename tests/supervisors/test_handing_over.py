"""While a launcher, an admin or a root begins, its place in the family changes hands; who is killed meanwhile takes
what is below with it all the same, and the guardian knows of whoever could be killed next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from supervisors import ActorTree, ChildSpec, ManagedActor, SupervisorSpec
from supervisors.linux import children, descendants, is_alive, start_ticks
from tests.supervisors.test_guardian import eventually

KILLED_BETWEEN = """
import os, signal, socket
from supervisors import template
from supervisors.charge import Needs

tell_test = 1
template._be_launcher = lambda *_: os.write(tell_test, b"a launcher began")
fork = os.fork

def fork_and_be_killed():
    if os.getpid() == above:
        return fork()
    child = fork()
    if child:
        os.kill(os.getpid(), signal.SIGKILL)
    return child

above, os.fork = os.getpid(), fork_and_be_killed
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
template._fork_launcher(Needs(b"", {}, (), "told", 0, theirs.fileno(), "mark"), theirs, [], False)
"""


def test_a_launcher_ends_with_the_process_that_was_to_hand_it_over() -> None:
    """The output is at its end when the last process that holds it has ended."""
    done = subprocess.run([sys.executable, "-c", KILLED_BETWEEN], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


SLOW_ROOT = """
import os, sys, time
from pathlib import Path
from supervisors import SupervisorSpec
from supervisors.systems.thespian_portal import Portal
from supervisors.systems.thespian_process import Process

def begin_late(self):
    time.sleep(0.5)
    begin(self)

begin, Process.__init__ = Process.__init__, begin_late
portal = Portal(SupervisorSpec(id="root"), Path(sys.argv[1]), "told", [])
pids = portal.pids()
parent = Path(f"/proc/{pids['admin']}/stat").read_text().rpartition(")")[2].split()[1] if pids else ""
print(*sorted(pids), int(parent or 0) == os.getpid(), flush=True)
os._exit(0)
"""


def test_all_processes_of_a_system_are_known_as_soon_as_its_root_can_be_reached(tmp_path: Path) -> None:
    """The guardian is told of them before the root begins. The admin is the launcher's own child from its beginning."""
    argv = [sys.executable, "-c", SLOW_ROOT, str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "admin logger root True\n"), done.stderr


class Slow(ManagedActor):
    """Starts something, writes down who it is, and is not done with its start for ten minutes."""

    def on_start(self, folder: str) -> None:
        below = subprocess.Popen(["sleep", "600"])
        part = Path(folder) / "part"
        part.write_text(f"{os.getppid()} {below.pid}")
        part.rename(Path(folder) / str(os.getppid()))
        time.sleep(600)

    def receive(self, message: Any, sender: str | None) -> None:
        self.reply(message)


@pytest.mark.parametrize("who", ["root", "admin", "launcher"])
def test_a_system_that_is_killed_before_it_is_up_is_gone_and_the_next_one_begins(tmp_path: Path, who: str) -> None:
    """Its guardian knows who it is, though none of them has said that it is up."""
    host = subprocess.Popen(
        [sys.executable, "-m", "tests.supervisors.test_handing_over", str(tmp_path)],
        cwd=Path(__file__).resolve().parents[2],
    )
    roots = lambda: [file for file in tmp_path.iterdir() if file.name.isdigit()]  # noqa: E731
    try:
        (file,) = eventually(roots)
        root, below = map(int, file.read_text().split())
        admin = int(Path(f"/proc/{root}/stat").read_text().rpartition(")")[2].split()[1])
        launcher = next(
            pid for pid in descendants(host.pid) if b"launcher" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        ticks = {pid: start_ticks(pid) for pid in (root, below, admin, launcher)}
        os.kill({"root": root, "admin": admin, "launcher": launcher}[who], signal.SIGKILL)
        eventually(lambda: not any(is_alive(pid, began) for pid, began in ticks.items() if began is not None), 5.0)
        eventually(lambda: len(roots()) == 2)
    finally:
        (guardian,) = children(host.pid)
        left = {pid: start_ticks(pid) for pid in [guardian, *descendants(guardian)]}
        host.kill()
        host.wait()
    eventually(lambda: not any(is_alive(pid, began) for pid, began in left.items() if began is not None), 5.0)


if __name__ == "__main__":
    slow = ChildSpec(id="slow", actor=Slow, args={"folder": sys.argv[1]}, start_timeout_s=600)
    ActorTree.start(SupervisorSpec(id="root", children=(slow,)), state_dir=Path(sys.argv[1]) / "state")
