"""The owner of a nursery is stopped, and with it all that it waits for, and continued first: nobody was slow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aidos_actors.executors.linux import start_time
from supervisors.linux import is_frozen

STOPPED_S = 4.0
HEARS_NOTHING = """
import os, signal, sys
from aidos_actors.executors import minded
from aidos_actors.executors.nursery import Nursery
from aidos_actors.executors.orders import Order

minded.HEARING_LIMIT_S = 2.0
nursery = Nursery()
command = nursery.spawn(Order(("/bin/true",), ".", {}, timeout_s=3600.0))
os.kill(command.pid, signal.SIGSTOP)
command.go()
print(command.pid, flush=True)
print(command.wait().reason, flush=True)
nursery.close()
"""
READS_NOTHING = """
import os
from aidos_actors.executors.linux import readable_within

print(os.getpid(), flush=True)
print("heard" if readable_within(0, 2.0) else "not heard", flush=True)
"""


@pytest.mark.parametrize(("script", "answer"), [(HEARS_NOTHING, "exited"), (READS_NOTHING, "heard")])
def test_who_is_continued_after_its_owner_has_its_whole_time(bench, script: str, answer: str) -> None:
    env = {**os.environ, **bench.env, "PYTHONPATH": str(Path(__file__).parents[2])}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], stdin=pipe, stdout=pipe, text=True, env=env) as owner:
        assert owner.stdin is not None and owner.stdout is not None
        other = int(owner.stdout.readline())
        time.sleep(0.5)  # by then it waits
        os.kill(owner.pid, signal.SIGSTOP)
        bench.wait_until(lambda: is_frozen(owner.pid), "the owner is stopped")
        time.sleep(STOPPED_S)
        os.kill(owner.pid, signal.SIGCONT)
        time.sleep(0.5)
        assert start_time(other) is not None, "it was ended"
        os.kill(other, signal.SIGCONT)
        owner.stdin.write("word\n")
        owner.stdin.flush()
        assert owner.stdout.readline() == f"{answer}\n"
