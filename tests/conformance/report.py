"""Pytest plug-in: runs the tests that name a case, and prints which case is proven where. Fails when one is not."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from tests.conformance.cases import CASES, LEGS, NOT_APPLICABLE, cases_of, leg_of


def _stage_of(item: pytest.Item) -> str:
    if "simulated" in getattr(item, "fixturenames", ()):
        return "simulated"
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return "simulated" if params.get("opened") == "memory" else str(params.get("stage", ""))


class Report:
    """``results``: (case, leg) -> the outcomes of its tests."""

    def __init__(self) -> None:
        self.results: dict[tuple[str, str], set[str]] = defaultdict(set)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        kept, others = [], []
        for item in items:
            path = str(item.path.relative_to(config.rootpath))
            docstring = getattr(getattr(item, "obj", None), "__doc__", None) or ""
            cases = cases_of(item.name, docstring)
            item.user_properties.append(("proves", (cases, leg_of(path, _stage_of(item)))))
            (kept if cases else others).append(item)
        config.hook.pytest_deselected(items=others)
        items[:] = kept

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        for name, proves in report.user_properties:
            if name == "proves":
                cases, leg = proves
                for case in cases:
                    self.results[case, leg].add(report.outcome)

    def verdict(self, case: str, leg: str) -> str:
        outcomes = self.results.get((case, leg), set())
        if "failed" in outcomes:
            return "FAILED"
        if "passed" in outcomes:
            return "passed"
        if (case, leg) in NOT_APPLICABLE:
            return "n/a"
        return "skipped" if outcomes else "MISSING"

    def table(self) -> list[str]:
        lines = [f"{'case':<10}" + "".join(f"{leg:<12}" for leg in LEGS)]
        for case in CASES:
            verdicts = [self.verdict(case, leg) for leg in LEGS]
            why = {NOT_APPLICABLE[case, leg] for leg, found in zip(LEGS, verdicts, strict=True) if found == "n/a"}
            lines.append(
                (f"{case:<10}" + "".join(f"{each:<12}" for each in verdicts) + "; ".join(sorted(why))).rstrip()
            )
        return lines

    def open_cases(self) -> list[str]:
        """What is not proven where it should be."""
        return [f"{case} {leg}" for case in CASES for leg in LEGS if self.verdict(case, leg) not in ("passed", "n/a")]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.section("conformance")
        for line in self.table():
            terminalreporter.line(line)
        open_cases = self.open_cases()
        proven = sum(self.verdict(case, leg) == "passed" for case in CASES for leg in LEGS)
        terminalreporter.line(f"{len(CASES)} cases, {proven} proven, {len(open_cases)} open: {', '.join(open_cases)}")
