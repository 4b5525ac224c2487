"""When a failed task is tried again: a table of policies, and what holds for every one."""

from __future__ import annotations

import pytest
from board_bench import W1, Bench
from hypothesis import given
from hypothesis import strategies as st

from aidos_actors.analyzers.document import read_requirement
from aidos_actors.core.orders import AttemptOutcome, Integration
from aidos_actors.core.retry import FACTOR_MAX, RetryPolicy, RetryRule, chance_of, next_try_s
from aidos_actors.core.states import TaskState

TIMEOUT = ("timeout",)
NEVER = RetryRule(retries=0)
TABLE = [
    # policy, failures, causes, seconds without jitter (None: no more)
    ({}, 1, (), 1.0),
    ({}, 2, (), 2.0),
    ({}, 3, (), 4.0),
    ({}, 4, (), None),
    ({"delay_s": 5.0, "factor": 3.0}, 3, (), 45.0),
    ({"delay_s": 5.0, "factor": 1.0}, 3, (), 5.0),
    ({"delay_s": 200.0}, 3, (), 300.0),
    ({"delay_s": 600.0}, 3, (), 600.0),
    ({"delay_s": 5.0, "max_s": 7.0}, 3, (), 7.0),
    ({"on": {"75": RetryRule(retries=5)}}, 5, ("75",), 16.0),
    ({"on": {"75": RetryRule(retries=5)}}, 6, ("75",), None),
    ({"on": {"75": RetryRule(retries=5)}}, 4, ("1",), None),
    ({"on": {"timeout": NEVER}}, 1, TIMEOUT, None),
    ({"on": {"timeout": NEVER}}, 1, ("verify",), 1.0),
    ({"on": {"timeout": NEVER, "verify": RetryRule(delay_s=9.0)}}, 1, ("timeout", "verify"), None),
    ({"on": {"verify": RetryRule(delay_s=9.0)}}, 2, ("timeout", "verify"), 18.0),
    ({"max_s": 20.0, "on": {"stall": RetryRule(delay_s=60.0)}}, 2, ("stall",), 60.0),
    ({"on": {"exception:OSError": NEVER}}, 1, ("exception:TimeoutError", "exception:OSError"), None),
]
policies = st.builds(
    RetryPolicy,
    delay_s=st.none() | st.floats(0.001, 1e6),
    factor=st.floats(1, FACTOR_MAX),
    max_s=st.none() | st.floats(0.001, 1e6),
    jitter=st.floats(0, 1),
)
chances = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(("policy", "failures", "causes", "expected"), TABLE)
def test_the_table_without_jitter(
    policy: dict[str, object], failures: int, causes: tuple[str, ...], expected: float | None
) -> None:
    made = RetryPolicy.model_validate({"jitter": 0, **policy})
    assert next_try_s(made, retries=3, delay_s=1.0, failures=failures, causes=causes, chance=0.7) == expected


@given(policies, st.integers(1, 1000), st.integers(0, 1000), chances)
def test_a_wait_is_never_over_its_limit_nor_negative_and_retries_are_kept(
    policy: RetryPolicy, failures: int, retries: int, chance: float
) -> None:
    found = next_try_s(policy, retries=retries, delay_s=1.0, failures=failures, causes=(), chance=chance)
    assert (found is None) == (failures > retries)
    if found is not None:
        most_s = max(policy.delay_s or 1.0, 300.0 if policy.max_s is None else policy.max_s)
        assert 0 <= found <= most_s
        without = next_try_s(policy, retries=retries, delay_s=1.0, failures=failures, causes=(), chance=0.0)
        assert without is not None and without * (1 - policy.jitter) <= found + 1e-6 and found <= without


@given(policies, st.integers(1, 900))
def test_waits_only_grow_where_chance_plays_no_part(policy: RetryPolicy, failures: int) -> None:
    waits = [
        next_try_s(policy, retries=1000, delay_s=1.0, failures=n, causes=(), chance=0.0)
        for n in (failures, failures + 1)
    ]
    assert waits[0] is not None and waits[1] is not None and waits[0] <= waits[1]


@given(st.text(min_size=1), st.text(min_size=1), st.integers(1, 10**6))
def test_chance_is_the_same_for_the_same_attempt(requirement: str, task: str, attempt: int) -> None:
    found = chance_of(requirement, task, attempt)
    assert 0 <= found < 1 and found == chance_of(requirement, task, attempt)


def test_chances_are_spread() -> None:
    found = [chance_of("r", f"task-{n}", 1) for n in range(10_000)]
    assert 0.48 < sum(found) / len(found) < 0.52
    assert min(sum(low / 10 <= each < (low + 1) / 10 for each in found) for low in range(10)) > 800


