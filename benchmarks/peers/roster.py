"""Which peers there are, and one run of each, with a store of its own that is new and gone afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from peers.servers import Missing, postgres, redis

from supervisors.linux import die_with_parent

HERE = Path(__file__).parent
BIN = HERE.parents[1] / "build" / "peers" / "bin"
LIMIT_S = 300.0
END_WITHIN_S = 10.0
SERVERS = {"PEERS_REDIS": redis, "PEERS_POSTGRES": postgres}
# Name: its module, and the variable that tells it where its server is.
PEERS = {
    "Huey on SQLite": ("huey_on_sqlite", None),
    "Dramatiq on Redis": ("dramatiq_on_redis", "PEERS_REDIS"),
    "SAQ on Redis": ("saq_on_redis", "PEERS_REDIS"),
    "Procrastinate on PostgreSQL": ("procrastinate_on_postgres", "PEERS_POSTGRES"),
    "DBOS on PostgreSQL": ("dbos_queue", "PEERS_POSTGRES"),
    "DBOS on SQLite": ("dbos_queue", None),
}


def run(name: str, count: int, singles: int) -> dict[str, Any]:
    """What ``drive.py`` found. ``Missing`` when the peer cannot be measured here: why."""
    if not (BIN / "python").exists():
        raise Missing("no environment for the peers; make peers")
    module, server = PEERS[name]
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PEERS_", "PYTHON"))}
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        root.chmod(0o711)  # a server may run under another account
        for folder in ("peer", "server"):
            (root / folder).mkdir()
        env |= {"PEERS_FOLDER": str(root / "peer"), "PEERS_BIN": str(BIN), "PYTHONPATH": str(HERE)}
        if server is not None:
            env[server] = stack.enter_context(SERVERS[server](root / "server"))
        return _driven([str(BIN / "python"), str(HERE / "drive.py"), module, str(count), str(singles)], env)


def _driven(words: list[str], env: dict[str, str]) -> dict[str, Any]:
    pipe, end = subprocess.PIPE, partial(die_with_parent, os.getpid(), signal.SIGTERM)
    driver = subprocess.Popen(words, env=env, stdout=pipe, stderr=pipe, text=True, preexec_fn=end)  # noqa: PLW1509  no other thread here
    try:
        said, complained = driver.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        raise Missing(f"not done after {LIMIT_S:g} s") from None
    finally:
        driver.terminate()  # it ends its workers
        driver.wait(END_WITHIN_S)
    if driver.returncode:
        raise Missing(f"it failed: {' '.join(complained.strip().splitlines()[-1:])}")
    return dict(json.loads(said))
