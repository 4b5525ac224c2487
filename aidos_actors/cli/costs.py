"""What a process costs, as the kernel counts it."""

from __future__ import annotations

import psutil


def costs_of(pid: int | None) -> dict[str, int | float | None]:
    """``memory_bytes``: its memory, shared pages divided by their users (PSS). ``cpu_s``: seconds of one processor that
    it has used so far, those of children that it waited for left out. Both None when it is gone."""
    try:
        process = psutil.Process(pid) if pid is not None else None
        if process is not None:
            with process.oneshot():
                used = process.cpu_times()
                return {"memory_bytes": process.memory_full_info().pss, "cpu_s": round(used.user + used.system, 2)}
    except psutil.Error:
        pass
    return {"memory_bytes": None, "cpu_s": None}
