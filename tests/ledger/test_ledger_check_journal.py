"""``db check`` holds the tables against what the journal tells of them: each difference is named, and what it cannot
tell is not judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from checked_ledger import differences, revise, with_two_that_ended
from ledger_cases import NOON, execute, work_through

from aidos_actors.core.analysis import Planned
from aidos_actors.core.board.board import Board, Settings
from aidos_actors.core.orders import AttemptKey, AttemptOutcome, CallEnded, Step, WorkerId
from aidos_actors.core.records import Batch, NewEvent
from aidos_actors.core.requirement import Requirement, Task
from aidos_actors.ledger.check import check
from aidos_actors.ledger.ledger import Ledger


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A closed ledger with two requirements that have ended."""
    return with_two_that_ended(tmp_path)


def test_a_revised_requirement_with_a_removed_task_is_sound(state: Path) -> None:
    tasks = [{"id": "t1", "call": "x:y", "retries": 1}, {"id": "new", "call": "x:y"}, {"id": "t0", "call": "x:z"}]
    assert revise(state, "calls", tasks) == {"t0": "ready", "t1": "done", "t2": "removed", "new": "ready"}
    assert differences(state) == {}


def test_a_plan_that_is_given_back_and_changed_is_sound(tmp_path: Path) -> None:
    """While it waits, by another Scheduler, and when it has changed; and what a row says of it is compared."""
    ledger = Ledger.open(tmp_path)
    tasks = [{"id": name, "call": "x:y", "retries": 0, "needs": needs} for name, needs in (("a", ()), ("b", ("a",)))]
    model = Requirement.model_validate({"id": "r", "title": "R", "text": "Do it.", "tasks": tasks})
    settings, now, me = Settings(workers_total=1, replans_max=2), NOON, WorkerId("w/1", "life-1")

    def board() -> tuple[int, Board]:
        epoch = ledger.begin_epoch(now)
        rows = (ledger.requirements(), ledger.tasks("r"), ledger.attempts("r"))
        return epoch, Board.restore(*rows, epoch=epoch, settings=settings, worktree_root="/w", now=now)

    def lives(epoch: int, step: Step) -> None:
        ledger.apply(epoch, step.batch)
        assert all(not each.count for each in check(ledger, tmp_path))

    epoch, first = board()
    document = model.model_dump_json()
    lives(epoch, first.submit(model, base_commit=None, document=document, position=1, known=None, now=now))
    lives(epoch, first.dispatch(now))
    lives(epoch, first.analysed("r", now))
    lives(epoch, first.worker_up(me, 1, now))
    (calls,) = (leases := first.dispatch(now)).batch.calls
    lives(epoch, leases)
    failed = CallEnded("a", 1, None, AttemptOutcome(False, 1, "no", fault="own"))
    lives(epoch, first.calls_ended(me, calls.number, "r", [failed], [], now))
    lives(epoch, first.discarded(AttemptKey("r", "a", 1), now))
    epoch, second = board()
    (owed,) = second.owed("analyzer")
    found = Planned(model.model_copy(update={"tasks": (Task(id="c", run="true"),)}), "", "llm")
    lives(epoch, second.replanned("r", now, owed.failed, found, ledger.tasks("r", with_removed=True)))
    states = {row.id: str(row.state) for row in ledger.tasks("r", with_removed=True)}
    assert states == {"a": "removed", "b": "waiting", "c": "ready"} and ledger.requirement("r").replans == 1
    ledger.close()
    execute(tmp_path, "UPDATE requirements SET replans = 2")
    assert differences(tmp_path) == {"fold": ["requirement r: replans is 2, told 1"]}


