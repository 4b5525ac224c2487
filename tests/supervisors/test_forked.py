"""A guardian and a template forked from the program that hosts the tree: as good as exec'ed ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread

import pytest

from supervisors import ActorTree, ChildSpec, SupervisorSpec
from supervisors.forked import is_alone
from supervisors.linux import children, start_ticks
from supervisors.testing import Puppet
from supervisors.watchman import MARK

ROOT = Path(__file__).resolve().parents[2]

HOST = """\
import os, sys
from supervisors import ActorTree, ChildSpec, SupervisorSpec
from supervisors.testing import Puppet
spec = SupervisorSpec(id="root", children=(ChildSpec(id="a", actor=Puppet),))
secret = open(sys.argv[1] + ".secret", "w")
with ActorTree.start(spec, state_dir=sys.argv[1], on_give_up="restart", may_fork=True) as tree:
    print("up", flush=True)
    sys.stdin.readline()
    while True:
        try:
            tree.ask("a", 1)
            break
        except Exception:
            pass
    print(tree.heals, flush=True)
    sys.stdin.readline()
"""
TOLD = """\
import gc, os, sys, time
from supervisors.forked import fork, is_alone
from supervisors.marked import show_variable

def main(body):
    show_variable("FORKED_MARK", body.decode())
    shown = os.environ["FORKED_MARK"] == body.decode()
    files = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
    has = [os.path.basename(name) in ("kept", "other") for name in files].count(True), f"{folder}/kept" in files
    while not os.path.exists(f"{folder}/go"):
        time.sleep(0.01)
    is_as_execed = gc.get_threshold() != MINE
    os.write(1, repr((shown, os.getsid(0) == os.getpid(), has, is_as_execed)).encode())

folder = os.path.realpath(sys.argv[1])
kept, other = (os.open(f"{folder}/{name}", os.O_CREAT | os.O_RDWR) for name in ("kept", "other"))
MINE = (123_456, 7, 8)
gc.set_threshold(*MINE)
assert is_alone()
child = fork(main, b"m" * 40, (kept,))
print(child.pid, flush=True)
print(child.wait(), flush=True)
"""


def _gone(pid: int) -> bool:
    until = time.monotonic() + 10
    while start_ticks(pid) is not None:
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def _was_forked(pid: int, parent: int) -> bool:
    """What the kernel tells a program when it execs it lies elsewhere each time."""
    return Path(f"/proc/{pid}/auxv").read_bytes() == Path(f"/proc/{parent}/auxv").read_bytes()


def _run(code: str, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *args], stdin=-1, stdout=-1, text=True)


def test_the_child_is_as_one_that_was_execed_and_shows_its_mark(tmp_path: Path) -> None:
    with _run(TOLD, str(tmp_path)) as host:
        assert host.stdout is not None
        pid = int(host.stdout.readline())
        until = time.monotonic() + 10
        while f"FORKED_MARK={'m' * 40}".encode() not in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            assert time.monotonic() < until
            time.sleep(0.01)
        (tmp_path / "go").touch()
        assert host.stdout.readline() == "(True, True, (1, True), True)0\n"


def test_the_child_ends_with_who_forked_it(tmp_path: Path) -> None:
    with _run(TOLD, str(tmp_path)) as host:
        assert host.stdout is not None
        pid = int(host.stdout.readline())
        host.kill()
        assert _gone(pid)


@pytest.mark.chaos
def test_after_the_death_of_a_forked_guardian_the_next_is_execed(tmp_path: Path) -> None:
    with _run(HOST, str(tmp_path / "state")) as host:
        assert host.stdout is not None and host.stdin is not None
        assert host.stdout.readline() == "up\n"
        (first,) = children(host.pid)
        assert str(tmp_path) in os.readlink(f"/proc/{host.pid}/fd/3")  # noqa: PTH115 - a link in /proc
        below = [os.readlink(f"/proc/{first}/fd/{fd}") for fd in os.listdir(f"/proc/{first}/fd")]  # noqa: PTH115, PTH208
        assert not any(name.endswith(".secret") for name in below)
        assert _was_forked(first, host.pid)
        os.kill(first, signal.SIGKILL)
        host.stdin.write("\n")
        host.stdin.flush()
        assert host.stdout.readline() == "1\n"
        (second,) = children(host.pid)
        assert not _was_forked(second, host.pid)
        host.stdin.close()
        assert host.wait() == 0


def test_with_a_second_thread_nothing_is_forked_but_the_template_of_its_own_guardian(tmp_path: Path) -> None:
    over = Event()
    Thread(target=over.wait, daemon=True).start()
    try:
        assert not is_alone()
        spec = SupervisorSpec(id="root", children=(ChildSpec(id="a", actor=Puppet),))
        with ActorTree.start(spec, state_dir=tmp_path, may_fork=True) as tree:
            guardian = tree._call("ping", "", {})["pids"]["guardian"]
            assert not _was_forked(guardian, os.getpid()) and tree.ask("a", 1) == 1
            assert all(_was_forked(pid, guardian) for pid in children(guardian))
    finally:
        over.set()


@pytest.mark.parametrize("has_room", [True, False])
def test_every_template_shows_its_mark_and_where_there_is_no_room_it_is_execed(tmp_path: Path, has_room: bool) -> None:
    env = {**os.environ} if has_room else {"A": "1"}
    argv = [sys.executable, "-c", HOST, str(tmp_path / "state")]
    with subprocess.Popen(argv, stdin=-1, stdout=-1, text=True, env=env, cwd=ROOT) as host:
        assert host.stdout is not None and host.stdin is not None
        assert host.stdout.readline() == "up\n"
        (guardian,) = children(host.pid)
        named = {Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0 "): pid for pid in children(guardian)}
        (template,) = (pid for title, pid in named.items() if b"template" in title)
        assert f"{MARK}=".encode() in Path(f"/proc/{template}/environ").read_bytes()
        assert _was_forked(template, guardian) is has_room
        host.stdin.close()
        assert host.wait() == 0


def test_where_there_is_no_room_the_mark_is_not_shown() -> None:
    code = "from supervisors.marked import has_room; print(has_room('A', 'x' * 100))"
    done = subprocess.run([sys.executable, "-c", code], env={"B": "1"}, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
