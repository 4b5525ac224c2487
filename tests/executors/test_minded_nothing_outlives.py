"""A nursery or a minder is killed or closed, or a command ends: whatever it started goes too, and nothing is left of
many runs."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from aidos_actors.executors.linux import children_of
from aidos_actors.executors.nursery import run
from aidos_actors.executors.orders import NurseryLost
from aidos_actors.executors.sweep import is_alive

TWO_SLEEPS = "sleep 77 & (setsid sleep 78 &) ; echo $$ > pid; sleep 79"
DAEMON = """
import os, signal, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 100)
        open("daemon", "w").write(f"{os.getpid()}\\n")
        time.sleep(77)
    os._exit(0)
os.wait()
while not os.path.exists("daemon"): time.sleep(0.01)
"""
CHAIN = """
import os, time
open("chain", "w").write("runs\\n")
end = time.monotonic() + 60
while time.monotonic() < end:
    if os.fork(): os._exit(0)
    os.setsid()
"""


def test_killed_nursery(bench, nursery):
    minded = nursery.spawn(bench.shell(TWO_SLEEPS))
    minded.go()
    bench.wait_for("pid")
    before = nursery.pid
    os.kill(before, signal.SIGKILL)
    with pytest.raises(NurseryLost):
        minded.wait()
    assert bench.living() == []
    assert not is_alive(minded.pid, minded.started)
    assert run(nursery, bench.shell("echo again")).stdout == b"again\n"
    assert nursery.pid != before


def test_killed_nursery_and_a_minder_that_has_been_stopped(bench, nursery):
    minded = nursery.spawn(bench.shell(TWO_SLEEPS))
    minded.go()
    bench.wait_for("pid")
    os.kill(minded.pid, signal.SIGSTOP)
    os.kill(nursery.pid, signal.SIGKILL)
    with pytest.raises(NurseryLost):
        minded.wait()
    assert bench.living() == []


def test_killed_minder(bench, nursery):
    other = nursery.spawn(bench.shell("echo $$ > other; sleep 80"))
    other.go()
    bench.wait_for("other")
    minded = nursery.spawn(bench.shell(TWO_SLEEPS))
    minded.go()
    bench.wait_for("pid")
    bench.wait_until(lambda: len(bench.living()) == 6, "both commands run with their sleeps")
    later = nursery.spawn(bench.shell("true"))  # forked while the nursery held the socket of the one to be killed
    os.kill(minded.pid, signal.SIGKILL)
    outcome = minded.wait()
    assert (outcome.reason, outcome.exit_code) == ("lost", None)
    assert len(bench.living()) == 2, "the other command lives, and nothing else"
    for one in (other, later):
        one.end("enough")
        assert one.wait().reason == "ended"


def test_killed_minder_of_a_stopped_nursery(bench, nursery):
    minded = nursery.spawn(bench.shell(TWO_SLEEPS))
    minded.go()
    bench.wait_for("pid")
    os.kill(nursery.pid, signal.SIGSTOP)
    os.kill(minded.pid, signal.SIGKILL)
    assert minded.wait().reason == "lost"
    assert bench.living() == []


def test_a_command_that_kills_its_minder(bench, nursery):
    assert run(nursery, bench.shell("sleep 77 & kill -9 $PPID; sleep 78")).reason == "lost"
    assert bench.living() == []


def test_nursery_that_dies_again_and_again_is_not_started_for_ever(bench, nursery):
    with pytest.raises(NurseryLost, match="within a minute"):
        for _ in range(30):
            os.kill(nursery.pid, signal.SIGKILL)
            nursery.spawn(bench.shell("true")).end("")


def test_stopped_nursery_is_replaced(bench, nursery, monkeypatch):
    from aidos_actors.executors import nursery as module

    monkeypatch.setattr(module, "ANSWER_LIMIT_S", 0.5)
    os.kill(nursery.pid, signal.SIGSTOP)
    assert run(nursery, bench.shell("echo fine")).stdout == b"fine\n"


def test_daemon_ends_with_the_command_that_started_it(bench, nursery):
    outcome = run(nursery, bench.python(DAEMON, grace_s=0.1))
    assert (outcome.reason, outcome.exit_code) == ("exited", 0)
    assert int(bench.wait_for("daemon")) > 0
    assert bench.living() == []


def test_fifty_children_and_theirs(bench, nursery):
    script = "for i in $(seq 50); do (trap '' TERM; sleep 77 & setsid sleep 78) & done; exit 0"
    assert run(nursery, bench.shell(script, grace_s=0.05)).exit_code == 0
    assert bench.living() == []


def test_a_chain_of_forks_that_never_rests(bench, nursery):
    minded = nursery.spawn(
        bench.python("import os\nif os.fork() == 0:\n" + "".join(f"    {x}\n" for x in CHAIN.split("\n")))
    )
    minded.go()
    outcome = minded.wait()
    assert (outcome.reason, outcome.survivors) == ("exited", 0)
    assert bench.living() == []


def test_close_ends_everything(bench, nursery):
    minded = nursery.spawn(bench.shell(TWO_SLEEPS))
    minded.go()
    bench.wait_for("pid")
    nursery.close()
    assert bench.living() == []
    assert not is_alive(minded.pid, minded.started)
    with pytest.raises(NurseryLost):
        minded.wait()
    with pytest.raises(NurseryLost, match="closed"):
        nursery.spawn(bench.shell("true"))


def test_a_fork_of_the_owner_cannot_use_its_handle(bench, nursery):
    pid = os.fork()
    if pid == 0:
        try:
            nursery.spawn(bench.shell("true"))
            os._exit(1)
        except NurseryLost:
            os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_lost_handle_ends_its_command(bench, nursery):
    minded = nursery.spawn(bench.shell(TWO_SLEEPS))
    minded.go()
    bench.wait_for("pid")
    del minded
    bench.wait_all_gone()


def test_two_hundred_runs_leave_nothing_behind(bench, nursery):
    run(nursery, bench.shell("true"))

    def counts() -> list[int]:
        return [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in ("self", nursery.pid)]

    bench.wait_until(lambda: not children_of(nursery.pid), "the first minder is reaped")
    before = counts()
    for number in range(200):
        assert run(nursery, bench.shell(f"exit {number % 7}", input=b"x")).exit_code == number % 7
    bench.wait_until(lambda: not children_of(nursery.pid), "no zombie is left in the nursery")
    # Fewer is no fault: what earlier tests here left to the garbage collector may have been closed meanwhile.
    no_more = f"no more descriptors than before: {before}"
    bench.wait_until(lambda: all(now <= then for now, then in zip(counts(), before, strict=True)), no_more)


def test_eight_threads_at_once(bench, nursery):
    wrong: list[object] = []

    def work(number: int) -> None:
        for turn in range(10):
            outcome = run(nursery, bench.shell(f"cat; sleep 0.0{turn}", input=f"{number}/{turn}".encode()))
            if outcome.stdout != f"{number}/{turn}".encode():
                wrong.append(outcome)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
