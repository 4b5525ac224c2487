"""Results onto a target, beside a plain loop of `git merge` in the same run.

Each task adds one file on a branch, or in a worktree, of its own. The plain loop merges the branches one by one in a
checkout, with git's defaults (nothing is synced) and with ours (everything is). Ours integrates the worktrees
through the port that the GitOps actor uses: minded processes, stacks of 16, each merge checked, each move synced.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from report import Report
from rows import Row

from aidos_actors.actors.words import GitWork
from aidos_actors.core.merge_queue import BATCH_MAX
from aidos_actors.core.orders import AttemptKey, Discard, Integrate, Prepare
from aidos_actors.gitops.carry_out import GitHands
from aidos_actors.layout import Layout
from aidos_actors.withdrawal import Withdrawal

RATIO_GOAL = 1.5
SYNCED = ("-c", "core.fsync=committed,reference")
QUIET = ("-c", "gc.auto=0", "-c", "user.name=A", "-c", "user.email=a@x", "-c", "commit.gpgsign=false")
GIT_TIMEOUT_S = 600


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *QUIET, *words], cwd=folder, check=True, capture_output=True, timeout=GIT_TIMEOUT_S)
    return done.stdout.decode().strip()


def repository(folder: Path, files: int) -> Path:
    folder.mkdir(parents=True)
    for number in range(files):
        file = folder / f"d{number // 100:03}" / f"f{number:05}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{number}\n" * 20)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Begin")
    git(folder, "gc", "-q")
    return folder


def plain_loop(repo: Path, tasks: int, *settings: str) -> float:
    """Milliseconds for each `git merge`."""
    base = git(repo, "rev-parse", "main")
    for number in range(tasks):
        blob = subprocess.run(
            ["git", "hash-object", "-w", "--stdin"], cwd=repo, input=b"%d" % number, capture_output=True, check=True
        ).stdout.decode().strip()  # fmt: skip
        git(repo, "read-tree", base)
        git(repo, "update-index", "--add", "--cacheinfo", f"100644,{blob},task{number}.txt")
        tree = git(repo, "write-tree")
        git(repo, "branch", "-f", f"task{number}", git(repo, "commit-tree", tree, "-p", base, "-m", f"Task {number}"))
    git(repo, "read-tree", base)
    git(repo, "checkout", "-q", "-f", "-B", "plain", base)
    began = time.perf_counter()
    for number in range(tasks):
        git(repo, *settings, "merge", "-q", "--no-ff", "--no-edit", f"task{number}")
    took_s = time.perf_counter() - began
    assert len(git(repo, "rev-list", "--merges", "plain").split()) == tasks
    git(repo, "checkout", "-q", "-f", "main")
    return took_s / tasks * 1000


class Ours:
    """One repository and state directory, driven as the GitOps actor drives it. Counts processes of git."""

    def __init__(self, repo: Path, state: Path, tasks: int) -> None:
        self.repo, self.tasks, self.commands = repo, tasks, 0
        self.base = git(repo, "rev-parse", "main")
        self.layout = Layout(str(state))
        self.hands = GitHands(self.layout, {})
        run = self.hands._run

        def counted(*args: object, **named: object) -> object:
            self.commands += 1
            return run(*args, **named)  # type: ignore[arg-type]

        self.hands._run = self.hands._targets._run = counted  # type: ignore[assignment]

    def path(self, number: int) -> str:
        return str(self.layout.worktrees / "bench" / f"t{number}.1")

    def work(self, order: Prepare | Integrate | Discard) -> GitWork:
        return GitWork(1, "bench", order)

    def key(self, number: int) -> AttemptKey:
        return AttemptKey("bench", f"t{number}", 1)

    def prepare(self) -> float:
        began = time.perf_counter()
        for number in range(self.tasks):
            order = Prepare(self.key(number), str(self.repo), self.path(number), "aidos/bench", self.base)
            self.hands.carry_out(self.work(order), Withdrawal())
        took_s = time.perf_counter() - began
        for number in range(self.tasks):
            (Path(self.path(number)) / f"task{number}.txt").write_text(str(number))
        return took_s / self.tasks * 1000

    def integrate(self) -> tuple[float, float]:
        """(milliseconds, processes of git) for each result."""
        works = []
        for number in range(self.tasks):
            words = (self.key(number), str(self.repo), self.path(number), self.base, "aidos/bench")
            works.append(self.work(Integrate(*words, f"Task {number}", None, self.base)))
        before, began = self.commands, time.perf_counter()
        while works:
            done = {word.key for word in self.hands.integrate(tuple(works[:BATCH_MAX]), Withdrawal()).words}
            works = [work for work in works if work.order.key not in done]
        took_s = time.perf_counter() - began
        assert len(git(self.repo, "rev-list", f"{self.base}..aidos/bench").split()) == self.tasks
        return took_s / self.tasks * 1000, (self.commands - before) / self.tasks

    def discard(self) -> float:
        began = time.perf_counter()
        for number in range(self.tasks):
            order = Discard(self.key(number), str(self.repo), self.path(number), ())
            self.hands.carry_out(self.work(order), Withdrawal())
        return (time.perf_counter() - began) / self.tasks * 1000

    def close(self) -> None:
        self.hands.close()


def measured(files: int, tasks: int, turns: Iterator[int]) -> list[Row]:
    found: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    def plain(folder: Path) -> None:
        note("plain", plain_loop(repository(folder / "plain", files), tasks))
        note("synced", plain_loop(repository(folder / "synced", files), tasks, *SYNCED))

    def ours(folder: Path) -> None:
        sample = Ours(repository(folder / "ours", files), folder / "state", tasks)
        try:
            note("prepare", sample.prepare())
            took_ms, processes = sample.integrate()
            note("ours", took_ms)
            note("processes", processes)
            note("discard", sample.discard())
        finally:
            sample.close()

    sides: list[Callable[[Path], None]] = [plain, ours]
    for turn in turns:
        with tempfile.TemporaryDirectory(prefix="aidos-gitops-") as place:
            for side in sides if turn % 2 else reversed(sides):
                side(Path(place))
    where = f"{files} files, {tasks} tasks"
    ratios = [mine / theirs for mine, theirs in zip(found["ours"], found["plain"], strict=True)]
    durable = [mine / theirs for mine, theirs in zip(found["ours"], found["synced"], strict=True)]
    return [
        Row(f"plain git merge ({where})", found["plain"], unit="ms", how="a checkout, nothing synced"),
        Row(f"plain git merge, synced ({where})", found["synced"], unit="ms", how="the same with core.fsync"),
        Row(f"integrated ({where})", found["ours"], unit="ms", how=f"stacks of {BATCH_MAX}, checked, synced"),
        Row(f"  by plain git merge ({where})", ratios, unit="x", goals={"median": RATIO_GOAL}, how="of one run"),
        Row(f"  by plain git merge, synced ({where})", durable, unit="x"),
        Row(f"  processes of git a result ({where})", [median(found["processes"])], unit=""),
        Row(f"worktree made ({where})", found["prepare"], unit="ms"),
        Row(f"worktree removed ({where})", found["discard"], unit="ms"),
    ]


def main() -> None:
    report = Report(
        "gitops",
        __doc__ or "",
        tasks=(200, "results to integrate in the small repository"),
        files=(100, "files of the small repository"),
        large=(10_000, "files of the large repository"),
        few=(20, "results to integrate in the large repository"),
        runs=(3, "runs of each side"),
    )
    asked = report.asked()
    small = measured(asked.files, asked.tasks, report.turns("small repository", asked.runs))
    large = measured(asked.large, asked.few, report.turns("large repository", asked.runs))
    report.give(small + large, git=git(Path("/"), "version").removeprefix("git version "))


if __name__ == "__main__":
    main()
