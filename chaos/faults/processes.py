"""SIGKILL of exact processes: each known by pid and start time, each proven to be below a process that is ours."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from supervisors.linux import descendants, kill_exactly, start_ticks


class Process(Struct, frozen=True):
    """A process as it can be told from any later one with its pid. ``started`` in clock ticks since boot."""

    pid: int
    started: int

    @property
    def is_alive(self) -> bool:
        """A zombie is not."""
        return start_ticks(self.pid) == self.started


def process_of(pid: int) -> Process | None:
    """None when there is no such process, or only what is left of it."""
    started = start_ticks(pid)
    return Process(pid, started) if started is not None else None


def family_of(owner: Process) -> list[Process]:
    """``owner`` and everything below it, parents first; empty when it is gone."""
    if not owner.is_alive:
        return []
    found = (process_of(pid) for pid in descendants(owner.pid))
    return [owner, *(process for process in found if process is not None)]


def end_each(processes: Iterable[Process]) -> None:
    """None of them lives much longer. For processes that are known to be ours, whoever their parent is by now."""
    for each in processes:
        kill_exactly(each.pid, each.started)


def kill_all(victims: Iterable[Process], owner: Process) -> list[Process]:
    """Those that got the signal. Never sent to a process that is neither ``owner`` nor below it at this moment."""
    ours = set(family_of(owner))
    return [each for each in victims if each in ours and kill_exactly(each.pid, each.started)]
