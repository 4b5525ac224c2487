"""What a callable or a command has saved is there for the next attempt, whole, and no larger than allowed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aidos_actors.core.orders import AttemptKey, AttemptOutcome, Start, WorkerId
from aidos_actors.core.requirement import Task
from aidos_actors.executors import run
from aidos_actors.executors.call import CallContext, call
from aidos_actors.executors.checkpoints import (
    CheckpointLimits,
    CheckpointRefused,
    CheckpointUnsaved,
    ValueCheckpoints,
    made_ready,
)
from aidos_actors.executors.command import Surroundings
from aidos_actors.executors.folder_size import is_over
from aidos_actors.layout import Layout


def test_the_newest_value_of_any_earlier_attempt_is_found(tmp_path: Path) -> None:
    first = ValueCheckpoints(tmp_path / "c", 1)
    assert first.newest() is None
    for n in range(12):
        first.save({"n": n})
    assert first.newest() == {"n": 11}, "numbers are compared as numbers"
    second = ValueCheckpoints(tmp_path / "c", 2)
    assert second.newest() == {"n": 11}
    second.save([2])
    first.save({"n": 99})
    assert second.newest() == [2], "what a superseded attempt writes late counts for nobody after it"
    assert first.newest() == {"n": 99}
    assert len(list((tmp_path / "c").iterdir())) <= 3


@pytest.mark.parametrize("left", ["", "no digest at all", None])
def test_a_torn_value_is_passed_over_for_the_one_before(tmp_path: Path, left: str | None) -> None:
    saved = ValueCheckpoints(tmp_path, 1)
    saved.save("whole")
    saved.save("torn" * 100)
    newest = tmp_path / "value-1-2.json"
    newest.write_text(newest.read_text()[:-1] if left is None else left)
    (tmp_path / ".value-1-3.json.new").write_text("began")
    assert ValueCheckpoints(tmp_path, 2).newest() == "whole"
    (tmp_path / "value-1-1.json").unlink()
    assert ValueCheckpoints(tmp_path, 2).newest() is None


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), "x" * 11, object()])
def test_what_is_no_json_or_too_large_is_refused_and_changes_nothing(tmp_path: Path, value: Any) -> None:
    saved = ValueCheckpoints(tmp_path, 1, bytes_max=12)
    saved.save("x" * 10)
    with pytest.raises(CheckpointRefused):
        saved.save(value)
    assert saved.newest() == "x" * 10 and len(list(tmp_path.iterdir())) == 1


def test_a_process_killed_while_it_saves_leaves_whole_values_only(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from aidos_actors.executors.checkpoints import ValueCheckpoints\n"
        "saved = ValueCheckpoints(Path(sys.argv[1]), 1)\n"
        "for n in range(10**9): saved.save([n] * 1000); print(n, flush=True)"
    )
    for attempt in range(5):
        folder = tmp_path / str(attempt)
        argv = [sys.executable, "-c", script, str(folder)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(3 + attempt):
            told = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        told = max([told, *(int(line) for line in process.stdout.read().split())])
        process.wait()
        process.stdout.close()
        found = ValueCheckpoints(folder, 2).newest()
        assert len(found) == 1000 and found[0] in (told, told + 1), "what was said to be saved is there"


def counts(context: CallContext, until: int) -> int:
    begin = context.last_checkpoint or 0
    if begin >= until:
        return int(begin)
    context.checkpoint(begin + 1)
    raise RuntimeError("again")


def saves(context: CallContext, size: int) -> None:
    context.checkpoint("x" * size)


def attempt_of(name: str, number: int, folder: Path, **args: Any) -> AttemptOutcome:
    task = Task.model_validate({"id": "a", "call": f"{__name__}:{name}", "args": args})
    order = Start(WorkerId("w", "1"), AttemptKey("r", "a", number), task, str(folder), None, ())
    return call(Surroundings({}, Layout(str(folder)), CheckpointLimits(value_bytes=1000)), order)


def test_a_callable_goes_on_where_its_last_attempt_ended(tmp_path: Path) -> None:
    outcomes = [attempt_of("counts", number, tmp_path, until=3) for number in range(1, 5)]
    assert [outcome.ok for outcome in outcomes] == [False, False, False, True]
    assert outcomes[-1].result == "3"


def test_a_value_too_large_is_the_tasks_own_failure_and_a_full_disk_is_not(tmp_path: Path) -> None:
    refused = attempt_of("saves", 1, tmp_path, size=1001)
    assert refused.fault == "own" and "more than the 1000 allowed" in str(refused.error)
    folder = Layout(str(tmp_path)).checkpoint("r", "a")
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file is where the folder should be")
    unsaved = attempt_of("saves", 2, tmp_path, size=1)
    assert unsaved.fault == "infra" and str(unsaved.error).startswith(CheckpointUnsaved.__name__)


def test_a_folder_over_its_limit_is_emptied_before_the_next_attempt(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    assert not made_ready(folder, 10_000)
    (folder / "inner").mkdir()
    (folder / "inner" / "data").write_bytes(b"x" * 10_000)
    with (folder / "holes").open("wb") as file:
        file.truncate(1 << 40)
    assert not made_ready(folder, 10_000) and (folder / "inner").exists()
    (folder / "more").write_bytes(b"x")
    assert made_ready(folder, 10_000) and list(folder.iterdir()) == []
    assert is_over(str(tmp_path), 10**9, entries_max=0)


def test_a_command_whose_checkpoint_grows_over_its_limit_is_ended(bench, nursery, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    order = bench.shell(
        "head -c 200000 /dev/zero > saved/data; sleep 77", checkpoint_dir=str(saved), checkpoint_limit_bytes=100_000
    )
    outcome = run(nursery, order)
    assert outcome.reason == "checkpoint_limit" and "100,000 bytes" in outcome.message
    assert outcome.duration_s < 10 and bench.living() == []
