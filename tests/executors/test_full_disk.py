"""What fails while a disk is full has not failed by itself."""

from __future__ import annotations

import os

import pytest

from aidos_actors.core.orders import AttemptOutcome
from aidos_actors.executors import full_disk
from aidos_actors.executors.full_disk import FULL_BELOW_BYTES, blamed

BLOCK = 4096
ENOUGH = 2 * FULL_BELOW_BYTES // BLOCK


def own(exit_code: int | None = None, *causes: str) -> AttemptOutcome:
    return AttemptOutcome(False, exit_code, "it failed", "run", fault="own", causes=causes)


@pytest.fixture
def disks(monkeypatch):
    """By place: blocks free for root, for others, and file names in the same way; all names are 100."""
    found = {}

    def statvfs(place):
        root, others, root_names, names, *blocks = found[str(place)]
        return os.statvfs_result(
            (BLOCK, BLOCK, *(blocks or [10 * ENOUGH]), root, others, 100, root_names, names, 0, 255)
        )

    monkeypatch.setattr(os, "statvfs", statvfs)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    found["roomy"] = (ENOUGH, ENOUGH, 9, 9)
    return found


@pytest.mark.parametrize(
    ("disk", "uid", "is_full"),
    [
        ((ENOUGH, ENOUGH, 9, 9), 1000, False),
        ((ENOUGH, 0, 9, 9), 1000, True),
        ((ENOUGH, 0, 9, 9), 0, False),  # what is kept for root
        ((ENOUGH, ENOUGH, 9, 0), 1000, True),
        ((0, 0, 9, 9), 0, True),
        ((0, 0, 0, 0, 0), 1000, False),  # who knows
    ],
)
def test_a_disk_is_full_for_whom_nothing_is_left_of_its_room_or_its_names(disks, monkeypatch, disk, uid, is_full):
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    disks["here"] = disk
    assert full_disk.full_disk("roomy", "here") == ("here" if is_full else None)


@pytest.mark.parametrize(
    ("outcome", "fault"),
    [
        (own(1, "1"), "infra"),
        (own(2, "verify"), "infra"),
        (own(None, "exception:OSError", "exception:Exception"), "infra"),
        (own(None, "137"), "own"),
        (own(None, "timeout"), "own"),
        (own(None), "own"),
        (AttemptOutcome(True, 0), "none"),
        (AttemptOutcome(False, None, "no", fault="cancelled"), "cancelled"),
    ],
)
def test_an_exit_code_or_an_exception_on_a_full_disk_is_no_failure_of_its_own(disks, outcome, fault):
    disks["full"] = (0, 0, 9, 9)
    assert blamed(outcome, "roomy") is outcome
    told = blamed(outcome, "roomy", "full")
    assert told.fault == fault
    assert (told is outcome) == (fault == outcome.fault)
    assert fault != "infra" or told.error == "it failed; the disk of full is full"


def test_a_place_that_is_not_there_is_not_full(tmp_path):
    assert full_disk.full_disk(tmp_path / "gone") is None
