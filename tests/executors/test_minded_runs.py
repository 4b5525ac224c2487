"""What a command is given, and what is told of its end."""

from __future__ import annotations

import json
import os
import resource
import signal
from pathlib import Path

import pytest
from msgspec.structs import replace

from aidos_actors.executors.command import judged
from aidos_actors.executors.nursery import run
from aidos_actors.executors.orders import SpawnFailed
from aidos_actors.executors.sweep import is_alive

REPORT = """
import json, os, resource, signal, sys
fds = {}
for name in os.listdir("/proc/self/fd"):
    try: fds[name] = os.readlink(f"/proc/self/fd/{name}")
    except OSError: pass
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "fds": {name: to for name, to in fds.items() if not to.startswith("/proc/")},
    "env": dict(os.environ), "cwd": os.getcwd(), "group": os.getpgid(0), "pid": os.getpid(), "session": os.getsid(0),
    "core": resource.getrlimit(resource.RLIMIT_CORE)[0], "files": resource.getrlimit(resource.RLIMIT_NOFILE),
    "blocked": status["SigBlk"].strip(), "ignored": status["SigIgn"].strip(), "umask": status["Umask"].strip(),
}))
"""

LIBC_SIGNALS = 0b11 << 31  # 32 and 33 belong to the C library, which lets nobody set them


def test_exit_code_and_both_streams_apart(bench, nursery):
    outcome = run(nursery, bench.shell("echo out; echo err >&2; exit 3"))
    assert (outcome.reason, outcome.exit_code, outcome.signal) == ("exited", 3, None)
    assert (outcome.stdout, outcome.stderr, outcome.message, outcome.survivors) == (b"out\n", b"err\n", "", 0)


def test_end_by_a_signal_is_told_as_such(bench, nursery):
    outcome = run(nursery, bench.shell("kill -SEGV $$"))
    assert (outcome.reason, outcome.exit_code, outcome.signal) == ("exited", None, signal.SIGSEGV)


def test_the_minder_is_gone_when_the_outcome_is_there(bench, nursery):
    minded = nursery.spawn(bench.shell("true"))
    assert is_alive(minded.pid, minded.started)
    minded.go()
    minded.wait()
    assert not is_alive(minded.pid, minded.started)
    assert minded.wait() is minded.wait()


def test_output_file_gets_both_streams_in_order_after_what_it_held(bench, nursery, tmp_path):
    output = tmp_path / "output"
    output.write_text("before\n")
    outcome = run(nursery, bench.shell("echo 1; echo 2 >&2; echo 3; : > /dev/stdin 2>&-", output_path=str(output)))
    assert output.read_text() == "before\n1\n2\n3\n"
    assert outcome.stdout == outcome.stderr == b""


def test_large_input_and_output_do_not_block_each_other(bench, nursery):
    data = os.urandom(1024) * 8 * 1024
    outcome = run(nursery, bench.shell("tee /dev/stderr", input=data))
    assert outcome.reason == "exited"
    assert outcome.stdout == data
    assert outcome.stderr == data


def test_a_command_may_leave_its_input_unread_or_close_it(bench, nursery):
    outcome = run(nursery, bench.shell("exec 0<&- 1>&- 2>&-; exit 5", input=b"x" * 1_000_000))
    assert (outcome.reason, outcome.exit_code) == ("exited", 5)


def test_command_gets_what_the_order_says_and_nothing_of_ours(bench, nursery, tmp_path):
    env = {**bench.env, "GREETING": "grüß dich", "EMPTY": "", "LC_ALL": "C.UTF-8"}
    folder = tmp_path / "a folder"
    folder.mkdir()
    others = [nursery.spawn(bench.shell("true")) for _ in range(3)]  # their sockets must not leak in either
    report = json.loads(run(nursery, bench.python(REPORT, env=env, cwd=str(folder))).stdout)
    for other in others:
        other.end("not needed")
        other.wait()
    assert report["env"] == env
    assert report["cwd"] == str(folder)
    assert set(report["fds"]) == {"0", "1", "2"}
    assert report["fds"]["0"] == "/dev/null"
    assert report["fds"]["1"] != report["fds"]["2"]
    assert report["group"] == report["pid"]
    assert report["session"] != os.getsid(0)
    assert report["core"] == 0
    assert tuple(report["files"]) == resource.getrlimit(resource.RLIMIT_NOFILE)


def test_signals_are_at_their_defaults_whatever_the_owner_has_set(bench, nursery):
    grep = "grep -E '^Sig(Blk|Ign):' /proc/self/status"
    lines = run(nursery, bench.shell(grep)).stdout.decode().split("\n")
    assert [int(line.split()[1], 16) & ~LIBC_SIGNALS for line in lines if line] == [0, 0]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"argv": ("no-such-command-anywhere",)}, "no-such-command-anywhere"),
        ({"argv": ("./not-here",)}, "./not-here"),
        ({"cwd": "/no/such/folder"}, "/no/such/folder"),
        ({"output_path": "/no/such/folder/output"}, "/no/such/folder/output"),
        ({"argv": ("echo", "a\0b")}, "null"),
        ({"env": {"A": "\ud800"}}, "text"),
        ({"argv": ("echo", "x" * 200_000)}, "too long"),
        ({"argv": ("echo", *["x" * 1000] * 6_000)}, "bytes"),
        ({"argv": ()}, "no command"),
    ],
)
def test_what_cannot_start_says_why(bench, nursery, changes, word):
    outcome = run(nursery, replace(bench.order("true"), **changes))
    assert outcome.reason == "failed_to_start"
    assert outcome.exit_code is None
    assert word in outcome.message


def test_a_machine_that_lacks_something_is_told_from_an_order_that_cannot_start(bench, nursery):
    minded = nursery.spawn(bench.order("true", output_path=str(bench.folder / "output")))
    watched = 4  # as many descriptors as it waits for; with fewer allowed the kernel would refuse the waiting itself
    resource.prlimit(minded.pid, resource.RLIMIT_NOFILE, (watched, watched))
    minded.go()
    outcome = minded.wait()
    assert outcome.reason == "no_room"
    judgement = judged(outcome, "run", timeout_s=1)
    assert (judgement.fault, judgement.stage) == ("infra", "start")


def test_what_is_too_large_is_refused_before_anything_starts(bench, nursery):
    with pytest.raises(SpawnFailed, match="bytes"):
        nursery.spawn(bench.order("true", env={"A": "x" * 5_000_000}))


def test_large_environment_travels_whole(bench, nursery):
    env = {**bench.env, **{f"V{number}": "x" * 1000 for number in range(1_000)}}
    assert run(nursery, bench.shell("env | wc -c", env=env)).stdout.strip() > b"1000000"


def test_nothing_of_a_working_folder_is_imported(bench, tmp_path, monkeypatch):
    from aidos_actors.executors.nursery import Nursery

    for name in ("socket", "signal", "aidos_actors", "resource"):
        Path(tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    made = Nursery()
    try:
        assert run(made, bench.shell("echo fine")).stdout == b"fine\n"
    finally:
        made.close()
