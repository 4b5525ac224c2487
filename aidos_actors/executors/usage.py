"""What the processes below this one use: processor time and memory. Standard library only: minders use it."""

from __future__ import annotations

import os

from aidos_actors.executors import linux

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_of_descendants() -> tuple[float, frozenset[int]] | None:
    """Seconds of processor time that the living below this process, and those they waited for, have used; and who they
    are. None when that cannot be seen."""
    try:
        ticks, found = 0, []
        for pid, _parent in linux.descendants(os.getpid()):
            fields = linux.stat_fields(pid)
            if fields is not None and fields[0] not in (b"Z", b"X"):
                ticks += sum(int(field) for field in fields[11:15])
                found.append(pid)
    except OSError:
        return None
    return ticks / TICKS_PER_S, frozenset(found)


def is_memory_over(bytes_max: int) -> bool:
    """Whether all below this process hold more than ``bytes_max`` bytes of memory. What they share counts once, as far
    as the kernel tells; that is asked only when the quick sum, which counts it for each, is over."""
    try:
        pids = [pid for pid, _parent in linux.descendants(os.getpid())]
    except OSError:
        return False  # what cannot be seen is not over anything
    if sum(map(_resident_bytes, pids)) <= bytes_max:
        return False
    return sum(map(_proportional_bytes, pids)) > bytes_max


def _resident_bytes(pid: int) -> int:
    try:
        fields = (linux.read_proc(f"{pid}/statm") or b"").split()
    except OSError:
        return 0
    return int(fields[1]) * PAGE_BYTES if len(fields) > 1 else 0


def _proportional_bytes(pid: int) -> int:
    try:
        text = linux.read_proc(f"{pid}/smaps_rollup") or b""
    except OSError:
        return _resident_bytes(pid)
    for line in text.splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return _resident_bytes(pid)
