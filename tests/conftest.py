"""What holds for all tests: properties are tried on the same examples each time, so that a red run is red again; with
``HYPOTHESIS_PROFILE=random`` on new ones. After the session nothing of it may live: every process a test starts
inherits the session's mark.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

UNTIMED = settings(print_blob=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", UNTIMED, derandomize=True)
settings.register_profile("random", UNTIMED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

FIRST = ("gitops", "system", "agents", "docs")
"""Tests that fork this process come while it is small: a fork copies the table of its pages, and takes three times as
long in the end. Then come those that take longest, so that none of them is left over for the last minute."""
MARK_VARIABLE = "AIDOS_TEST_SESSION"
PATIENCE_S = 15.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        return FIRST.index(folder) if folder in FIRST else len(FIRST)

    items.sort(key=place)


def _marked(mark: str) -> dict[int, str]:
    """Living processes that carry ``mark`` in their environment, but for this one, by pid with what they are."""
    wanted = f"{MARK_VARIABLE}={mark}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if wanted not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if state not in "ZX":
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
    return found


@pytest.fixture(scope="session", autouse=True)
def nothing_outlives_the_session() -> Iterator[None]:
    mark = os.urandom(8).hex()
    os.environ[MARK_VARIABLE] = mark
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in the background of a shell, and all it starts too
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    until = time.monotonic() + PATIENCE_S
    while (left := _marked(mark)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not left, f"processes outlived the tests: {left}"
