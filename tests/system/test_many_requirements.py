"""More requirements at once than the mail between two actors keeps."""

from __future__ import annotations

from contextlib import closing

import pytest

from aidos_actors import Requirement, Runtime, Task
from aidos_actors.offline import open_desk
from aidos_actors.state_dir import prepare_state_dir
from supervisors.outbox import KEPT_MAX
from tests.system.conftest import Place

COUNT = KEPT_MAX + 100
CALL = "os.path:exists"
PATIENCE_S = 150.0


@pytest.mark.chaos
def test_all_that_wait_for_the_analyzer_when_a_scheduler_starts_get_there(place: Place) -> None:
    """They come while nothing runs, and are owed to the Analyzer all at once."""
    tasks = (Task(id="a", call=CALL, args={"path": "/"}), Task(id="b", call=CALL, args={"path": "/"}, needs=("a",)))
    with closing(open_desk(prepare_state_dir(place.state))) as desk:
        for number in range(COUNT):
            document = Requirement(id=f"r{number}", title="", tasks=tasks).model_dump_json()
            desk.submit({"verb": "submit", "document": document})
    with Runtime(place.state, workers=2) as runtime:
        assert {runtime.wait(f"r{number}", PATIENCE_S).state for number in range(COUNT)} == {"done"}
