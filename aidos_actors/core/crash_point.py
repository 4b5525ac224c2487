"""One effect after or before which a process may die; ``crash_points`` lists them all."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Process = Literal["run", "scheduler", "analyzer", "gitops", "worker", "nursery", "minder"]


class CrashPoint(Struct, frozen=True):
    """``half`` is what stands when the process ends just after the effect, ``reconciler`` who makes that good.
    ``processes`` come to it; the first is the one it is about."""

    name: str
    where: str
    processes: tuple[Process, ...]
    effect: str
    half: str
    reconciler: str
