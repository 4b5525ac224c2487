"""The life of a guardian as a table: in which phase it is, what can happen, and which phase follows. Pure.

What a row does not name changes nothing. The table stands in docs/failure-levels.md as well.
"""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """``LISTENING``: the root is gone, and its launcher is asked whether it had left a last word. ``LEAVING``: the
    system has said its last word and may put its things away. ``ENDING``: all of it is being killed."""

    RESTING = "resting"
    RUNNING = "running"
    STOPPING = "stopping"
    LISTENING = "listening"
    LEAVING = "leaving"
    ENDING = "ending"
    PAUSING = "pausing"
    OVER = "over"


class Happening(StrEnum):
    """``MUST_END``: nobody wants the system any more (second signal, host ended, state directory gone). ``BROKEN``: one
    of its processes died or froze. ``DUE``: the phase has taken as long as it may. ``GONE_…``: no process of it is
    left, and what follows from that."""

    BEGUN = "begun"
    STOP_ASKED = "stop asked"
    MUST_END = "must end"
    CHANGED = "changed"
    SAID = "last word"
    ROOT_DIED = "root died"
    LAUNCHER_DIED = "launcher died"
    BROKEN = "broken"
    WORDLESS = "wordless"
    DUE = "due"
    GONE_FOR_GOOD = "gone for good"
    GONE_FOR_NOW = "gone for now"
    GONE_FOR_NEW = "gone for a new one"


_AT_WORK = {
    Happening.MUST_END: Phase.ENDING,
    Happening.SAID: Phase.LEAVING,
    Happening.ROOT_DIED: Phase.LISTENING,
    Happening.LAUNCHER_DIED: Phase.ENDING,
    Happening.BROKEN: Phase.ENDING,
    Happening.DUE: Phase.ENDING,
}
TABLE: dict[Phase, dict[Happening, Phase]] = {
    Phase.RESTING: {
        Happening.BEGUN: Phase.RUNNING,
    },
    Phase.RUNNING: {
        **_AT_WORK,
        Happening.STOP_ASKED: Phase.STOPPING,
        Happening.CHANGED: Phase.STOPPING,
    },
    Phase.STOPPING: _AT_WORK,
    Phase.LISTENING: {
        Happening.MUST_END: Phase.ENDING,
        Happening.SAID: Phase.LEAVING,
        Happening.LAUNCHER_DIED: Phase.ENDING,
        Happening.BROKEN: Phase.ENDING,
        Happening.WORDLESS: Phase.ENDING,
        Happening.DUE: Phase.ENDING,
    },
    Phase.LEAVING: {
        Happening.MUST_END: Phase.ENDING,
        Happening.LAUNCHER_DIED: Phase.ENDING,
        Happening.DUE: Phase.ENDING,
    },
    Phase.ENDING: {
        Happening.GONE_FOR_GOOD: Phase.OVER,
        Happening.GONE_FOR_NOW: Phase.PAUSING,
        Happening.GONE_FOR_NEW: Phase.RUNNING,
    },
    Phase.PAUSING: {
        Happening.STOP_ASKED: Phase.OVER,
        Happening.MUST_END: Phase.OVER,
        Happening.DUE: Phase.RUNNING,
    },
    Phase.OVER: {},
}


def phase_after(phase: Phase, happening: Happening) -> Phase:
    """The phase that follows; the same when the table does not name it."""
    return TABLE[phase].get(happening, phase)
