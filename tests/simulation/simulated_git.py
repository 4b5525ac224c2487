"""The port ``Workspace`` on a repository in memory: commits are values, worktrees a table, refs move by comparison.

Each order goes through the steps of the real one, with the same crash points, and each step stands alone: a process
may die, or be frozen, between any two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aidos_actors.actors.words import (
    Delivered,
    GitWord,
    GitWork,
    SweptUp,
    TargetSeen,
    TargetsPushed,
    WorkIntegrated,
    WorkReverted,
    WorktreeGone,
    WorktreeReady,
)
from aidos_actors.core.errors import Fenced, NotFound, TryAgain
from aidos_actors.core.merge_queue import AskGate, Ground, Train, next_move
from aidos_actors.core.orders import AttemptKey, Discard, Integrate, Integration, Prepare
from aidos_actors.core.target_orders import Push, Reversal, Revert, Sighting, Sweep, Watch
from aidos_actors.layout import Layout
from tests.simulation.world import Steps, World, step, world

GIT_S = (0.002, 0.02)
GATE_S = (0.02, 0.3)
PUBLISH_TRIES_MAX = 50
Tree = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Commit:
    parent: str | None
    tree: Tree
    key: AttemptKey | None = None
    reverts: str | None = None


@dataclass
class Worktree:
    """``files`` is what stands in its folder. It is whole when ``is_marked``; ``has_folder`` until set aside."""

    base: str
    files: dict[str, str]
    is_marked: bool = False
    has_folder: bool = True


@dataclass
class Repository:
    commits: dict[str, Commit] = field(default_factory=lambda: {"c0": Commit(None, (("a", "a"),))})
    refs: dict[str, str] = field(default_factory=lambda: {"refs/heads/main": "c0"})
    worktrees: dict[str, Worktree] = field(default_factory=dict)
    remote: dict[str, str] = field(default_factory=dict)

    def write(self, commit: Commit) -> str:
        name = f"c{len(self.commits)}"
        self.commits[name] = commit
        return name

    def transact(self, guard: tuple[str, str], ref: str, new: str, old: str | None) -> bool:
        """All or none: whether ``ref`` moved. Raises ``Fenced`` when ``guard`` (ref, value) does not hold."""
        if self.refs.get(guard[0]) != guard[1]:
            raise Fenced(f"{guard[0]} is {self.refs.get(guard[0])}, not {guard[1]}")
        if old is not None and self.refs.get(ref, "") != old:
            return False
        self.refs[ref] = new
        return True

    def line(self, ref: str) -> list[str]:
        """The first-parent line, newest first."""
        found, commit = [], self.refs.get(ref)
        while commit is not None:
            found.append(commit)
            commit = self.commits[commit].parent
        return found


def repository(of: World) -> Repository:
    """The one there is in that world."""
    of.repository = of.repository or Repository()
    return of.repository  # type: ignore[no-any-return]


class SimulatedWorkspace:
    def __init__(self, layout: Layout, base_env: Mapping[str, str], remotes: Mapping[str, Any]) -> None:
        self._world = world()
        self._repo = repository(self._world)

    def close(self) -> None:
        pass

    def clean(self) -> None:
        steps: Any = self._clean()
        return steps  # type: ignore[no-any-return]

    def _clean(self) -> Steps:
        """What a GitOps that died left of its gates."""
        for path in [path for path in self._repo.worktrees if path.startswith("gate of ")]:
            yield from self._discard(path)

    def carry_out(self, work: GitWork) -> GitWord:
        steps: Any = self._steps(work)  # a generator: the simulated machine lets its seconds pass
        return steps  # type: ignore[no-any-return]

    def _steps(self, work: GitWork) -> Steps:
        match work.order:
            case Prepare() as order:
                commit = yield from self._prepare(order)
                return WorktreeReady(order.key, commit, order.repo)
            case Sweep() as order:
                return SweptUp(order.key, (yield from self._sweep(order)))
            case Watch() as order:
                return TargetSeen(order.key, (yield from self._look(order)))
            case Push() as order:
                return TargetsPushed(order.key, order.repo, (yield from self._push()))
            case Revert() as order:
                return WorkReverted(order.key, (yield from self._take_back(work, order)))
            case Discard() as order:
                yield from self._discard_order(order)
                return WorktreeGone(order.key)
        raise TypeError(work)

    def integrate(self, works: tuple[GitWork, ...]) -> Delivered:
        steps: Any = self._integrate(works)
        return steps  # type: ignore[no-any-return]

    def _do(self, name: str, act: Callable[[], Any], span_s: tuple[float, float] = GIT_S) -> Steps:
        return step(name, self._world.chance.uniform(*span_s), act)

    # ---- worktrees

    def _prepare(self, order: Prepare) -> Steps:
        found = self._repo.worktrees.get(order.path)
        if found is not None and found.is_marked and found.has_folder:
            return found.base
        yield from self._discard(order.path)
        commit = self._repo.refs.get(f"refs/heads/{order.target}", order.base_commit)
        yield from self._add(order.path, commit)
        yield from self._do("worktree-marked", lambda: setattr(self._repo.worktrees[order.path], "is_marked", True))
        return commit

    def _add(self, path: str, commit: str) -> Steps:
        def act() -> None:
            if path in self._repo.worktrees:
                raise TryAgain(f"{path} exists")
            self._repo.worktrees[path] = Worktree(commit, dict(self._repo.commits[commit].tree))

        yield from self._do("worktree-added", act)

    def _discard(self, path: str) -> Steps:
        def set_aside() -> None:
            found.has_folder = False
            self._world.quarantine.append(path)

        def take_record() -> None:
            del self._repo.worktrees[path]
            self._world.quarantine.append(f"record of {path}")

        found = self._repo.worktrees.get(path)
        if found is not None and found.has_folder:
            yield from self._do("folder-set-aside", set_aside)
        if found is not None:
            yield from self._do("record-set-aside", take_record)
        yield from self._do("quarantine-emptied", self._world.quarantine.clear)

    def _discard_order(self, order: Discard) -> Steps:
        living = [life for life in self._world.lives if life.is_alive]
        if any(getattr(life, "pid", None) in {pid for pid, _ in order.previous} for life in living):
            raise TryAgain(f"a minder of {order.key} still runs")
        if order.repo is None:
            yield from self._do("folder-deleted", lambda: self._world.folders.discard(order.path))
        else:
            yield from self._discard(order.path)

    # ---- the target

    def _integrate(self, works: tuple[GitWork, ...]) -> Steps:
        """As the real one: one commit on the other, the gate on the top, one move of the target; the first to blame."""
        orders = [work.order for work in works if isinstance(work.order, Integrate)]
        guard = yield from self._claim(works[0])
        said: dict[AttemptKey, Integration] = {}
        trees: dict[AttemptKey, Tree] = {}
        for _ in range(PUBLISH_TRIES_MAX):
            head = self._repo.refs.get(f"refs/heads/{orders[0].target}")
            for order in orders:
                published = self._find_published(order)
                if published is not None:
                    said[order.key] = Integration(published, "integrated")
            rest = [order for order in orders if order.key not in said]
            for order in rest:
                if order.key not in trees:
                    try:
                        trees[order.key] = yield from self._do("task-tree-written", partial(self._result_tree, order))
                    except NotFound as gone:
                        said[order.key] = Integration(None, "conflict", str(gone))
                        continue
                    if trees[order.key] == self._repo.commits[order.base_commit].tree:
                        said[order.key] = Integration(None, "integrated")
            rest = [order for order in rest if order.key not in said]
            has_ended = not rest or (yield from self._publish(guard, rest, trees, head, said))
            if has_ended is not False:
                words = tuple(WorkIntegrated(key, answer) for key, answer in said.items())
                return Delivered(words, is_red=has_ended is None)
        raise TryAgain("the target was moved by others again and again")

    def _sweep(self, order: Sweep) -> Steps:
        """As the real one: who lives in a worktree keeps it, whatever the rows say."""
        gone = []
        for path in [path for path in self._repo.worktrees if not path.startswith("gate of ")]:
            if path not in order.live and not self._is_worked_in(path):
                yield from self._discard(path)
                gone.append(path)
        yield from self._do("restore-point-pruned", lambda: None)
        return tuple(gone)

    def _is_worked_in(self, path: str) -> bool:
        return any(life.is_alive and hasattr(life, "_order") and life._order.path == path for life in self._world.lives)

    def _push(self) -> Steps:
        """Each target to the remote, once; the remote is asked first what it has."""
        repo, count = self._repo, 0
        for target in [name for name in repo.refs if name.startswith("refs/heads/aidos/")]:
            head, record = repo.refs[target], target.replace("refs/heads", "refs/aidos/pushed")
            if repo.refs.get(record) == head:
                continue
            theirs = repo.remote.get(target)
            if theirs != head:
                count += 1
                yield from self._do("remote-pushed", partial(self._arrive, target, theirs, head))
            yield from self._do("push-recorded", partial(repo.refs.__setitem__, record, head))
        return count

    def _arrive(self, target: str, theirs: str | None, head: str) -> None:
        """As git with a lease: a remote takes nothing when it stands elsewhere than the pusher saw it."""
        repo = self._repo
        if repo.remote.get(target) not in (theirs, head):
            raise TryAgain(f"{target} of the remote is not at {theirs} any more")
        if theirs is not None and theirs not in repo.line(target):
            self._world.broken.append(f"{head} is pushed over {theirs}")
        repo.remote[target] = head

    def _look(self, order: Watch) -> Steps:
        """The first commit with which the gate refuses the line is the culprit."""
        head = self._repo.refs.get(f"refs/heads/{order.target}")
        if head is None or head == order.target_base or not self._is_red(head):
            return Sighting(head, False) if head not in (None, order.target_base) else None
        yield from self._gate_at(order.key, head)
        line = self._repo.line(f"refs/heads/{order.target}")
        culprit = next(name for name in reversed(line) if self._is_red(name))
        return Sighting(head, True, culprit, self._repo.commits[culprit].key, "somebody", "red")

    def _take_back(self, work: GitWork, order: Revert) -> Steps:
        guard = yield from self._claim(work)
        ref = f"refs/heads/{order.target}"
        for _ in range(PUBLISH_TRIES_MAX):
            line = self._repo.line(ref)
            reverts = {self._repo.commits[name].reverts: name for name in line}
            mine = next((name for name in line if self._repo.commits[name].key == order.key), None)
            if mine is None or mine in reverts:
                return Reversal(reverts.get(mine))
            before = dict(self._repo.commits[self._repo.commits[mine].parent or ""].tree)
            gone = dict(self._repo.commits[mine].tree).keys() - before.keys()
            left = tuple(pair for pair in self._repo.commits[line[0]].tree if pair[0] not in gone)
            write = partial(self._repo.write, Commit(line[0], left, None, mine))
            revert = yield from self._do("revert-written", write)
            key = order.key
            restore = f"refs/aidos/restore/{key.requirement}/{key.task}-{key.number}-revert"
            if (yield from self._move(guard, restore, line[0], ref, revert, line[0])):
                return Reversal(revert)
        raise TryAgain("the target was moved by others again and again")

    def _is_red(self, commit: str) -> bool:
        return any(name.startswith("red") for name, _ in self._repo.commits[commit].tree)

    def _claim(self, work: GitWork) -> Steps:
        ref, mine = f"refs/aidos/epoch/{work.installation}", str(work.epoch)
        held = self._repo.refs.get(ref, "0")
        if int(held) > work.epoch:
            raise Fenced(f"epoch {work.epoch} is over: epoch {held} has claimed")
        if held != mine:
            claim = lambda: self._repo.transact((ref, held), ref, mine, held)  # noqa: E731
            self._repo.refs.setdefault(ref, "0")
            yield from self._do("epoch-claimed", claim)
        return ref, mine

    def _find_published(self, order: Integrate) -> str | None:
        line = self._repo.line(f"refs/heads/{order.target}")
        reverted = {self._repo.commits[name].reverts for name in line}
        for name in line:
            key = self._repo.commits[name].key
            if (
                key is not None
                and name not in reverted
                and (key.requirement, key.task) == (order.key.requirement, order.key.task)
            ):
                return name
        return None

    def _result_tree(self, order: Integrate) -> Tree:
        found = self._repo.worktrees.get(order.path)
        if found is None or not found.has_folder:
            raise NotFound(f"the worktree {order.path} is gone")
        return tuple(sorted(found.files.items()))

    def _publish(
        self,
        guard: tuple[str, str],
        orders: list[Integrate],
        trees: dict[AttemptKey, Tree],
        head: str | None,
        said: dict[AttemptKey, Integration],
    ) -> Steps:
        """Whether the target moved, or nothing was to be published; None when it is red itself. A tree with a file
        named ``red`` is red."""
        first = orders[0]
        ref, ground = f"refs/heads/{first.target}", head or first.base_commit
        stack: list[tuple[Integrate, str]] = []
        for order in orders:
            parent = stack[-1][1] if stack else ground
            merge = partial(self._merge, order, trees[order.key], parent)
            merged = yield from self._do("merge-tree-written", merge)
            write = partial(self._repo.write, Commit(parent, merged, order.key))
            stack.append((order, (yield from self._do("commit-written", write))))
        train = Train(len(stack), Ground.RED if self._is_red(ground) else Ground.GREEN)
        while isinstance(move := next_move(train, has_gate=first.verify is not None), AskGate):
            order, commit = stack[move.length - 1]
            yield from self._gate_at(order.key, commit)
            train = train.judged(move.length, is_green=not self._is_red(commit))
        if move.is_ground_red:
            return None
        if move.publish:
            key, top = first.key, stack[move.publish - 1][1]
            restore = f"refs/aidos/restore/{key.requirement}/{key.task}-{key.number}"
            if not (yield from self._move(guard, restore, ground, ref, top, head or "")):
                return False
        for number, (order, commit) in enumerate(stack):
            if number < move.publish:
                said[order.key] = Integration(commit, "integrated")
            elif number == move.blamed:
                said[order.key] = Integration(None, "gate_failed", "red", 1)
        return True

    def _move(self, guard: tuple[str, str], restore: str, ground: str, ref: str, top: str, head: str) -> Steps:
        """Whether the target moved from ``head`` to ``top``."""
        yield from self._do("restore-point", lambda: self._repo.transact(guard, restore, ground, None))
        has_moved = yield from self._do("ref-moved", lambda: self._repo.transact(guard, ref, top, head))
        if has_moved:
            yield from self._do("ref-synced", lambda: None)
        return has_moved

    def _gate_at(self, key: AttemptKey, commit: str) -> Steps:
        gate = f"gate of {key}"
        yield from self._discard(gate)
        yield from self._add(gate, commit)
        yield from self._do("gate-run", lambda: None, GATE_S)
        yield from self._discard(gate)

    def _merge(self, order: Integrate, tree: Tree, parent: str) -> Tree:
        """The work's own files over what others published meanwhile: these tasks never touch the same one."""
        before = dict(self._repo.commits[order.base_commit].tree)
        own = {name: text for name, text in tree if before.get(name) != text}
        return tuple(sorted({**dict(self._repo.commits[parent].tree), **own}.items()))
