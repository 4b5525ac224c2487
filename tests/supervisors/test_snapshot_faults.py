"""Snapshots on real files that were torn, lost, exchanged, made by others, or could not be written."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import diskcache
import pytest

from supervisors.snapshot_errors import SnapshotNotWritten, SnapshotUnavailable, SnapshotUnreadable
from supervisors.snapshot_rules import plan
from supervisors.snapshots import premises
from supervisors.snapshots.diskcache import FILES, MARK
from tests.supervisors.snapshot_cases import ACTOR, database, filled, in_child, kill_me, store, text_of

PAGE = 4096
LARGE = json.dumps({"state": {"text": "x" * 20_000}, "answers": []})


@pytest.fixture
def place_in_memory(tmp_path: Path) -> Iterator[Path]:
    """Where a sync costs nothing: a killed process loses no more there than on a disk."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="snapshots-") as folder:
        yield Path(folder)


def alter(file: Path, statement: str, *values: Any) -> None:
    """As a stranger would, with SQLite itself."""
    with sqlite3.connect(file) as connection:
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


def used(state_dir: Path) -> tuple[int | None, tuple[str, ...]]:
    one = store(state_dir)
    try:
        chosen = plan(one.claim(), ACTOR)
        return chosen.snapshot.version if chosen.snapshot else None, chosen.rejected
    finally:
        one.close()


def refused(state_dir: Path) -> SnapshotUnreadable:
    before = {file.name: file.read_bytes() for file in database(state_dir).parent.glob("*.db")}
    with pytest.raises(SnapshotUnreadable) as error:
        used(state_dir)
    assert before == {file.name: file.read_bytes() for file in database(state_dir).parent.glob("*.db")}
    return error.value


def test_the_settings_that_lose_nothing_are_in_force(tmp_path: Path) -> None:
    """BX-46."""
    filled(tmp_path, 2)
    one = store(tmp_path)
    one.claim()
    pragmas = {name: one._cache._con.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "mmap_size")}
    assert pragmas == {"journal_mode": "wal", "mmap_size": 0}
    assert one._cache._con.execute("PRAGMA synchronous").fetchone()[0] == 2
    cache = one._cache
    assert (cache.eviction_policy, cache.cull_limit, cache.size_limit) == ("none", 0, 2**62)
    one.close()
    assert {file.name for file in one.folder.iterdir()} == {FILES[0], MARK, premises.LOCK_NAME}
    with sqlite3.connect(database(tmp_path)) as connection:
        modes = connection.execute("SELECT DISTINCT mode, filename, typeof(value), typeof(key) FROM Cache").fetchall()
    connection.close()
    assert modes == [(diskcache.core.MODE_RAW, None, "text", "text")]


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


# ---- disks that are full


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill_up(one: Any, generation: int, version: int) -> int:
    """The last version that was acknowledged before the disk was full."""
    with pytest.raises(SnapshotNotWritten):
        for version in range(version + 1, version + 200):  # noqa: B020
            write_more(one, generation, version)
    return version - 1


def write_more(one: Any, generation: int, version: int) -> None:
    one.write(generation, version, text_of(version, json.dumps({"state": "x" * 2000 * version}), generation))


