"""When a running command has to be ended: its time, its silence, its output, its checkpoint, its memory. Monotonic
seconds."""

from __future__ import annotations

import os
import time
from collections import deque
from itertools import islice

from aidos_actors.core.silence import Signs, Silence, is_held_up, look_every_s
from aidos_actors.executors.folder_size import ENTRIES_MAX, is_over
from aidos_actors.executors.usage import cpu_of_descendants, is_memory_over

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OUTPUT_CHECK_S = 0.25
CHECKPOINT_CHECK_S = 1.0
MEMORY_CHECK_S = 1.0
CHECKPOINT_SHARE = 50  # looking at a large folder takes at most one fiftieth of the time
TOO_MUCH_OUTPUT = ("output_limit", "It wrote more output than its limit allows.")


class Limits:
    """Holds the limits of one order against what its command does. Made just before it starts."""

    def __init__(self, order: dict[str, Any], output_fd: int | None, now: float) -> None:
        self._started = now
        self._timeout_s: float | None = order["timeout_s"]
        self._stall_s: float | None = order["stall_s"]
        self._folders: list[bytes] = [order["cwd"], *order["watched"]]
        self._output_fd = output_fd
        self._size_bytes = self._output_size()
        self._size_max_bytes: int = self._size_bytes + order["output_limit_bytes"]
        self._checkpoint: bytes | None = order["checkpoint_dir"]
        self._checkpoint_max_bytes: int = order["checkpoint_limit_bytes"]
        self._checkpoint_at = now + CHECKPOINT_CHECK_S
        self._memory_max_bytes: int = order["memory_limit_bytes"]
        self._memory_at = now + MEMORY_CHECK_S
        self._watches_work: bool = order["watches_work"]
        self._heard_at = now
        self._look_every_s = look_every_s(self._stall_s or 0.0)
        self._look_at = now + self._look_every_s
        self._silence: Silence | None = None
        if self._stall_s is not None:
            wanted = ("files", "cpu_s") if self._watches_work else ("files",)
            self._silence = Silence(self._stall_s, now, self._signs(), wanted)

    def progress(self, now: float) -> None:
        """The command has done something that this process cannot see, such as writing to its owner's pipe."""
        self._heard_at = now
        if self._silence is not None:
            self._silence.heard(now)

    def came(self, due_at: float, now: float) -> None:
        """This process meant to look at ``due_at``, and does so now."""
        if is_held_up(due_at, now):
            self.progress(now)

    def wait_s(self, now: float) -> float | None:
        """How long nothing needs to be looked at; None: for ever."""
        spans = [OUTPUT_CHECK_S] if self._output_fd is not None else []
        if self._timeout_s is not None:
            spans.append(self._started + self._timeout_s - now)
        if self._stall_s is not None:
            spans.append(self._look_at - now)
        if self._checkpoint is not None:
            spans.append(self._checkpoint_at - now)
        if self._memory_max_bytes:
            spans.append(self._memory_at - now)
        return max(0.0, min(spans)) if spans else None

    def exceeded(self, now: float) -> tuple[str, str] | None:
        """(reason, sentence) when the command must end; else None."""
        if self._timeout_s is not None and now - self._started >= self._timeout_s:
            return "timeout", f"It ran longer than its {self._timeout_s:g} s."
        size_bytes = self._output_size()
        if size_bytes > self._size_max_bytes:
            return TOO_MUCH_OUTPUT
        if size_bytes != self._size_bytes:
            self._size_bytes = size_bytes
            self.progress(now)
        if now >= self._checkpoint_at and self._is_checkpoint_over():
            return self._too_large_a_checkpoint()
        if self._memory_max_bytes and now >= self._memory_at:
            self._memory_at = now + MEMORY_CHECK_S
            if is_memory_over(self._memory_max_bytes):
                return (
                    "memory_limit",
                    f"It and what it started hold more than {self._memory_max_bytes:,} bytes of memory.",
                )
        if self._silence is not None and now >= self._look_at and self._is_stalled(now, self._silence):
            what = "no change to a file and no work" if self._watches_work else "no change to a file"
            return "stalled", f"No output, {what} for {self._stall_s:g} s."
        return None

    def exceeded_by_what_is_left(self) -> tuple[str, str] | None:
        """The same of what stays when the command and all it started have ended, sooner perhaps than it was looked
        at."""
        if self._output_size() > self._size_max_bytes:
            return TOO_MUCH_OUTPUT
        return self._too_large_a_checkpoint() if self._is_checkpoint_over() else None

    def _too_large_a_checkpoint(self) -> tuple[str, str]:
        limit = f"{self._checkpoint_max_bytes:,} bytes or {ENTRIES_MAX:,} entries"
        return "checkpoint_limit", f"Its checkpoint folder is over the limit of {limit}."

    def _is_stalled(self, now: float, silence: Silence) -> bool:
        """Looks at files and processes only when the command has been quiet since the last look."""
        quiet_since_look = self._heard_at <= self._look_at - self._look_every_s
        self._look_at = now + self._look_every_s
        if quiet_since_look:
            silence.look(now, self._signs())
        return silence.is_too_long(now)

    def _signs(self) -> Signs:
        used = cpu_of_descendants() if self._watches_work else None
        cpu_s, processes = (None, None) if used is None else used
        return Signs(files=fingerprint(self._folders), cpu_s=cpu_s, processes=processes)

    def _is_checkpoint_over(self) -> bool:
        if self._checkpoint is None:
            return False
        begun_at = time.monotonic()
        found = is_over(self._checkpoint, self._checkpoint_max_bytes)
        took_s = time.monotonic() - begun_at
        self._checkpoint_at = begun_at + took_s + max(CHECKPOINT_CHECK_S, CHECKPOINT_SHARE * took_s)
        return found

    def _output_size(self) -> int:
        return os.fstat(self._output_fd).st_size if self._output_fd is not None else 0


def fingerprint(folders: list[bytes]) -> tuple[int, int]:
    """Two numbers that differ when a file below ``folders`` was made, written or removed; looks at 20,000 entries.

    Sums change times, which no program can set back, so that a jump of the clock hides nothing. Breadth first: in a
    very large tree it is the depths that are not looked at.
    """
    entries = times_ns = 0
    waiting = deque(folders)
    while waiting and entries < ENTRIES_MAX:
        try:
            with os.scandir(waiting.popleft()) as listing:
                for entry in islice(listing, ENTRIES_MAX - entries):
                    entries += 1
                    times_ns += entry.stat(follow_symlinks=False).st_ctime_ns
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:  # removed while we looked: that is a change, and the sum shows it
            continue
    return entries, times_ns
