"""The main job, and its processes killed under it: ``python examples/demo.py [--seed N] [--keep]``, or ``make demo``.

A repository is made in a temporary folder and ``shop.yaml`` is run on it by the real command line, while a worker, the
scheduler, GitOps, an inner supervisor, the admin and at last the whole tree are killed. Exit 0 when the verdict is ok:
all done, nothing lost, nothing doubled, and git finds no fault in the repository. The folder is removed then, unless
--keep.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from make_shop import git, make_shop

from aidos_actors.analyzers.files import read_requirement_file
from chaos.campaign import Campaign, Kill
from chaos.report import Report

SEEDS = 1_000_000
TIME_LIMIT_S = 240.0
GAP_S = 0.5  # from one healing to the next kill, so that the kills are spread over the work
CHANGES_NOTHING = {"python-version", "tour"}
# Which process is killed, and while which stage of the work; the seed says in which order and how far into the stage.
KILLS = (
    ("worker", "running"),
    ("scheduler", "running"),
    ("gitops", "integrating"),
    ("supervisor", "running"),
    ("admin", "running"),
)
LAST = ("tree", "running")
DELAY_MAX_S = {"running": 0.3, "integrating": 0.02}


def planned_kills(seed: int) -> list[Kill]:
    """The same for the same seed; the whole tree comes last, when there is most to lose."""
    chance = Random(seed)
    pairs = [*chance.sample(KILLS, len(KILLS)), LAST]
    return [Kill(kind, stage, round(chance.uniform(0, DELAY_MAX_S[stage]), 4)) for kind, stage in pairs]


def run(folder: Path, seed: int) -> bool:
    """Whether everything was done and healed; says so, and how, on stdout."""
    requirement = make_shop(folder)
    print(f"Seed {seed} (again: python examples/demo.py --seed {seed}); folder {folder}\n", flush=True)
    begun_at_s = time.monotonic()
    report = Campaign(
        requirement=requirement,
        state_dir=folder / "state",
        seed=seed,
        kills=planned_kills(seed),
        workers=2,
        gap_s=GAP_S,
        changing={task.id for task in read_requirement_file(requirement)[0].tasks} - CHANGES_NOTHING,
        time_limit_s=TIME_LIMIT_S,
        env=environment(),
    ).run(progress=lambda line: print(line, flush=True))
    print(f"\n{report.as_text()}\n")
    is_sound = show_repository(folder / "shop", [f"aidos/{name}" for name in report.requirements])
    is_ok = bool(report.verdict_ok) and is_sound
    print(f"\n{'OK' if is_ok else 'NOT OK'} after {time.monotonic() - begun_at_s:.1f} s: {in_short(report)}")
    return is_ok


def in_short(report: Report) -> str:
    healed = [kill.healed_s for kill in report.kills if kill.healed_s is not None]
    slowest = f", the slowest back after {max(healed):.2f} s" if healed else ""
    return (
        f"{len(report.kills)} kills{slowest}, {len(report.missed)} not reached; {report.tasks_done} tasks done,"
        f" {report.commits} commits, lost {report.lost}, doubled {report.doubled}"
    )


def environment() -> dict[str, str]:
    """Ours, with the Python that runs this as ``python``: the tasks and the gate need its pytest."""
    own = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": os.pathsep.join([own, os.environ.get("PATH", os.defpath)])}


def show_repository(repository: Path, targets: list[str]) -> bool:
    """Whether git finds no fault and the targets exist; prints what was published to each."""
    try:
        for target in targets:
            print(f"git log --oneline {target}\n{git(repository, 'log', '--oneline', target)}\n")
        git(repository, "fsck", "--full", "--no-dangling", "--no-progress")
    except subprocess.CalledProcessError as error:
        print(f"git says: {error.stdout}{error.stderr}")
        return False
    print("git fsck: no fault")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the shop's requirement while its processes are killed.")
    parser.add_argument("--seed", type=int, help="order and moments of the kills (default: a new one, printed)")
    parser.add_argument("--keep", action="store_true", help="leave the folder behind")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else Random().randrange(SEEDS)
    return in_a_folder("aidos-demo-", lambda folder: run(folder, seed), is_kept=options.keep)


def in_a_folder(prefix: str, work: Callable[[Path], bool], *, is_kept: bool) -> int:
    """The exit code of ``work`` in a new temporary folder, which stays to be looked at when it was not ok."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    is_ok = False
    try:
        is_ok = work(folder)
    finally:
        if is_ok and not is_kept:
            shutil.rmtree(folder)
        else:
            print(f"To look at: {folder}", file=sys.stderr)
    return 0 if is_ok else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
