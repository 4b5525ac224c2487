"""A campaign: a real run of a real requirement, killed again and again by a seeded schedule, judged by laws.

Kills come one at a time, in the order of the schedule; those of the stage ``analysing`` come first in their round,
because a requirement is analysed once. When the requirement ends before all kills were delivered, the next round
submits it anew under another id and target. What was never reached is in the report.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from aidos_actors.analyzers.document import read_requirement
from aidos_actors.analyzers.files import read_requirement_file
from aidos_actors.cli.reach import owner_of
from aidos_actors.core.errors import Conflict
from aidos_actors.core.requirement import Requirement
from aidos_actors.runtime import HOLD_FILE_VARIABLE
from chaos.experiment import Kill
from chaos.facts import Finding
from chaos.journal import read_journal
from chaos.laws import judge
from chaos.report import Delivered, Missed, Report
from chaos.rounds import Owed, Round, Setting
from chaos.runner import OUTPUT_FOLDER, Runner, next_round
from chaos.sight import Look, by_door

COMMAND = (sys.executable, "-m", "aidos_actors")
RECORDS_VARIABLE = "CHAOS_RECORDS"
ROUNDS_WAITED_MAX = 2
ROUND_NUMBER_MAX = 10_000

Progress = Callable[[str], None]


class Campaign:
    """``run`` once. ``state_dir`` gets a folder ``chaos`` with what ``run`` printed and, unless ``records`` names
    another file, with what tasks append to ``$CHAOS_RECORDS``. ``attach``: join a system that runs already, whose
    requirement is under way; one round, and the system is neither started nor ended."""

    def __init__(
        self,
        *,
        requirement: str | Path,
        state_dir: str | Path,
        seed: int,
        kills: Sequence[Kill],
        workers: int = 2,
        time_limit_s: float = 600.0,
        rounds: int = 20,
        gap_s: float = 0.0,
        changing: Iterable[str] | None = None,
        env: Mapping[str, str] | None = None,
        records: str | Path | None = None,
        attach: bool = False,
        command: Sequence[str] = COMMAND,
        look: Look | None = None,
    ) -> None:
        """Raises ``BadInput`` when the requirement file cannot be used; nothing is started."""
        self._state = Path(state_dir).absolute()
        self._file = Path(requirement).absolute()
        self._model, self._text = read_requirement_file(self._file)
        self._seed, self._time_limit_s, self._rounds = seed, time_limit_s, 1 if attach else rounds
        self._owed = [Owed(kill) for kill in kills]
        self._own = self._state / OUTPUT_FOLDER
        self._records = Path(records).absolute() if records is not None else self._own / "records.txt"
        self._hold = self._own / "hold-analysis"
        self._workers, self._gap_s, self._command = workers, gap_s, tuple(command)
        self._changing = frozenset(changing) if changing is not None else None
        self._look = look or by_door(self._state)
        own_env = {
            "AIDOS_STATE_DIR": str(self._state),
            HOLD_FILE_VARIABLE: str(self._hold),
            RECORDS_VARIABLE: str(self._records),
        }
        self._runner = None if attach else Runner(command, self._state, {**(env or {}), **own_env}, workers)
        self._kills: list[Delivered] = []
        self._missed: list[Missed] = []
        self._findings: dict[Finding, None] = {}  # in the order found, each once
        self._names: list[str] = []
        self._commits = self._tasks_done = 0

    def run(self, progress: Progress | None = None) -> Report:
        """Carries the schedule out and judges what is left. Nothing the campaign started lives afterwards. The report
        is also in ``STATE/chaos.json``. Raises ``Conflict`` when the state directory has an owner already."""
        say = progress or (lambda text: None)
        if self._runner is not None and owner_of(self._state) is not None:
            raise Conflict(f"a system runs on {self._state} already", hint="choose another --state, or end it first")
        self._own.mkdir(parents=True, exist_ok=True)
        say(f"seed {self._seed}: {len(self._owed)} kills to deliver")
        started_at, began_at = time.time(), time.monotonic()
        try:
            self._all_rounds(self._setting(began_at, say))
        finally:
            self._hold.unlink(missing_ok=True)
            if self._runner is not None:
                self._runner.end()
        self._give_up(self._owed, "the campaign was over before its turn")
        report = Report(
            seed=self._seed,
            requirements=tuple(self._names),
            kills=tuple(self._kills),
            missed=tuple(self._missed),
            findings=tuple(self._findings),
            commits=self._commits,
            tasks_done=self._tasks_done,
            starts=self._runner.starts if self._runner is not None else 0,
            started_at=started_at,
            took_s=round(time.monotonic() - began_at, 3),
        )
        report.save(self._state)
        return report

    def _setting(self, began_at: float, say: Progress) -> Setting:
        return Setting(
            state_dir=self._state,
            records=self._records,
            hold=self._hold,
            runner=self._runner,
            look=self._look,
            command=self._command,
            workers=self._workers,
            gap_s=self._gap_s,
            changing=self._changing,
            until=began_at + self._time_limit_s,
            say=say,
        )

    def _all_rounds(self, setting: Setting) -> None:
        self._leave_out_impossible()
        used = {event["requirement"] for event in read_journal(self._state)} if self._runner is not None else set()
        for number in range(1, ROUND_NUMBER_MAX):
            is_over = self._names and not self._owed
            if is_over or len(self._names) >= self._rounds or setting.is_late or self._findings:
                return
            work = self._work_of(number)
            if work is None:
                self._give_up(
                    self._owed, "the file's id does not stand on a line of its own, so there is no next round"
                )
                return
            if work[0].id not in used:
                self._names.append(work[0].id)
                setting.say(f"round {len(self._names)}: {work[0].id}, {len(self._owed)} kills to deliver")
                self._play(Round(setting, *work))

    def _work_of(self, number: int) -> tuple[Requirement, Path] | None:
        """The requirement of the round and its file: the given one first, then the same under other names."""
        if number == 1:
            return self._model, self._file
        text = next_round(self._text, number, self._model.repo)
        if text is None:
            return None
        file = self._own / f"round-{number}{self._file.suffix}"
        file.write_text(text, encoding="utf-8")
        return read_requirement(text, file=str(file), base_dir=str(self._own)), file

    def _play(self, one: Round) -> None:
        try:
            one.play(self._owed)
        finally:
            self._kills += one.delivered
        evidence = one.evidence
        assert evidence is not None
        self._findings |= dict.fromkeys([*one.findings, *judge(evidence)])
        self._commits += len(evidence.git.commits) if evidence.git is not None else 0
        self._tasks_done += sum(task["state"] == "done" for task in evidence.status.get("tasks", ()))
        waited = [owed for owed in self._owed if owed.rounds_waited >= ROUNDS_WAITED_MAX]
        self._give_up(waited, f"waited for it through {ROUNDS_WAITED_MAX} whole rounds in vain")

    def _leave_out_impossible(self) -> None:
        if self._model.repo is None:
            integrating = [owed for owed in self._owed if owed.kill.stage == "integrating"]
            self._give_up(integrating, "the requirement has no repository, so nothing is integrated")
        if self._runner is None:
            self._give_up([owed for owed in self._owed if owed.kill.kind == "run"], "the campaign did not start `run`")

    def _give_up(self, hopeless: list[Owed], why: str) -> None:
        for owed in list(hopeless):
            self._owed.remove(owed)
            reason = f"came too late {owed.late} times" if owed.late else why
            self._missed.append(Missed(owed.kill.kind, owed.kill.stage, reason))
