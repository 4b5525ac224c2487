"""Checkpoints go with the task that made them, whichever way its end comes to the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aidos_actors.checkpoint_folders import CheckpointFolders
from aidos_actors.core.records import Batch, TaskRecord
from aidos_actors.core.states import TaskState
from aidos_actors.layout import Layout


@pytest.mark.parametrize("how", ["tasks", "accepted"])
def test_a_done_task_keeps_no_checkpoint(tmp_path: Path, how: str) -> None:
    folders = CheckpointFolders(Layout(str(tmp_path)))
    for name in ("r/saved", "r/other", "s/saved"):
        folder = tmp_path / "checkpoints" / name
        folder.mkdir(parents=True)
        (folder / "value.json").write_text("1")
    rows = tuple(TaskRecord(of, "saved", 0, TaskState.DONE, 1) for of in ("r", "s", "t"))
    named: dict[str, Any] = {how: rows}
    folders.settle(Batch(**named))
    left = sorted(
        str(path.relative_to(tmp_path / "checkpoints")) for path in (tmp_path / "checkpoints").glob("[rst]/*")
    )
    assert left == ["r/other"] and folders.is_pending
    folders.empty()
    assert not folders.is_pending and not list((tmp_path / "checkpoints").glob(".gone/*"))