def failed(bench: Bench, *causes: str) -> TaskState:
    outcome = AttemptOutcome(ok=False, error="no", fault="own", causes=causes)
    bench.end(bench.run(), outcome)
    bench.discard()
    if bench.task().state is TaskState.BACKING_OFF:
        bench.tick(after_s=(bench.task().not_before_at or 0.0) - bench.now)
    return bench.task().state


def test_the_board_asks_the_task_s_policy_and_else_its_requirement_s() -> None:
    never, often = {"on": {"7": {"retries": 0}}}, {"on": {"7": {"retries": 4}}}
    bench = Bench({"a": {"retries": 1}}, retry=RetryPolicy.model_validate(never))
    assert failed(bench, "7") is TaskState.FAILED
    bench = Bench({"a": {"retries": 1, "retry": often}}, retry=RetryPolicy.model_validate(never))
    assert [failed(bench, "7") for _ in range(5)] == [TaskState.READY] * 4 + [TaskState.FAILED]


RULES = {"on": {"7": {"retries": 2}, "timeout": {"delay_s": 9.0}}}


@pytest.mark.parametrize(
    ("causes", "how_it_goes_on"),
    [
        (["7", "7", "1"], "READY"),
        (["1", "7", "7"], "READY"),
        (["1", "7", "7", "7"], "FAILED"),
        (["7", "1", "7", "1"], "FAILED"),
        (["timeout", "7", "7"], "READY"),
        (["timeout", "1"], "FAILED"),
    ],
)
def test_a_rule_with_retries_counts_its_own_failures_and_no_others(causes: list[str], how_it_goes_on: str) -> None:
    bench = Bench({"a": {"retries": 1, "retry": RULES}})
    for cause in causes[:-1]:
        assert failed(bench, cause) is TaskState.READY
        bench.restart()
        bench.take(bench.board.worker_up(W1, 1, bench.now))
    assert failed(bench, causes[-1]) is TaskState[how_it_goes_on]
    assert bench.task().own_failures == len(causes)


def test_a_cause_waits_longer_by_its_own_failures() -> None:
    policy = {"delay_s": 1.0, "jitter": 0, "on": {"7": {"retries": 9, "delay_s": 60.0}}}
    bench = Bench({"a": {"retry": policy}})
    waits = []
    for cause in ("1", "1", "7", "7", "1"):
        outcome = AttemptOutcome(ok=False, error="no", fault="own", causes=(cause,))
        bench.end(bench.run(), outcome)
        waits.append((bench.task().not_before_at or 0.0) - bench.now)
        bench.discard()
        bench.tick(after_s=waits[-1])
    assert waits == [1.0, 2.0, 60.0, 120.0, 4.0]


def test_who_is_tried_again_by_hand_has_all_retries_of_every_rule() -> None:
    bench = Bench({"a": {"retries": 1, "retry": {"on": {"7": {"retries": 1}}}}})
    for _ in range(2):
        assert [failed(bench, "7") for _ in range(2)] == [TaskState.READY, TaskState.FAILED]
        ended = (bench.record(), [bench.task()], list(bench.ledger.attempts.values()))
        bench.take(bench.board.steer("retry", "r", "a", bench.now, ended))


def test_a_gate_that_refuses_counts_as_verify() -> None:
    bench = Bench({"a": {"retry": {"on": {"verify": {"retries": 0}}}}}, repo="/repo")
    key = bench.end(bench.run())
    bench.take(bench.board.integrated(key, Integration(None, "gate_failed", "red", 1), bench.now))
    assert bench.task().state is TaskState.FAILED


def test_the_file_s_words_become_the_policy() -> None:
    text = (
        "id: r\nretry: {delay: 250ms, jitter: 0}\ntasks:\n  a:\n    run: make\n    retry:\n      delay: 2s\n"
        "      factor: 1.5\n      max: 1m\n      on:\n        75: {retries: 9, delay: 1m}\n"
        "        timeout: {retries: never}\n        exception:ValueError: {retries: 0}\n"
    )
    model = read_requirement(text, file="r.yaml", base_dir="/")
    assert model.retry == RetryPolicy(delay_s=0.25, jitter=0.0)
    rules = {"75": RetryRule(retries=9, delay_s=60.0), "timeout": NEVER, "exception:ValueError": NEVER}
    assert model.tasks[0].retry == RetryPolicy(delay_s=2.0, factor=1.5, max_s=60.0, on=rules)
    assert type(model).model_validate_json(model.model_dump_json()) == model
