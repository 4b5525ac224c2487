"""The journal's text files say what the table says, whatever happened before the ledger was opened."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ledger_cases import DAY_S, NOON, an_event, as_line, day_lines, numbered, opened_whole

from aidos_actors.core.records import Batch
from aidos_actors.ledger import day_files
from aidos_actors.ledger.day_check import lacking
from aidos_actors.ledger.errors import LedgerUnavailable
from aidos_actors.ledger.ledger import Ledger

TODAY = "2026-09-21.jsonl"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A closed ledger with seven events of one day."""
    ledger = Ledger.open(tmp_path)
    epoch = ledger.begin_epoch(NOON)
    ledger.apply(epoch, numbered(1))
    ledger.apply(epoch, numbered(2))
    ledger.close()
    return tmp_path


def test_lines_hold_what_the_events_hold(state: Path) -> None:
    opened_whole(state).close()
    last = day_lines(state)[-1]
    assert list(last) == ["seq", "at", "type", "requirement", "task", "attempt", "epoch", "data"]
    assert (last["seq"], last["at"], last["data"]) == (7, NOON, {"batch": 2})


def test_an_event_goes_to_the_file_of_its_day_in_utc(state: Path) -> None:
    ledger = Ledger.open(state)
    midnight = NOON // DAY_S * DAY_S + DAY_S
    moments = [midnight - 0.001, midnight, NOON - 3 * DAY_S, midnight + 0.5]
    ledger.apply(ledger.epoch(), Batch(events=tuple(an_event(at=at) for at in moments)))
    ledger.close()
    files = {path.name: path.read_text().count("\n") for path in (state / "journal").iterdir()}
    assert files == {"2026-09-18.jsonl": 1, TODAY: 8, "2026-09-22.jsonl": 2}
    opened_whole(state).close()


def test_lines_the_table_does_not_know_are_set_aside(state: Path) -> None:
    path = state / "journal" / TODAY
    known = path.read_bytes()
    beyond = b'{"seq": 8, "at": 1}\n{"seq": 9, "at": 1}\n{"seq": 10, "a'
    path.write_bytes(known + beyond)
    (state / "journal" / "2026-09-22.jsonl").write_bytes(b'{"seq": 11, "at": 2}\n')
    opened_whole(state).close()
    assert path.read_bytes() == known
    aside = (state / "journal" / "unconfirmed.jsonl").read_bytes()
    assert aside == beyond + b'\n{"seq": 11, "at": 2}\n'


def test_lines_of_a_batch_that_another_one_turned_up_in_place_of_are_replaced(state: Path) -> None:
    """A commit was refused while it was synced; the next one had written its lines, and then its process died: what
    is in the table under these numbers is the first."""
    path = state / "journal" / TODAY
    lines = path.read_bytes().splitlines(keepends=True)
    wrong = [line.replace(b'"batch":2', b'"batch":3') for line in lines[-2:]]
    path.write_bytes(b"".join([*lines[:-2], *wrong]))
    opened_whole(state).close()
    assert path.read_bytes() == b"".join(lines)
    assert (state / "journal" / "unconfirmed.jsonl").read_bytes() == b"".join(wrong)


def test_lines_that_say_the_same_in_another_spelling_stay(state: Path) -> None:
    path = state / "journal" / TODAY
    spelled = "".join(json.dumps(json.loads(line)) + "\n" for line in path.read_text().splitlines())
    path.write_text(spelled)
    opened_whole(state).close()
    assert path.read_text() == spelled


@pytest.mark.parametrize("kept_bytes", [0, 1, 200, 400, -1])
def test_missing_lines_and_half_a_line_are_written_again(state: Path, kept_bytes: int) -> None:
    path = state / "journal" / TODAY
    whole = path.read_bytes()
    path.write_bytes(whole[:kept_bytes])
    opened_whole(state).close()
    assert path.read_bytes() == whole


def test_a_lost_folder_is_written_again(state: Path) -> None:
    (state / "journal" / TODAY).unlink()
    (state / "journal").rmdir()
    opened_whole(state).close()


def test_a_spoilt_end_is_replaced(state: Path) -> None:
    path = state / "journal" / TODAY
    whole = path.read_bytes()
    for spoilt in (b"\x00" * 300, b"null\n[]\n17\n", b'{"seq": "x"}\n'):
        path.write_bytes(whole[:-50] + spoilt)
        opened_whole(state).close()
        assert path.read_bytes() == whole


def test_tails_and_lines_longer_than_one_look_are_found(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_files, "TAIL_BYTES", 16)
    path = state / "journal" / TODAY
    whole = path.read_bytes()
    beyond = b"".join(json.dumps({"seq": seq, "text": "x" * 500}).encode() + b"\n" for seq in range(8, 60))
    path.write_bytes(whole + beyond)
    opened_whole(state).close()
    assert path.read_bytes() == whole


def test_what_is_set_aside_is_bounded(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_files, "UNCONFIRMED_BYTES_MAX", 10)
    for number in range(3):
        with (state / "journal" / TODAY).open("ab") as file:
            file.write(b'{"seq": 100, "n": %d}\n' % number)
        opened_whole(state).close()
    names = sorted(path.name for path in (state / "journal").iterdir())
    assert names == [TODAY, "unconfirmed.1.jsonl", "unconfirmed.jsonl"]
    assert (state / "journal" / "unconfirmed.jsonl").read_bytes() == b'{"seq": 100, "n": 2}\n'


