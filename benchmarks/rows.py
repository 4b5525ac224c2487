"""What a benchmark found: one row for each thing measured, as a table or as JSON."""

from __future__ import annotations

import os
import sqlite3
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

P99_SAMPLES_MIN = 100


@dataclass(frozen=True, slots=True)
class Row:
    """``goals`` hold by statistic: ``{"p99": 10.0}`` is met when the 99th percentile is at most 10. ``skipped`` says
    why there are no samples, ``how`` what is on disk when something counts as done, and how much was measured."""

    name: str
    samples: Sequence[float] = ()
    unit: str = "ms"
    goals: dict[str, float] = field(default_factory=dict)
    at_least: bool = False
    skipped: str = ""
    how: str = ""

    def numbers(self) -> dict[str, float]:
        """The 99th percentile is there only with samples enough to speak of one."""
        if not self.samples:
            return {}
        ordered = sorted(self.samples)
        found = {"median": statistics.median(ordered), "min": ordered[0], "max": ordered[-1]}
        if len(ordered) >= P99_SAMPLES_MIN:
            found["p99"] = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        return {name: round(value, 3) for name, value in found.items()}

    def verdict(self) -> str:
        """met, missed, unknown (nothing missed, but too few samples to tell), or nothing without a goal."""
        if not self.goals:
            return ""
        numbers = self.numbers()
        known = [(numbers[name], goal) for name, goal in self.goals.items() if name in numbers]
        if any(number < goal if self.at_least else number > goal for number, goal in known):
            return "missed"
        return "met" if len(known) == len(self.goals) else "unknown"

    def as_json(self) -> dict[str, Any]:
        if self.skipped:
            return {"name": self.name, "skipped": self.skipped}
        found: dict[str, Any] = {"name": self.name, "unit": self.unit, "samples": len(self.samples), **self.numbers()}
        if self.goals:
            found |= {"goals": self.goals, "verdict": self.verdict()}
        return found | ({"how": self.how} if self.how else {})

    def as_line(self, width: int) -> str:
        if self.skipped:
            return f"{self.name:{width}}  skipped: {self.skipped}"
        numbers = self.numbers()
        p99 = f"p99 {numbers['p99']:.2f}" if "p99" in numbers else ""
        spread = f"({numbers['min']:.2f}–{numbers['max']:.2f})"
        sign = "≥" if self.at_least else "≤"
        goals = ", ".join(f"{name} {sign} {goal:g}" for name, goal in self.goals.items())
        text = f"{self.name:{width}} {numbers['median']:10.2f} {spread:22} {p99:14} {self.unit:5} n={len(self.samples)}"
        said = f"{goals}: {self.verdict()}" if goals else ""
        return "  ".join((f"{text:{width + 62}}", said, self.how)).rstrip()


def table(rows: Sequence[Row]) -> str:
    """Median, least and most, the 99th percentile, and what was aimed at."""
    width = max(len(row.name) for row in rows)
    return "\n".join(row.as_line(width) for row in rows)


def machine() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": sys.version.split()[0],
        "sqlite": sqlite3.sqlite_version,
        "kernel": os.uname().release,
    }
