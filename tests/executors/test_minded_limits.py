"""Time, silence, output, and orders to end."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time

from aidos_actors.executors.linux import children_of
from aidos_actors.executors.nursery import run
from aidos_actors.executors.sweep import wait_gone


def test_timeout_ends_the_command_and_says_so(bench, nursery):
    outcome = run(nursery, bench.shell("sleep 77 & sleep 78", timeout_s=0.3))
    assert outcome.reason == "timeout"
    assert "0.3 s" in outcome.message
    assert outcome.duration_s >= 0.3
    assert bench.living() == []


def test_grace_lets_a_command_tidy_up(bench, nursery):
    script = "trap 'echo tidied; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    outcome = run(nursery, bench.shell(script, timeout_s=0.5, grace_s=30.0))
    assert (outcome.reason, outcome.exit_code, outcome.stdout) == ("timeout", 9, b"ready\ntidied\n")


def test_what_ignores_the_request_is_killed_after_the_grace(bench, nursery):
    outcome = run(nursery, bench.shell("trap '' TERM HUP INT; sleep 77 & wait", timeout_s=0.3, grace_s=0.2))
    assert (outcome.reason, outcome.signal) == ("timeout", 9)
    assert bench.living() == []


def test_silence_without_a_change_is_a_stall(bench, nursery, tmp_path):
    outcome = run(nursery, bench.shell("echo once; sleep 77", stall_s=0.6, output_path=str(tmp_path / "output")))
    assert outcome.reason == "stalled"
    assert outcome.duration_s >= 0.6


def test_while_its_minder_is_stopped_nobody_is_silent(bench, nursery):
    """As all of a paused container is."""
    minded = nursery.spawn(bench.shell("echo $$ > pid; sleep 3.4", stall_s=1.0))
    minded.go()
    bench.wait_for("pid")
    time.sleep(0.5)  # until the minder has seen that file, too
    os.kill(minded.pid, signal.SIGSTOP)
    time.sleep(2.2)
    os.kill(minded.pid, signal.SIGCONT)
    assert minded.wait().reason == "exited"


def test_output_to_a_file_holds_off_the_stall(bench, nursery, tmp_path):
    script = "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.25; done"
    work = tmp_path / "work"
    work.mkdir()
    outcome = run(nursery, bench.shell(script, stall_s=1.0, cwd=str(work), output_path=str(tmp_path / "output")))
    assert outcome.reason == "exited"


def test_captured_output_holds_off_the_stall(bench, nursery):
    outcome = run(nursery, bench.shell("for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.25; done", stall_s=1.0))
    assert outcome.reason == "exited"


def test_a_change_below_the_working_folder_or_a_watched_one_holds_off_the_stall(bench, nursery, tmp_path):
    work, watched = tmp_path / "work", tmp_path / "checkpoints"
    (work / "deep").mkdir(parents=True)
    watched.mkdir()
    for place in ("deep/file", "../checkpoints/file"):
        script = f"for i in 1 2 3 4 5 6 7 8; do echo $i > {place}; sleep 0.25; done"
        outcome = run(nursery, bench.shell(script, stall_s=1.0, cwd=str(work), watched=(str(watched),)))
        assert outcome.reason == "exited"


def test_output_limit_of_a_file_counts_what_was_added(bench, nursery, tmp_path):
    output = tmp_path / "output"
    output.write_bytes(b"x" * 50_000)
    order = {"output_path": str(output), "output_limit_bytes": 60_000}
    assert run(nursery, bench.shell("head -c 30000 /dev/zero; sleep 0.5", **order)).reason == "exited"
    for _time in range(8):  # what is written in the first moment counts, however the two processes are scheduled
        outcome = run(nursery, bench.shell("head -c 70000 /dev/zero; sleep 77", timeout_s=10.0, **order))
        assert outcome.reason == "output_limit"
    assert bench.living() == []


def test_output_to_a_file_counts_when_its_command_has_ended_before_it_was_looked_at(bench, nursery, tmp_path):
    order = {"output_path": str(tmp_path / "output"), "output_limit_bytes": 60_000}
    outcome = run(nursery, bench.shell("head -c 60000 /dev/zero", **order))
    assert (outcome.reason, outcome.exit_code) == ("exited", 0)
    assert run(nursery, bench.shell("head -c 60001 /dev/zero", **order)).reason == "output_limit"


def test_captured_output_is_never_more_than_its_limit(bench, nursery):
    outcome = run(nursery, bench.shell("yes & yes >&2", output_limit_bytes=100_000))
    assert outcome.reason == "output_limit"
    assert len(outcome.stdout) + len(outcome.stderr) == 100_000
    assert bench.living() == []


def test_captured_output_cut_at_the_last_moment_is_told(bench, nursery):
    outcome = run(nursery, bench.shell("head -c 3000 /dev/zero", output_limit_bytes=1000))
    assert (outcome.reason, len(outcome.stdout)) == ("output_limit", 1000)


def test_end_from_another_thread_with_its_reason(bench, nursery):
    minded = nursery.spawn(bench.shell("sleep 77 & echo $$ > pid; sleep 78"))
    minded.go()
    outcomes = []
    waiting = threading.Thread(target=lambda: outcomes.append(minded.wait()))
    waiting.start()
    bench.wait_for("pid")
    minded.end("drained", grace_s=0.0)
    minded.end("again")
    waiting.join(20)
    assert (outcomes[0].reason, outcomes[0].message, outcomes[0].signal) == ("ended", "drained", 9)
    assert bench.living() == []
    minded.end("too late")


def test_a_second_end_with_a_shorter_grace_counts(bench, nursery):
    minded = nursery.spawn(bench.shell("trap 'echo asked > asked' TERM; echo $$ > pid; while :; do sleep 0.05; done"))
    minded.go()
    bench.wait_for("pid")
    minded.end("gently", grace_s=600.0)
    bench.wait_for("asked")
    minded.end("now", grace_s=0.0)
    outcome = minded.wait()
    assert (outcome.reason, outcome.message) == ("ended", "gently")


def test_end_before_go_means_the_command_never_starts(bench, nursery, tmp_path):
    minded = nursery.spawn(bench.shell("touch started"))
    minded.end("cancelled")
    minded.go()
    outcome = minded.wait()
    assert (outcome.reason, outcome.message, outcome.exit_code) == ("ended", "cancelled", None)
    assert not (tmp_path / "started").exists()


def test_last_words_count_even_when_ours_were_left_unread(bench, nursery):
    minded = nursery.spawn(bench.shell("touch started"))
    os.kill(minded.pid, signal.SIGSTOP)
    minded.end("cancelled")
    for _time in range(5):
        minded.progress()
    os.kill(minded.pid, signal.SIGCONT)
    assert wait_gone(minded.pid, minded.started, 10.0)
    bench.wait_until(lambda: not children_of(nursery.pid), "the nursery has let go of it too")
    other = nursery.spawn(bench.shell("true"))  # answered after the nursery's round in which it let go
    assert minded.wait().reason == "ended"
    other.end("not needed")
    other.wait()


def test_a_minder_that_does_not_keep_its_time_is_replaced_by_force(bench, nursery, monkeypatch):
    from aidos_actors.executors import minded as module

    monkeypatch.setattr(module, "CLEAN_UP_LIMIT_S", 0.5)
    minded = nursery.spawn(bench.shell("echo $$ > pid; sleep 77", timeout_s=0.5))
    minded.go()
    bench.wait_for("pid")
    os.kill(minded.pid, signal.SIGSTOP)
    assert minded.wait().reason == "lost"
    bench.wait_until(lambda: bench.living() == [], "all is gone")


def test_a_command_whose_processes_work_is_not_silent_where_that_counts(bench, nursery):
    """A child that computes, without a word and without a file: silence for who counts words, work for who looks."""
    busy = "(timeout 3 sh -c 'while :; do :; done'); true"
    outcomes = [run(nursery, bench.shell(busy, stall_s=1.0, watches_work=looks)) for looks in (False, True)]
    assert [outcome.reason for outcome in outcomes] == ["stalled", "exited"]
    idle = run(nursery, bench.shell("sleep 30", stall_s=1.0, watches_work=True))
    assert (idle.reason, idle.message) == ("stalled", "No output, no change to a file and no work for 1 s.")


def test_memory_counts_for_all_that_was_started(bench, nursery):
    hold = "kept = bytearray(b'x' * 80_000_000); import time; time.sleep(30)"
    python = shlex.quote(sys.executable)
    both = f'{python} -c "{hold}" & {python} -c "{hold}" & wait'
    outcome = run(nursery, bench.shell(both, memory_limit_bytes=120_000_000, timeout_s=25))
    assert outcome.reason == "memory_limit" and "more than 120,000,000 bytes" in outcome.message
    alone = bench.python(hold.replace("30", "2.5"), memory_limit_bytes=120_000_000)
    assert run(nursery, alone).reason == "exited"
