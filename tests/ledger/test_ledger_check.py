"""``db check`` sees every kind of difference, names it, and is silent where all agrees; what the journal tells of the
tables has a file of its own."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest
from checked_ledger import differences, with_two_that_ended
from ledger_cases import Child, execute, work_through

from aidos_actors.cli.app import run_command_line
from aidos_actors.ledger import check as checking
from aidos_actors.ledger.ledger import Ledger

TODAY = "2026-09-21.jsonl"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A closed ledger with two requirements that have ended."""
    return with_two_that_ended(tmp_path)


def asked(capsys: pytest.CaptureFixture[str], state: Path, *more: str) -> tuple[int, str]:
    code = run_command_line(["db", "check", "--state", str(state), *more])
    return code, capsys.readouterr().out


def test_a_sound_ledger(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in state.rglob("*") if path.is_file()}
    code, out = asked(capsys, state, "--json")
    data = json.loads(out)["data"]
    assert (code, data["sound"], data["differences"], data["live"]) == (0, True, [], False)
    assert [each["name"] for each in data["checks"]] == ["file", "references", "sequence", "fold", "day files"]
    code, out = asked(capsys, state)
    assert code == 0 and len(out.splitlines()) == 5 and all(" ok " in line for line in out.splitlines())
    assert {path: path.read_bytes() for path in state.rglob("*") if path.is_file() and path in before} == before


def test_a_gap_is_named_and_a_front_that_was_removed_is_none(state: Path) -> None:
    execute(state, "DELETE FROM events WHERE seq < 5")
    assert differences(state) == {}, "what began before the journal is not judged"
    execute(state, "DELETE FROM events WHERE seq IN (8, 12, 13)")
    found = differences(state)
    assert found["sequence"] == ["after event 7 comes event 9", "after event 11 comes event 14"]


def test_a_row_that_names_nobody(state: Path) -> None:
    execute(state, "PRAGMA foreign_keys = OFF", "DELETE FROM tasks WHERE requirement = 'git' AND id = 't2'")
    (found,) = differences(state)["references"]
    assert found.startswith("attempts, row ") and found.endswith("it names one of tasks that is not there")


def test_lines_that_day_files_lack_are_named(state: Path) -> None:
    path = state / "journal" / TODAY
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-2], lines[-1].replace(b"git", b"gut")]))
    last = len(lines)
    expected = [f"event {seq} does not stand in the file of its day" for seq in (last - 1, last)]
    assert differences(state) == {"day files": expected}
    path.unlink()
    (found,) = differences(state).values()
    assert len(found) == checking.KEPT_MAX


@pytest.mark.parametrize("seq", [1, 700, 1400])
def test_bytes_that_were_overwritten_in_a_day_file_are_named_however_old(tmp_path: Path, seq: int) -> None:
    ledger = Ledger.open(tmp_path)
    work_through(ledger, "many", 700, slots=50)
    assert ledger.last_seq() >= 1400
    ledger.close()
    path = tmp_path / "journal" / TODAY
    lines = path.read_bytes().splitlines(keepends=True)
    lines[seq - 1] = lines[seq - 1][:-3] + b"\0" + lines[seq - 1][-2:]
    path.write_bytes(b"".join(lines))
    assert differences(tmp_path) == {"day files": [f"event {seq} does not stand in the file of its day"]}


def test_a_batch_that_was_not_committed_is_no_difference(tmp_path: Path) -> None:
    """Its lines stand in the day file until the next opening: however many."""
    ledger = Ledger.open(tmp_path)
    work_through(ledger, "calls")
    ledger.close()
    with (tmp_path / "journal" / TODAY).open("ab") as file:
        for seq in range(1000, 5000):
            file.write(b'{"seq":%d,"at":1.0,"type":"task_done"}\n' % seq)
    assert differences(tmp_path) == {}


def test_only_the_first_differences_are_shown(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger.open(state)
    work_through(ledger, "many", 30)
    ledger.close()
    execute(state, "UPDATE tasks SET attempts = 7 WHERE requirement = 'many'")
    code, out = asked(capsys, state)
    assert code == 1 and out.count("attempts is 7, told 1") == 20 and "and 10 more" in out
    code, out = asked(capsys, state, "--json")
    data = json.loads(out)["data"]
    assert (code, len(data["differences"]), data["differences_count"], data["sound"]) == (1, 20, 30, False)


def test_a_damaged_file_is_an_error_that_says_what_next(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger.open(state)
    work_through(ledger, "many", 50)
    ledger.close()
    path = state / "ledger.db"
    connection = sqlite3.connect(path)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_events_requirement'").fetchone()
    connection.close()
    with path.open("rb+") as file:
        file.seek((root - 1) * 4096 + 8)
        file.write(os.urandom(2000))
    code, out = asked(capsys, state, "--json")
    error = json.loads(out)["error"]
    assert (code, error["code"]) == (78, "ledger_damaged") and "damaged" in error["message"] and error["hint"]


def test_no_state_is_not_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, tmp_path / "none")[0] == 6


def test_beside_a_living_writer(tmp_path: Path) -> None:
    with Child("work_for_ever", tmp_path) as child:
        child.line()
        for _ in range(5):
            child.line()
            assert differences(tmp_path) == {}
