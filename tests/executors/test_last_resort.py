"""A process whose callable keeps the interpreter's lock ends in time, and says where it stood."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aidos_actors.core.orders import AttemptKey
from aidos_actors.executors.begun import BegunMark, begun_by, forget, last_calls
from aidos_actors.executors.last_resort import LAST_SIGNAL, end_worker, overdue, place_in

WORKER = """
import re, signal, sys, threading, time
from pathlib import Path
from aidos_actors.core.orders import AttemptKey
from aidos_actors.executors import last_resort
from aidos_actors.executors.begun import TimedMark
from aidos_actors.executors.call import _called

last_resort.GRACE_S = 0.3
KEY = AttemptKey("r", "a", 1)

def keeps():
    mark.begin(KEY, 0.2)
    re.match("(a+)+$", "a" * 60 + "b")

def given_up():
    mark.begin(KEY, 0.2)
    mark.rest()
    time.sleep(1.2)

def alarms():
    mark.begin(KEY, 0.2)
    signal.alarm(900)
    signal.alarm(0)
    re.match("(a+)+$", "a" * 60 + "b")

mark = TimedMark(Path(sys.argv[1]), "7-life")
function = f"__main__:{sys.argv[2]}"
thread = threading.Thread(target=_called, args=(function, {}, lambda: None, lambda: Path("/dev/null")))
thread.start()
thread.join()
"""

STACKS = """Thread 0x00007f (most recent call first):
  File "/x/lib/python3.11/threading.py", line 1002 in _bootstrap

Current thread 0x00007e (most recent call first):
  File "/x/my jobs/re.py", line 166 in match
  File "/y/jobs.py", line 3 in f
  File "/z/aidos_actors/executors/call.py", line 151 in _called
  File "/x/lib/python3.11/threading.py", line 982 in run
"""


def worker(folder: Path, how: str) -> int:
    return subprocess.run([sys.executable, "-c", WORKER, str(folder), how], timeout=30).returncode


@pytest.mark.parametrize("how", ["keeps", "alarms"])
def test_it_is_ended_and_says_which_callable_stood_where(tmp_path: Path, how: str) -> None:
    assert worker(tmp_path, how) == -LAST_SIGNAL
    begun, place = last_calls(tmp_path, "7-life")
    assert [str(key.task) for key in begun or ()] == ["a"]
    assert place is not None and ", line " in place
    forget(tmp_path, "7-life")
    assert list(tmp_path.iterdir()) == []


def test_one_that_was_given_up_may_take_its_time(tmp_path: Path) -> None:
    assert worker(tmp_path, "given_up") == 0
    assert last_calls(tmp_path, "7-life")[1] is None


def test_one_that_ended_stays_the_one_begun_last(tmp_path: Path) -> None:
    """Its worker may die of it a moment later, and its result is on record only when the Scheduler says so."""
    mark = BegunMark(tmp_path, "7-life")
    assert begun_by(tmp_path, "7-life") == ()
    mark.begin(AttemptKey("r", "a", 1), 5.0)
    mark.rest()
    assert begun_by(tmp_path, "7-life") == (AttemptKey("r", "a", 1),)
    mark.begin(AttemptKey("r", "b", 2), 5.0)
    assert begun_by(tmp_path, "7-life") == (AttemptKey("r", "b", 2),)


def test_the_place_is_the_innermost_one_of_the_thread_that_called() -> None:
    assert place_in(STACKS) == "/x/my jobs/re.py, line 166, in match"
    assert place_in("Thread 0x1 (most recent call first):\n  <no Python frame>\n") == ""
    assert place_in("torn") == ""


def test_nothing_is_known_of_a_life_that_left_nothing(tmp_path: Path) -> None:
    assert overdue(tmp_path, "7-life") is None


def test_a_deaf_worker_is_ended_by_its_number_and_its_title_only() -> None:
    words = [sys.executable, "-c", "print('up', flush=True); input()", "aidos root/workers/worker-1"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        end_worker("root/workers/worker-2", f"{process.pid}-life")
        end_worker("root/workers/worker-1", "virtual")
        assert process.poll() is None
        end_worker("root/workers/worker-1", f"{process.pid}-life")
        assert process.wait(10) == -9
    end_worker("root/workers/worker-1", f"{process.pid}-life")
