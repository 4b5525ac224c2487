"""Owners of snapshots that are killed, before any statement: their folder is free, what was acknowledged is there, and
nothing is half."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diskcache
import pytest

from supervisors.snapshot_errors import SnapshotUnavailable
from supervisors.snapshot_rules import plan
from supervisors.snapshots import premises
from supervisors.snapshots.diskcache import FILES, MARK
from tests.supervisors.snapshot_cases import ACTOR, LARGE, database, filled, in_child, kill_me, store, text_of, used


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
