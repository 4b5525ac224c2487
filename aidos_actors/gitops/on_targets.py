"""Orders about targets, carried out: results integrated, a look at the head, a commit taken back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aidos_actors.actors.words import Delivered, GitWork, TargetSeen, TargetsPushed, WorkIntegrated, WorkReverted
from aidos_actors.core.orders import AttemptKey, Integrate, Integration
from aidos_actors.core.target_orders import Push, Revert, Watch
from aidos_actors.executors.environment import task_environment
from aidos_actors.executors.nursery import Nursery
from aidos_actors.executors.sweep import MARK_VARIABLE
from aidos_actors.folders import remove_if_empty
from aidos_actors.gitops.epoch import EpochToken, claim_epoch
from aidos_actors.gitops.git import Git, Run
from aidos_actors.gitops.greens import Greens
from aidos_actors.gitops.line import Line
from aidos_actors.gitops.minded_run import run_gate
from aidos_actors.gitops.outcomes import Conflicted, GateFailed, GateResult, Gone, Integrated, Outcome
from aidos_actors.gitops.push import Remote, push_all
from aidos_actors.gitops.red import look_at
from aidos_actors.gitops.repair import repair_locks
from aidos_actors.gitops.revert import take_back
from aidos_actors.gitops.stack import Item
from aidos_actors.gitops.train import Carried, carry
from aidos_actors.layout import Layout
from aidos_actors.withdrawal import Withdrawal, Withdrawn

FILES_NAMED_MAX = 10
RED_BORNE_S = 600.0
OF_THE_TARGET = "@target"  # no task is called so


class TargetHands:
    """Thread: one job at a time for each repository. What it remembers saves runs of gates, and no more."""

    def __init__(
        self, layout: Layout, base_env: Mapping[str, str], nursery: Nursery, run: Run, remotes: Mapping[str, Remote]
    ) -> None:
        self._layout = layout
        self._base_env = base_env
        self._nursery = nursery
        self._run = run
        self._remotes = remotes
        self._greens: dict[tuple[str, str, str], Greens] = {}
        self._unmendable: dict[tuple[str, str], dict[str, str]] = {}
        self._tokens: dict[tuple[str, int], EpochToken] = {}

    def integrate(self, works: tuple[GitWork, ...], withdrawal: Withdrawal) -> Delivered:
        orders = [work.order for work in works if isinstance(work.order, Integrate)]
        first = orders[0]
        if not first.is_wanted:
            withdrawal.withdraw()
        repair_locks(first.repo, first.target, self._run)
        line = self._line(works[0], first.repo, first.target, first.verify, withdrawal)
        try:
            carried = carry(line, [_item(each) for each in orders])
        except Withdrawn:
            if first.is_wanted:
                raise
            return Delivered((WorkIntegrated(first.key, Integration(None, "withdrawn")),))
        finally:
            for each in orders:
                remove_if_empty(Path(self._gate_folder(each.key)).parent)
        if carried.red is not None:
            self._bear_red(line, carried, orders)
        words = (WorkIntegrated(key, _integration(outcome)) for key, outcome in carried.outcomes.items())
        return Delivered(tuple(words), tuple(carried.clashes), carried.red is not None)

    def look(self, work: GitWork, order: Watch, withdrawal: Withdrawal) -> TargetSeen:
        line = self._line(work, order.repo, order.target, order.verify, withdrawal)
        try:
            seen = look_at(line, order.key, order.target_base)
        finally:
            remove_if_empty(Path(self._gate_folder(order.key)).parent)
        return TargetSeen(order.key, seen)

    def push(self, order: Push) -> TargetsPushed:
        remote = self._remotes.get(order.repo)
        count = push_all(Git(order.repo, self._run), remote) if remote is not None else 0
        return TargetsPushed(order.key, order.repo, count)

    def take_back(self, work: GitWork, order: Revert) -> WorkReverted:
        repair_locks(order.repo, order.target, self._run)
        line = self._line(work, order.repo, order.target, None, Withdrawal())
        return WorkReverted(order.key, take_back(line, order.key, order.target_base, order.reason))

    def _bear_red(self, line: Line, carried: Carried, orders: list[Integrate]) -> None:
        """Nobody is blamed for a target that was red before, for as long as it may be mended; then the first of them
        is, as one whose merge result does not pass."""
        assert carried.red is not None
        since_s, result = line.greens.turned_red(), carried.red.result
        if since_s < RED_BORNE_S:
            return
        seen = line.greens.sighted
        who = f", since {seen.commit[:12]} by {seen.by}" if seen is not None and seen.is_red and seen.commit else ""
        said = f"{line.target} has been red itself for {since_s:.0f} s{who}: {result.output_tail}"
        first = next(order.key for order in orders if order.key not in carried.outcomes)
        carried.outcomes[first] = GateFailed(said, result.exit_code)

    def _line(self, work: GitWork, repo: str, target: str, verify: str | None, withdrawal: Withdrawal) -> Line:
        def gate(key: AttemptKey, folder: str, _tree: str) -> GateResult:
            assert verify is not None
            output = self._layout.gate_output(key.requirement, key.task or OF_THE_TARGET, key.number)
            return run_gate(self._nursery, verify, folder, self._gate_env(key, folder), output, withdrawal)

        unmendable = self._unmendable.setdefault((repo, target), {})
        greens = self._greens.setdefault((repo, target, verify or ""), Greens(unmendable))
        token = self._token(repo, work)
        return Line(
            Git(repo, self._run),
            target,
            token,
            gate if verify else None,
            self._gate_folder,
            greens,
            is_pushed=repo in self._remotes,
            withdrawal=withdrawal,
        )

    def _token(self, repo: str, work: GitWork) -> EpochToken:
        token = self._tokens.get((repo, work.epoch))
        if token is None:
            token = claim_epoch(repo, work.installation, work.epoch, self._run)
            self._tokens[repo, work.epoch] = token
        return token

    def _gate_folder(self, key: AttemptKey) -> str:
        return str(self._layout.gate(key.requirement, key.task or OF_THE_TARGET, key.number))

    def _gate_env(self, key: AttemptKey, folder: str) -> dict[str, str]:
        own = {
            "AIDOS_REQUIREMENT": key.requirement,
            "AIDOS_TASK": key.task,
            "AIDOS_ATTEMPT": str(key.number),
            "AIDOS_WORKTREE": folder,
            MARK_VARIABLE: str(self._layout.gates),
        }
        return task_environment(self._base_env, {}, own)


def _item(order: Integrate) -> Item:
    return Item(order.key, order.path, order.base_commit, order.target_base, order.title, order.after)


def _integration(outcome: Outcome) -> Integration:
    match outcome:
        case Integrated(commit=commit, is_unchanged=is_unchanged):
            return Integration(commit, "integrated", is_unchanged=is_unchanged)
        case Conflicted(files=files):
            named = ", ".join(files[:FILES_NAMED_MAX])
            return Integration(None, "conflict", f"does not merge with what was published meanwhile: {named}")
        case GateFailed(output_tail=tail, exit_code=code, is_unstorable=True):
            return Integration(None, "gate_failed", f"what the task left cannot be taken: {tail}", code)
        case GateFailed(output_tail=tail, exit_code=code):
            return Integration(None, "gate_failed", f"the gate refused the merge result (exit {code}): {tail}", code)
        case Gone(message=message):
            return Integration(None, "conflict", f"the work is gone: {message}")
