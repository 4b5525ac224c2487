"""A place for files that are written often."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def place_in_memory(tmp_path: Path) -> Iterator[Path]:
    """Where a sync costs nothing: a killed process loses no more there than on a disk."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="snapshots-") as folder:
        yield Path(folder)