def test_a_full_disk_refuses_the_write_and_keeps_what_was_acknowledged(small_disk: Path) -> None:
    """BX-40."""
    filled(small_disk, 3)
    one = store(small_disk)
    generation = one.claim().head.generation
    last = fill_up(one, generation, 3)
    one.close()
    try:
        with (small_disk / "ballast").open("wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
    except OSError:
        pass
    successor = store(small_disk)
    try:  # the log may have room for its claim, and has none for what did not fit before
        with pytest.raises((SnapshotUnavailable, SnapshotNotWritten)):
            write_more(successor, successor.claim().head.generation, last + 1)
    finally:
        successor.close()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    assert used(small_disk) == (last, ())
    filled(small_disk, 1)
    assert used(small_disk) == (last + 1, ())


def test_a_limit_on_file_size_is_like_a_full_disk(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    ours, theirs = os.pipe()

    def limited() -> None:
        one = store(tmp_path)
        generation = one.claim().head.generation
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        os.write(theirs, str(fill_up(one, generation, 3)).encode())

    assert in_child(limited) == 0
    os.close(theirs)
    last = int(os.read(ours, 100))
    os.close(ours)
    assert last > 3
    assert used(tmp_path) == (last, ())


# ---- one owner, and kills


def test_a_folder_has_one_owner_and_is_free_when_it_is_killed(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        store(tmp_path).claim()
        os.write(told, b"x")
        signal.pause()
        os._exit(0)
    os.read(ready, 1)
    try:
        with pytest.raises(SnapshotUnavailable, match=f"another process that lives .pid {pid}."):
            premises.own(database(tmp_path).parent, patience_s=0.05)
    finally:
        os.kill(pid, signal.SIGKILL)
    assert used(tmp_path) == (1, ())
    os.waitpid(pid, 0)
    os.close(ready)
    os.close(told)


def test_so_many_restore_at_once_and_a_killed_ones_permit_is_free(tmp_path: Path) -> None:
    """BX-44."""
    folder = tmp_path / "snapshots" / "a"
    folder.mkdir(parents=True)
    ready, told = os.pipe()
    pids = []
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            premises.permit(folder, at_once=2)
            os.write(told, b"x")
            signal.pause()
            os._exit(0)
        pids.append(pid)
        os.read(ready, 1)
    assert in_child(lambda: os._exit(premises.permit(folder, 2, 0.05) is None)) == 1
    os.kill(pids[0], signal.SIGKILL)
    assert in_child(lambda: os._exit(premises.permit(folder, 2) is None)) == 0
    os.kill(pids[1], signal.SIGKILL)
    for pid in pids:
        os.waitpid(pid, 0)
    for fd in (ready, told):
        os.close(fd)


STATEMENTS_MAX = 80
WHOLE = {"write": ([5, 4, 3], []), "started": ([3, 2], [4]), "claim": ([3, 2], [4])}


@pytest.mark.parametrize("verb", sorted(WHOLE))
def test_killed_before_any_statement_what_was_acknowledged_is_there_and_nothing_is_half(
    place_in_memory: Path, verb: str
) -> None:
    """BX-47."""
    filled(place_in_memory / "before", 4, LARGE)
    for nth in range(STATEMENTS_MAX):
        place = place_in_memory / str(nth)
        shutil.copytree(place_in_memory / "before", place)
        code = in_child(lambda place=place, nth=nth: _use_until_killed(verb, place, nth))
        assert code in (0, -signal.SIGKILL)
        one = store(place)
        found = one.claim()
        one.close()
        chosen = plan(found, ACTOR)
        assert chosen.snapshot is not None and chosen.rejected == ()
        versions = ([each.version for each in found.records], [each.version for each in found.aside])
        assert versions == WHOLE[verb] or (versions == ([4, 3, 2], []) and code != 0)
        if code == 0:
            assert nth > 3
            return
        shutil.rmtree(place)
    raise AssertionError(f"{verb} takes more than {STATEMENTS_MAX} statements: kill less often")


def _use_until_killed(verb: str, place: Path, nth: int) -> None:
    """Killed before statement ``nth`` of ``verb``, for which opening counts every fifth."""
    one = store(place)
    if verb == "claim":
        _trace_connections(nth * 5)
    head = one.claim().head
    if verb != "claim":
        one._cache._con.set_trace_callback(_killer(nth))
    if verb == "write":
        one.write(head.generation, 5, text_of(5, LARGE, head.generation))
    else:
        one.started(head.generation, (4,))


def _trace_connections(nth: int) -> None:
    connect, killer = sqlite3.connect, _killer(nth)

    def traced(*args: Any, **named: Any) -> sqlite3.Connection:
        connection = connect(*args, **named)
        connection.set_trace_callback(killer)
        return connection

    sqlite3.connect = traced  # type: ignore[assignment]


def _killer(nth: int) -> Callable[[str], None]:
    counter = itertools.count()
    return lambda _statement: kill_me() if next(counter) == nth else None
