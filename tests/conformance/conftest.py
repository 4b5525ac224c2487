"""Each case is played on both kinds of system. The real stage is opened once: a scene leaves nothing on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.stage import Stage, open_stage


@pytest.fixture(scope="session")
def real_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = open_stage("thespian", tmp_path_factory.mktemp("stage") / "state")
    yield stage
    stage.tree.stop()


@pytest.fixture(params=["simulated", "thespian"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "thespian":
        stage: Stage = request.getfixturevalue("real_stage")
        yield stage
        return
    stage = open_stage("simulated", Path())
    yield stage
    stage.tree.stop()
    assert not stage.tree.living()


@pytest.fixture
def simulated() -> Iterator[Stage]:
    stage = open_stage("simulated", Path())
    yield stage
    stage.tree.stop()


@pytest.fixture
def book(tmp_path: Path) -> str:
    """A file that puppets write their starts and stops to, by which later incarnations know of earlier ones."""
    return str(tmp_path / "book")
