"""What a peer must tell the driver. Each peer is a module with a function ``peer`` that makes one. It and its
workers run in the peers' environment, every worker in a process of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Peer(Protocol):
    """``durable`` says what is on disk when something counts, and what the peer promises after a crash."""

    durable: str
    distributions: tuple[str, ...]

    def submit(self, count: int) -> None:
        """So many tasks that do nothing are in its store, each by a call of its own."""

    def done(self) -> int:
        """How many of them are recorded as done, in its store."""

    def workers(self) -> list[list[str]]:
        """The commands that start two worker processes."""


def program(name: str) -> str:
    """A program of the environment this runs in."""
    return str(Path(os.environ["PEERS_BIN"]) / name)


def folder() -> Path:
    """Where this peer may keep files. It is empty at first."""
    return Path(os.environ["PEERS_FOLDER"])


def redis_url() -> str:
    return os.environ["PEERS_REDIS"]


def postgres_url() -> str:
    """A database of its own."""
    return os.environ["PEERS_POSTGRES"]
