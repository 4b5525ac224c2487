"""Whoever is killed, whatever a command started goes too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aidos_actors.executors import NurseryLost, end_marked, is_alive, run, wait_gone
from aidos_actors.executors.linux import children_of, start_time

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

LIBC_SIGNALS = 0b11 << 31  # 32 and 33 belong to the C library, which lets nobody set them


@pytest.fixture
def owner(bench):
    started: list[subprocess.Popen] = []

    def start(script: str, go: str = "go"):
        path = Path(__file__).with_name("owner_process.py")
        argv = [sys.executable, str(path), str(bench.folder), bench.mark, script, go]
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env)
        started.append(process)
        nursery_pid, minder_pid, minder_started = map(int, process.stdout.readline().split())
        known = [(nursery_pid, start_time(nursery_pid)), (minder_pid, minder_started)]
        return process, known

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def all_gone(bench, known) -> None:
    bench.wait_all_gone(5.0)
    bench.wait_until(lambda: not any(is_alive(*one) for one in known), f"nursery and minder are gone: {known}", 5.0)


def test_killed_owner(bench, owner):
    process, known = owner(TWO_SLEEPS)
    bench.wait_for("pid")
    bench.wait_until(lambda: len(bench.living()) == 4, "the shell and its three sleeps run")
    process.kill()
    all_gone(bench, known)


def test_killed_owner_whose_command_ignores_requests_and_is_stopped(bench, owner):
    process, known = owner("trap '' TERM HUP; sleep 77 & kill -STOP $!; echo $$ > pid; kill -STOP $$")
    bench.wait_for("pid")
    process.kill()
    all_gone(bench, known)


def test_owner_killed_between_spawn_and_go(bench, owner, tmp_path):
    process, known = owner("touch started", go="not yet")
    process.kill()
    all_gone(bench, known)
    assert not (tmp_path / "started").exists()


def test_owner_with_foreign_signals_and_mask(bench, owner):
    process, known = owner("grep -E '^Sig(Blk|Ign):' /proc/self/status")
    process.wait(20)
    text = (bench.folder / "output").read_text()
    assert [int(line.split()[1], 16) & ~LIBC_SIGNALS for line in text.splitlines()] == [0, 0]
    all_gone(bench, known)


def test_killed_owner_whose_fork_holds_on_to_its_sockets(bench, owner):
    process, known = owner(TWO_SLEEPS, go="fork, then go")
    fork = int(process.stdout.readline())
    bench.wait_for("pid")
    process.kill()
    try:
        all_gone(bench, known)
        assert start_time(fork) is not None, "the fork did live meanwhile"
    finally:
        os.kill(fork, signal.SIGKILL)


def test_owner_nursery_and_minder_killed_at_once(bench, owner):
    """The command itself dies with its minder; the sweep by mark is there for the rest."""
    process, known = owner(TWO_SLEEPS)
    command = int(bench.wait_for("pid"))
    started = start_time(command)
    for pid in (known[1][0], known[0][0], process.pid):
        os.kill(pid, signal.SIGSTOP)
    for pid in (process.pid, known[0][0], known[1][0]):
        os.kill(pid, signal.SIGKILL)
    assert wait_gone(command, started, 5.0)
    assert end_marked(bench.mark, 5.0) == []
    all_gone(bench, known)


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
