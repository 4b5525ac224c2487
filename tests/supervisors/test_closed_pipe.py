"""An actor that has closed every pipe it inherited, as a program does that makes a daemon of itself."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil

from supervisors import ActorTree, ChildSpec, ManagedActor, SupervisorSpec
from supervisors.testing import eventually

WORKS_S = 1.0


class Closing(ManagedActor):
    """Closes its pipes and works for a while; replies how many there were."""

    def receive(self, message: Any, sender: str | None) -> None:
        pipes = [int(each.name) for each in Path("/proc/self/fd").iterdir() if _is_pipe(each)]
        for fd in pipes:
            os.close(fd)
        time.sleep(WORKS_S)
        self.reply(len(pipes))


def _is_pipe(fd: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):  # the one that reads the folder
        return str(fd.readlink()).startswith("pipe:")
    return False


def test_its_supervisor_neither_spins_nor_forgets_it(tmp_path: Path) -> None:
    spec = SupervisorSpec(id="root", children=[ChildSpec("a", Closing)])
    with ActorTree.start(spec, state_dir=tmp_path / "state") as tree:
        before = tree.which_children("root")[0].pid or 0
        supervisor = psutil.Process(before).parent()
        assert supervisor is not None
        used = supervisor.cpu_times().user
        assert tree.ask("a", "close", timeout_s=20.0) > 0
        assert supervisor.cpu_times().user - used < WORKS_S / 2
        os.kill(before, signal.SIGKILL)
        eventually(lambda: tree.which_children("root")[0].pid not in (None, before))
        last = tree.which_children("root")[0].last_exit
        assert last is not None and last.kind == "killed"
