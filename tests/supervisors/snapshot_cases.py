"""What the tests of stored state share: texts, places, and processes that are killed in the middle."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervisors.snapshot_format import Snapshot, encode
from supervisors.snapshot_rules import plan
from supervisors.snapshots.diskcache import DATABASE, DiskcacheSnapshots
from supervisors.snapshots.premises import folder_of

ACTOR = "root/counter"
LARGE = json.dumps({"state": {"text": "x" * 20_000}, "answers": []})


def text_of(version: int, body: str = '{"state": {}, "answers": []}', generation: int = 1, actor: str = ACTOR) -> str:
    return encode(Snapshot(actor, generation, version, 1, 1000.0 + version, body))


def store(state_dir: Path, actor: str = ACTOR) -> DiskcacheSnapshots:
    return DiskcacheSnapshots(state_dir, actor)


def database(state_dir: Path, actor: str = ACTOR) -> Path:
    return folder_of(state_dir, actor) / DATABASE


def filled(state_dir: Path, count: int, body: str = '{"state": {}, "answers": []}') -> None:
    """``count`` snapshots have been written by an incarnation that ended in good order."""
    one = store(state_dir)
    found = one.claim()
    one.started(found.head.generation)
    first = found.head.version + 1
    for version in range(first, first + count):
        one.write(found.head.generation, version, text_of(version, body, found.head.generation))
    one.close()


def used(state_dir: Path) -> tuple[int | None, tuple[str, ...]]:
    """The version that a start goes on from, and what was passed over for it."""
    one = store(state_dir)
    try:
        chosen = plan(one.claim(), ACTOR)
        return chosen.snapshot.version if chosen.snapshot else None, chosen.rejected
    finally:
        one.close()


def in_child(work: Callable[[], Any]) -> int:
    """The exit status of a forked child that ran ``work``: 0, 1 when it raised, or minus the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill_me() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
