from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.bench import AgentPlace
from tests.system.conftest import end_all


@pytest.fixture
def place(tmp_path: Path) -> Iterator[AgentPlace]:
    made = AgentPlace(tmp_path)
    yield made
    end_all(made)
