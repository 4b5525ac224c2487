"""One order to GitOps, carried out beside the mailbox: the composition of what the other files here can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from aidos_actors import crash
from aidos_actors.actors.words import Delivered, GitWord, GitWork, SweptUp, WorktreeGone, WorktreeReady
from aidos_actors.core.errors import TryAgain
from aidos_actors.core.orders import Discard, Prepare
from aidos_actors.core.target_orders import Push, Revert, Sweep, Watch
from aidos_actors.executors.command import mark_of
from aidos_actors.executors.nursery import Nursery
from aidos_actors.executors.sweep import end_marked, wait_gone
from aidos_actors.folders import delete_tree, remove_if_empty
from aidos_actors.gitops.damage import mend
from aidos_actors.gitops.gate_folders import GateFolders
from aidos_actors.gitops.git import Git, GitFailed
from aidos_actors.gitops.leftovers import prune_restore_points, remove_empty_folders, sweep_worktrees
from aidos_actors.gitops.loose_objects import pack_if_many
from aidos_actors.gitops.minded_run import MindedRun
from aidos_actors.gitops.on_targets import TargetHands
from aidos_actors.gitops.push import Remote
from aidos_actors.gitops.quick_run import QuickRun
from aidos_actors.gitops.repair import repair_locks
from aidos_actors.gitops.snapshot import remove_scratch, remove_scratch_of_the_gone
from aidos_actors.gitops.stashes import keep_stashes
from aidos_actors.gitops.worktrees import discard, prepare
from aidos_actors.layout import Layout
from aidos_actors.withdrawal import Withdrawal

MINDER_END_LIMIT_S = 10.0
NAMED_MAX = 10
Done = TypeVar("Done")


class GitHands:
    """The port ``Workspace`` on real repositories. Called from one job thread per lane; blocks."""

    def __init__(
        self, layout: Layout, base_env: Mapping[str, str], remotes: Mapping[str, Remote] | None = None
    ) -> None:
        self._layout = layout
        self._nursery = Nursery()
        self._run = QuickRun(MindedRun(self._nursery))
        self._gates = GateFolders(layout.gates, self._run)
        self._targets = TargetHands(layout, base_env, self._nursery, self._run, remotes or {})

    def carry_out(self, work: GitWork, withdrawal: Withdrawal) -> GitWord:
        if isinstance(work.order, Sweep | Watch):
            self._gates.clear(work.order.repo)
        return self._mending(work, lambda: self._carry_out(work, withdrawal))

    def integrate(self, works: tuple[GitWork, ...], withdrawal: Withdrawal) -> Delivered:
        self._gates.clear(works[0].order.repo or "")
        return self._mending(works[0], lambda: self._targets.integrate(works, withdrawal))

    def _mending(self, work: GitWork, do: Callable[[], Done]) -> Done:
        """What ``do`` returns; done once more when it failed by damage that could be put right."""
        repo, target = work.order.repo, getattr(work.order, "target", "")
        try:
            return do()
        except GitFailed as failed:
            mended = mend(Git(repo, self._run), failed, target) if repo is not None else []
            if not mended:
                raise
            from loguru import logger

            logger.warning("damage in {} was put right: {}", repo, ", ".join(mended[:NAMED_MAX]))
            return do()

    def _carry_out(self, work: GitWork, withdrawal: Withdrawal) -> GitWord:
        order = work.order
        match order:
            case Prepare():
                return self._prepare(order, work.installation)
            case Discard():
                return self._discard(order)
            case Sweep():
                return self._sweep(order)
            case Watch():
                return self._targets.look(work, order, withdrawal)
            case Push():
                return self._targets.push(order)
            case Revert():
                return self._targets.take_back(work, order)
        raise TypeError(f"{type(order).__name__} is not carried out by itself")

    def close(self) -> None:
        self._nursery.close()

    def clean(self) -> None:
        """Nothing is left of what a GitOps that died had under way. Only before any order is carried out."""
        self._gates.clear_all()

    def _sweep(self, order: Sweep) -> SweptUp:
        worktrees = self._layout.worktrees
        where = worktrees / order.key.requirement  # that of none: all
        gone = sweep_worktrees(order.repo, where, order.live, self._layout.discarded, self._run)
        git = Git(order.repo, self._run)
        prune_restore_points(git)
        remove_scratch_of_the_gone(worktrees)
        remove_empty_folders(worktrees)
        pack_if_many(git)
        return SweptUp(order.key, tuple(gone))

    def _prepare(self, order: Prepare, installation: str) -> WorktreeReady:
        repair_locks(order.repo, order.target, self._run)
        keep_stashes(Git(order.repo, self._run))
        commit = prepare(
            order.repo,
            path=order.path,
            target=order.target,
            base_commit=order.base_commit,
            key=order.key,
            run=self._run,
            quarantine_dir=str(self._layout.discarded),
            installation=installation,
        )
        return WorktreeReady(order.key, commit, order.repo)

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
            remove_scratch(order.path)
        remove_if_empty(Path(order.path).parent)
        return WorktreeGone(key)
