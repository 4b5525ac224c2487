"""One round of a campaign: one requirement from its submission to its end, with kills on the way, and what it left."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct, field

from aidos_actors.core.requirement import Requirement
from chaos import witness
from chaos.experiment import Kill
from chaos.facts import Evidence, Finding
from chaos.faults.processes import Process, end_each, process_of
from chaos.hunt import TICK_S, Hunt
from chaos.journal import Tail, read_journal
from chaos.report import Delivered, line_of
from chaos.runner import Runner
from chaos.scene import Records, Scene
from chaos.sight import Look
from chaos.stages import Stages

STARTS_MAX = 200
LATE_MAX = 10
STATUS_TIMEOUT_S = 300.0


class Owed(Struct):
    """A kill of the schedule that was not delivered yet: how many whole rounds it waited, how often it came late."""

    kill: Kill
    rounds_waited: int = 0
    late: int = 0


class Setting(Struct, frozen=True):
    """What all rounds have in common. ``until``: monotonic seconds; ``hold``: while this file exists, an analysis does
    not end; ``runner`` None: the system belongs to somebody else."""

    state_dir: Path
    records: Path
    hold: Path
    runner: Runner | None
    look: Look
    command: Sequence[str]
    workers: int
    gap_s: float
    changing: frozenset[str] | None
    until: float
    say: Callable[[str], None]

    @property
    def is_late(self) -> bool:
        return time.monotonic() > self.until


class Round(Struct):
    """``play`` once; then ``delivered`` and ``evidence`` are known, and ``findings`` made on the way."""

    setting: Setting
    model: Requirement
    file: Path
    delivered: list[Delivered] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    evidence: Evidence | None = None

    def play(self, owed: list[Owed]) -> None:
        """The requirement has ended, or the time is over. What was delivered has been taken out of ``owed``."""
        setting, repo = self.setting, self.model.repo
        before = witness.marked_processes(setting.state_dir)
        worktrees = witness.worktrees_of(repo) if repo is not None else []
        base = self._base() if repo is not None else ""
        scene = Scene(
            tail=Tail(setting.state_dir),
            stages=Stages(),
            look=setting.look,
            requirement=self.model.id,
            workers=setting.workers,
            records=Records(setting.records),
        )
        self._carry_out(scene, owed)
        orphans = []
        if setting.runner is not None:
            setting.runner.end()
            orphans = witness.orphans_of(setting.state_dir, scene.known, before)
            end_each(scene.known)  # a broken law is reported, not left running
        scene.refresh()
        self.evidence = Evidence(
            requirement=self.model.id,
            events=tuple(read_journal(setting.state_dir)),
            status=self._status(),
            git=witness.git_facts(repo, self.model.target_branch, base, worktrees) if repo is not None else None,
            records=tuple(scene.records.records),
            garbled=tuple(scene.records.garbled),
            together=tuple(sorted(scene.records.together)),
            orphans=tuple(orphans),
            changing=setting.changing,
        )

    def _base(self) -> str:
        """What the requirement's commits go onto: the target where it exists, else the base."""
        repo = self.model.repo or ""
        target = witness.git(repo, "for-each-ref", "--format=%(objectname)", f"refs/heads/{self.model.target_branch}")
        return target or witness.commit_of(repo, self.model.base or "HEAD")

    def _carry_out(self, scene: Scene, owed: list[Owed]) -> None:
        def must_stop() -> bool:
            return self._must_stop(scene)

        def run() -> Process | None:
            return self.setting.runner.process if self.setting.runner is not None else None

        hunt = Hunt(scene, must_stop, run, lambda: read_journal(self.setting.state_dir))
        analysing = [each for each in owed if each.kill.stage == "analysing"]
        if analysing and self.setting.runner is not None:
            self.setting.hold.touch()
        if self.setting.runner is not None:
            self._start(scene)
        self._deliver(hunt, analysing, owed)
        self.setting.hold.unlink(missing_ok=True)
        self._deliver(hunt, [each for each in owed if each.kill.stage != "analysing"], owed)
        while not must_stop():
            hunt.settle(TICK_S * 10)
        self.findings += hunt.findings

    def _deliver(self, hunt: Hunt, wanted: list[Owed], owed: list[Owed]) -> None:
        """Kills one after the other until all are delivered or the work is over."""
        queue = list(wanted)
        while queue:
            item = queue[0]
            delivered = hunt.carry_out(item.kill)
            if delivered is None:
                item.rounds_waited += not self.delivered  # it had the whole round to itself
                owed.remove(item)
                owed.append(item)  # others go first in the next round
                return
            self.delivered.append(delivered)
            self.setting.say(line_of(delivered))
            if delivered.in_stage:
                owed.remove(item)
            else:
                item.late += 1
                item.kill = item.kill.sooner()
            if delivered.in_stage or item.late > LATE_MAX:
                queue.pop(0)
            hunt.settle(self.setting.gap_s)

    # ---- the run

    def _start(self, scene: Scene) -> None:
        assert self.setting.runner is not None
        self.setting.runner.start(self.file)
        scene.owner = self.setting.runner.process

    def _must_stop(self, scene: Scene) -> bool:
        """The work has ended and ``run`` with it, or the time is over. Starts ``run`` again when it only died."""
        runner = self.setting.runner
        if self.setting.is_late:
            return self._find("time", f"{self.model.id} had not ended when the time of the campaign was over")
        if runner is None:
            self._adopt_guardian(scene)
            return scene.has_ended
        if runner.exit_code is None:
            return False
        scene.refresh()
        if scene.has_ended:
            return True
        if runner.starts >= STARTS_MAX:
            return self._find("run", f"`run` ended {STARTS_MAX} times before its work; at last: {runner.last_words()}")
        if runner.exit_code > 0:
            refused = (2, 3, 7, 78)
            if runner.exit_code in refused:
                return self._find("run", f"`run` refused with exit code {runner.exit_code}: {runner.last_words()}")
            self.setting.say(f"`run` ended with exit code {runner.exit_code}: {runner.last_words()}; starting it again")
        self._start(scene)
        return False

    def _adopt_guardian(self, scene: Scene) -> None:
        """Joined: everything lives below the guardian, whichever that is now."""
        if scene.owner is None or not scene.owner.is_alive:
            sight = scene.look_again()
            pid = sight.system.get("guardian") if sight is not None else None
            scene.owner = process_of(pid) if pid is not None else None

    def _find(self, law: str, text: str) -> bool:
        finding = Finding(law, text)
        if finding not in self.findings:
            self.findings.append(finding)
        return True

    def _status(self) -> dict[str, object]:
        argv = [*self.setting.command, "status", self.model.id, "--json", "--state", str(self.setting.state_dir)]
        try:
            done = subprocess.run(argv, capture_output=True, timeout=STATUS_TIMEOUT_S)
            return dict(json.loads(done.stdout)["data"])
        except (OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
            self._find("status", f"`status {self.model.id}` gave no answer: {error!r}")
            return {}
