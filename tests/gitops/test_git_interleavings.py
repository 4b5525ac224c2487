"""Seeded interleavings of five tasks on one small repository, with kills anywhere: 0 lost commits, 0 double merges, 0
living worktrees removed. ``make interleavings`` runs 1,000 of them; the seed of one that fails is printed."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from git_sandbox import Attempt, Dying, Sandbox, in_child

from aidos_actors.core.orders import AttemptKey
from aidos_actors.gitops.epoch import claim_epoch
from aidos_actors.gitops.git import Git, Run, run_here
from aidos_actors.gitops.leftovers import prune_restore_points, sweep_worktrees
from aidos_actors.gitops.line import Line
from aidos_actors.gitops.outcomes import GateFailed, GateResult, Integrated
from aidos_actors.gitops.revert import take_back
from aidos_actors.gitops.stack import Item
from aidos_actors.gitops.train import Carried, carry

KILLED = 17
COUNT = int(os.environ.get("INTERLEAVINGS", "6"))
FIRST = int(os.environ.get("INTERLEAVINGS_SEED", "1"))
STEPS_MAX = 4000  # chance may leave one task out for hundreds
GROUPS = max(2, COUNT // 50)  # each in a repository of its own
TASKS = "abcde"


class Interleaving:
    """One seed: what is decided here stands for the rows of the ledger; everything else may be killed at any moment."""

    def __init__(self, sandbox: Sandbox, seed: int) -> None:
        self.sandbox, self.chance = sandbox, random.Random(seed)
        self.target = f"aidos/s{seed}"
        self.seed, self.kills = seed, 0
        self.number = dict.fromkeys(TASKS, 1)
        self.base: dict[str, str] = {}
        self.worked: set[str] = set()
        self.done: dict[str, str] = {}
        self.guilty = self.chance.choice([None, *TASKS])
        self.undone = self.chance.choice([None, *TASKS])

    def key(self, task: str) -> AttemptKey:
        return AttemptKey(f"r{self.seed}", task, self.number[task])

    def path(self, task: str) -> Path:
        return self.sandbox.state / "worktrees" / f"s{self.seed}-{task}-{self.number[task]}"

    def run(self) -> None:
        for _ in range(STEPS_MAX):
            if len(self.done) == len(TASKS) and self.undone is None:
                break
            self.chance.choice([self.prepare, self.work, self.integrate, self.integrate, self.sweep, self.revert])()
        self.judge()

    def maybe_killed(self, do) -> None:
        """``do(run)`` in a process of its own, often ended on its way, the git that runs with it or not."""
        if self.chance.random() < 0.5:
            git_dies = self.chance.choice([None, self.chance.uniform(0.0005, 0.006)])
            run = Dying(self.chance.randrange(0, 40), git_dies_after_s=git_dies)
            exit_code = in_child(lambda: do(run))
            assert exit_code in (0, KILLED), (self.seed, exit_code)
            self.kills += exit_code == KILLED

    def prepare(self) -> None:
        task = self.chance.choice(TASKS)
        if task in self.done or task in self.base:
            return
        self.maybe_killed(lambda run: self._prepare(task, run))
        self.base[task] = self._prepare(task, run_here).base_commit

    def _prepare(self, task: str, run: Run) -> Attempt:
        from aidos_actors.gitops.worktrees import prepare

        path, key = self.path(task), self.key(task)
        words = {"target": self.target, "base_commit": self.sandbox.base, "key": key, "run": run}
        return Attempt(key, path, prepare(str(self.sandbox.repo), path=str(path), **words))

    def work(self) -> None:
        task = self.chance.choice(TASKS)
        if task in self.base and task not in self.worked:
            is_red = task == self.guilty and self.number[task] == 1
            (self.path(task) / (f"red-{task}" if is_red else task)).write_text(task)
            self.worked.add(task)

    def integrate(self) -> None:
        waiting = [task for task in TASKS if task in self.worked]
        if not waiting:
            return
        self.maybe_killed(lambda run: self._carry(waiting, run))
        for key, outcome in self._carry(waiting, run_here).outcomes.items():
            if isinstance(outcome, Integrated):
                assert outcome.commit is not None
                self.done[key.task] = outcome.commit
            else:
                assert isinstance(outcome, GateFailed) and key.task == self.guilty, (self.seed, key, outcome)
            self._discard(key.task)
            if key.task not in self.done:
                self.number[key.task] += 1

    def _carry(self, waiting: list[str], run: Run) -> Carried:
        items = [
            Item(self.key(task), str(self.path(task)), self.base[task], self.sandbox.base, task) for task in waiting
        ]
        return carry(self._line(run), items)

    def _line(self, run: Run) -> Line:
        def gate(key: AttemptKey, folder: str, tree: str) -> GateResult:
            red = [path.name for path in Path(folder).iterdir() if path.name.startswith("red")]
            return GateResult(1, f"{red}") if red else GateResult(0)

        epoch = claim_epoch(str(self.sandbox.repo), "home", 1, run)
        folder = str(self.sandbox.state / "gates" / "gate")
        return Line(Git(str(self.sandbox.repo), run), self.target, epoch, gate, lambda _key: folder)

    def _discard(self, task: str) -> None:
        attempt = Attempt(self.key(task), self.path(task), self.base.pop(task))
        self.worked.discard(task)
        self.maybe_killed(lambda run: self.sandbox.discard(attempt, run))
        self.sandbox.discard(attempt)

    def sweep(self) -> None:
        """With what the rows know; whoever is prepared keeps what is in its worktree."""
        live = [str(self.path(task)) for task in self.base]
        before = {task: sorted(path.name for path in self.path(task).iterdir()) for task in self.base}
        root, aside = self.sandbox.state / "worktrees", self.sandbox.state / "aside"
        self.maybe_killed(lambda run: sweep_worktrees(str(self.sandbox.repo), root, live, aside, run))
        sweep_worktrees(str(self.sandbox.repo), root, live, aside, run_here)
        self.maybe_killed(lambda run: prune_restore_points(Git(str(self.sandbox.repo), run), kept=3))
        after = {task: sorted(path.name for path in self.path(task).iterdir()) for task in self.base}
        assert before == after, f"seed {self.seed}: a living worktree was touched"

    def revert(self) -> None:
        task = self.undone
        if task is None or task not in self.done:
            return
        key = self.key(task)
        self.maybe_killed(lambda run: take_back(self._line(run), key, self.sandbox.base, "planted"))
        assert take_back(self._line(run_here), key, self.sandbox.base, "planted").commit is not None
        del self.done[task]
        self.number[task] += 1
        self.undone = None

    def judge(self) -> None:
        assert set(self.done) == set(TASKS), f"seed {self.seed}: only {sorted(self.done)} done"
        said = (f"%(trailers:key=Aidos-{name},valueonly,separator=)" for name in ("Task", "Reverted-Commit"))
        log = self.sandbox.git("log", f"--format=%H|%P|{'|'.join(said)}", f"{self.sandbox.base}..{self.target}")
        rows = [row.split("|") for row in log.splitlines()]
        assert all(len(parents.split()) == 1 for _, parents, _, _ in rows), f"seed {self.seed}: not linear"
        reverted = {row[3] for row in rows if row[3]}
        standing = {row[2]: row[0] for row in rows if not row[3] and row[0] not in reverted}
        assert standing == self.done, f"seed {self.seed}: lost or doubled"
        assert len(rows) == len(TASKS) + 2 * len(reverted), f"seed {self.seed}: doubled"
        names = [name for name in self.sandbox.names(self.target) if name not in (".gitignore", "README")]
        assert names == list(TASKS), f"seed {self.seed}: {names}"


@pytest.mark.parametrize("group", range(GROUPS))
def test_whatever_is_killed_nothing_is_lost_doubled_or_removed_alive(sandbox: Sandbox, group: int) -> None:
    before, kills = sandbox.fingerprint(), 0
    for seed in range(FIRST + group, FIRST + COUNT, GROUPS):
        one = Interleaving(sandbox, seed)
        one.run()
        kills += one.kills
    print(f"{len(range(FIRST + group, FIRST + COUNT, GROUPS))} interleavings, {kills} kills")
    assert kills or COUNT < 10
    assert sandbox.fingerprint() == before
    sandbox.assert_nothing_left()