OF_GIT = "WHERE requirement = 'git' AND"
CHANGES = {
    "a task's state": (
        f"UPDATE tasks SET state = 'ready' {OF_GIT} id = 't1'",
        "task git/t1: state is 'ready', told 'done'",
    ),
    "a counter": (
        f"UPDATE tasks SET own_failures = 1 {OF_GIT} id = 't0'",
        "own_failures is 1, told 2",
    ),
    "a commit": (
        f"UPDATE tasks SET \"commit\" = NULL {OF_GIT} id = 't2'",
        "commit is None, told 'ccc",
    ),
    "a requirement": (
        "UPDATE requirements SET error = 'x' WHERE id = 'calls'",
        "requirement calls: error is 'x', told None",
    ),
    "an attempt": (
        f"UPDATE attempts SET exit_code = 0, epoch = 9 {OF_GIT} number = 1 AND task = 't0'",
        "attempt git/t0/1: epoch is 9, told 2; exit_code is 0, told 1",
    ),
    "a row too much": (
        "INSERT INTO tasks (requirement, id, position, state, attempts, own_failures, infra_faults, conflicts)"
        " VALUES ('git', 'more', 9, 'ready', 0, 0, 0, 0)",
        "task git/more is in the table, and the journal does not tell of it",
    ),
    "a row too few": (
        f"DELETE FROM attempts {OF_GIT} task = 't1'",
        "attempt git/t1/1: the journal tells of it, and it is not in the table",
    ),
    "a document": (
        "UPDATE requirements SET document = replace(document, 'x:y', 'x:z') WHERE id = 'calls'",
        "requirement calls: its document is another than was submitted: its content has the SHA-256 '",
    ),
    "a torn document": (
        "UPDATE requirements SET document = substr(document, 1, 50) WHERE id = 'git'",
        "requirement git: its document cannot be read: ",
    ),
    "a result of a batch": (
        "UPDATE tasks SET result = '2' WHERE requirement = 'calls' AND id = 't2'",
        "results of calls/t2 are others than the journal tells of",
    ),
    "a result lost": (
        "UPDATE tasks SET result = NULL WHERE requirement = 'calls' AND id = 't0'",
        "results of calls/t0 are others than the journal tells of",
    ),
    "a result of a command": (
        f"UPDATE tasks SET result = '2' {OF_GIT} id = 't2'",
        "results of git/t2 are others than the journal tells of",
    ),
    "an event changed": (
        "UPDATE events SET type = 'task_failed' WHERE type = 'task_done' AND requirement = 'calls' AND task = 't1'",
        "task_failed of calls/t1/1: it tells of, or by, 'own_failures', which is not there",
    ),
    "the beginning lost": (
        f"DELETE FROM events {OF_GIT} type = 'requirement_submitted'",
        "requirement git: the journal does not tell of its beginning",
    ),
}


@pytest.mark.parametrize(("statement", "text"), CHANGES.values(), ids=CHANGES)
def test_a_difference_between_journal_and_tables_is_named(state: Path, statement: str, text: str) -> None:
    execute(state, statement)
    (found,) = differences(state)["fold"]
    assert text in found


AS_BEFORE = "json_object('title', json_extract(data, '$.title'), 'tasks', 3, 'sha256', json_extract(data, '$.sha256'))"
OLD = f"UPDATE events SET data = {AS_BEFORE} {OF_GIT} type = 'requirement_submitted'"
CHANGES_OF_OLD = {
    "its title": ("UPDATE requirements SET title = 'x' WHERE id = 'git'", "requirement git: title is 'x', told 'git'"),
    "its content": ("UPDATE requirements SET sha256 = 'x' WHERE id = 'git'", "sha256 is 'x', told '"),
    "a task": (
        f"DELETE FROM attempts {OF_GIT} task = 't2'; DELETE FROM tasks {OF_GIT} id = 't2'",
        "has 2 tasks, told 3",
    ),
    "its document": ("UPDATE requirements SET document = '{}' WHERE id = 'git'", "its document cannot be read: "),
}


def test_of_an_older_submission_nothing_is_missed_that_its_event_says(state: Path) -> None:
    execute(state, OLD)
    assert "fold" not in differences(state)


@pytest.mark.parametrize(("statements", "text"), CHANGES_OF_OLD.values(), ids=CHANGES_OF_OLD)
def test_a_difference_from_an_older_submission_is_named(state: Path, statements: str, text: str) -> None:
    execute(state, OLD, *statements.split("; "))
    assert any(text in found for found in differences(state)["fold"])


def test_results_that_were_accepted_together_are_judged_until_one_of_their_tasks_starts_over(state: Path) -> None:
    ledger = Ledger.open(state)
    work_through(ledger, "many", 9, slots=1)
    ledger.close()
    assert differences(state) == {}
    execute(state, "UPDATE tasks SET result = '2' WHERE requirement = 'many' AND id = 't2'")
    assert differences(state)["fold"] == ["the results of many/t1, t2, t3 are others than the journal tells of"]
    tasks = [{"id": f"t{n}", "call": "x:z" if n == 1 else "x:y", "retries": 0} for n in range(9)]
    assert revise(state, "many", tasks)["t1"] == "ready"
    assert differences(state) == {}, "the journal tells of the three together only"


def test_events_of_a_strange_type_are_named(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    epoch = ledger.begin_epoch(NOON)
    ledger.apply(epoch, Batch(events=(NewEvent(NOON, "numbered", "shop"),)))
    ledger.close()
    assert differences(tmp_path) == {"fold": ["event 2, numbered of shop: no such type of event is known"]}
