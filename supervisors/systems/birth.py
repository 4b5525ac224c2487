"""What a process is born with. It is put down before the fork and found after it; nothing about it is pickled."""

from __future__ import annotations

from msgspec import Struct

from supervisors.messages import Hello
from supervisors.specs import Spec
from supervisors.systems.page import Pen


class Birth(Struct, frozen=True):
    """What a process is born with, inherited by fork: which child it is, where to report, its entry on its
    supervisor's page, and the greeting it begins with, unless that comes by mail."""

    spec: Spec
    path: str
    title: str
    report_fd: int
    pen: Pen
    greeting: Hello | None = None


_birth: list[Birth] = []


def bear(birth: Birth) -> None:
    """The next actor forked from this process, or from a fork of it, is born with ``birth``."""
    _birth[:] = [birth]


def born() -> Birth:
    """What this process was born with."""
    return _birth[0]
