"""Values that were saved are there whole, the newest first, and take no more room than there is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from aidos_actors.executors import checkpoints
from aidos_actors.executors.checkpoints import (
    CheckpointRefused,
    CheckpointTooLarge,
    ValueCheckpoints,
)
from aidos_actors.executors.folder_size import is_over

FOLDER_BYTES = 100_000


def test_the_newest_value_of_any_earlier_attempt_is_found(tmp_path: Path) -> None:
    first = ValueCheckpoints(tmp_path / "c", 1)
    assert first.newest() is None
    for n in range(12):
        first.save({"n": n})
    assert first.newest() == {"n": 11}, "numbers are compared as numbers"
    second = ValueCheckpoints(tmp_path / "c", 2)
    assert second.newest() == {"n": 11}
    second.save([2])
    first.save({"n": 99})
    assert second.newest() == [2], "what a superseded attempt writes late counts for nobody after it"
    assert first.newest() == {"n": 99}
    assert len(list((tmp_path / "c").iterdir())) <= 3


@pytest.mark.parametrize("left", ["", "no digest at all", None])
def test_a_torn_value_is_passed_over_for_the_one_before(tmp_path: Path, left: str | None) -> None:
    saved = ValueCheckpoints(tmp_path, 1)
    saved.save("whole")
    saved.save("torn" * 100)
    newest = tmp_path / "value-1-2.json"
    newest.write_text(newest.read_text()[:-1] if left is None else left)
    (tmp_path / ".value-1-3.json.new").write_text("began")
    assert ValueCheckpoints(tmp_path, 2).newest() == "whole"
    (tmp_path / "value-1-1.json").unlink()
    assert ValueCheckpoints(tmp_path, 2).newest() is None


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), "x" * 11, object()])
def test_what_is_no_json_or_too_large_is_refused_and_changes_nothing(tmp_path: Path, value: Any) -> None:
    saved = ValueCheckpoints(tmp_path, 1, bytes_max=12)
    saved.save("x" * 10)
    with pytest.raises(CheckpointRefused):
        saved.save(value)
    assert saved.newest() == "x" * 10 and len(list(tmp_path.iterdir())) == 1


def test_a_process_killed_while_it_saves_leaves_whole_values_only(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from aidos_actors.executors.checkpoints import ValueCheckpoints\n"
        "saved = ValueCheckpoints(Path(sys.argv[1]), 1)\n"
        "for n in range(10**9): saved.save([n] * 1000); print(n, flush=True)"
    )
    for attempt in range(5):
        folder = tmp_path / str(attempt)
        argv = [sys.executable, "-c", script, str(folder)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(3 + attempt):
            told = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        told = max([told, *(int(line) for line in process.stdout.read().split())])
        process.wait()
        process.stdout.close()
        found = ValueCheckpoints(folder, 2).newest()
        assert len(found) == 1000 and found[0] in (told, told + 1), "what was said to be saved is there"


def test_a_value_that_the_folder_has_no_room_for_is_refused_and_the_one_before_stands(tmp_path: Path) -> None:
    saved = ValueCheckpoints(tmp_path, 1, folder_bytes_max=FOLDER_BYTES)
    saved.save("before")
    (tmp_path / "data").write_bytes(b"x" * FOLDER_BYTES)
    with pytest.raises(CheckpointTooLarge):
        saved.save("after")
    assert saved.newest() == "before"
    (tmp_path / "data").unlink()
    saved.save("after")
    assert saved.newest() == "after"


@pytest.mark.parametrize("free_bytes", [68, 69])
def test_the_last_value_that_the_folder_has_room_for_leaves_it_within_its_limit(
    tmp_path: Path, free_bytes: int
) -> None:
    """What is saved must not be the reason that all of it is removed."""
    (tmp_path / "data").write_bytes(b"x" * (FOLDER_BYTES - free_bytes))
    saved = ValueCheckpoints(tmp_path, 1, folder_bytes_max=FOLDER_BYTES)
    with pytest.raises(CheckpointTooLarge) if free_bytes < 69 else nullcontext():
        saved.save("12")  # 4 bytes, behind a line of 65
    assert not is_over(str(tmp_path), FOLDER_BYTES)


def test_values_take_the_places_that_the_folder_has_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "ENTRIES_MAX", 10)
    for number in range(8):
        (tmp_path / str(number)).touch()
    saved = ValueCheckpoints(tmp_path, 1)
    for number in range(5):
        saved.save(number)
    (tmp_path / "one more").touch()
    with pytest.raises(CheckpointTooLarge):
        saved.save(5)
    assert saved.newest() == 4


def test_several_threads_save_at_once_and_one_of_their_last_is_there(tmp_path: Path) -> None:
    saved = ValueCheckpoints(tmp_path / "c", 1)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda thread: [saved.save([thread, n]) for n in range(50)], range(6)))
    assert saved.newest()[1] == 49
