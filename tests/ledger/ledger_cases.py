"""Records, batches, statements and child processes for the tests of the ledger."""

from __future__ import annotations

import json
import os
import select
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from aidos_actors.core.board.board import Board, Settings
from aidos_actors.core.orders import AttemptKey, AttemptOutcome, CallEnded, CallSpan, Integration, Step, WorkerId
from aidos_actors.core.records import AttemptRecord, Batch, JournalEvent, NewEvent, RequirementRecord, TaskRecord
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.states import AttemptState, RequirementState, TaskState
from aidos_actors.ledger.ledger import Ledger

REPOSITORY = Path(__file__).resolve().parents[2]
CHILDREN = Path(__file__).with_name("ledger_children.py")
NOON = 1_790_000_000.25
DAY_S = 86_400


def a_requirement(name: str = "shop", position: int = 1, **fields: Any) -> RequirementRecord:
    known = {"title": name, "state": RequirementState.RUNNING, "sha256": "0" * 64, "document": "{}"}
    return RequirementRecord(id=name, position=position, created_at=NOON, **(known | fields))


def a_task(name: str = "index", requirement: str = "shop", position: int = 0, **fields: Any) -> TaskRecord:
    return TaskRecord(requirement, name, position, **({"state": TaskState.READY} | fields))


def an_attempt(number: int = 1, task: str = "index", requirement: str = "shop", **fields: Any) -> AttemptRecord:
    known = {"state": AttemptState.LEASED, "epoch": 1, "leased_at": NOON}
    return AttemptRecord(requirement, task, number, **(known | fields))


def an_event(kind: str = "task_done", at: float = NOON, **fields: Any) -> NewEvent:
    return NewEvent(at, kind, **fields)


def numbered(number: int, events: int = 3) -> Batch:
    """Batch ``number`` of an endless series, recognisable in tasks and journal alike."""
    return Batch(
        requirements=(a_requirement(),),
        tasks=(a_task(f"t{number}", position=number),),
        events=tuple(an_event("numbered", task=f"t{number}", data={"batch": number}) for _ in range(events)),
    )


def execute(state: Path, *statements: str) -> None:
    connection = sqlite3.connect(state / "ledger.db", isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def day_lines(state_dir: Path) -> list[dict[str, Any]]:
    """What all day files hold, in the order of seq; every line must be whole."""
    files = sorted((state_dir / "journal").glob("????-??-??.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_bytes().splitlines()]
    return sorted(lines, key=lambda line: line["seq"])


def as_line(event: JournalEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in JournalEvent.__struct_fields__}


def opened_whole(state: Path) -> Ledger:
    """The ledger, opened; its day files hold exactly the journal."""
    ledger = Ledger.open(state)
    assert day_lines(state) == [as_line(event) for event in ledger.events(limit=10_000)]
    return ledger


def work_through(
    ledger: Ledger, name: str, tasks: int = 3, *, repo: str | None = None, fails: int = 0, slots: int | None = None
) -> None:
    """A requirement of calls, or in ``repo`` of commands, goes from its submission to its end, step by step; ``fails``
    attempts of its first task fail before one succeeds. With fewer ``slots`` than tasks calls travel together."""
    epoch, now, me = ledger.begin_epoch(NOON), NOON, WorkerId("w/1", "life-1")
    board = Board(epoch=epoch, settings=Settings(workers_total=tasks), worktree_root="/w")

    def take(step: Step) -> None:
        ledger.apply(epoch, step.batch)

    works = [{"id": f"t{n}", ("run" if repo else "call"): "x:y", "retries": fails} for n in range(tasks)]
    model = Requirement.model_validate({"id": name, "title": name, "repo": repo, "tasks": works})
    document, position = model.model_dump_json(), ledger.next_position()
    take(board.submit(model, base_commit="b" * 40, document=document, position=position, known=None, now=now))
    take(board.dispatch(now))
    take(board.analysed(name, now))
    take(board.worker_up(me, slots or tasks, now))
    while board.open_requirements:
        now = max(now + 0.001, board.next_due_at() or 0.0)
        take(board.tick(now))
        leases = board.dispatch(now)
        take(leases)
        for calls in leases.batch.calls:
            failed = AttemptOutcome(False, 1, "no", fault="own")
            results = [
                CallEnded(task, number, "1", failed if task == "t0" and number <= fails else None)
                for task, number in calls.members
            ]
            spans = (CallSpan("x:y", len(results), 0.001),)
            take(board.calls_ended(me, calls.number, name, results, spans, now))
        for attempt in leases.batch.attempts:
            key = AttemptKey(name, attempt.task, attempt.number)
            is_fault = key.task == "t0" and key.number <= fails
            take(board.prepared(key, "h" * 40, repo or "", now))
            take(board.minded(me, key, 7, 70, now))
            outcome = AttemptOutcome(not is_fault, int(is_fault), fault="own" if is_fault else "none")
            take(board.ended(me, key, outcome, now))
            if not is_fault:
                take(board.integrated(key, Integration("c" * 40, "integrated"), now))
            take(board.discarded(key, now))


class Child:
    """A process that runs one verb of ``ledger_children.py`` and is gone when the block ends."""

    def __init__(self, verb: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(CHILDREN), verb, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            bufsize=0,
        )
        self.pid = self.process.pid
        self._read = b""

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def line(self, within_s: float = 60.0) -> str:
        """The next line the child writes; an assertion when none comes."""
        deadline_s = time.monotonic() + within_s
        while b"\n" not in self._read:
            assert self.process.stdout is not None
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline_s - time.monotonic()))
            assert ready, f"child {self.pid} wrote nothing within {within_s} s"
            data = os.read(self.process.stdout.fileno(), 65536)
            assert data, f"child {self.pid} ended: {self.process.wait()}"
            self._read += data
        line, _, self._read = self._read.partition(b"\n")
        return line.decode()

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode() + b"\n")
