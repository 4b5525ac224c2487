"""A nursery, orders for it, and a mark by which a test finds every process that its commands started."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aidos_actors.executors.linux import children_of
from aidos_actors.executors.nursery import Nursery, run
from aidos_actors.executors.orders import Order
from aidos_actors.executors.sweep import end_marked, marked_processes

DEADLINE_S = 20.0


class Bench:
    """Makes orders that carry this test's mark, and looks for what carries it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = f"test-{uuid.uuid4()}"
        self.env = {"PATH": os.environ["PATH"], "AIDOS_MARK": self.mark}

    def order(self, *argv: str, **more) -> Order:
        return Order(argv=argv, **{"cwd": str(self.folder), "env": self.env, **more})

    def shell(self, script: str, **more) -> Order:
        return self.order("/bin/sh", "-c", script, **more)

    def python(self, script: str, **more) -> Order:
        return self.order(sys.executable, "-I", "-S", "-c", script, **more)

    def wait_until(self, fact: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> None:
        """Returns when ``fact()`` is true; fails, naming ``what``, when it is not by the deadline."""
        give_up_at = time.monotonic() + deadline_s
        while not fact():
            assert time.monotonic() < give_up_at, f"after {deadline_s} s still not: {what}"
            time.sleep(0.01)

    def living(self) -> list[tuple[int, int]]:
        return marked_processes(self.mark)

    def wait_for(self, name: str) -> str:
        """The text of the file ``name``, once it has a whole line."""
        path = self.folder / name
        self.wait_until(lambda: path.exists() and path.read_text().endswith("\n"), f"{name} is written")
        return path.read_text()

    def wait_all_gone(self, deadline_s: float = DEADLINE_S) -> None:
        self.wait_until(lambda: not self.living(), f"nothing carries the mark, e.g. {self.living()}", deadline_s)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    assert end_marked(made.mark, 10.0) == []


@pytest.fixture
def nursery(bench: Bench) -> Iterator[Nursery]:
    """One whose process is there."""
    made = Nursery()
    assert run(made, bench.shell("true")).exit_code == 0
    bench.wait_until(lambda: not children_of(made.pid or 0), "the first minder is reaped")
    yield made
    made.close()
