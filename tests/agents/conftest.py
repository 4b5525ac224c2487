from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.bench import AgentPlace
from tests.system.conftest import eventually


@pytest.fixture
def place(tmp_path: Path) -> Iterator[AgentPlace]:
    made = AgentPlace(tmp_path)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.wait()
    eventually(lambda: not made.marked(), 20.0)
