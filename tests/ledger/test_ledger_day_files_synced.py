"""When the lines of the day files are on disk, and what happens when the disk does not take them."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ledger_cases import NOON, as_line, day_lines, numbered, opened_whole

from aidos_actors.ledger import day_file, syncing
from aidos_actors.ledger.errors import LedgerUnavailable
from aidos_actors.ledger.ledger import Ledger

TODAY = "2026-09-21.jsonl"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A closed ledger with an event."""
    ledger = Ledger.open(tmp_path)
    ledger.begin_epoch(NOON)
    ledger.close()
    return tmp_path


class CountsSyncs:
    """The module ``os``; the ``refused``th sync of a file's data is refused (none: 0)."""

    def __init__(self, refused: int = 0) -> None:
        self.refused, self.count = refused, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def fdatasync(self, handle: int) -> None:
        os.fdatasync(handle)
        self.count += 1
        if self.count == self.refused:
            raise OSError(errno.EIO, "the disk fails")


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_lines_whose_sync_was_refused_are_written_again(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They can be read, from memory; that says nothing of the disk, and a later sync does not bring them there."""
    ledger, disk = opened_whole(state), CountsSyncs(refused=1)
    monkeypatch.setattr(day_file, "os", disk)
    monkeypatch.setattr(syncing, "WITHIN_S", 0.0)
    synced = (state / "journal" / TODAY).stat().st_size
    assert ledger.apply(ledger.epoch(), numbered(3)) == 4, "the batch stands"
    wait_for(lambda: not ledger._days.is_whole)
    assert ledger.last_seq() == 4
    cut: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: cut.append(os.fstat(handle).st_size))
    assert ledger.apply(ledger.epoch(), numbered(4)) == 7
    assert cut[0] == synced, "what was refused is taken back first"
    assert day_lines(state) == [as_line(event) for event in ledger.events()]
    ledger.close()
    opened_whole(state).close()


def test_a_disk_that_takes_no_line_stops_the_next_batch(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, disk = opened_whole(state), CountsSyncs()
    monkeypatch.setattr(day_file, "os", disk)

    def refuse(_handle: int) -> None:
        raise OSError(errno.EIO, "the disk fails")

    with monkeypatch.context() as bad:
        bad.setattr(disk, "fdatasync", refuse, raising=False)
        bad.setattr(syncing, "WITHIN_S", 0.0)
        assert ledger.apply(ledger.epoch(), numbered(3)) == 4
        wait_for(lambda: not ledger._days.is_whole)
        for _ in range(3):
            with pytest.raises(LedgerUnavailable):
                ledger.apply(ledger.epoch(), numbered(4))
    assert ledger.apply(ledger.epoch(), numbered(4)) == 7
    assert day_lines(state) == [as_line(event) for event in ledger.events()]
    ledger.close()
    opened_whole(state).close()


def test_many_batches_share_a_sync(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, disk = opened_whole(state), CountsSyncs()
    monkeypatch.setattr(day_file, "os", disk)
    monkeypatch.setattr(syncing, "WITHIN_S", 0.2)
    for number in range(3, 23):
        ledger.apply(ledger.epoch(), numbered(number))
    wait_for(lambda: disk.count > 0)
    assert disk.count < 10
    ledger.close()


def test_lines_are_on_disk_when_the_ledger_is_closed_or_opened(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = CountsSyncs()
    monkeypatch.setattr(day_file, "os", disk)
    ledger = Ledger.open(state)
    assert disk.count == 1, "whoever wrote them"
    ledger.apply(ledger.epoch(), numbered(3))
    ledger.close()
    assert disk.count == 2
