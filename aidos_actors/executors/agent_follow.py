"""Reads what a coding agent prints while it works, and ends it when that shows that it gets nowhere."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from aidos_actors.core.agents.choice import LIMITED
from aidos_actors.core.agents.profile import AgentProfile
from aidos_actors.core.agents.transcript import Transcript
from aidos_actors.core.silence import is_held_up
from aidos_actors.executors.limits import fingerprint

LOOK_S = 0.5
CHUNK_BYTES = 1024 * 1024


class Follower:
    """Follows the file that an agent's output goes to, in a thread of its own, from ``start`` to ``finish``."""

    def __init__(self, path: Path, profile: AgentProfile, worktree: str, end: Callable[[str], None]) -> None:
        """``end`` ends the agent; it is called once at most."""
        self.transcript = Transcript(profile.reads, profile.loop_repeats_max)
        self.cause: str | None = None
        self.why = ""
        self._path = path
        self._profile = profile
        self._folder = [os.fsencode(worktree)]
        self._end = end
        self._stuck_since: float | None = None
        self._files = fingerprint(self._folder)
        self._read_bytes = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="agent-follower", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """All that it printed has been read."""
        self._is_over.set()
        self._thread.join()
        self._read()
        self.transcript.close()

    def _follow(self) -> None:
        due_at = time.monotonic() + LOOK_S
        while not self._is_over.wait(LOOK_S):
            now = time.monotonic()
            if is_held_up(due_at, now):
                self._stuck_since = None
            self._read()
            if self.cause is None:
                self._judge(now)
            due_at = time.monotonic() + LOOK_S

    def _read(self) -> None:
        try:
            with self._path.open("rb") as file:
                file.seek(self._read_bytes)
                while chunk := file.read(CHUNK_BYTES):
                    self._read_bytes += len(chunk)
                    self.transcript.feed(chunk)
                    if self._read_bytes > 2 * self._profile.output_bytes_max:
                        return  # its minder is about to end it
        except OSError:
            return  # looked at again; what cannot be read tells nothing against it

    def _judge(self, now: float) -> None:
        facts, profile = self.transcript.facts, self._profile
        period = self.transcript.loop.period
        if period is not None and self._has_not_moved():
            what = "step" if period == 1 else f"{period} steps"
            self._give_up("loop", f"it did the same {what} with the same result {profile.loop_repeats_max} times")
        elif profile.turns_max is not None and facts.turns > profile.turns_max:
            self._give_up("turns", f"it took more than {profile.turns_max} turns")
        elif profile.cost_usd_max is not None and (facts.cost_usd or 0.0) > profile.cost_usd_max:
            self._give_up("cost", f"it cost more than {profile.cost_usd_max:g} USD")
        elif not facts.is_stuck_on_limit:
            self._stuck_since = None
        elif self._stuck_since is None:
            self._stuck_since = now
        elif now - self._stuck_since >= profile.limit_silence_s:
            self._give_up(LIMITED, f"it waits for the end of a usage limit ({facts.error})")

    def _has_not_moved(self) -> bool:
        """No file has changed since the last time that it seemed to go round in circles; if one has, it starts over."""
        files = fingerprint(self._folder)
        if files == self._files:
            return True
        self._files = files
        self.transcript.loop.restart()
        return False

    def _give_up(self, cause: str, why: str) -> None:
        self.cause, self.why = cause, why
        self._end(why)
