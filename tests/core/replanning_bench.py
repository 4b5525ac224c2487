"""A bench on which a task has failed for good, and what may be asked and answered about it."""

from __future__ import annotations

from typing import Any

from board_bench import Bench, requirement
from board_doers import OWN

from aidos_actors.core.analysis import Planned
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.orders import Analyse, AttemptKey, AttemptOutcome, Step, Withdraw
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.states import RequirementState

ONCE = {"retries": 0}
PLAN: dict[str, dict[str, Any]] = {
    "base": {},
    "hard": {"needs": ["base"], **ONCE},
    "next": {"needs": ["hard"]},
    "aside": {"needs": ["base"]},
}
SPLIT: dict[str, dict[str, Any]] = {"one": {"needs": ["base"]}, "two": {"needs": ["one"]}}


def planned(replans_max: int = 2, text: str | None = "Do it.", **more: Any) -> Bench:
    return Bench(PLAN, text=text, slots=2, settings={"replans_max": replans_max}, **more)


def failed(bench: Bench, outcome: AttemptOutcome = OWN) -> Bench:
    """``base`` is done, and ``hard`` has failed for good."""
    bench.finish(bench.run())
    bench.dispatch()
    bench.end(bench.run(key_of(bench, "hard")), outcome)
    return bench


def key_of(bench: Bench, task: str) -> AttemptKey:
    """Its newest attempt."""
    return max(key for key in bench.ledger.attempts if key.task == task)


def asked(bench: Bench) -> list[FailedTask | None]:
    return [order.failed for order in bench.orders if isinstance(order, Analyse)]


def withdrawn(bench: Bench) -> bool:
    return any(isinstance(order, Withdraw) for order in bench.orders)


def question(bench: Bench) -> FailedTask:
    """What is owed, which every board that is made of the rows owes as well."""
    (order,) = bench.board.owed("analyzer")
    assert isinstance(order, Analyse) and order.failed is not None
    assert bench.ledger.board(bench.epoch, bench.now, bench.settings).owed("analyzer") == (order,)
    return order.failed


def replanned(bench: Bench, tasks: dict[str, dict[str, Any]], about: FailedTask | None = None) -> Step:
    model = Requirement.model_validate_json(bench.record().document)
    found = model.model_copy(update={"tasks": requirement(tasks).tasks})
    rows = [row for key, row in bench.ledger.tasks.items() if key[0] == "r"]
    about = about or question(bench)
    return bench.take(bench.board.replanned("r", bench.now, about, Planned(found, "", "llm"), rows))


def states(bench: Bench) -> dict[str, str]:
    return {name: str(row.state) for (_, name), row in bench.ledger.tasks.items()}


def finish_all(bench: Bench) -> None:
    for _ in range(20):
        open_keys = [key for key, attempt in bench.ledger.attempts.items() if attempt.ended_at is None]
        for key in open_keys:
            bench.finish(bench.run(key))
        bench.dispatch()
        if bench.record().state is not RequirementState.RUNNING:
            return
