"""The crash sweep on real processes: one run of the real program a case, ended at two places, judged by all laws."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from statistics import median

from msgspec import Struct

from aidos_actors.core.crash_points import CRASH_POINTS
from aidos_actors.crash import AT_VARIABLE, MARKS_VARIABLE
from chaos.campaign import COMMAND, Campaign
from chaos.facts import Finding
from chaos.journal import read_journal
from chaos.model_server import model_server
from chaos.stages import PROGRESS
from chaos.sweep_cases import Case, work, write_work
from chaos.sweep_words import ONLY_IN_WORDS, judge_analysis, plan_of, write_words

RTO_S = 10.0  # of an actor, a nursery, a minder
GOES_ON = PROGRESS | {"requirement_submitted", "requirement_done"}
RTO_OF_RUN_S = 20.0  # of the whole program, which its caller starts again


class Swept(Struct, frozen=True):
    """What came of a case. ``back_s``: for each place that struck, until the same was done again by a successor; where
    it need not be done again, until the journal says that the work goes on."""

    case: Case
    struck: int
    back_s: tuple[float, ...]
    findings: tuple[Finding, ...]
    took_s: float

    @property
    def problems(self) -> list[str]:
        """Why it is not in order; empty when it is."""
        said = [f"BROKEN ({finding.law}): {finding.text}" for finding in self.findings]
        if self.struck <= self.case.struck_by:
            said.append("the place was never reached")
        limit_s = RTO_OF_RUN_S if CRASH_POINTS[self.case.first.point].processes[0] == "run" else RTO_S
        said += [f"back only after {each:.1f} s, allowed {limit_s:g} s" for each in self.back_s if each > limit_s]
        return said


def sweep(cases: Iterable[Case], jobs: int, time_limit_s: float, say: Callable[[str], None]) -> list[Swept]:
    """Each case carried out within its time limit, ``jobs`` at a time. Nothing of them lives or lies about afterwards,
    but for the folders of those that are not in order, which are named."""

    def one(case: Case) -> Swept:
        swept = _carry_out(case, time_limit_s, say)
        if swept.struck <= case.struck_by and not case.is_soonest:
            swept = _carry_out(case.sooner(), time_limit_s, say)
        ended = ", ".join(f"{each:.2f} s" for each in swept.back_s) or "never reached"
        say("\n  ".join([f"{swept.case}: back after {ended}; all done in {swept.took_s:.1f} s", *swept.problems]))
        return swept

    pool = ThreadPoolExecutor(jobs)
    try:
        return list(pool.map(one, cases))
    finally:
        pool.shutdown(cancel_futures=True)  # interrupted: what is under way is ended in order, the rest never begins


def _carry_out(case: Case, time_limit_s: float, say: Callable[[str], None]) -> Swept:
    folder = Path(tempfile.mkdtemp(prefix="aidos-sweep-"))
    marks = folder / "marks"
    marks.mkdir()
    file, changing = write_work(folder, case)
    with model_server(plan_of(work())) if case.first.point in ONLY_IN_WORDS else nullcontext() as model:
        if model is not None:
            file, changing = write_words(folder, model.url)
        report = _campaign(folder, case, file, changing, time_limit_s).run()
    moments = [event["at"] for event in read_journal(folder / "state") if event["type"] in GOES_ON]
    struck = sum((marks / f"struck-{number}").exists() for number in range(len(case.places)))
    back_s = tuple(_back_s(marks, number, moments) for number in range(struck))
    findings = (*report.findings, *(judge_analysis(folder, model, struck) if model is not None else ()))
    swept = Swept(case, struck, back_s, findings, report.took_s)
    if findings:
        say(f"kept: {folder}")
    else:
        shutil.rmtree(folder)
    return swept


def _campaign(folder: Path, case: Case, file: Path, changing: frozenset[str] | None, time_limit_s: float) -> Campaign:
    return Campaign(
        requirement=file,
        state_dir=folder / "state",
        seed=case.number,
        kills=(),
        time_limit_s=time_limit_s,
        changing=changing,
        command=("/bin/sh", "-c", 'cd "$0" && exec "$@"', str(folder), *COMMAND),  # its aidos.toml lies there
        env={AT_VARIABLE: str(case), MARKS_VARIABLE: str(folder / "marks")},
    )


def _back_s(marks: Path, number: int, moments: Iterable[float]) -> float:
    again, struck_at = marks / f"again-{number}", (marks / f"struck-{number}").stat().st_mtime
    if again.exists():
        return max(0.0, again.stat().st_mtime - struck_at)
    return min((at - struck_at for at in moments if at > struck_at), default=0.0)


def table(results: Sequence[Swept]) -> str:
    """By point: how many runs, and how long until everything was back."""
    rows: list[tuple[str, ...]] = [("point", "runs", "p50", "p99", "worst")]
    for point in CRASH_POINTS:
        found = sorted(
            seconds
            for each in results
            for place, seconds in zip(each.case.places, each.back_s, strict=False)
            if place.point == point
        )
        if found:
            spans = (median(found), found[math.ceil(0.99 * len(found)) - 1], found[-1])
            rows.append((point, str(len(found)), *(f"{each:.2f} s" for each in spans)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
