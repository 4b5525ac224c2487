"""A large plan takes little memory, from its submission to its end."""

from __future__ import annotations

import tracemalloc

from board_bench import W1
from msgspec.structs import asdict

from aidos_actors.core.board.board import Board, Settings
from aidos_actors.core.documents import requirement_of
from aidos_actors.core.forms import PACKED_FROM
from aidos_actors.core.orders import CallEnded, CallSpan, StartCalls, Step
from aidos_actors.core.packed_tasks import KeptTask
from aidos_actors.core.requirement import Requirement, Task

TASKS = 10 * PACKED_FROM
OPEN_BYTES_MAX, DONE_BYTES_MAX = 30, 90  # each task; where it is not packed it takes two kilobytes
FIXED_BYTES_MAX = 2_000_000  # what is unpacked, what is under way, and strings that pydantic keeps


def next_calls(board: Board, step: Step) -> Step:
    """All callables of ``step`` have returned."""
    (order,) = (each for each in step.orders if isinstance(each, StartCalls))
    ended = [CallEnded(call.task, call.number, "null") for call in order.calls]
    board.calls_ended(W1, 1, "r", ended, [CallSpan("m:noop", len(ended), 1e-5 * len(ended))], 3.0)
    return board.dispatch(3.0)


def test_a_task_that_nobody_works_on_takes_a_few_bytes_and_one_that_is_done_hardly_more() -> None:
    tasks = tuple(Task(id=f"t{number}", call="m:noop") for number in range(TASKS))
    document = Requirement(id="r", title="R", tasks=tasks).model_dump_json()
    del tasks
    board = Board(epoch=1, settings=Settings(workers_total=1), worktree_root="/w")
    board.worker_up(W1, 1, 1.0)
    tracemalloc.start()
    try:
        model = requirement_of(document)
        submission = board.submit(model, base_commit=None, document=document, position=1, known=None, now=1.0)
        assert len(submission.batch.tasks) == TASKS  # they are on their way to the ledger
        assert tracemalloc.get_traced_memory()[0] < FIXED_BYTES_MAX + OPEN_BYTES_MAX * TASKS
        del submission
        step = board.dispatch(2.0)
        assert tracemalloc.get_traced_memory()[0] < FIXED_BYTES_MAX + OPEN_BYTES_MAX * TASKS
        while board.progress("r")["progress"]["done"] < 0.9 * TASKS:  # type: ignore[index]
            step = next_calls(board, step)
        assert tracemalloc.get_traced_memory()[0] < FIXED_BYTES_MAX + DONE_BYTES_MAX * TASKS
    finally:
        tracemalloc.stop()
    while board.is_open("r"):
        step = next_calls(board, step)


def test_what_a_packed_task_leaves_out_is_what_a_task_leaves_out() -> None:
    written, packed = Task(id="a", run="x"), asdict(KeptTask(id="a", run="x"))
    assert packed == {name: getattr(written, name) for name in Task.model_fields}
