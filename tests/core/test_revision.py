"""A requirement gets another document: what stays done, what starts over, what goes, and when it is refused."""

from __future__ import annotations

from typing import Any

import pytest
from board_bench import INTEGRATED, Bench, requirement
from board_doers import OWN
from hypothesis import given
from hypothesis import strategies as st

from aidos_actors.core.agents.choice import AgentRules
from aidos_actors.core.board.revision import unchanged
from aidos_actors.core.errors import BadInput, Conflict
from aidos_actors.core.orders import AttemptKey, Integrate, Step
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.states import RequirementState, TaskState

pytestmark = pytest.mark.usefixtures("form")

THREE: dict[str, dict[str, Any]] = {"a": {}, "b": {"needs": ["a"]}, "c": {}}


def revise(bench: Bench, tasks: dict[str, dict[str, Any]], **more: Any) -> Step:
    model = requirement(tasks, **more)
    rows = [row for key, row in bench.ledger.tasks.items() if key[0] == "r"]
    return bench.take(
        bench.board.revise(
            model, base_commit="new" if model.repo else None, document=model.model_dump_json(), known=bench.record(),
            tasks=rows, now=bench.now,
        )
    )  # fmt: skip


def done(tasks: dict[str, dict[str, Any]], **more: Any) -> Bench:
    bench = Bench(tasks, **more)
    while bench.record().state is RequirementState.RUNNING:
        bench.finish(bench.run())
    return bench


def states(bench: Bench) -> dict[str, str]:
    return {name: str(row.state) for (_, name), row in bench.ledger.tasks.items()}


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        (THREE, {"a": "done", "b": "done", "c": "done"}),
        ({**THREE, "c": {"run": "false"}}, {"a": "done", "b": "done", "c": "ready"}),
        ({**THREE, "a": {"run": "false"}}, {"a": "ready", "b": "waiting", "c": "done"}),
        ({**THREE, "b": {"needs": ["a", "c"]}}, {"a": "done", "b": "ready", "c": "done"}),
        ({"c": {}, "a": {}}, {"a": "done", "b": "removed", "c": "done"}),
        ({**THREE, "d": {"needs": ["c"]}}, {"a": "done", "b": "done", "c": "done", "d": "ready"}),
        ({"b": {}, "c": {}}, {"a": "removed", "b": "ready", "c": "done"}),
    ],
)
def test_what_stays_done_and_what_starts_over(tasks: dict[str, dict[str, Any]], expected: dict[str, str]) -> None:
    bench = done(THREE)
    revise(bench, tasks, title="Other")
    assert states(bench) == expected
    is_over = set(expected.values()) <= {"done", "removed"}
    assert bench.record().state is (RequirementState.DONE if is_over else RequirementState.RUNNING)
    assert bench.record().sha256 == requirement(tasks, title="Other").content_sha256()
    bench.restart()
    assert states(bench) == expected
    while bench.record().state is RequirementState.RUNNING:
        if not bench.board.open_requirements:
            break
        bench.take(bench.board.worker_up(bench.worker(AttemptKey("r", "c", 1)), 1, bench.now))
        bench.finish(bench.run())
    assert bench.record().state is RequirementState.DONE
    again = {name for name, state in expected.items() if state in ("ready", "waiting") and name in THREE}
    assert {name for (_, name), row in bench.ledger.tasks.items() if row.attempts == 2} == again


def test_numbers_go_on_growing_and_earlier_commits_do_not_count() -> None:
    bench = done({"a": {}, "b": {}}, repo="/repo")
    revise(bench, {"a": {"run": "false"}}, repo="/repo")
    assert (bench.task().attempts, bench.task().revised_after, bench.task().commit) == (1, 1, None)
    assert bench.record().commit == "c0ffee", "what was merged stays"
    key = bench.end(bench.run())
    assert key.number == 2
    (integrate,) = [order for order in bench.orders if isinstance(order, Integrate)]
    assert (integrate.after, integrate.target_base) == (1, "new")
    bench.take(bench.board.integrated(key, INTEGRATED, bench.now))
    bench.discard()
    revise(bench, {"a": {"run": "false"}, "b": {}}, repo="/repo")
    assert (bench.task("b").state, bench.task("b").attempts, bench.task("b").revised_after) == (TaskState.READY, 1, 1)


def test_work_that_goes_elsewhere_starts_over() -> None:
    bench = done({"a": {}}, repo="/repo")
    revise(bench, {"a": {}}, repo="/repo", target="other")
    assert (bench.task().state, bench.record().target, bench.record().commit) == (TaskState.READY, "other", None)


def test_a_failed_one_gets_all_its_retries_again_and_a_new_deadline() -> None:
    bench = Bench({"a": {"retries": 0}, "b": {"needs": ["a"]}}, deadline_s=60)
    bench.end(bench.run(), OWN)
    bench.discard()
    assert bench.record().state is RequirementState.FAILED
    bench.now += 1000
    revise(bench, {"a": {"retries": 0}, "b": {"needs": ["a"], "run": "false"}}, deadline_s=60)
    record = bench.record()
    assert (record.state, record.error, record.finished_at) == (RequirementState.RUNNING, None, None)
    assert record.deadline_at == bench.now + 60 == bench.board.next_due_at()
    assert (bench.task().own_failures, bench.task().error, states(bench)) == (0, None, {"a": "ready", "b": "waiting"})


