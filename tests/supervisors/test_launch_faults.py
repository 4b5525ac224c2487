"""A launch that the machine spoils is tried again; one that cannot work is refused at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from supervisors import ActorTree, ChildSpec, SupervisorSpec
from supervisors.linux import children
from tests.supervisors.actors_for_tests import Obedient


def test_a_launcher_killed_during_the_first_start_is_replaced(tmp_path: Path) -> None:
    killed: list[int] = []

    def kill_the_first_launcher() -> None:
        until = time.monotonic() + 10
        while time.monotonic() < until and not killed:
            for guardian in children(os.getpid()):
                for launcher in children(guardian):
                    if b"launcher" in Path(f"/proc/{launcher}/cmdline").read_bytes():
                        os.kill(launcher, signal.SIGKILL)
                        killed.append(launcher)
                        return

    thread = threading.Thread(target=kill_the_first_launcher)
    thread.start()
    spec = SupervisorSpec(id="root", children=(ChildSpec(id="a", actor=Obedient),))
    with ActorTree.start(spec, state_dir=tmp_path) as tree:
        thread.join()
        assert killed and tree.ask("a", 1) == (1, None)
        assert tree.pids["launcher"] != killed[0]
