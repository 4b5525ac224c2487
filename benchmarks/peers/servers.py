"""A Redis and a PostgreSQL of one's own, on free ports of loopback, with their files in a folder that goes with them.

Both sync before they answer. PostgreSQL refuses to run as root: then it is run as ``postgres``, or as ``nobody``.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from supervisors.linux import die_with_parent

START_WITHIN_S = 30.0
PAUSE_S = 0.02
REDIS = ["redis-server", "--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always", "--save"]
POSTGRES = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
}
ACCOUNTS = ("postgres", "nobody")


class Missing(Exception):
    """Why a server cannot be had."""


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Its URL. ``Missing``."""
    if shutil.which(REDIS[0]) is None:
        raise Missing("no redis-server on the PATH")
    port = free_port()
    words = [*REDIS, "", "--port", str(port), "--dir", str(folder)]
    with _served(words, folder, lambda: _answers(port, b"PING\r\n", b"+PONG"), None, signal.SIGTERM):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The URL of its database. ``Missing``."""
    binaries = _binaries()
    account = _account()
    data, port = folder / "data", free_port()
    if account is not None:
        folder.chmod(0o711)
        shutil.chown(folder, account)
    init = [str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "peer", "-E", "UTF8", "--no-sync"]
    made = subprocess.run(init, cwd=folder, user=account, group=_group(account), capture_output=True, text=True)
    if made.returncode:
        raise Missing(f"initdb failed: {(made.stderr or made.stdout).strip().splitlines()[-1:]}")
    settings = [word for name, value in POSTGRES.items() for word in ("-c", f"{name}={value}")]
    words = [str(binaries / "postgres"), "-D", str(data), "-p", str(port), *settings]
    ready = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    with _served(words, folder, lambda: subprocess.run(ready).returncode == 0, account, signal.SIGINT):
        yield f"postgresql://peer@127.0.0.1:{port}/postgres"


def _binaries() -> Path:
    """The newest with everything that is needed: what is on the PATH may be one program alone."""
    found = shutil.which("postgres")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name), reverse=True)
    for place in places:
        if all((place / name).exists() for name in ("postgres", "initdb", "pg_isready")):
            return place
    raise Missing("no postgres with initdb and pg_isready")


def _account() -> str | None:
    """Who runs PostgreSQL, if not this user."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name for each in pwd.getpwall()}
    for name in ACCOUNTS:
        if name in known:
            return name
    raise Missing("postgres does not run as root, and there is no other account for it")


def _group(account: str | None) -> int | None:
    return pwd.getpwnam(account).pw_gid if account is not None else None


@contextmanager
def _served(
    words: list[str], folder: Path, is_ready: Callable[[], bool], account: str | None, end: signal.Signals
) -> Iterator[None]:
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            words,
            cwd=folder,
            user=account,
            group=_group(account),
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=partial(die_with_parent, os.getpid(), end),  # noqa: PLW1509  no other thread here
        )
    try:
        until = time.monotonic() + START_WITHIN_S
        while not is_ready():
            if server.poll() is not None or time.monotonic() > until:
                last = (folder / "server.log").read_text().strip().splitlines()[-1:]
                raise Missing(f"{words[0]} did not start: {last}")
            time.sleep(PAUSE_S)
        yield
    finally:
        server.send_signal(end)
        server.wait(START_WITHIN_S)


def _answers(port: int, question: bytes, answer: bytes) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(question)
            return connection.recv(64).startswith(answer)
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
