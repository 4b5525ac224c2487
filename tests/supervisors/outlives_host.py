"""A program that holds a tree and waits to be killed: ``python -m tests.supervisors.outlives_host STATE_DIR [fork]``.

Its actors start processes of their own: a plain one, one in a session of its own with a child, and one that is forked
and never exec'ed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

from supervisors import ActorTree, ChildSpec, ManagedActor, SupervisorSpec


class Spawner(ManagedActor):
    def on_start(self) -> None:
        self.started = [
            subprocess.Popen(["sleep", "600"]),
            subprocess.Popen(["sh", "-c", "sleep 600 & sleep 600"], start_new_session=True),
        ]
        if os.fork() == 0:
            os.setsid()
            signal.pause()
            os._exit(0)

    def receive(self, message: Any, sender: str | None) -> None:
        self.reply(message)


def main(state_dir: str, *how: str) -> None:
    inner = SupervisorSpec(id="inner", children=(ChildSpec(id="leaf", actor=Spawner),), max_restarts=50)
    spec = SupervisorSpec(id="root", children=(ChildSpec(id="a", actor=Spawner), inner), max_restarts=50)
    print("starting", flush=True)
    with ActorTree.start(spec, state_dir=state_dir, title="outlives", may_fork="fork" in how) as tree:
        print("up", flush=True)
        word = sys.stdin.readline().strip()
        if word == "restart":
            tree.terminate_child("root", "inner")
            print("restarting", flush=True)
            tree.restart_child("root", "inner")
        elif word == "stop":
            print("stopping", flush=True)
            tree.stop()
        time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
