"""Where nothing answers, a read verb says why nothing happens: nothing runs here, or the system heals."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from aidos_actors import Requirement, Task
from aidos_actors.cli.at_rest import answer_at_rest
from aidos_actors.cli.reach import resting_ledger
from aidos_actors.config import Config
from aidos_actors.offline import offline_desk
from aidos_actors.state_dir import prepare_state_dir
from aidos_actors.submission import prepare
from supervisors.premises import LOCK_NAME


@pytest.mark.parametrize(("is_owned", "code"), [(False, "not_running"), (True, "healing")])
def test_why_a_task_waits_where_nothing_answers(tmp_path: Path, is_owned: bool, code: str) -> None:
    state = prepare_state_dir(tmp_path / "state")
    work = Requirement(id="work", title="work", tasks=(Task(id="a", run="true"),))
    with offline_desk(state) as desk:
        desk.submit(prepare(work, Config()).call(tmp_path))
    handle = os.open(state / LOCK_NAME, os.O_RDWR)
    try:
        if is_owned:
            fcntl.flock(handle, fcntl.LOCK_EX)
        with resting_ledger(state) as ledger:
            found = answer_at_rest(ledger, {"verb": "explain", "id": "work", "task": "a"}, state)
    finally:
        os.close(handle)
    assert found["reasons"][0]["code"] == code
