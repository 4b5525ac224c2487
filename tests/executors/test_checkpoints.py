"""What a callable or a command has saved is there for the next attempt, whole, and no larger than allowed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from aidos_actors.core.orders import AttemptKey, AttemptOutcome, Call, Start, WorkerId
from aidos_actors.core.requirement import Task
from aidos_actors.executors.call import CallContext, call, call_of_batch
from aidos_actors.executors.checkpoints import (
    CheckpointLimits,
    CheckpointUnsaved,
    removed_if_over,
)
from aidos_actors.executors.command import Surroundings
from aidos_actors.executors.folder_size import is_over
from aidos_actors.executors.nursery import run
from aidos_actors.layout import Layout

FOLDER_BYTES = 100_000
KEY = AttemptKey("r", "a", 3)


def counts(context: CallContext, until: int) -> int:
    begin = context.last_checkpoint or 0
    if begin >= until:
        return int(begin)
    context.checkpoint(begin + 1)
    raise RuntimeError("again")


def saves(context: CallContext, size: int) -> None:
    context.checkpoint("x" * size)


def fills(context: CallContext, size: int, then: str = "") -> str:
    """Puts ``size`` bytes into its checkpoint folder."""
    (Path(context.env["AIDOS_CHECKPOINT_DIR"]) / "data").write_bytes(b"x" * size)
    if then == "saves":
        context.checkpoint("well")
    elif then:
        raise {"infra": CheckpointUnsaved, "own": ValueError}[then]("no")
    return str(context.last_checkpoint)


def around(folder: Path) -> Surroundings:
    return Surroundings({}, Layout(str(folder)), CheckpointLimits(value_bytes=1000, folder_bytes=FOLDER_BYTES))


def attempt_of(name: str, number: int, folder: Path, *, in_batch: bool = False, **args: Any) -> AttemptOutcome:
    function = f"{__name__}:{name}"
    if in_batch:
        ended = call_of_batch(around(folder), "r", Call("a", number, function, args, {}, 9.0))
        return ended.outcome or AttemptOutcome(True, result=ended.result)
    task = Task.model_validate({"id": "a", "call": function, "args": args})
    order = Start(WorkerId("w", "1"), AttemptKey("r", "a", number), task, str(folder), None, ())
    return call(around(folder), order)


def test_a_callable_goes_on_where_its_last_attempt_ended(tmp_path: Path) -> None:
    outcomes = [attempt_of("counts", number, tmp_path, until=3) for number in range(1, 5)]
    assert [outcome.ok for outcome in outcomes] == [False, False, False, True]
    assert outcomes[-1].result == "3"


def test_a_value_too_large_is_the_tasks_own_failure_and_a_full_disk_is_not(tmp_path: Path) -> None:
    refused = attempt_of("saves", 1, tmp_path, size=1001)
    assert refused.fault == "own" and "more than the 1000 allowed" in str(refused.error)
    Layout(str(tmp_path)).checkpoints.write_text("a file is where all folders should be")
    unsaved = attempt_of("saves", 2, tmp_path, size=1)
    assert unsaved.fault == "infra" and str(unsaved.error).startswith(CheckpointUnsaved.__name__)


@pytest.mark.parametrize("in_batch", [False, True])
@pytest.mark.parametrize("then", ["", "saves", "infra"])
def test_a_callable_that_leaves_too_much_fails_by_itself_and_nothing_of_it_is_kept(
    tmp_path: Path, then: str, in_batch: bool
) -> None:
    assert attempt_of("fills", 1, tmp_path, size=10_000, in_batch=in_batch).ok
    assert attempt_of("saves", 2, tmp_path, size=10, in_batch=in_batch).ok
    outcome = attempt_of("fills", 3, tmp_path, size=FOLDER_BYTES + 10_000, then=then, in_batch=in_batch)
    assert (outcome.ok, outcome.fault) == (False, "own")
    assert str(outcome.error).startswith("CheckpointTooLarge: the checkpoint folder holds more than 100,000 bytes")
    assert outcome.causes[:2] == ("exception:CheckpointTooLarge", "exception:CheckpointRefused")
    assert not Layout(str(tmp_path)).checkpoint("r", "a").exists()
    said = around(tmp_path).output(KEY).read_text()
    assert "over its limit of 100,000 bytes or 20,000 entries and has been removed" in said
    assert attempt_of("fills", 4, tmp_path, size=10, in_batch=in_batch).result == '"None"'


def test_what_else_a_callable_failed_of_stays_said(tmp_path: Path) -> None:
    outcome = attempt_of("fills", 3, tmp_path, size=FOLDER_BYTES + 10_000, then="own")
    assert outcome.causes[0] == "exception:ValueError" and "ValueError: no" in str(outcome.error)
    assert not Layout(str(tmp_path)).checkpoint("r", "a").exists()


@pytest.mark.parametrize("in_batch", [False, True])
def test_what_a_dead_attempt_left_over_the_limit_is_gone_when_the_next_one_looks(
    tmp_path: Path, in_batch: bool
) -> None:
    assert attempt_of("saves", 1, tmp_path, size=10, in_batch=in_batch).ok
    (Layout(str(tmp_path)).checkpoint("r", "a") / "data").write_bytes(b"x" * FOLDER_BYTES)
    assert attempt_of("counts", 3, tmp_path, until=0, in_batch=in_batch).result == "0"
    assert "has been removed" in around(tmp_path).output(KEY).read_text()


def test_a_callable_that_puts_nothing_into_its_folder_leaves_none(tmp_path: Path) -> None:
    outcome = attempt_of("folder_of", 1, tmp_path)
    assert outcome.result == "true" and not Layout(str(tmp_path)).checkpoint("r", "a").exists()


def folder_of(context: CallContext) -> bool:
    return Path(context.env["AIDOS_CHECKPOINT_DIR"]).is_dir()


@pytest.mark.parametrize("what", ["file", "link to nothing"])
@pytest.mark.parametrize("where", ["task", "requirement"])
def test_what_a_task_put_in_the_place_of_its_folder_keeps_no_attempt_from_starting(
    tmp_path: Path, what: str, where: str
) -> None:
    folder = Layout(str(tmp_path)).checkpoint("r", "a")
    place = folder if where == "task" else folder.parent
    place.parent.mkdir(parents=True)
    place.write_text("mine") if what == "file" else place.symlink_to("nowhere")
    around(tmp_path).make_checkpoint_ready(AttemptKey("r", "a", 2))
    assert folder.is_dir() and not list(folder.iterdir())


def test_a_folder_over_its_limit_is_removed_and_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    assert not removed_if_over(folder, 10_000)
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "data").write_bytes(b"x" * 10_000)
    with (folder / "holes").open("wb") as file:
        file.truncate(1 << 40)
    assert not removed_if_over(folder, 10_000) and (folder / "inner").exists()
    (folder / "more").write_bytes(b"x")
    (folder / "inner").chmod(0o500)
    assert is_over(str(tmp_path), 10**9, entries_max=0)
    assert removed_if_over(folder, 10_000) and not folder.exists()


def test_what_a_link_in_place_of_the_folder_points_at_counts_nothing(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "data").write_bytes(b"x" * 20_000)
    (tmp_path / "saved").symlink_to("elsewhere")
    assert is_over(str(tmp_path / "elsewhere"), 10_000)
    assert not is_over(str(tmp_path / "saved"), 10_000) and not is_over(os.fsencode(tmp_path / "saved"), 10_000)


def test_a_command_whose_checkpoint_grows_over_its_limit_is_ended(bench, nursery, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    order = bench.shell(
        "head -c 200000 /dev/zero > saved/data; sleep 77", checkpoint_dir=str(saved), checkpoint_limit_bytes=100_000
    )
    outcome = run(nursery, order)
    assert outcome.reason == "checkpoint_limit" and "100,000 bytes" in outcome.message
    assert outcome.duration_s < 10 and bench.living() == []


def test_a_command_that_ends_before_its_checkpoint_was_looked_at_has_failed(bench, nursery, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    limit = {"checkpoint_dir": str(saved), "checkpoint_limit_bytes": 100_000}
    assert run(nursery, bench.shell("head -c 100000 /dev/zero > saved/data", **limit)).reason == "exited"
    outcome = run(nursery, bench.shell("head -c 200000 /dev/zero > saved/data", **limit))
    assert outcome.reason == "checkpoint_limit" and "100,000 bytes" in outcome.message
    outcome = run(nursery, bench.shell("head -c 200000 /dev/zero > saved/data; exit 75", **limit))
    assert (outcome.reason, outcome.exit_code) == ("exited", 75)  # which its own rules may be about
