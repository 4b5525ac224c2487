"""The figures of docs/failure-levels.md are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from aidos_actors.faults import TREATMENTS
from aidos_actors.tree import BACKOFF, aidos_tree
from supervisors import ErrorBudget
from supervisors.budget import TABLE, Happening
from supervisors.guardian_policy import CALM_S, DELAY_MAX_S, FIRST_DELAY_S, LIMIT, SLOW_DELAY_MAX_S, WITHIN_S
from supervisors.guardian_sight import ANSWER_S
from supervisors.guardian_strategy import LAST_WORD_LIMIT_S, LEAVING_LIMIT_S, START_LIMIT_S
from supervisors.guardian_table import TABLE as GUARDIAN
from supervisors.limits import limits_of, starts_max, tries_max

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "failure-levels.md").read_text()
TEXT = " ".join(PAGE.split())


def rows(first_heading: str) -> Iterator[list[str]]:
    """The cells of the table whose head starts with ``first_heading``, without back-ticks."""
    _, _, after = PAGE.partition(f"\n| {first_heading} |")
    assert after, f"no table {first_heading!r}"
    for line in after.splitlines()[2:]:
        if not line.startswith("|"):
            return
        yield [cell.strip().strip("`") for cell in line.strip("|").split("|")]


def test_the_table_of_errors() -> None:
    told = {name: (grade, transient, policy) for name, grade, transient, policy in rows("error")}
    assert told == {
        kind.__name__: (row.grade, "yes" if row.is_transient else "no", row.policy)
        for kind, row in TREATMENTS.rows.items()
    }


def test_the_table_of_budgets() -> None:
    heads = tuple(Happening)
    assert f"| level | {' | '.join(heads)} |" in PAGE
    told = list(rows(f"level | {' | '.join(heads)}"))
    assert told == [[level, *(row[head] for head in heads)] for level, row in TABLE.items()]


def test_the_table_of_limits_and_their_product() -> None:
    spec = aidos_tree("", workers=2, base_env={})
    told = list(rows("level | restarts | window | starts of one child in all | tries of one operation in all"))
    assert told == [
        [
            each.path,
            str(each.max_restarts),
            f"{each.within_s:g} s",
            str(each.starts_max),
            str(each.tries_max or "–"),
        ]
        for each in limits_of(spec)
    ]
    assert re.search(rf"started at most {starts_max(spec)} times", TEXT)
    assert re.search(rf"tried at most {tries_max(spec)} times", TEXT)


def test_the_table_of_the_guardians_phases() -> None:
    told = {
        (phase, happening): after
        for phase, happenings, after in rows("phase | what happens | phase after")
        for happening in happenings.split(", ")
    }
    assert told == {(phase, what): after for phase, row in GUARDIAN.items() for what, after in row.items()}


def test_the_figures_in_the_text() -> None:
    budget = ErrorBudget()
    for figure in (
        f"{budget.degrade_after} failures in a row degrade, {budget.restart_after} end the process",
        f"after {budget.retry.initial_s:g} s, doubling to {budget.retry.max_s:g} s",
        f"after {budget.probe.initial_s:g} s, doubling to {budget.probe.max_s:g} s",
        f"doubles from {BACKOFF.initial_s:g} s to {BACKOFF.max_s:g} s",
        f"At first there is no pause. The second is {FIRST_DELAY_S:g} s, doubling to {DELAY_MAX_S:g} s",
        f"short again after {CALM_S:g} s of calm",
        f"longer than {START_LIMIT_S:g} s",
        f"launcher longer than {LAST_WORD_LIMIT_S:g} s over its last word, or than {LEAVING_LIMIT_S:g} s over",
        f"no sign of life for {ANSWER_S:g} s",
        f"{LIMIT} in {WITHIN_S:g} s, then one start in {SLOW_DELAY_MAX_S:g} s",
    ):
        assert figure in TEXT, figure
