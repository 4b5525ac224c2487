"""Campaigns against the real runtime: every kind of process at every stage of a real requirement, one after the other
in one run, judged by all laws, the tasks' own records included."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaos import STAGES, Campaign, Kill, Report, plan_kills
from chaos.experiment import WORK_KINDS
from chaos.facts import Evidence
from chaos.journal import read_journal
from chaos.laws import judge
from chaos.witness import git_facts
from tests.system.conftest import Place, eventually

SEED = 20_261_124
TIME_LIMIT_S = 240.0  # of a run on a machine that is busy with much else
RECORD = 'echo "$AIDOS_TASK $AIDOS_ATTEMPT $AIDOS_IDEMPOTENCY_KEY {edge} $(date +%s%N) $$" >> "$CHAOS_RECORDS"'
WORK = "{start}; sleep 0.4; echo $AIDOS_TASK > $AIDOS_TASK.txt; {end}"
pytestmark = pytest.mark.timeout(TIME_LIMIT_S + 60.0)
# Those whose death costs no start of a system die at every stage each time, the others at one (another than in
# test_kills.py), and at every one with `make kills`.
OFTEN = {"work": WORK_KINDS, "supervisors": ("supervisor",), "commands": ("nursery", "minder")}
ONCE = {
    "admin": "running",
    "guardian": "analysing",
    "launcher": "dispatching",
    "logger": "integrating",
    "root": "dispatching",
    "run": "running",
    "tree": "integrating",
}
# Each further time within half a minute a guardian waits longer before it brings its system back: few in each group.
GROUPS = {
    "root": ("root",),
    "admin": ("admin",),
    "logger": ("logger",),
    "launcher": ("launcher",),
    "guardian": ("guardian",),
    "tree and run": ("tree", "run"),
}


def requirement(place: Place, count: int = 10) -> Path:
    """Tasks that each write a file and, beside the repository, when they began and ended."""
    work = WORK.format(start=RECORD.format(edge="start"), end=RECORD.format(edge="end"))
    tasks = {f"t{number}": {"run": work} for number in range(count)}
    tasks["last"] = {"run": work, "needs": [f"t{number}" for number in range(count)]}
    return place.requirement(tasks, verify="test -f a.txt")


def campaign(place: Place, seed: int, kills: list[Kill], file: Path) -> Report:
    return Campaign(
        requirement=file,
        state_dir=place.state,
        seed=seed,
        kills=kills,
        workers=2,
        time_limit_s=TIME_LIMIT_S,
        changing={"last", *(f"t{number}" for number in range(10))},
    ).run(lambda text: print(text, flush=True))


@pytest.mark.chaos
@pytest.mark.parametrize("group", OFTEN)
def test_every_kind_within_a_system_at_every_stage(place: Place, group: str) -> None:
    survives(place, plan_kills(SEED, OFTEN[group], STAGES))


@pytest.mark.chaos
def test_every_kind_that_takes_its_system_along(place: Place) -> None:
    survives(place, [kill for kind, stage in ONCE.items() for kill in plan_kills(SEED, [kind], [stage])])


@pytest.mark.chaos
@pytest.mark.long
@pytest.mark.parametrize("group", GROUPS)
def test_every_kind_at_every_stage(place: Place, group: str) -> None:
    survives(place, plan_kills(SEED, GROUPS[group], STAGES))


def survives(place: Place, kills: list[Kill]) -> None:
    """The requirement is done in spite of them all, each was delivered in its stage, and nothing is left."""
    report = campaign(place, SEED, kills, requirement(place))
    assert report.verdict_ok, report.as_text()
    in_stage = {(kill.kind, kill.stage) for kill in report.kills if kill.in_stage}
    assert in_stage == {(kill.kind, kill.stage) for kill in kills}
    assert report.commits == 11 * len(report.requirements)
    place.assert_clean()


@pytest.mark.chaos
def test_the_laws_see_what_is_spoilt_in_a_real_repository(place: Place) -> None:
    base = place.git("rev-parse", "main")
    report = campaign(place, SEED, [Kill("worker", "running", 0.1)], requirement(place))
    assert report.verdict_ok, report.as_text()

    def found() -> set[str]:
        evidence = Evidence(
            requirement="work",
            events=tuple(read_journal(place.state)),
            status=place.data("status", "work"),
            git=git_facts(str(place.repo), "aidos/work", base, [str(place.repo)]),
        )
        return {finding.law for finding in judge(evidence)}

    head = place.git("rev-parse", "aidos/work")
    assert found() == set()
    place.git("update-ref", "refs/heads/aidos/work", f"{head}~1")
    assert found() == {"lost"}
    message = place.git("show", "-s", "--format=%B", head)
    again = place.git("commit-tree", f"{head}^{{tree}}", "-p", head, "-m", message)
    place.git("update-ref", "refs/heads/aidos/work", again)
    assert found() == {"doubled"}
    place.git("update-ref", "refs/heads/aidos/work", head)
    place.git("worktree", "add", "-q", "--detach", str(place.folder / "left"), "main")
    assert found() == {"worktree"}
    place.git("worktree", "remove", str(place.folder / "left"))
    lock = place.repo / ".git" / "index.lock"  # one of the user's, which no start sets aside
    lock.touch()
    assert found() == {"lock"}
    lock.unlink()
    blob = place.git("rev-parse", f"{head}:last.txt")
    (place.repo / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    assert found() == {"fsck"}


@pytest.mark.chaos
def test_a_campaign_joins_a_system_that_runs_already(place: Place) -> None:
    run = place.begin("run", str(requirement(place)), "--workers", "2", CHAOS_RECORDS=str(place.folder / "records.txt"))
    eventually(lambda: place.event("attempt_started"))
    file = place.folder / "work.yaml"
    report = Campaign(
        requirement=file,
        state_dir=place.state,
        seed=1,
        kills=[Kill("worker", "running"), Kill("guardian", "running"), Kill("gitops", "integrating")],
        records=place.folder / "records.txt",
        attach=True,
        time_limit_s=TIME_LIMIT_S,
    ).run(lambda text: print(text, flush=True))
    assert report.verdict_ok, report.as_text()
    assert report.starts == 0
    assert run.wait(60) == 0, place.said()
    place.assert_clean()


@pytest.mark.chaos
def test_the_command_line_runs_a_campaign_and_prints_its_report_again(place: Place) -> None:
    requirement(place)
    spec = place.folder / "campaign.yaml"
    spec.write_text("requirement: work.yaml\nkinds: [worker, scheduler]\nstages: [running]\ntime_limit: 2m\n")
    began_at = time.time()
    words = (sys.executable, "-m", "chaos")
    done = subprocess.run(
        [*words, "run", str(spec), "--seed", "5", "--state", str(place.state)],
        cwd=place.folder,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("seed 5") and lines[-1] == "verdict OK, seed 5"
    again = subprocess.run([*words, "report", str(place.state)], capture_output=True, text=True, timeout=60)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert (place.state / "chaos.json").stat().st_mtime >= began_at - 1
