"""What is said of a task that is not running is exactly what holds it back: on random boards, and reason by reason."""

from __future__ import annotations

from typing import Any

from board_bench import W1, W2
from board_desk import Desk
from board_doers import OWN
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from test_board_world import requirements

from aidos_actors.core.agents.choice import AgentRules
from aidos_actors.core.board.board import Board, Settings
from aidos_actors.core.board.crew import Crew
from aidos_actors.core.orders import Step, WorkerId
from aidos_actors.core.projects import Project
from aidos_actors.core.records import AgentRecord, AttemptRecord, RequirementRecord, TaskRecord
from aidos_actors.core.requirement import Task
from aidos_actors.core.states import AttemptState, RequirementState, TaskState

W3 = WorkerId("w/3", "first")
NOW = 1000.0
STARTABLE = {"next", "order"}
T, A = TaskState, AttemptState
UNDER_WAY = {T.LEASED: A.LEASED, T.RUNNING: A.RUNNING, T.INTEGRATING: A.INTEGRATING}
LIMITS: list[dict[str, Any]] = [
    {},
    {"projects": {"/repo": Project(workers=2)}},
    {"executors_max": {"call": 1}},
    {"worktrees_max": 2},
]
CREWS: list[dict[str, int]] = [{"w/1": 4, "w/2": 1}, {"w/1": 1, "w/2": 1}, {"w/1": 0, "w/2": 9}, {"w/1": 0}, {}]
AGENTS = {"fast": AgentRules(fallback=("slow",)), "slow": AgentRules()}


@st.composite
def tasks_of(draw: st.DrawFn, task: Task, position: int, states: dict[str, TaskState]) -> TaskRecord:
    """A row that may follow those of the tasks before it, whose ``states`` are known."""
    is_met = all(states[need] is T.DONE for need in task.needs)
    held_back = [T.READY, T.READY, T.READY, T.BACKING_OFF, T.WAITING_FOR_QUOTA]
    state = draw(
        st.sampled_from([*held_back, *UNDER_WAY, T.DONE, T.DONE, T.CANCELLED] if is_met else [T.WAITING, T.READY])
    )
    may_wait = {T.BACKING_OFF: True, T.WAITING_FOR_QUOTA: True, T.READY: draw(st.integers(0, 9)) == 0}
    return TaskRecord(
        "",
        task.id,
        position,
        state,
        attempts=draw(st.integers(1, 3)),
        conflicts=draw(st.sampled_from([0, 0, 2])),
        not_before_at=NOW + 5.0 if may_wait.get(state) else None,
        paused_at=draw(st.sampled_from([None, None, None, 900.0])),
        bumped_at=draw(st.sampled_from([None, None, 950.0])),
        error="no",
    )


def attempts_of(
    row: TaskRecord, definition: Task, worker: str, *, has_repo: bool, has_died: bool
) -> list[AttemptRecord]:
    """What a row says there was: its newest attempt, under way or over, perhaps not reported yet, and those before."""
    state = UNDER_WAY.get(row.state, A.CANCELLED if row.state is T.CANCELLED else A.LOST if has_died else A.FAILED)
    ended_at = None if state in (A.LEASED, A.RUNNING, A.CANCELLED) else 990.0
    path = f"/w/{row.id}.{row.attempts}" if (has_repo and ended_at is None) or state is A.INTEGRATING else None
    newest = AttemptRecord(
        row.requirement, row.id, row.attempts, state, 1, 900.0, worker, "first", path, "base", started_at=900.0,
        ended_at=ended_at, agent="fast" if definition.agent else None,
    )  # fmt: skip
    closed = A.LOST if has_died else A.FAILED
    return [
        newest,
        *(replace(newest, number=n, state=closed, ended_at=950.0, worktree=None) for n in range(1, row.attempts)),
    ]


@st.composite
def boards(draw: st.DrawFn) -> tuple[Board, list[tuple[str, str]]]:
    """A board restored from random rows, with a crew; and the names of all tasks on it."""
    records, tasks, attempts = [], [], []
    for position, model in enumerate((draw(requirements("a")), draw(requirements("b")))):
        states = [RequirementState.RUNNING] * 5 + [RequirementState.PAUSED]
        state, document = draw(st.sampled_from(states)), model.model_dump_json()
        record = RequirementRecord(
            model.id, "", state, "", document, position, 10.0 * position, repo=model.repo, base_commit="base"
        )
        records.append(record)
        known: dict[str, TaskState] = {}
        for place, definition in enumerate(model.tasks):
            row = replace(draw(tasks_of(definition, place, known)), requirement=model.id)
            known[definition.id] = row.state
            tasks.append(row)
            worker = draw(st.sampled_from(["w/1", "w/2", "gone"]))
            attempts += attempts_of(
                row, definition, worker, has_repo=model.repo is not None, has_died=draw(st.booleans())
            )
    waits = draw(st.sampled_from([None, None, 1010.0]))
    agents = [AgentRecord(name, waits, "limited", "limit", 1) for name in AGENTS]
    limits = Settings(8, agents=AGENTS, **draw(st.sampled_from(LIMITS)))
    board = Board.restore(
        records, tasks, attempts, agents=agents, epoch=1, settings=limits, worktree_root="/w", now=NOW
    )
    crew = draw(st.sampled_from(CREWS))
    board._books.crew = Crew(slots={WorkerId(path, "first"): slots for path, slots in crew.items()})
    return board, [(row.requirement, row.id) for row in tasks]


