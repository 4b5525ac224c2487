"""The program ``bare_thespian.py``, run and asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("bare_thespian.py")


@contextmanager
def plain_thespian() -> Iterator[Callable[..., Any]]:
    """A running system of plain Thespian as a function: the words of a request in, its answer out. Its processes have
    ended when the block is left."""
    run = [sys.executable, str(PROGRAM)]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        asks, answers = process.stdin, process.stdout

        def ask(*words: Any) -> Any:
            asks.write(json.dumps(words) + "\n")
            asks.flush()
            line = answers.readline()
            if not line:
                raise RuntimeError("plain Thespian ended before it answered")
            return json.loads(line)

        yield ask
        asks.close()
