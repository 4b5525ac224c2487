"""What is ordered from a nursery, what comes of it, and what can go wrong between."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from aidos_actors.core.errors import AidosError
from aidos_actors.executors import protocol

Limit = Literal["timeout", "stalled", "output_limit", "checkpoint_limit", "memory_limit"]
Reason = Literal[Limit, "exited", "ended", "failed_to_start", "no_room", "lost"]


class NurseryLost(AidosError):
    """The process that runs commands has died, or cannot be started. What it ran has ended; a later call starts one."""

    code = "nursery_lost"


class SpawnFailed(AidosError):
    """The order was refused before anything ran: it is too large, or its minder could not make sense of it."""

    code = "failed_to_start"


class Order(Struct, frozen=True):
    """A command to run. ``env`` is its whole environment; ``input`` its standard input (empty: ``/dev/null``).

    Standard output and error go, in order, to the end of the file ``output_path``; None: both are captured apart and
    handed back, together at most ``output_limit_bytes``. ``stall_s`` is the longest time without output and without a
    change to a file below ``cwd`` or the folders ``watched``. ``checkpoint_dir`` may hold ``checkpoint_limit_bytes``.
    With ``watches_work`` the command is not silent while its processes work, either. ``memory_limit_bytes``: the most
    that it and what it started may hold of memory, 0: no limit. ``grace_s`` lies between SIGTERM and SIGKILL.
    """

    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    input: bytes = b""
    output_path: str | None = None
    timeout_s: float | None = None
    stall_s: float | None = None
    output_limit_bytes: int = 64 * 1024 * 1024
    grace_s: float = 0.5
    watched: tuple[str, ...] = ()
    checkpoint_dir: str | None = None
    checkpoint_limit_bytes: int = 0
    watches_work: bool = False
    memory_limit_bytes: int = 0

    def pack(self) -> bytes:
        """For the minder. Raises ``SpawnFailed`` when it is too large for any exec."""
        if not self.argv:
            raise SpawnFailed("The order names no command.")
        try:
            fields = self._fields()
        except UnicodeEncodeError as error:
            raise SpawnFailed(f"Arguments or environment hold text that no process can be given: {error}.") from error
        packed = protocol.pack_order(fields)
        if len(packed) > protocol.ORDER_BYTES_MAX:
            limit = protocol.ORDER_BYTES_MAX
            raise SpawnFailed(
                f"Arguments and environment are {len(packed)} bytes, more than the {limit} that can be handed over.",
                hint="Pass large data as input or as a file.",
            )
        return packed

    def _fields(self) -> dict[str, Any]:
        return {
            "argv": [os.fsencode(part) for part in self.argv],
            "env": {os.fsencode(name): os.fsencode(value) for name, value in self.env.items()},
            "cwd": _absolute(self.cwd),
            "watched": [_absolute(folder) for folder in self.watched],
            "output_path": None if self.output_path is None else _absolute(self.output_path),
            "timeout_s": self.timeout_s,
            "stall_s": self.stall_s,
            "output_limit_bytes": self.output_limit_bytes,
            "grace_s": self.grace_s,
            "checkpoint_dir": None if self.checkpoint_dir is None else _absolute(self.checkpoint_dir),
            "checkpoint_limit_bytes": self.checkpoint_limit_bytes,
            "watches_work": self.watches_work,
            "memory_limit_bytes": self.memory_limit_bytes,
        }


class Outcome(Struct, frozen=True):
    """How a command ended. Nothing that it started lives any more: ``survivors`` counts what the kernel would not end.

    ``exit_code`` or ``signal`` is how the command itself ended, both None when it never ran or is unknown. ``message``
    is a sentence for people, empty for ``exited``. ``duration_s`` is the time from ``go`` until all had ended.
    """

    reason: Reason
    exit_code: int | None = None
    signal: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    duration_s: float = 0.0
    message: str = ""
    survivors: int = 0

    @property
    def all_ended(self) -> bool:
        """Its minder has seen the end of everything that the command had started."""
        return self.reason != "lost" and self.survivors == 0


def _absolute(path: str) -> bytes:
    """The minder's working folder is the root folder."""
    return os.fsencode(path if path.startswith("/") else Path(path).absolute())
