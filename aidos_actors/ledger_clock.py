"""The clock of whoever writes the ledger, kept over restarts within one boot of the machine.

A small file says how wall clock and monotonic clock stood to each other. Before the moments in the ledger are moved, it
says so, and after that it says that it is done: whoever dies in between leaves enough to tell whether they were moved.
It is not synced: after a power cut the boot is another one, and the file counts for nothing.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from aidos_actors.core.board.timeline import JUMP_S, Timeline
from aidos_actors.layout import Layout
from aidos_actors.ports import LedgerView

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
CLOCK_SET = "clock_set"
LOOK_S = 60.0
"""Who waits looks at the clock so often: a timer does not run while the machine sleeps."""


def machine_slept_s() -> float:
    """How long this machine has slept since it was started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


class LedgerClock:
    """``jump_s`` is by how much the moments in the ledger are to be moved before it is gone on with; then ``moved``. A
    board is restored at a ``now`` without it, and moved with them. ``slept_s`` of these the machine slept."""

    def __init__(self, layout: Layout, ledger: LedgerView, wall: float, steady_s: float) -> None:
        self._file = layout.root / "clock.json"
        self._ledger = ledger
        self._boot = BOOT_ID.read_text().strip()
        before = self._before()
        self._line = Timeline(wall, steady_s, machine_slept_s())
        self._jumped(before, wall, steady_s)
        self._moving_from = before if self.jump_s else None
        try:
            self._write()
        except OSError:
            if before is None or self.jump_s:
                raise  # else what the file says still holds

    def now(self, steady_s: float) -> float:
        """Wall seconds that never go back in one life of this clock."""
        return self._line.now(steady_s)

    def follow(self, wall: float, steady_s: float) -> float:
        """By how much the wall clock was set forward: so far the ledger's moments are to be moved; then ``moved``."""
        before, self._line = self._line, self._line.following(wall, steady_s, machine_slept_s())
        self._jumped(before if self._line is not before else None, wall, steady_s)
        if self.jump_s:
            self._moving_from = self._moving_from or before  # of an earlier jump, too, the ledger may not know yet
            self._write()
        return self.jump_s

    def _jumped(self, before: Timeline | None, wall: float, steady_s: float) -> None:
        self.jump_s = before.jump_s(wall, steady_s) if before is not None else 0.0
        slept_s = self._line.slept_s - before.slept_s if before is not None and self.jump_s else 0.0
        self.slept_s = slept_s if slept_s >= JUMP_S else 0.0

    def moved(self) -> None:
        """The ledger says that they were."""
        self.jump_s = 0.0
        self._moving_from = None
        self._write()

    def _before(self) -> Timeline | None:
        """What held for the moments that are in the ledger now."""
        try:
            said = json.loads(self._file.read_text())
            if said["boot"] != self._boot:
                return None
            line, moving = _timeline(said), said["moving_from"]
            if moving is None or any(each.type == CLOCK_SET for each in self._ledger.events(said["seq"], 10_000)):
                return line
            return _timeline(moving)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _write(self) -> None:
        said: dict[str, Any] = {
            "boot": self._boot,
            **_fields(self._line),
            "seq": self._ledger.last_seq(),
            "moving_from": _fields(self._moving_from) if self._moving_from is not None else None,
        }
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(said))
        new.replace(self._file)


def _fields(line: Timeline) -> dict[str, float]:
    return {"at": line.at, "steady_s": line.steady_s, "slept_s": line.slept_s}


def _timeline(fields: dict[str, Any]) -> Timeline:
    return Timeline(fields["at"], fields["steady_s"], fields["slept_s"])
