"""The analyzer that is a program of the user's: the words on its standard input, the tasks as JSON on its output.

It runs in an empty folder that goes with it, under a minder: it and whatever it starts end with its time, with a stop,
and with the process that asked.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from aidos_actors.analysis_settings import CommandAnalysis
from aidos_actors.analyzers.answers import NoPlan, read_amendment, read_answer
from aidos_actors.core.amending import told
from aidos_actors.core.errors import TryAgain
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.requirement import Requirement, Task
from aidos_actors.executors.command import SHELL
from aidos_actors.executors.environment import task_environment
from aidos_actors.executors.nursery import Nursery, run
from aidos_actors.executors.orders import Order, Outcome
from aidos_actors.folders import delete_tree
from aidos_actors.withdrawal import Withdrawal

TEMPORARY = 75  # what sysexits.h calls EX_TEMPFAIL
SAID_CHARS_MAX = 300
REPLAN_FILE = "replan.json"
UNWANTED = "Nobody wants its answer any more."


class CommandAnalyzer:
    """The port ``Analyzer`` on a shell command."""

    def __init__(self, settings: CommandAnalysis, folder: Path, base_env: Mapping[str, str]) -> None:
        """``folder`` is its own. Raises ``NurseryLost``, OSError."""
        self._settings = settings
        self._folder = folder
        self._base_env = base_env
        if folder.exists():
            delete_tree(folder)
        folder.mkdir(parents=True, mode=0o700)
        self._nursery = Nursery()

    def understands(self, requirement: Requirement) -> bool:
        return requirement.text is not None and self._settings.run is not None

    def fingerprint(self) -> str:
        return self._settings.model_dump_json()

    def analyse(self, requirement: Requirement) -> tuple[Task, ...]:
        """As ``analyse_until``, to the end."""
        return self.analyse_until(requirement, Withdrawal())

    def analyse_until(self, requirement: Requirement, withdrawal: Withdrawal) -> tuple[Task, ...]:
        """``NoPlan``: it failed, or its answer is none; ``TryAgain``: it ended with 75, by a signal, over its time, or
        because it was withdrawn. Raises ``NurseryLost`` as well."""
        return read_answer(self._ask(requirement, withdrawal), self._settings.allow)

    def replan_until(self, requirement: Requirement, failed: FailedTask, withdrawal: Withdrawal) -> tuple[Task, ...]:
        """As ``analyse_until``; the program is told what failed by the file that ``AIDOS_REPLAN`` names."""
        answer = self._ask(requirement, withdrawal, failed)
        return read_amendment(answer, self._settings.allow, requirement, failed)

    def _ask(self, requirement: Requirement, withdrawal: Withdrawal, failed: FailedTask | None = None) -> str:
        """What it printed."""
        assert requirement.text is not None and self._settings.run is not None
        own = {"AIDOS_REQUIREMENT": requirement.id, "AIDOS_TITLE": requirement.title}
        if requirement.repo is not None:
            own["AIDOS_REPO"] = requirement.repo
        folder = tempfile.mkdtemp(dir=self._folder)
        if failed is not None:
            file = Path(folder, REPLAN_FILE)
            file.write_text(json.dumps(told(requirement, failed)))
            own["AIDOS_REPLAN"] = str(file)
        order = Order(
            argv=(SHELL, "-c", self._settings.run),
            cwd=folder,
            env=task_environment(self._base_env, {}, own),
            input=requirement.text.encode(),
            timeout_s=self._settings.timeout_s,
            output_limit_bytes=self._settings.output_bytes,
        )
        try:
            return _judged(run(self._nursery, order, lambda minded: withdrawal.then(partial(minded.end, UNWANTED))))
        finally:
            delete_tree(Path(folder))

    def close(self) -> None:
        self._nursery.close()


def _judged(done: Outcome) -> str:
    """Its standard output."""
    said = done.stderr.decode(errors="replace").strip()[-SAID_CHARS_MAX:]
    why = f": {said}" if said else ""
    match done.reason:
        case "exited" if done.exit_code == 0:
            try:
                return done.stdout.decode()
            except UnicodeDecodeError as error:
                raise NoPlan(f"its answer is not UTF-8: {error}") from None
        case "exited" if done.exit_code not in (None, TEMPORARY):
            raise NoPlan(f"its program ended with exit code {done.exit_code}{why}")
        case "exited":
            how = f"exit code {TEMPORARY}" if done.signal is None else f"signal {done.signal}"
            raise TryAgain(f"its program ended with {how}{why}")
        case "output_limit" | "failed_to_start":
            raise NoPlan(f"its program: {done.message}")
    raise TryAgain(f"its program: {done.message}")
