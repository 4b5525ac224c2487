"""Work on a copy of any git project, with conflicts on purpose and processes killed: nothing may be lost or doubled.

    python examples/any_project.py PROJECT [--gate COMMAND] [--tasks 24] [--kills 12] [--seed N] [--keep]

PROJECT, a repository, is only cloned. The tasks write to few of its texts, many at the same place, so that they must be
done again on each other's work. Meanwhile somebody else commits on the base branch and has a change that is not
committed. Exit 0 when the verdict is ok, git finds no fault, and what is somebody else's is as it was. The folder is
removed then, unless --keep.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import yaml
from demo import SEEDS, environment, in_a_folder, in_short
from make_shop import git

from chaos.campaign import Campaign
from chaos.experiment import STAGES, plan_kills
from chaos.journal import read_journal
from chaos.report import Report

TIME_LIMIT_S = 1500.0
SHARED_FILES = 3
TEXT_BYTES_MAX = 100_000
NEEDS_SHARE, PAUSE_MAX_S = 0.3, 0.3
KINDS = ("worker", "scheduler", "gitops", "analyzer", "supervisor", "admin", "tree", "run", "nursery")
SOMEBODY = ("-c", "user.name=Somebody Else", "-c", "user.email=somebody@localhost")
UNCOMMITTED = "not-committed.txt"


def clone(project: Path, folder: Path) -> Path:
    """A clone with a commit of somebody else's on another branch, and a change that was not committed."""
    repository = folder / "project"
    git(project, "clone", "--quiet", "--no-hardlinks", str(project), str(repository))
    git(repository, "checkout", "--quiet", "-b", "somebody-else")
    git(repository, *SOMEBODY, "commit", "--quiet", "--no-verify", "--allow-empty", "--message", "Mine")
    git(repository, "checkout", "--quiet", "-b", "work-base", "HEAD~1")
    (repository / UNCOMMITTED).write_text("mine\n")
    return repository


def texts(repository: Path) -> list[str]:
    """Tracked texts in which a line more does no harm."""
    names = git(repository, "ls-files").splitlines()
    wanted = [name for name in names if Path(name).suffix in (".md", ".rst", ".txt", ".gitignore") and " " not in name]
    return [name for name in wanted if 0 < (repository / name).stat().st_size < TEXT_BYTES_MAX]


def tasks_of(chance: Random, files: list[str], count: int) -> dict[str, dict[str, Any]]:
    """So many tasks: most add a line to the end of a shared text, the others to a text or in a folder of their own."""
    shared, own = files[:SHARED_FILES], files[SHARED_FILES:]
    tasks: dict[str, dict[str, Any]] = {}
    for number in range(count):
        name = f"t{number:02}"
        line = f"printf '%s\\n' '# added by {name}' >>"
        where = chance.choice(shared) if number % 4 else chance.choice(own or [f"added/{name}.txt"])
        made = f"mkdir -p added/{name} && echo {name} > added/{name}/file.txt && " if number % 3 == 0 else ""
        tasks[name] = {
            "run": f"mkdir -p added && sleep {chance.uniform(0, PAUSE_MAX_S):.2f} && {made}{line} '{where}'",
            "needs": chance.sample(sorted(tasks), 1) if tasks and chance.random() < NEEDS_SHARE else [],
        }
    return tasks


def run(project: Path, folder: Path, options: argparse.Namespace, seed: int) -> bool:
    """Whether everything was done and healed; says so, and how, on stdout."""
    chance = Random(seed)
    repository = clone(project, folder)
    files = texts(repository)
    chance.shuffle(files)
    tasks = tasks_of(chance, files, options.tasks)
    file = folder / "requirement.yaml"
    keys = {"verify": options.gate} if options.gate else {}
    said = {"id": "any-project", "repo": "./project", "base": "work-base", "tasks": tasks, **keys}
    file.write_text(yaml.safe_dump(said, sort_keys=False))
    before = _of_somebody_else(repository)
    kills = chance.sample(plan_kills(seed, KINDS, STAGES), options.kills)
    print(f"Seed {seed}: {len(tasks)} tasks on a clone of {project.name}, {len(kills)} kills; folder {folder}")
    report = Campaign(
        requirement=file,
        state_dir=folder / "state",
        seed=seed,
        kills=kills,
        changing=tasks,
        time_limit_s=TIME_LIMIT_S,
        env=environment(),
    ).run(progress=lambda line: print(line, flush=True))
    print(f"\n{report.as_text()}\n")
    wrong = [*_wrong_with(repository, report, options.tasks)]
    if _of_somebody_else(repository) != before:
        wrong.append("what is somebody else's is not as it was")
    conflicts = sum(event["type"] == "attempt_conflicted" for event in read_journal(folder / "state"))
    print("\n".join([*wrong, f"{'NOT OK' if wrong else 'OK'}: {conflicts} conflicts; {in_short(report)}"]))
    return not wrong


def _of_somebody_else(repository: Path) -> list[str]:
    """Refs but ours, and what is not committed."""
    refs = git(repository, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    others = [line for line in refs if "aidos/" not in line]
    return [*others, git(repository, "status", "--porcelain"), git(repository, "symbolic-ref", "HEAD")]


def _wrong_with(repository: Path, report: Report, count: int) -> list[str]:
    wrong = [] if report.verdict_ok else ["the verdict of the campaign is not ok"]
    for name in report.requirements:
        said = git(
            repository, "log", "--format=%(trailers:key=Aidos-Task,valueonly,separator=)", f"work-base..aidos/{name}"
        )
        if sorted(said.split()) != [f"t{number:02}" for number in range(count)]:
            wrong.append(f"aidos/{name} has not one commit of each task")
    try:
        git(repository, "fsck", "--full", "--no-dangling", "--no-progress")
    except subprocess.CalledProcessError as error:
        wrong.append(f"git fsck: {error.stderr}")
    if len(git(repository, "worktree", "list").splitlines()) != 1:
        wrong.append("a worktree is left")
    locks = [path.name for path in (repository / ".git").rglob("*.lock")]
    return wrong + [f"{name} is left" for name in locks]


def main() -> int:
    parser = argparse.ArgumentParser(description="Work on a copy of a project while processes are killed.")
    parser.add_argument("project", type=Path, help="a git repository; it is cloned and not touched")
    parser.add_argument("--gate", help="run on every merge result before it is published")
    parser.add_argument("--tasks", type=int, default=24)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, help="of tasks and kills (default: a new one, printed)")
    parser.add_argument("--keep", action="store_true", help="leave the folder behind")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else Random().randrange(SEEDS)
    project = options.project.absolute()
    return in_a_folder("aidos-any-project-", lambda folder: run(project, folder, options, seed), is_kept=options.keep)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
