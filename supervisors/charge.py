"""What guardian, template and launcher are given by whoever starts them: in memory, never on a command line."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

READY, ORDER = b"ready", b"order"
"""What a template says when it has imported everything, and what it is told with the descriptors of each order."""


class Charge(Struct, frozen=True):
    """What a guardian is started with. Its descriptors are inherited."""

    spec: bytes
    main: dict[str, Any]
    packages: tuple[str, ...]
    state_dir: str
    title: str
    host_pid: int | None
    host_started: int | None
    channel_fd: int | None
    status_fd: int | None
    on_give_up: str = "end"
    before_stop: tuple[str, Any, float] | None = None
    reload: tuple[str, str, tuple[Any, ...]] | None = None
    """On SIGHUP: module, function and arguments of what gives ``(spec, before_stop)`` anew, or raises."""
    admission: tuple[str, str, tuple[Any, ...]] | None = None
    """Before each start: module, function and arguments of what raises when the system must not start. It is called
    with whether somebody asked for this very start, and then the arguments."""
    last_word: tuple[str, str, tuple[Any, ...]] | None = None
    """When no system came up, and nobody else would say so: module, function and arguments of what tells it to people
    and gives the exit code. It is called with the kind (start_failed, unfit, conflict) and the reason before them."""
    attended: bool = True
    was_up: bool = False
    """A system of the same host was up already, under a guardian that was killed."""
    may_fork: bool = False
    """The guardian may be forked from its host, which is nothing else."""
    not_before: float = 0.0
    """No system is started before this moment (monotonic seconds, which all processes share)."""

    @property
    def farewell_s(self) -> float:
        """How long the tree may take over what it is asked before it is stopped."""
        return self.before_stop[2] if self.before_stop is not None else 0.0


class Needs(Struct, frozen=True):
    """What a template is started with: the tree and the main file that its launchers will be given, and the descriptor
    by which its orders come."""

    spec: bytes
    main: dict[str, Any]
    packages: tuple[str, ...]
    title: str
    guardian_pid: int
    link_fd: int
    mark: str


class Orders(Struct, frozen=True):
    """What a launcher is started with; its descriptors come beside."""

    spec: bytes
    main: dict[str, Any]
    state_dir: str
    title: str
    guardian_pid: int
    before_stop: tuple[str, Any, float] | None
    admission: tuple[str, str, tuple[Any, ...]] | None
    attended: bool
    not_before: float


class Descriptors(Struct, frozen=True):
    """What a launcher inherits: its end of the way to the guardian, the control socket, the way from the host."""

    guardian: int
    listener: int
    channel: int | None
