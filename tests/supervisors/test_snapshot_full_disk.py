"""Snapshots that could not be written, since the disk is full or a limit is reached: what was acknowledged is kept."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisors.snapshot_errors import SnapshotNotWritten, SnapshotUnavailable
from tests.supervisors.snapshot_cases import filled, in_child, store, text_of, used


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
