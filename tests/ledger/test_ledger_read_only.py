"""Looking at the ledger beside its owner, after its death, and when there is nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from ledger_cases import NOON, Child, a_requirement, numbered

from aidos_actors.core.errors import NotFound
from aidos_actors.ledger.errors import LedgerUnavailable
from aidos_actors.ledger.ledger import Ledger
from aidos_actors.ledger.lock import holder_of


def test_a_reader_sees_what_a_living_writer_acknowledged(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    epoch = ledger.begin_epoch(NOON)
    ledger.apply(epoch, numbered(1))
    reader = Ledger.read_only(tmp_path)
    assert reader.last_seq() == 4
    for number in range(2, 200):
        ledger.apply(epoch, numbered(number))
        assert reader.last_seq() == 1 + 3 * number
    assert (reader.epoch(), reader.installation) == (epoch, ledger.installation)
    assert reader.requirements() == [a_requirement()]
    assert len(reader.tasks("shop")) == 199
    reader.close()
    ledger.apply(epoch, numbered(200))
    ledger.close()


def test_a_reader_needs_no_room_beside_the_file_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that is mounted read-only. What a living writer has in its log is not passed over."""
    ledger = Ledger.open(tmp_path)
    ledger.apply(ledger.begin_epoch(NOON), numbered(1))
    with monkeypatch.context() as patch:
        patch.setattr("os.access", lambda path, _mode: path != tmp_path)
        beside = Ledger.read_only(tmp_path)
        assert beside.last_seq() == 4
        beside.close()
        ledger.close()
        files = sorted(tmp_path.iterdir())
        reader = Ledger.read_only(tmp_path)
        assert reader.last_seq() == 4
        assert sorted(tmp_path.iterdir()) == files
        reader.close()


def test_a_reader_beside_a_writer_in_another_process(tmp_path: Path) -> None:
    with Child("nursery", tmp_path) as nursery:
        nursery.say("next")
        line = nursery.line()
        while not line.startswith("acknowledged"):
            line = nursery.line()
        for _ in range(20):
            acknowledged = int(nursery.line().split()[2])
            reader = Ledger.read_only(tmp_path)
            assert reader.last_seq() >= acknowledged
            reader.close()
        holder = holder_of(tmp_path)
        assert holder is not None
        Ledger.open(tmp_path, wait_s=0, take_over=True).close()


def test_a_reader_after_the_writer_was_killed_changes_neither_file(tmp_path: Path) -> None:
    with Child("die_between", tmp_path, 100) as child:
        child.line()
        child.process.wait(60)
    files = [tmp_path / "ledger.db", tmp_path / "ledger.db-wal", *(tmp_path / "journal").iterdir()]
    before = [path.read_bytes() for path in files]
    assert before[1]
    reader = Ledger.read_only(tmp_path)
    assert reader.last_seq() == 4
    reader.close()
    assert [path.read_bytes() for path in files] == before


def test_a_reader_after_a_clean_end_changes_nothing(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.apply(ledger.begin_epoch(NOON), numbered(1))
    ledger.close()
    before = (tmp_path / "ledger.db").read_bytes()
    for _ in range(2):
        reader = Ledger.read_only(tmp_path)
        assert [event.seq for event in reader.events()] == [1, 2, 3, 4]
        reader.close()
        reader.close()
    assert (tmp_path / "ledger.db").read_bytes() == before
    Ledger.open(tmp_path, wait_s=0).close()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    Ledger.open(tmp_path).close()
    reader = Ledger.read_only(tmp_path)
    with pytest.raises(LedgerUnavailable, match="readonly"):
        reader.rows("DELETE FROM meta")
    reader.close()


@pytest.mark.parametrize("there", ["no folder", "no file", "empty file", "no tables"])
def test_no_state_yet_is_not_found(tmp_path: Path, there: str) -> None:
    state = tmp_path / "state"
    if there != "no folder":
        state.mkdir()
    if there == "empty file":
        (state / "ledger.db").touch()
    if there == "no tables":
        connection = sqlite3.connect(state / "ledger.db")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
    with pytest.raises(NotFound, match=r"no state in .* yet") as missing:
        Ledger.read_only(state)
    assert missing.value.exit_code == 6
    assert state.exists() == (there != "no folder")
