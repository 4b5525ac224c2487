"""How a benchmark is called and what it leaves: a table on stdout, or JSON; with ``--out`` also a file and a plot."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from plot import plotted
from rows import Row, machine, table


class Report:
    """Made before the measurement, so that the load it names is not its own."""

    def __init__(self, name: str, doc: str, **counts: tuple[float, str]) -> None:
        """``counts`` are the options: default and meaning. A SIGTERM ends what was started, as an exception does."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        self._name, self._machine, self._began_at = name, machine(), time.monotonic()
        parser = argparse.ArgumentParser(description=doc.partition("\n")[0])
        for count, (default, meaning) in counts.items():
            parser.add_argument(f"--{count}", type=type(default), default=default, help=f"{meaning} ({default:g})")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
        parser.add_argument("--out", type=Path, metavar="FOLDER", help=f"write {name}.json and {name}.svg there")
        self.parser = parser
        self._counts = tuple(counts)

    def asked(self) -> argparse.Namespace:
        self.options = self.parser.parse_args()
        if any(getattr(self.options, count) <= 0 for count in self._counts):
            self.parser.error("counts must be more than 0")
        return self.options

    def turns(self, what: str, count: int) -> Iterator[int]:
        """0, 1, … below ``count``; which of them has begun is said on stderr, and how long all has taken so far."""
        for turn in range(count):
            print(f"[{time.monotonic() - self._began_at:6.0f} s] {what}: {turn + 1} of {count}", file=sys.stderr)
            yield turn

    def give(self, rows: Sequence[Row], **more: Any) -> None:
        """``more`` is what else was found about the machine."""
        asked = {count: getattr(self.options, count) for count in self._counts}
        found = {**asked, "machine": {**self._machine, **more}, "rows": [row.as_json() for row in rows]}
        print(json.dumps(found) if self.options.json else f"{table(rows)}\n{_said(found['machine'])}")
        if self.options.out is not None:
            self.options.out.mkdir(parents=True, exist_ok=True)
            (self.options.out / f"{self._name}.json").write_text(json.dumps(found, indent=1) + "\n")
            (self.options.out / f"{self._name}.svg").write_text(plotted(self._name, rows))


def _said(facts: dict[str, Any]) -> str:
    return "machine: " + ", ".join(f"{name} {value}" for name, value in facts.items())