def test_a_paused_one_stays_paused_and_is_refused_while_something_is_under_way() -> None:
    bench = Bench(THREE)
    key = bench.run()
    bench.take(bench.board.steer("pause", "r", None, bench.now))
    before = dict(bench.ledger.tasks)
    with pytest.raises(Conflict, match="still under way: a"):
        revise(bench, {"c": {}})
    assert bench.ledger.tasks == before and bench.board.held_count == 1
    bench.finish(key)
    revise(bench, {"a": {}, "c": {"run": "false"}})
    assert bench.record().state is RequirementState.PAUSED
    assert not bench.dispatch().batch.attempts
    bench.take(bench.board.steer("resume", "r", None, bench.now))
    assert states(bench) == {"a": "done", "b": "removed", "c": "ready"}
    bench.finish(bench.run())
    assert bench.record().state is RequirementState.DONE


@pytest.mark.parametrize("prefix", [0, 1])
def test_a_running_one_is_refused_with_what_to_do_first(prefix: int) -> None:
    bench = Bench(THREE)
    if prefix:
        bench.lease()
    with pytest.raises(Conflict, match="is running") as refused:
        revise(bench, {"a": {}})
    assert "pause r" in refused.value.hint and refused.value.exit_code == 7


def test_one_that_waits_gets_the_document_and_one_being_analysed_is_refused() -> None:
    bench = Bench()
    bench.submit(requirement({"a": {}, "z": {"needs": ["a"]}}))
    revise(bench, {"b": {}, "z": {"needs": ["b"]}})
    assert bench.record().state is RequirementState.WAITING
    bench.dispatch()
    with pytest.raises(Conflict, match="is analysing"):
        revise(bench, {"c": {}})
    bench.take(bench.board.analysed("r", bench.now))
    assert states(bench) == {"b": "ready", "z": "waiting"}


def test_a_rejected_one_is_analysed_again() -> None:
    bench = Bench()
    bench.submit(requirement({"a": {}, "z": {"needs": ["a"]}}))
    bench.dispatch()
    bench.take(bench.board.rejected("r", "no plan", bench.now))
    revise(bench, {"b": {}, "z": {"needs": ["b"]}})
    assert (bench.record().state, bench.record().error) == (RequirementState.WAITING, None)
    bench.dispatch()
    bench.take(bench.board.analysed("r", bench.now))
    assert states(bench) == {"b": "ready", "z": "waiting"}


def test_the_same_content_is_an_empty_step_and_nonsense_changes_nothing() -> None:
    bench = done(THREE)
    assert revise(bench, THREE) == Step()
    before = (dict(bench.ledger.tasks), bench.record())
    with pytest.raises(BadInput):
        revise(bench, {"a": {"needs": ["b"]}, "b": {"needs": ["a"]}})
    assert (bench.ledger.tasks, bench.record()) == before and bench.board.open_requirements == ()


@st.composite
def documents(draw: st.DrawFn) -> Requirement:
    names = draw(st.lists(st.sampled_from("abcdef"), unique=True, min_size=1))
    tasks = {
        name: {"run": draw(st.sampled_from(["true", "false"])), "needs": draw(st.sets(st.sampled_from(names[:at])))
               if at else []}
        for at, name in enumerate(names)
    }  # fmt: skip
    return requirement(tasks)


@given(documents(), documents())
def test_what_is_unchanged_has_only_unchanged_predecessors(old: Requirement, new: Requirement) -> None:
    same = unchanged(old, new)
    definitions = {task.id: task for task in new.tasks}
    before = {task.id: task for task in old.tasks}
    for name in same:
        assert set(definitions[name].needs) <= same
        assert (before[name].run, set(before[name].needs)) == (definitions[name].run, set(definitions[name].needs))
    for name in set(definitions) - same:
        task = definitions[name]
        is_equal = name in before and before[name].run == task.run and set(before[name].needs) == set(task.needs)
        assert not is_equal or set(task.needs) - same
    assert unchanged(new, new) == set(definitions)


def test_of_its_past_a_task_that_starts_over_keeps_its_numbers_alone() -> None:
    """What its agents failed and cost was of the other definition, too: the journal says so, and so must the row."""
    agents = {"agents": {"fast": AgentRules(failures_max=5)}}
    bench = Bench({"a": {"agent": {"names": ["fast"]}, "title": "A", "retries": 0}}, settings=agents)
    bench.end(bench.run(), OWN)
    bench.discard()
    assert bench.task().agents is not None
    revise(bench, {"a": {"agent": {"names": ["fast"]}, "title": "B", "retries": 0}})
    assert (bench.task().agents, bench.task().attempts) == (None, 1)
