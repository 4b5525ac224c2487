"""Tasks in a second, beside durable peers: python benchmarks/throughput.py [--runs 5] [--alone] [--json] [--out FOLDER]

All tasks do nothing, on two workers; what counts as done is on disk. In each run a new system

    drain     takes one plan of ``--count`` tasks; from 5 % done to all recorded as done (no task of a plan starts
              before all of it is on disk, so nobody submits meanwhile)
    grouped   the call of ``Runtime.submit`` with that plan, as a value and as a file
    singles   takes requirements of one task, each by a ``submit`` of its own and on disk when that returns; until the
              last has returned, and until all are recorded as done

and the disk is asked how often in a second it syncs 1 kB. Then come the peers, unless ``--alone``: Huey, Dramatiq, SAQ,
Procrastinate and DBOS, each with two worker processes and with a new store that is gone afterwards, and with tasks
submitted by one call each, because most have no other (see ``peers/drive.py``). ``make peers`` makes their environment
first; a peer that cannot run here is a row that says why. The sides take turns in each run. The counts are cut to what
a warm-up of each does in ``--seconds``.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from functools import partial

import beside
from beside import WARM_UP
from measured_system import (
    DURABLE,
    drained_per_s,
    fdatasyncs_per_s,
    noops,
    recorded,
    running,
    state_dir,
)
from report import Report
from rows import Row

DRAIN_GOAL, GROUPED_GOAL, SINGLES_GOAL, SINGLES_BY_SYNC_GOAL = 20_000, 50_000, 2000, 0.3


@dataclass
class Found:
    """One list entry for each run."""

    drain: list[float] = field(default_factory=list)
    grouped: list[float] = field(default_factory=list)
    from_file: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    singles: list[float] = field(default_factory=list)
    syncs: list[float] = field(default_factory=list)


def grouped(found: Found, count: int) -> None:
    """One plan: how fast it is taken, and how fast it is drained."""
    with running() as (runtime, journal):
        requirement = noops("plan", count)
        began_at = time.monotonic()
        runtime.submit(requirement)
        found.grouped.append(count / (time.monotonic() - began_at))
        found.drain.append(drained_per_s(journal, count, recorded(runtime, journal)))


def from_file(found: Found, count: int) -> None:
    """The same plan as a file (JSON is YAML)."""
    with running() as (runtime, _journal), state_dir() as folder:
        file = folder / "plan.yaml"
        tasks = {task.id: {"call": task.call} for task in noops("plan", count).tasks}
        file.write_text(json.dumps({"id": "plan", "tasks": tasks}))
        began_at = time.monotonic()
        runtime.submit(file)
        found.from_file.append(count / (time.monotonic() - began_at))
        runtime.cancel("plan")


def singles(found: Found, count: int) -> None:
    """One durable submission after the other, while the workers work."""
    with running() as (runtime, journal):
        requirements = [noops(f"r{number}", 1) for number in range(count)]
        began_at = time.monotonic()
        for requirement in requirements:
            runtime.submit(requirement)
        found.accepted.append(count / (time.monotonic() - began_at))
        recorded(runtime, journal, count)
        found.singles.append(count / (time.monotonic() - began_at))


def cut(rate: float, most: int, seconds: float) -> int:
    return min(most, max(WARM_UP, int(rate * seconds)))


def warmed_up(count_max: int, singles_max: int, seconds: float) -> tuple[int, int]:
    """The counts that take about ``seconds``. Few tasks drain slower than many, so a longer drain is tried again."""
    if max(count_max, singles_max) <= WARM_UP:
        return count_max, singles_max
    warm, count, longer = Found(), 0, min(WARM_UP, count_max)
    while longer > 2 * count:
        count = longer
        grouped(warm, count)
        longer = cut(warm.drain[-1], count_max, seconds)
    singles(warm, min(WARM_UP, singles_max))
    return max(count, longer), cut(warm.singles[0], singles_max, seconds)


def ours(found: Found, count: int, single_count: int) -> list[Row]:
    def row(name: str, samples: list[float], goal: float, how: str, unit: str = "/s") -> Row:
        goals = {"median": goal} if goal else {}
        return Row(name, samples, unit=unit, goals=goals, at_least=True, how=how)

    one_plan, one_each = f"{DURABLE}; {count} tasks in one plan", f"{DURABLE}; {single_count} requirements of one"
    by_sync = [rate / syncs for rate, syncs in zip(found.singles, found.syncs, strict=True)]
    return [
        row("disk: fdatasync of 1 kB", found.syncs, 0, ""),
        row("drain: ours", found.drain, DRAIN_GOAL, one_plan),
        row("grouped submission, as a value: ours", found.grouped, GROUPED_GOAL, one_plan),
        row("grouped submission, as a file: ours", found.from_file, 0, one_plan),
        row("singles, accepted: ours", found.accepted, 0, one_each),
        row("singles, done: ours", found.singles, SINGLES_GOAL, one_each),
        row("singles, done: ours / fdatasync", by_sync, SINGLES_BY_SYNC_GOAL, one_each, unit=""),
    ]


def main() -> None:
    report = Report(
        "throughput",
        str(__doc__),
        runs=(5, "of everything"),
        count=(20_000, "tasks in one plan, at most"),
        singles=(2000, "requirements of one task, at most"),
        seconds=(3.0, "that a drain should take"),
    )
    report.parser.add_argument("--alone", action="store_true", help="no peers")
    options = report.asked()
    most, seconds = (options.count, options.singles), options.seconds
    count, single_count = warmed_up(*most, seconds)
    peers = [] if options.alone else beside.warmed_up(partial(cut, seconds=seconds), *most)
    found = Found()
    for turn in report.turns("all sides", options.runs):
        found.syncs.append(fdatasyncs_per_s())
        grouped(found, count)
        from_file(found, count)
        singles(found, single_count)
        beside.take_turns(peers, turn)
    rows = ours(found, count, single_count)
    if not options.alone:
        ratios = (("drain", found.drain), ("singles", found.singles))
        rows += [row for measure in beside.MEASURES for row in beside.rows_of(peers, measure)]
        rows += [beside.ratio_row(mine, peers, measure) for measure, mine in ratios]
    report.give(rows)


if __name__ == "__main__":
    main()
