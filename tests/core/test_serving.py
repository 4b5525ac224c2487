"""Turns between requirements, and the limits of projects and executors: what is leased, and what it costs to know."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import Any

import pytest
from board_bench import W1, Bench, requirement
from hypothesis import given
from hypothesis import strategies as st

from aidos_actors.core.board.serving import Place, Serving
from aidos_actors.core.orders import WorkerId
from aidos_actors.core.projects import Project, applied
from aidos_actors.core.requirement import Mode, Requirement

ONE_CALL = {"call": "platform:machine"}


def bench_of(*models: Requirement, slots: int = 1, **settings: Any) -> Bench:
    bench = Bench(settings=settings)
    for position, model in enumerate(models):
        bench.submit(model, position=position)
        bench.dispatch()
        bench.take(bench.board.analysed(model.id, bench.now))
    bench.take(bench.board.worker_up(W1, slots, bench.now))
    return bench


def many(count: int, **fields: Any) -> dict[str, dict[str, Any]]:
    return {f"t{n}": dict(fields) for n in range(count)}


def leased(bench: Bench) -> list[str]:
    batch = bench.dispatch().batch
    called = [f"{calls.requirement}/{task}" for calls in batch.calls for task, _number in calls.members]
    return [*called, *(f"{each.requirement}/{each.task}" for each in batch.attempts)]


def serve_one(bench: Bench) -> str:
    """The next task is leased, done and cleared away; whose it was."""
    key = bench.lease()
    bench.take(bench.board.minded(bench.worker(key), key, 7, 77, bench.now))
    bench.end(key)
    bench.discard()
    return key.requirement


def test_a_large_plan_takes_turns_with_a_small_one_that_came_later() -> None:
    bench = bench_of(requirement(many(50), id="large"), requirement(many(3), id="small"))
    order = [serve_one(bench) for _ in range(8)]
    assert order == ["large", "small", "large", "small", "large", "small", "large", "large"]


def test_a_stream_of_newcomers_holds_up_nobody() -> None:
    bench = bench_of(requirement(many(6), id="old"))
    order, life = [serve_one(bench)], "first"
    for number in range(12):
        bench.submit(requirement({"a": {}}, id=f"new{number}"), position=number + 1)
        bench.take(bench.board.worker_gone("w/1", life, bench.now))
        bench.dispatch()  # nobody is there to take a task: it only goes to the analyzer
        bench.take(bench.board.analysed(f"new{number}", bench.now))
        life = f"life {number}"
        bench.take(bench.board.worker_up(WorkerId("w/1", life), 1, bench.now))
        order.append(serve_one(bench))
    assert order.count("old") >= 5, order


def test_priority_goes_before_turns_and_age_before_both() -> None:
    urgent, calm = requirement(many(3), id="urgent", priority=90), requirement(many(3), id="calm", priority=10)
    bench = bench_of(calm, urgent, slots=2)
    assert leased(bench) == ["urgent/t0", "urgent/t1"]
    bench = bench_of(calm)
    bench.now += 80 * 60 + 1
    bench.submit(urgent, position=1)
    bench.dispatch()
    bench.take(bench.board.analysed("urgent", bench.now))
    bench.take(bench.board.worker_up(W1, 3, bench.now))
    assert leased(bench) == ["calm/t1", "calm/t2"], "it has waited longer than 80 points are worth"


@pytest.mark.parametrize(
    ("given_", "project", "mode", "workers", "verify"),
    [
        ({}, Project(), Mode.MIXED, None, None),
        ({}, Project(Mode.PARALLEL, 3, "make check"), Mode.PARALLEL, 3, "make check"),
        ({"mode": "parallel", "workers": 9}, Project(Mode.SERIAL, 3), Mode.SERIAL, 3, None),
        ({"mode": "serial", "workers": 2}, Project(Mode.PARALLEL, 3), Mode.SERIAL, 2, None),
        ({"verify": "x # y"}, Project(verify="a"), Mode.MIXED, None, "(\na\n) && (\nx # y\n)"),
        ({"verify": "a"}, Project(verify="a"), Mode.MIXED, None, "a"),
    ],
)
def test_a_project_is_default_and_limit(
    given_: dict[str, Any], project: Project, mode: Mode, workers: int | None, verify: str | None
) -> None:
    found = applied(requirement({"a": {}}, **given_), project)
    assert (found.mode, found.workers, found.verify) == (mode, workers, verify)


def test_a_project_s_limit_holds_for_all_its_requirements_together_and_for_no_other() -> None:
    models = [requirement(many(5), id=name, repo="/repo") for name in ("one", "two")]
    other = requirement(many(5), id="other", repo="/elsewhere")
    projects = {"/repo": Project(workers=2)}
    bench = bench_of(*models, other, slots=9, projects=projects)
    found = leased(bench)
    assert sorted(found) == ["one/t0", "other/t0", "other/t1", "other/t2", "other/t3", "other/t4", "two/t0"]
    codes = [reason.code for reason in bench.board.explain("one", "t1", bench.now)]
    assert codes == ["project"]
    bench.restart()
    bench.take(bench.board.worker_up(W1, 9, bench.now))
    assert leased(bench) == [], "a new scheduler counts them too"


def test_an_executor_s_limit_stops_its_tasks_only() -> None:
    tasks = {"c1": ONE_CALL, "c2": ONE_CALL, "r1": {}, "r2": {}}
    bench = bench_of(requirement(tasks), slots=9, executors_max={"call": 1})
    assert sorted(leased(bench)) == ["r/c1", "r/r1", "r/r2"]
    reasons = bench.board.explain("r", "c2", bench.now)
    assert [reason.code for reason in reasons] == ["executor"] and "call" in reasons[0].text


def test_many_that_wait_for_a_full_project_or_executor_cost_nothing_to_pass_over() -> None:
    def lines_run(count: int) -> int:
        serving = Serving({"/repo": 1}, {"call": 1})
        serving.hold("x", "/repo", "call", 1)
        for n in range(count):
            serving.put(Place(f"r{n}", (0.0, 50), float(n), n, "/repo", frozenset({"run"})))
            serving.put(Place(f"c{n}", (0.0, 50), float(n), n, None, frozenset({"call"})))
        serving.put(Place("last", (0.0, 50), 1e9, count, None, frozenset({"run"})))
        lines = 0

        def trace(frame: Any, event: str, _arg: Any) -> Any:
            nonlocal lines
            lines += event == "line" and frame.f_code.co_filename == Serving.names.__code__.co_filename
            return trace  # others' lines are run between: what a garbage collection calls

        sys.settrace(trace)
        found = next(serving.names())
        sys.settrace(None)
        assert found == "last"
        return lines

    assert lines_run(2000) <= lines_run(10) + 5


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdef"), st.integers(0, 2), st.sampled_from([None, "/p"]),
            st.frozensets(st.sampled_from(["run", "call"])), st.sampled_from(["put", "hold", "free", "forget"]),
        )
    )
)  # fmt: skip
def test_whoever_may_be_served_is_offered_once_and_nobody_else(steps: list[tuple[Any, ...]]) -> None:
    serving = Serving({"/p": 2}, {"call": 2})
    waiting: dict[str, Place] = {}
    held: list[tuple[str, str | None, str]] = []
    for name, priority, project, executors, what in steps:
        if what == "put":
            waiting[name] = Place(name, (0.0, priority), 0.0, ord(name), project, executors)
            serving.put(waiting[name])
        elif what == "hold":
            held.append((name, project, "call"))
            serving.hold(*held[-1], 1)
        elif what == "free" and held:
            serving.hold(*held.pop(), -1)
        elif what == "forget":
            waiting.pop(name, None)
            serving.forget(name)
        full = {"call"} if len(held) >= 2 else set()
        closed = {"/p"} if sum(each[1] == "/p" for each in held) >= 2 else set()
        expected = {p.name for p in waiting.values() if p.project not in closed and p.executors - full}
        found = list(serving.names())
        assert sorted(found) == sorted(expected)
        levels = [waiting[each].level for each in found]
        assert len(levels) == 0 or 1 + sum(a != b for a, b in pairwise(levels)) == len(set(levels)), (
            "levels stay together"
        )