def test_a_day_file_that_cannot_be_written_stops_the_batch(state: Path) -> None:
    ledger = opened_whole(state)
    epoch = ledger.epoch()
    obstacle = state / "journal" / "2026-09-22.jsonl"
    obstacle.mkdir()
    tomorrow = NOON + DAY_S
    for _ in range(2):
        with pytest.raises(LedgerUnavailable):
            ledger.apply(epoch, Batch(numbered(3).requirements, (), (), (an_event(), an_event(at=tomorrow))))
        assert ledger.last_seq() == 7
    obstacle.rmdir()
    assert ledger.apply(epoch, Batch(events=(an_event(), an_event(at=tomorrow)))) == 9
    assert day_lines(state) == [as_line(event) for event in ledger.events()]
    ledger.close()
    opened_whole(state).close()


def test_a_day_file_that_is_taken_away_is_made_whole_with_the_next_batch(state: Path) -> None:
    """By the ledger that held it open: its lines would go where nobody finds them."""
    ledger = opened_whole(state)
    ledger.apply(1, numbered(3))
    (state / "journal" / TODAY).unlink()
    assert ledger.apply(1, numbered(4)) == 13
    assert day_lines(state) == [as_line(event) for event in ledger.events()]
    (state / "journal" / TODAY).rename(state / "elsewhere")
    (state / "journal" / TODAY).write_text("a stranger's\n")
    assert ledger.apply(1, numbered(5)) == 16
    assert day_lines(state) == [as_line(event) for event in ledger.events()]
    (state / "journal" / TODAY).unlink()
    (state / "journal" / "unconfirmed.jsonl").unlink()
    (state / "journal").rmdir()
    assert ledger.apply(1, numbered(6)) == 19
    assert day_lines(state) == [as_line(event) for event in ledger.events()]
    ledger.close()
    opened_whole(state).close()


@pytest.mark.parametrize("kept_bytes", [0, 10, 400])
def test_a_day_file_that_is_cut_short_is_made_whole_with_the_next_batch(state: Path, kept_bytes: int) -> None:
    ledger = opened_whole(state)
    ledger.apply(1, numbered(3))
    os.truncate(state / "journal" / TODAY, kept_bytes)
    assert ledger.apply(1, numbered(4)) == 13
    assert day_lines(state) == [as_line(event) for event in ledger.events()]
    with (state / "journal" / TODAY).open("a") as file:
        file.write("a stranger's\n")
    assert ledger.apply(1, numbered(5)) == 16
    assert day_lines(state) == [as_line(event) for event in ledger.events()]
    ledger.close()


@pytest.mark.parametrize(("tries", "comes_back"), [(2, True), (1, False)])
@pytest.mark.parametrize("what", ["a pipe", "a folder", "a link to nothing"])
def test_what_is_no_file_in_its_place_stops_the_batch_and_hangs_nobody(
    state: Path, what: str, tries: int, comes_back: bool
) -> None:
    ledger = opened_whole(state)
    ledger.apply(1, numbered(3))
    place = state / "journal" / TODAY
    kept = place.rename(state / "kept")
    {"a pipe": os.mkfifo, "a folder": os.mkdir, "a link to nothing": lambda at: at.symlink_to("nowhere")}[what](place)
    for _ in range(tries):
        with pytest.raises(LedgerUnavailable, match="it is no file"):
            ledger.apply(1, numbered(4))
    assert list(lacking(state / "journal", [ledger._rows_after(7)], 10)) == [8, 9, 10]
    place.rmdir() if what == "a folder" else place.unlink()
    if comes_back:
        kept.rename(place)
    assert ledger.apply(1, numbered(4)) == 13
    assert day_lines(state) == [as_line(event) for event in ledger.events()]
    ledger.close()


@pytest.mark.parametrize("tries", [1, 2])
def test_nothing_is_written_behind_a_torn_end_that_cannot_be_set_aside(state: Path, tries: int) -> None:
    ledger = opened_whole(state)
    ledger.apply(1, numbered(3))
    with (state / "journal" / TODAY).open("a") as file:
        file.write('{"seq": 11, "torn')
    obstacle = state / "journal" / "unconfirmed.jsonl"
    obstacle.mkdir()
    for _ in range(tries):
        with pytest.raises(LedgerUnavailable):
            ledger.apply(1, numbered(4))
    obstacle.rmdir()
    assert ledger.apply(1, numbered(4)) == 13
    assert day_lines(state) == [as_line(event) for event in ledger.events()]
    ledger.close()


def test_a_closed_ledger_holds_no_file(state: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    ledger = opened_whole(state)
    ledger.apply(1, numbered(3))
    ledger.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_folder_may_vanish_under_a_living_ledger(state: Path) -> None:
    ledger = opened_whole(state)
    (state / "journal" / TODAY).unlink()
    (state / "journal").rmdir()
    assert ledger.apply(1, numbered(3)) == 10
    assert day_lines(state) == [as_line(event) for event in ledger.events()]
    ledger.close()
