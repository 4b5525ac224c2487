"""Acknowledged means on disk: real processes, killed for real, at random and at the worst moments."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from pathlib import Path

import pytest
from ledger_cases import NOON, Child, as_line, day_lines, numbered

from aidos_actors.core.records import JournalEvent
from aidos_actors.ledger.ledger import Ledger

KILLS = 30


def everything(ledger: Ledger) -> list[JournalEvent]:
    events: list[JournalEvent] = []
    while page := ledger.events(after_seq=len(events), limit=10_000):
        events += page
    return events


def assert_sound(state_dir: Path) -> dict[int, int]:
    """The ledger opens, is whole, has no gap; its day files equal its table. Returns the last seq of each batch."""
    ledger = Ledger.open(state_dir, wait_s=30)
    events = everything(ledger)
    tasks = {task.id for task in ledger.tasks("shop")}
    ledger.close()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert day_lines(state_dir) == [as_line(event) for event in events]
    connection = sqlite3.connect(state_dir / "ledger.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    batches = [event for event in events if event.type == "numbered"]
    assert len(batches) % 3 == 0 and tasks == {event.task for event in batches}
    return {event.data["batch"]: event.seq for event in batches}


@pytest.mark.chaos
def test_thirty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    seed = int(os.environ.get("LEDGER_SEED", "") or random.SystemRandom().randrange(2**32))
    print(f"LEDGER_SEED={seed}")
    chance = random.Random(seed)
    Ledger.open(tmp_path).close()
    acknowledged: dict[int, int] = {}
    with Child("nursery", tmp_path) as nursery:
        for kill in range(KILLS):
            nursery.say("next")
            pid: int | None = None
            lines: list[list[str]] = []
            wanted = chance.choice([0, 0, chance.randrange(40)])
            while pid is None or len(lines) <= wanted:
                lines.append(nursery.line().split())
                pid = pid or (int(lines[-1][1]) if lines[-1][0] == "pid" else None)
            time.sleep(chance.random() * 0.01)  # the moment of the kill is chance, nothing is waited for
            os.kill(pid, signal.SIGKILL)
            while lines[-1] != ["ended", str(pid)]:
                lines.append(nursery.line().split())
            acknowledged |= {int(words[1]): int(words[2]) for words in lines if words[0] == "acknowledged"}
            if kill % 10 == 9:
                found = assert_sound(tmp_path)
                assert acknowledged.items() <= found.items()
    assert len(acknowledged) >= KILLS // 3


@pytest.mark.chaos
@pytest.mark.parametrize("share", [0, 10, 50, 99, 100])
def test_a_kill_between_day_file_and_commit_leaves_neither(tmp_path: Path, share: int) -> None:
    with Child("die_between", tmp_path, share) as child:
        assert child.line() == "acknowledged 0 4"
        assert child.process.wait(60) == -signal.SIGKILL
    cut_off = (tmp_path / "journal" / "2026-09-21.jsonl").read_bytes().count(b"\n")
    assert cut_off == {0: 4, 10: 4, 50: 5, 99: 6, 100: 7}[share]
    assert assert_sound(tmp_path) == {0: 4}
    ledger = Ledger.open(tmp_path)
    assert ledger.apply(ledger.begin_epoch(NOON), numbered(1)) == 8
    ledger.close()
    assert assert_sound(tmp_path) == {0: 4, 1: 8}


@pytest.mark.chaos
def test_a_disk_without_room_refuses_a_batch_whole_and_the_next_one_works(tmp_path: Path) -> None:
    with Child("fill", tmp_path) as child:
        code, exit_code, number = child.line().split()
        assert (code, exit_code) == ("ledger_unavailable", "75")
        done = int(number)
        assert done > 10
        assert child.line() == f"seq {done + 1} tasks {done}"
        assert child.line() == f"seq {done + 2}"
        assert child.process.wait(60) == 0
    ledger = Ledger.open(tmp_path)
    assert day_lines(tmp_path) == [as_line(event) for event in everything(ledger)]
    assert (ledger.last_seq(), len(ledger.tasks("shop"))) == (done + 2, done)
    ledger.close()