def started_by(step: Step) -> set[tuple[str, str]]:
    in_batches = {(each.requirement, task) for each in step.batch.calls for task, _number in each.members}
    return in_batches | {(each.requirement, each.task) for each in step.batch.attempts}


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=boards())
def test_what_is_said_to_hold_a_task_back_does_and_nothing_else(made: tuple[Board, list[tuple[str, str]]]) -> None:
    """Who is next is started, who is held back is not, and of who is left nobody is next."""
    board, names = made
    before = {key: {reason.code for reason in board.explain(*key, NOW)} for key in names}
    started = started_by(board.dispatch(NOW))
    for key, codes in before.items():
        assert key not in started or codes <= STARTABLE, f"{key} was started, and {codes} held it back"
        assert key in started or codes != {"next"}, f"{key} was next, and was not started"
    after = {key: board.explain(*key, NOW) for key in names}
    for key, found in after.items():
        assert found and found[0].code != "next", f"nothing holds {key} back, and it was not started"
        if found[0].code == "order":
            requirement, task = found[0].text.rsplit(" ", 1)[-1].split("/")
            assert [each.code for each in after[requirement, task]] == ["alone"], (
                f"{key} waits for {requirement}/{task}"
            )


def test_in_a_serial_requirement_one_that_waits_for_its_retry_keeps_the_turn_and_is_not_under_way() -> None:
    desk = Desk({"a": {"retries": 1}, "b": {}}, slots=2, mode="serial")
    running = desk.run()
    assert [(each.code, each.text) for each in desk.board.explain("r", "b", desk.now)] == [
        ("group", "another task of its serial requirement is under way: a")
    ]
    desk.end(running, OWN)
    (reason,) = desk.board.explain("r", "b", desk.now)
    assert reason.code == "turn" and "a (due in " in reason.text and "under way" not in reason.text
    assert desk.reasons("a") == ["backing_off"]
    desk.tick(after_s=60.0)
    assert (desk.reasons("a"), desk.reasons("b")) == (["next"], ["order"])


def test_callables_under_way_have_no_worktree() -> None:
    calls = {name: {"call": "x:y"} for name in "abc"}
    desk = Desk(calls, slots=2, settings={"worktrees_max": 2})
    desk.dispatch()
    assert desk.reasons("c") == ["all_busy"]


def test_one_that_must_be_alone_waits_for_an_idle_worker_that_can_start_something() -> None:
    desk = Desk({"a": {"call": "x:y"}, "b": {"priority": 90}}, settings={"call_deaths_before_alone": 1})
    desk.steer("pause", "b")
    desk.take(desk.board.worker_gone(W1.path, W1.incarnation, desk.now, (desk.run(),)))
    desk.steer("resume", "b")
    desk.take(desk.board.worker_up(W2, 0, desk.now))
    desk.take(desk.board.worker_up(W3, 2, desk.now))
    desk.dispatch()
    assert (desk.reasons("b"), desk.reasons("a")) == (["leased"], ["alone"])


def test_before_it_is_leased_too_it_is_told_that_no_agent_can_do_a_task() -> None:
    agents = {"fast": AgentRules(jitter_s=0.0)}
    desk = Desk({name: {"agent": "fast"} for name in "ab"}, settings={"agents": agents})
    desk.run()
    assert desk.reasons("b") == ["all_busy"]
    limited = AgentRecord("fast", desk.now + 10.0, "limited", "limit", 1)
    desk.board._books.agents = {"fast": limited}
    assert desk.reasons("b") == ["quota", "all_busy"]


def test_what_an_attempt_that_is_about_to_start_waits_for() -> None:
    desk = Desk({"a": {}}, repo="/repo")
    key = desk.lease()
    assert "as soon as its worktree is made" in desk.board.explain("r", "a", desk.now)[0].text
    desk.run(key)
    desk.end(key)
    assert desk.board.explain("r", "a", desk.now)[0].text == "attempt 1 is being integrated into aidos/r"


def test_why_what_an_attempt_waits_for_has_not_been_done_so_far() -> None:
    """Until it is done, or the attempt is another."""
    desk = Desk({"a": {}}, repo="/repo")
    key = desk.lease()
    desk.board.orders_held_up([key, replace(key, task="none"), replace(key, requirement="none")], "no disk")
    assert desk.reasons("a") == ["leased", "held_up"]
    assert "no disk" in desk.board.explain("r", "a", desk.now)[1].text
    desk.run(key)
    assert desk.reasons("a") == ["running"]
    desk.end(key)
    assert desk.reasons("a") == ["integrating"]
    desk.board.orders_held_up([key], "no remote")
    assert desk.reasons("a") == ["integrating", "held_up"]
    desk.board.orders_held_up([replace(key, number=7)], "of another attempt")
    assert desk.reasons("a") == ["integrating"]


def test_at_rest_only_what_is_on_record_is_told() -> None:
    """Who works, and how many may, is known to nobody then."""
    desk = Desk({"a": {}, "b": {}, "c": {"needs": ["a"]}}, slots=2, settings={"workers_total": 1})
    desk.run()
    at_rest = {name: desk.board.explain("r", name, desk.now, is_live=False) for name in "abc"}
    assert [each.code for each in desk.board.explain("r", "b", desk.now)] == ["workers"]
    assert {name: [each.code for each in found] for name, found in at_rest.items()} == {
        "a": ["running"],
        "b": ["next"],
        "c": ["needs"],
    }
    assert at_rest["a"][0].text == "attempt 1 is on record as running, on w/1"
