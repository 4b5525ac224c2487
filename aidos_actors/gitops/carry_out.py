"""One order to GitOps, carried out beside the mailbox: the composition of what the other files here can do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aidos_actors import crash
from aidos_actors.actors.words import Delivered, GitWord, GitWork, WorkIntegrated, WorktreeGone, WorktreeReady
from aidos_actors.core.errors import TryAgain
from aidos_actors.core.orders import AttemptKey, Discard, Integrate, Integration, Prepare
from aidos_actors.executors.command import mark_of
from aidos_actors.executors.environment import task_environment
from aidos_actors.executors.nursery import Nursery
from aidos_actors.executors.sweep import end_marked, wait_gone
from aidos_actors.folders import delete_tree, remove_empty_parents
from aidos_actors.gitops.epoch import EpochToken, claim_epoch
from aidos_actors.gitops.git import Git
from aidos_actors.gitops.greens import Greens
from aidos_actors.gitops.minded_run import MindedRun, run_gate
from aidos_actors.gitops.outcomes import Conflicted, GateFailed, GateResult, Gone, Integrated, Outcome
from aidos_actors.gitops.repair import repair_locks
from aidos_actors.gitops.stack import Item
from aidos_actors.gitops.train import Line, carry
from aidos_actors.gitops.worktrees import discard, prepare
from aidos_actors.layout import Layout

MINDER_END_LIMIT_S = 10.0
FILES_NAMED_MAX = 10


class GitHands:
    """The port ``Workspace`` on real repositories. Called from one job thread per lane; blocks."""

    def __init__(self, layout: Layout, base_env: Mapping[str, str]) -> None:
        self._layout = layout
        self._base_env = base_env
        self._nursery = Nursery()
        self._run = MindedRun(self._nursery)
        self._greens: dict[tuple[str, str], Greens] = {}
        self._tokens: dict[tuple[str, int], EpochToken] = {}

    def carry_out(self, work: GitWork) -> GitWord:
        order = work.order
        match order:
            case Prepare():
                repair_locks(order.repo, order.target, self._run)
                commit = prepare(
                    order.repo,
                    path=order.path,
                    target=order.target,
                    base_commit=order.base_commit,
                    key=order.key,
                    run=self._run,
                    quarantine_dir=str(self._layout.discarded),
                )
                return WorktreeReady(order.key, commit, order.repo)
            case Integrate():
                raise TypeError("results are integrated together: call integrate")
            case Discard():
                return self._discard(order)

    def close(self) -> None:
        self._nursery.close()

    def integrate(self, works: tuple[GitWork, ...]) -> Delivered:
        order = works[0].order
        assert isinstance(order, Integrate)
        repair_locks(order.repo, order.target, self._run)
        orders = [work.order for work in works if isinstance(work.order, Integrate)]
        carried = carry(self._line(works[0], order), [_item(each) for each in orders])
        for each in orders:
            remove_empty_parents(Path(self._gate_folder(each.key)))
        outcomes = carried.outcomes
        if (
            carried.red is not None
        ):  # the target was red before: with nobody to mend it, that is the first one's failure
            outcomes[order.key] = GateFailed(carried.red.result.output_tail, carried.red.result.exit_code)
        words = (WorkIntegrated(key, _integration(outcome)) for key, outcome in outcomes.items())
        return Delivered(tuple(words), tuple(carried.clashes))

    def _line(self, work: GitWork, order: Integrate) -> Line:
        def gate(key: AttemptKey, folder: str, _tree: str) -> GateResult:
            assert order.verify is not None
            output = self._layout.gate_output(key.requirement, key.task, key.number)
            return run_gate(self._nursery, order.verify, folder, self._gate_env(key, folder), output)

        return Line(
            Git(order.repo, self._run),
            order.target,
            self._token(order.repo, work),
            gate if order.verify else None,
            self._gate_folder,
            self._greens.setdefault((order.repo, order.verify or ""), Greens()),
        )

    def _gate_folder(self, key: AttemptKey) -> str:
        return str(self._layout.gate(key.requirement, key.task, key.number))

    def _token(self, repo: str, work: GitWork) -> EpochToken:
        token = self._tokens.get((repo, work.epoch))
        if token is None:
            token = claim_epoch(repo, work.installation, work.epoch, self._run)
            self._tokens[repo, work.epoch] = token
        return token

    def _gate_env(self, key: AttemptKey, folder: str) -> dict[str, str]:
        own = {
            "AIDOS_REQUIREMENT": key.requirement,
            "AIDOS_TASK": key.task,
            "AIDOS_ATTEMPT": str(key.number),
            "AIDOS_WORKTREE": folder,
        }
        return task_environment(self._base_env, {}, own)

    def _discard(self, order: Discard) -> WorktreeGone:
        """Only when two signals say that nobody works there: the minders are gone, and no process has the mark."""
        key = order.key
        for pid, started in order.previous:
            if pid and not wait_gone(pid, started, MINDER_END_LIMIT_S):
                raise TryAgain(f"the minder {pid} of {key} still runs; its folder is not removed")
        if end_marked(mark_of(self._layout, key), MINDER_END_LIMIT_S):
            raise TryAgain(f"a process of {key} still runs; its folder is not removed")
        if order.repo is None:
            crash.before("folder-deleted")
            delete_tree(Path(order.path))
            crash.after("folder-deleted")
        else:
            discard(order.repo, path=order.path, quarantine_dir=str(self._layout.discarded), run=self._run)
        remove_empty_parents(Path(order.path))
        return WorktreeGone(key)


def _item(order: Integrate) -> Item:
    return Item(order.key, order.path, order.base_commit, order.target_base, order.title, order.after)


def _integration(outcome: Outcome) -> Integration:
    match outcome:
        case Integrated(commit=commit, is_unchanged=is_unchanged):
            return Integration(commit, "integrated", is_unchanged=is_unchanged)
        case Conflicted(files=files):
            named = ", ".join(files[:FILES_NAMED_MAX])
            return Integration(None, "conflict", f"does not merge with what was published meanwhile: {named}")
        case GateFailed(output_tail=tail, exit_code=code):
            return Integration(None, "gate_failed", f"the gate refused the merge result (exit {code}): {tail}", code)
        case Gone(message=message):
            return Integration(None, "conflict", f"the work is gone: {message}")
