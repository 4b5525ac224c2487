"""Where nothing answers, a read verb says why nothing happens: nothing runs here, or the system heals."""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import closing
from pathlib import Path

import pytest

from aidos_actors import Requirement, Task
from aidos_actors.cli.app import run_command_line
from aidos_actors.cli.at_rest import answer_at_rest
from aidos_actors.cli.reach import change, resting_ledger
from aidos_actors.config import Config
from aidos_actors.core.errors import TryAgain
from aidos_actors.offline import open_desk
from aidos_actors.state_dir import prepare_state_dir
from aidos_actors.submission import prepare
from supervisors.premises import LOCK_NAME


@pytest.mark.parametrize(("is_owned", "code"), [(False, "not_running"), (True, "healing")])
def test_why_a_task_waits_where_nothing_answers(tmp_path: Path, is_owned: bool, code: str) -> None:
    state = prepare_state_dir(tmp_path / "state")
    work = Requirement(id="work", title="work", tasks=(Task(id="a", run="true"),))
    with closing(open_desk(state)) as desk:
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


def test_what_is_refused_at_rest_is_refused_at_once(tmp_path: Path) -> None:
    state = prepare_state_dir(tmp_path / "state")
    work = Requirement(
        id="work", title="work", tasks=(Task(id="a", run="true"), Task(id="b", run="true", needs=("a",)))
    )
    with closing(open_desk(state)) as desk:
        desk.submit(prepare(work, Config()).call(tmp_path))
    call = {"verb": "pause", "id": "work", "task": "a"}
    with pytest.raises(TryAgain, match="not planned yet") as refused:
        change(state, call, lambda desk: desk.steer(call))
    assert "`serve` or `run`" in refused.value.hint
    with resting_ledger(state) as ledger:
        found = answer_at_rest(ledger, {"verb": "events", "after_seq": 0, "limit": 100, "requirement": None}, state)
    opened = [event for event in found["events"] if event["type"] == "scheduler_started"]
    assert len(opened) == 2, "once for each of the two calls"


def test_a_verb_whose_system_ends_while_it_is_asked_goes_to_the_ledger(tmp_path: Path) -> None:
    state = prepare_state_dir(tmp_path / "state")
    call = prepare(Requirement(id="work", title="work", tasks=(Task(id="a", run="true"),)), Config()).call(tmp_path)
    owner = os.open(state / LOCK_NAME, os.O_RDWR)
    fcntl.flock(owner, fcntl.LOCK_EX)
    ends = threading.Timer(0.5, os.close, (owner,))
    ends.start()
    answer = change(state, call, lambda desk: desk.submit(call))
    assert (answer["accepted"], answer["running"]) == (True, False) and not ends.is_alive()


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "retry", "bump"])
def test_a_folder_in_which_there_is_no_state_stays_as_it_is(tmp_path: Path, verb: str) -> None:
    """``--state .`` by mistake."""
    assert run_command_line([verb, "work", "--state", str(tmp_path)]) == 6
    assert not list(tmp_path.iterdir())


def test_who_may_not_own_a_state_directory_steers_nothing_there(tmp_path: Path) -> None:
    state = prepare_state_dir(tmp_path / "state")
    with closing(open_desk(state)):
        pass
    (state / LOCK_NAME).unlink()
    (state / LOCK_NAME).mkdir()
    assert run_command_line(["pause", "work", "--state", str(state)]) == 78
