"""Snapshots on real files that were torn, lost, exchanged, or made by others: the newest good one is used, and what
cannot be read is refused and left alone."""

from __future__ import annotations

import os
import pickle
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diskcache
import pytest

from supervisors.snapshot_errors import SnapshotUnavailable, SnapshotUnreadable
from supervisors.snapshots.diskcache import FILES
from tests.supervisors.snapshot_cases import LARGE, database, filled, in_child, store, text_of, used

PAGE = 4096


def alter(file: Path, statement: str, *values: Any) -> None:
    """As a stranger would, with SQLite itself."""
    with sqlite3.connect(file) as connection:
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


def refused(state_dir: Path) -> SnapshotUnreadable:
    before = {file.name: file.read_bytes() for file in database(state_dir).parent.glob("*.db")}
    with pytest.raises(SnapshotUnreadable) as error:
        used(state_dir)
    assert before == {file.name: file.read_bytes() for file in database(state_dir).parent.glob("*.db")}
    return error.value


@pytest.mark.parametrize(
    ("statement", "value", "kind"),
    [
        ("UPDATE Cache SET value = ? WHERE key LIKE 'snapshot/%3'", text_of(3)[:-5], "torn"),
        ("UPDATE Cache SET value = ? WHERE key LIKE 'snapshot/%3'", text_of(2), "stale"),
        ("UPDATE Cache SET value = ? WHERE key LIKE 'snapshot/%3'", text_of(3, actor="root/other"), "stale"),
        ("UPDATE Cache SET value = ? WHERE key LIKE 'snapshot/%3'", pickle.dumps(1), "foreign"),
        ("UPDATE Cache SET value = 'x', mode = ? WHERE key LIKE 'snapshot/%3'", 4, "foreign"),
        ("UPDATE Cache SET value = NULL, filename = ? WHERE key LIKE 'snapshot/%3'", "ab/cd/e.val", "foreign"),
    ],
)
def test_a_bad_record_is_passed_over_for_the_newest_good_one(
    tmp_path: Path, statement: str, value: Any, kind: str
) -> None:
    """BX-34."""
    filled(tmp_path, 3)
    alter(database(tmp_path), statement, value)
    version, rejected = used(tmp_path)
    assert version == 2
    assert len(rejected) == 1 and rejected[0].startswith(f"snapshot 3 is {kind}")
    filled(tmp_path, 1)
    assert used(tmp_path) == (4, (rejected[0],))


class Opened:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    mark = tmp_path / "opened"
    with diskcache.Cache(str(database(tmp_path).parent), disk=diskcache.Disk) as theirs:
        theirs.set("snapshot/00000000000000000002", Opened(mark))
    version, rejected = used(tmp_path)
    assert version == 1 and "a SnapshotUnreadable is stored where a text should be" in rejected[0]
    with diskcache.Cache(str(database(tmp_path).parent), disk=diskcache.Disk) as theirs:
        theirs.set(Opened(mark), "a value")
    assert used(tmp_path)[0] == 1
    assert not mark.exists()


def test_a_head_that_is_damaged_is_made_anew_from_what_the_snapshots_say(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    alter(database(tmp_path), "UPDATE Cache SET value = ? WHERE key = 'head'", "{")
    version, rejected = used(tmp_path)
    assert version == 3 and "the database was damaged" in rejected[0]
    filled(tmp_path, 1)
    assert used(tmp_path) == (4, ())


def damaged(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The file with every third of its pages overwritten in turn, and cut off before it."""
    for start in range(0, len(content), 3 * PAGE):
        yield f"page at {start} overwritten", content[:start] + b"\x5a" * PAGE + content[start + PAGE :]
        yield f"cut off at {start}", content[:start]


def test_a_database_damaged_anywhere_gives_what_it_still_holds_or_is_refused(place_in_memory: Path) -> None:
    filled(place_in_memory, 9, LARGE)
    content = database(place_in_memory).read_bytes()
    outcomes = Counter[str]()
    for number, (what, bad) in enumerate(damaged(content)):
        place = place_in_memory / str(number)
        filled(place, 0)
        database(place).write_bytes(bad)
        try:
            version, rejected = used(place)
        except SnapshotUnreadable:
            outcomes["refused"] += 1
            continue
        assert version in (7, 8, 9), what
        assert version == 9 or rejected, what
        filled(place, 1)
        assert (used(place)[0] or 0) > version, what
        outcomes["used"] += 1
    assert outcomes["used"] >= 4, outcomes


@pytest.mark.parametrize(
    "content", [b"no database at all\n" * 500, os.urandom(8192), b"SQLite format 3\0" + b"\xff" * 9000]
)
def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    filled(tmp_path, 3)
    database(tmp_path).write_bytes(content)
    refused(tmp_path)
    assert database(tmp_path).read_bytes() == content
    one = store(tmp_path)
    with pytest.raises(SnapshotUnreadable):
        one.claim()
    assert one.start_over().records == ()
    one.close()
    assert (one.folder / "unreadable-1" / FILES[0]).read_bytes() == content
    assert used(tmp_path) == (None, ())


def test_a_database_that_was_there_and_is_gone_is_no_empty_start(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    database(tmp_path).unlink()
    assert refused(tmp_path).kind == "missing"
    assert not database(tmp_path).exists()


def test_records_that_were_there_and_are_gone_are_no_empty_start(tmp_path: Path) -> None:
    """BX-35."""
    filled(tmp_path, 1)
    alter(database(tmp_path), "DELETE FROM Cache WHERE key LIKE ?", "snapshot/%")
    with pytest.raises(SnapshotUnreadable) as error:
        used(tmp_path)
    assert error.value.kind == "missing"


def test_an_empty_database_is_no_empty_start_where_state_was(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    with sqlite3.connect(database(tmp_path)) as connection:
        connection.execute("DELETE FROM Cache")
    connection.close()
    with pytest.raises(SnapshotUnreadable):
        used(tmp_path)


def test_a_place_that_cannot_be_opened_says_nothing_of_what_it_holds(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    file = database(tmp_path)
    file.rename(tmp_path / "elsewhere")
    file.mkdir()
    with pytest.raises(SnapshotUnavailable):
        used(tmp_path)
    file.rmdir()
    (tmp_path / "elsewhere").rename(file)
    assert used(tmp_path) == (3, ())


def test_state_under_a_file_or_without_rights_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "snapshots").write_text("in the way")
    with pytest.raises(SnapshotUnavailable):
        used(tmp_path)
    if os.geteuid() == 0:
        assert in_child(lambda: _used_without_rights(tmp_path / "other")) == 0


def _used_without_rights(state_dir: Path) -> None:
    filled(state_dir, 3)
    for folder in (state_dir, state_dir.parent):
        folder.chmod(0o755)
    os.seteuid(65534)
    with pytest.raises(SnapshotUnavailable):
        used(state_dir)
