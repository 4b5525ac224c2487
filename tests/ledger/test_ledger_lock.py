"""Only one process opens a ledger; a successor may end a dead-locked one, and no other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from ledger_cases import NOON, Child, numbered

from aidos_actors.core.errors import Conflict
from aidos_actors.ledger import lock as lock_module
from aidos_actors.ledger.errors import LedgerUnavailable
from aidos_actors.ledger.ledger import Ledger
from aidos_actors.ledger.lock import LedgerLock, holder_of, process_started


def state_letter(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def stop(child: Child) -> None:
    os.kill(child.pid, signal.SIGSTOP)
    deadline_s = time.monotonic() + 30
    while state_letter(child.pid) != "T":
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    before = time.time()
    with Child("hold", tmp_path) as child:
        child.line()
        holder = holder_of(tmp_path)
        assert holder is not None
        assert (holder.pid, holder.started) == (child.pid, process_started(child.pid))
        assert before - 1 <= holder.since_at <= time.time()
        with pytest.raises(Conflict, match=rf"held by process {child.pid} \(holder\) since \d{{4}}-.*Z$") as refused:
            Ledger.open(tmp_path, wait_s=0.05)
        assert refused.value.exit_code == 7 and refused.value.hint
        assert holder_of(tmp_path) == holder


def test_the_lock_is_free_when_its_holder_closes(tmp_path: Path) -> None:
    with Child("hold", tmp_path) as child:
        child.line()
        assert child.process.stdin is not None
        child.process.stdin.close()
        ledger = Ledger.open(tmp_path, wait_s=30, what_for="next")
        assert child.process.wait(30) == 0
        assert str(holder_of(tmp_path)).startswith(f"process {os.getpid()} (next) since ")
        ledger.close()
    assert holder_of(tmp_path) is None


def test_the_lock_is_free_when_its_holder_is_killed(tmp_path: Path) -> None:
    with Child("hold", tmp_path) as child:
        child.line()
        child.process.kill()
        ledger = Ledger.open(tmp_path, wait_s=30)
        assert ledger.epoch() == 1
        ledger.close()


def test_a_stopped_holder_is_ended_and_its_work_taken_over(tmp_path: Path) -> None:
    with Child("hold", tmp_path) as child:
        assert child.line() == "epoch 1"
        stop(child)
        ledger = Ledger.open(tmp_path, wait_s=0.05, take_over=True)
        assert child.process.wait(30) == -signal.SIGKILL
        assert ledger.begin_epoch(NOON) == 2
        assert ledger.apply(2, numbered(1)) == 5
        ledger.close()


@pytest.mark.parametrize("wrong", ["start time", "pid", "both signed by a bystander"])
def test_only_that_very_process_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setattr(lock_module, "END_WAIT_MAX_S", 0.1)
    with Child("hold", tmp_path) as child, subprocess.Popen(["sleep", "600"]) as bystander:
        child.line()
        path = tmp_path / "ledger.lock"
        written = json.loads(path.read_text())
        other = {
            "start time": {"started": written["started"] - 1},
            "pid": {"pid": bystander.pid, "started": 1},
            "both signed by a bystander": {"pid": bystander.pid, "started": process_started(bystander.pid)},
        }
        path.write_text(json.dumps(written | other[wrong]))
        try:
            with pytest.raises(Conflict):
                Ledger.open(tmp_path, wait_s=0.05, take_over=True)
            assert child.process.poll() is None and bystander.poll() is None
        finally:
            bystander.kill()


def test_an_unreadable_lock_file_ends_nobody(tmp_path: Path) -> None:
    with Child("hold", tmp_path) as child:
        child.line()
        for text in ("", "{", "[]", '{"pid": "x"}'):
            (tmp_path / "ledger.lock").write_text(text)
            with pytest.raises(Conflict, match="another process"):
                LedgerLock(tmp_path).acquire(0.02, take_over=True)
            assert holder_of(tmp_path) is not None
        assert child.process.poll() is None


def test_two_ledgers_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    for take_over in (False, True):
        with pytest.raises(Conflict, match=str(os.getpid())):
            Ledger.open(tmp_path, wait_s=0.02, take_over=take_over)
    ledger.close()
    Ledger.open(tmp_path).close()


def test_a_fork_child_neither_holds_the_lock_nor_keeps_it(tmp_path: Path) -> None:
    with Child("hold_and_fork", tmp_path) as parent:
        lines = sorted([parent.line(), parent.line()])
        assert lines[1] == "held False"
        orphan = int(lines[0].split()[1])
        os.kill(parent.pid, signal.SIGKILL)
        ledger = Ledger.open(tmp_path, wait_s=30)
        assert state_letter(orphan) not in "ZX"
        ledger.close()


def test_a_command_started_by_the_holder_does_not_inherit_the_lock(tmp_path: Path) -> None:
    lock = LedgerLock(tmp_path)
    lock.acquire()
    with subprocess.Popen(["sleep", "600"], close_fds=False) as command:
        lock.release()
        LedgerLock(tmp_path).acquire(0)
        command.kill()


def test_waiting_for_the_lock_ends_when_it_is_free(tmp_path: Path) -> None:
    first, second = LedgerLock(tmp_path), LedgerLock(tmp_path)
    first.acquire()
    first.release()
    first.release()
    second.acquire(0)
    assert second.is_held and not first.is_held
    second.release()


def test_nobody_holds_what_does_not_exist(tmp_path: Path) -> None:
    assert holder_of(tmp_path) is None
    assert process_started(2**22 + 1) is None


def test_a_lock_that_cannot_be_signed_is_not_held(tmp_path: Path) -> None:
    with Child("fill_lock", tmp_path) as child:
        assert child.line() == LedgerUnavailable.code
    assert holder_of(tmp_path) is None
