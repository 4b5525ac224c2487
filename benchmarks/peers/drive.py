"""One peer, measured once: python drive.py MODULE COUNT SINGLES. One JSON object on stdout.

In the peers' environment, with the store's address in the variables that ``peer.py`` reads. First ``COUNT`` tasks are
submitted while no worker runs, one call each; then two workers drain them, which is measured from 5 % done to all
recorded as done; then ``SINGLES`` are submitted in the same way while the workers work, until all are recorded as done.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from peer import Peer, folder

PATIENCE_S = 120.0
PAUSE_S = 0.01
END_WITHIN_S = 10.0
DRAINED_FROM = 0.05


def when(done: Callable[[], int], count: int) -> tuple[int, float]:
    """How many were done, and when, as soon as at least ``count`` were. The store is asked a hundred times a second."""
    until = time.monotonic() + PATIENCE_S
    while (found := done()) < count:
        if time.monotonic() > until:
            raise TimeoutError(f"{found} of {count} done after {PATIENCE_S:g} s")
        time.sleep(PAUSE_S)
    return found, time.monotonic()


@contextmanager
def working(peer: Peer) -> Iterator[None]:
    """Its workers run, each in a session of its own; none of their processes is left afterwards."""
    with (folder() / "workers.log").open("ab") as log:
        started = [
            subprocess.Popen(words, cwd=Path(__file__).parent, stdout=log, stderr=log, start_new_session=True)
            for words in peer.workers()
        ]
        try:
            yield
        finally:
            for process in started:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(END_WITHIN_S)


def measured(peer: Peer, count: int, singles: int) -> dict[str, float]:
    began_at = time.monotonic()
    peer.submit(count)
    found = {"accepted": count / (time.monotonic() - began_at)}
    with working(peer):
        first, first_at = when(peer.done, max(1, int(count * DRAINED_FROM)))
        _, last_at = when(peer.done, count)
        found["drain"] = (count - first) / (last_at - first_at) if count > first else 0.0
        began_at = time.monotonic()
        peer.submit(singles)
        found["singles"] = singles / (when(peer.done, count + singles)[1] - began_at)
    return found


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    module, count, singles = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    peer: Peer = import_module(module).peer()
    names = " ".join(f"{name} {version(name)}" for name in peer.distributions)
    print(json.dumps({**measured(peer, count, singles), "durable": peer.durable, "version": names}), flush=True)
    os._exit(0)  # some keep threads


if __name__ == "__main__":
    main()
