"""The real program under test: ``run FILE`` as a child process, started again when it was killed, ended in the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from chaos.faults.processes import Process, family_of, kill_all, process_of

OUTPUT_FOLDER = "chaos"
STOP_WITHIN_S = 30.0
KILLED_WITHIN_S = 10.0
_KEY = "^(?P<key>{name}[ \\t]*:[ \\t]*)(?P<value>\\S.*?)(?P<rest>[ \\t]*(?:#.*)?)$"


class Runner:
    """At most one ``run`` at a time. What it prints is kept in ``STATE/chaos/run-N.log``."""

    def __init__(self, command: Sequence[str], state_dir: Path, env: Mapping[str, str], workers: int) -> None:
        self._command = list(command)
        self._state_dir = state_dir
        self._env = {**os.environ, **env}
        self._workers = workers
        self._child: subprocess.Popen[bytes] | None = None
        self.process: Process | None = None
        self.starts = 0

    def start(self, file: Path) -> None:
        """A ``run`` of ``file`` has been started, in a session of its own."""
        self.starts += 1
        folder = self._state_dir / OUTPUT_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        words = ("run", str(file), "--state", str(self._state_dir), "--workers", str(self._workers))
        with (folder / f"run-{self.starts}.log").open("wb") as output:
            self._child = subprocess.Popen(
                [*self._command, *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._env,
                start_new_session=True,
            )
        self.process = process_of(self._child.pid)

    @property
    def exit_code(self) -> int | None:
        """Of the current ``run``; None while it runs."""
        return self._child.poll() if self._child is not None else None

    def last_words(self, lines: int = 5) -> str:
        path = self._state_dir / OUTPUT_FOLDER / f"run-{self.starts}.log"
        try:
            return " | ".join(path.read_text(errors="replace").strip().splitlines()[-lines:])
        except OSError:
            return ""

    def end(self) -> None:
        """Nothing of the current ``run`` lives: asked to stop first, then its whole family killed."""
        if self._child is None:
            return
        family = family_of(self.process) if self.process is not None else []
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                family = family_of(self.process) if self.process is not None else []
                if self.process is not None:
                    kill_all(family, self.process)
                self._child.wait(KILLED_WITHIN_S)
        self._child = None


def next_round(text: str, number: int, repo: str | None) -> str | None:
    """The requirement's text under another id and target, so that it is new work; ``repo`` is spelled out in it.

    None when its id does not stand on a line of its own. Round 1 is the text as it is.
    """
    changed, found = _suffixed(text, "id", f"-{number}")
    if not found:
        return None
    changed, _ = _suffixed(changed, "target", f"-{number}")
    if repo is not None:
        quoted = "'" + repo.replace("'", "''") + "'"
        changed = re.sub(
            _KEY.format(name="repo"), lambda m: m["key"] + quoted + m["rest"], changed, count=1, flags=re.M
        )
    return changed


def _suffixed(text: str, key: str, suffix: str) -> tuple[str, bool]:
    def renamed(match: re.Match[str]) -> str:
        value = match["value"]
        quote = value[0] if value[0] in "'\"" and value[-1] == value[0] and len(value) > 1 else ""
        bare = value[1:-1] if quote else value
        return f"{match['key']}{quote}{bare}{suffix}{quote}{match['rest']}"

    changed, count = re.subn(_KEY.format(name=key), renamed, text, count=1, flags=re.M)
    return changed, count == 1
