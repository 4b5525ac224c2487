"""Which processes a crash sweep ends where, drawn from a seed, and the small requirements that come to those places."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from aidos_actors.core.crash_points import CRASH_POINTS, SIDES
from aidos_actors.crash import AT_VARIABLE
from chaos.sweep_words import ONLY_IN_WORDS

ONLY_WITHOUT_A_REPOSITORY = frozenset(
    {"folder-made", "folder-left", "folder-deleted", "call-of-batch-run", "calls-on-record"}
)
ONLY_ON_A_RED_TARGET = frozenset({"revert-written", "revert-confirmed"})
ONLY_WITH_A_LARGE_DOCUMENT = frozenset({"document-stored"})
ONLY_WITH_MANY_RESTORE_POINTS = frozenset({"restore-point-pruned"})
ONLY_WHEN_CANCELLED = frozenset({"work-withdrawn"})
RESTORE_POINTS = 210
ONLY_SOMETIMES = ONLY_WITHOUT_A_REPOSITORY | ONLY_ON_A_RED_TARGET | ONLY_WITH_A_LARGE_DOCUMENT
ONLY_SOMETIMES |= ONLY_WITH_MANY_RESTORE_POINTS | ONLY_WHEN_CANCELLED | ONLY_IN_WORDS
LARGE_CHARACTERS = 110_000
LATER_BY_MAX = 1
# Where the first Scheduler comes before its tree has started: a death there ends the whole start, not one process.
NTH_MIN = {"journal-lines": 4, "ledger-commit": 4}
GIT_TIMEOUT_S = 60
_RECORD = 'echo "$AIDOS_TASK $AIDOS_ATTEMPT $AIDOS_IDEMPOTENCY_KEY {edge} $(date +%s%N) $$" >> "$CHAOS_RECORDS"'


class Place(Struct, frozen=True):
    """The n-th time that any process comes to that side of that point."""

    point: str
    side: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.point}:{self.side}:{self.nth}"


# A first Scheduler that dies ends the whole start: what counts there is its successor's epoch. And a worker removes the
# folders of its attempts itself, so GitOps removes only those of the dead.
# And a target that has turned red is known to be so only by a GitOps that does not remember that it was green.
ONLY_AFTER = {
    "epoch-begun": Place("order-sent", "after", 3),
    "folder-deleted": Place("folder-left", "before"),
    "revert-written": Place("task-tree-written", "after", 4),
    "restore-point-pruned": Place("worktree-added", "after"),
    "revert-confirmed": Place("task-tree-written", "after", 4),
}


class Case(Struct, frozen=True):
    """One run: a process ends at ``first``, and another at ``second``, once ``first`` has struck."""

    number: int
    first: Place
    second: Place

    @property
    def places(self) -> tuple[Place, ...]:
        earlier = ONLY_AFTER.get(self.first.point)
        return (self.first, self.second) if earlier is None else (earlier, self.first, self.second)

    @property
    def struck_by(self) -> int:
        """The index of ``first`` among the places."""
        return self.places.index(self.first)

    def sooner(self) -> Case:
        """The same, at the first time that may be."""
        return replace(self, first=replace(self.first, nth=NTH_MIN.get(self.first.point, 1)))

    @property
    def is_soonest(self) -> bool:
        return self == self.sooner()

    def __str__(self) -> str:
        return ",".join(map(str, self.places))


def plan_cases(seed: int, points: Sequence[str] = tuple(CRASH_POINTS)) -> Iterator[Case]:
    """Each side of each point once, with a second place drawn from those that every run on a repository comes to."""
    chance = Random(seed)
    names = [name for name in CRASH_POINTS if name not in ONLY_SOMETIMES]
    number = 0
    for point in points:
        for side in SIDES:
            number += 1
            second = Place(chance.choice(names), chance.choice(SIDES))
            nth = NTH_MIN.get(point, 1) + chance.randint(0, LATER_BY_MAX)
            yield Case(number, Place(point, side, nth), second)


def write_work(folder: Path, case: Case) -> tuple[Path, frozenset[str] | None]:
    """A requirement file in ``folder``, with its repository where it needs one, and the tasks that change files.
    Raises ``CalledProcessError`` when git fails."""
    tasks: dict[str, dict[str, Any]]
    if case.first.point in ONLY_WITHOUT_A_REPOSITORY:
        tasks = {name: {"run": work(), "retries": 9} for name in ("one", "two", "three")}
        tasks["called"] = {"call": "platform:python_version", "needs": ["one"], "retries": 9}
        return _write(folder, {"id": "plain", "tasks": tasks}), None
    tasks = {
        "first": {"run": work(), "retries": 9},
        "left": {"run": work(), "needs": ["first"], "verify": "test -f left.txt", "retries": 9},
        "right": {"run": work(), "needs": ["first"], "verify": "test -f right.txt", "retries": 9},
        "called": {"call": "platform:python_version", "needs": ["first"], "retries": 9},
        "last": {"run": work(), "needs": ["left", "right", "called"], "retries": 9},
    }
    if case.first.point in ONLY_WITH_A_LARGE_DOCUMENT:
        tasks["first"]["env"] = {"LARGE": "x" * LARGE_CHARACTERS}
    verify = "test -f a.txt"
    if case.first.point in ONLY_ON_A_RED_TARGET:  # what passed once is refused once the last task has run
        is_reverted = "git log --format=%B aidos/shop | grep -q 'Aidos-Reverted-Task: first'"
        tasks["first"]["run"] += f"; if {is_reverted}; then echo good; else echo bad; fi >> first.txt"
        tasks["last"]["run"] += f"; touch '{folder}/soured'"
        verify += f" && {{ test ! -e '{folder}/soured' || ! grep -q bad first.txt; }}"
    if case.first.point in ONLY_WHEN_CANCELLED:  # its first gate would judge for ever, and is wanted again
        judged = f"'{folder}/judged'"
        tasks["left"]["run"] += "; touch long.txt"
        verify += f" && {{ test ! -e long.txt || test -e {judged} || {{ touch {judged}; exec sleep 600; }}; }}"
        tasks["canceller"] = {"run": _steered(folder, judged), "retries": 9}
    _make_repository(folder / "shop")
    if case.first.point in ONLY_WITH_MANY_RESTORE_POINTS:
        refs = "".join(f"create refs/aidos/restore/old/t-{number} HEAD\n" for number in range(RESTORE_POINTS))
        words = ["git", "update-ref", "--stdin"]
        subprocess.run(words, cwd=folder / "shop", input=refs.encode(), check=True, timeout=GIT_TIMEOUT_S)
    (folder / "aidos.toml").write_text('[projects."shop"]\npush_remote = "origin"\n')
    changing = frozenset(name for name, task in tasks.items() if "run" in task and name != "canceller")
    return _write(folder, {"id": "shop", "repo": "./shop", "verify": verify, "tasks": tasks}), changing


def _steered(folder: Path, judged: str) -> str:
    """What a task does that cancels another at its gate, and then has it done all the same."""
    aidos = f"env -u {AT_VARIABLE} '{sys.executable}' -m aidos_actors"
    about = f"shop/left --state '{folder}/state'"
    waits = f"while ! test -e {judged}; do sleep 0.05; done"
    return f"{waits}; {aidos} cancel {about}; until {aidos} retry {about}; do sleep 0.1; done"


def work() -> str:
    """What a task does: on record when it began and ended, and a change to a file of its name."""
    begin, end = _RECORD.format(edge="start"), _RECORD.format(edge="end")
    return f"{begin}; sleep 0.2; echo $AIDOS_TASK > $AIDOS_TASK.txt; {end}"


def _write(folder: Path, requirement: dict[str, Any]) -> Path:
    file = folder / "work.yaml"
    file.write_text(json.dumps(requirement))  # JSON is YAML
    return file


def _make_repository(folder: Path) -> None:
    folder.mkdir()
    (folder / "a.txt").write_text("a\n")
    identity = ("-c", "user.name=Someone", "-c", "user.email=someone@localhost", "-c", "commit.gpgsign=false")
    for words in (
        ("init", "-q", "--bare", "../remote.git"),
        ("init", "-q", "-b", "main"),
        ("remote", "add", "origin", "../remote.git"),
        ("add", "-A"),
        (*identity, "commit", "-q", "--no-verify", "-m", "Begin"),
    ):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, timeout=GIT_TIMEOUT_S)
