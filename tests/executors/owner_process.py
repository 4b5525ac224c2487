"""An owner to be killed: ``owner_process.py FOLDER MARK SCRIPT GO``. Several threads, and signals set by others.

Prints nursery pid, minder pid and minder start time; if GO says fork, the pid of
a fork that holds all descriptors; sends ``go`` if GO ends with it; then waits for the outcome.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from aidos_actors.executors.nursery import Nursery
from aidos_actors.executors.orders import Order

folder, mark, script, go = sys.argv[1:]
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR2})
threading.Thread(target=threading.Event().wait, daemon=True).start()

nursery = Nursery()
env = {"PATH": os.environ["PATH"], "AIDOS_MARK": mark}
minded = nursery.spawn(Order(("/bin/sh", "-c", script), folder, env, output_path=f"{folder}/output"))


def fork_that_holds_all() -> int:
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    return pid


def work() -> None:
    print(nursery.pid, minded.pid, minded.started, flush=True)
    if go.startswith("fork"):
        print(fork_that_holds_all(), flush=True)
    if go.endswith("go"):
        minded.go()
    print(minded.wait(), flush=True)


thread = threading.Thread(target=work)
thread.start()
thread.join()
nursery.close()
