"""The target branch of a repository in memory, and its remote: one commit on the other, gates, reverts, pushes."""

from __future__ import annotations

from functools import partial

from aidos_actors.actors.words import Delivered, GitWork, WorkIntegrated
from aidos_actors.core.errors import Fenced, NotFound, TryAgain
from aidos_actors.core.merge_queue import AskGate, Ground, Train, next_move
from aidos_actors.core.orders import AttemptKey, Integrate, Integration
from aidos_actors.core.target_orders import Reversal, Revert, Sighting, Watch
from aidos_actors.withdrawal import Withdrawal
from tests.simulation.simulated_repository import ENDLESS, Commit, Tree
from tests.simulation.simulated_worktrees import SimulatedWorktrees
from tests.simulation.world import Steps

GATE_S = (0.02, 0.3)
GATE_LIMIT_S, GATE_LOOK_S = 3600.0, 0.05
PUBLISH_TRIES_MAX = 50


class SimulatedTarget(SimulatedWorktrees):
    def _integrate(self, works: tuple[GitWork, ...], withdrawal: Withdrawal) -> Steps:
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
            if rest and not rest[0].is_wanted:
                return Delivered((WorkIntegrated(rest[0].key, Integration(None, "withdrawn")),))
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
            has_ended = not rest or (yield from self._publish(guard, rest, trees, head, said, withdrawal))
            if has_ended is not False:
                words = tuple(WorkIntegrated(key, answer) for key, answer in said.items())
                return Delivered(words, is_red=has_ended is None)
        raise TryAgain("the target was moved by others again and again")

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

    def _look(self, order: Watch, withdrawal: Withdrawal) -> Steps:
        """The first commit with which the gate refuses the line is the culprit."""
        head = self._repo.refs.get(f"refs/heads/{order.target}")
        if head is None or head == order.target_base or not self._is_red(head):
            return Sighting(head, False) if head not in (None, order.target_base) else None
        yield from self._gate_at(order.key, head, withdrawal)
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
        while (held := self._repo.refs.setdefault(ref, "0")) != mine:  # another lane may claim it at the same time
            if int(held) > work.epoch:
                raise Fenced(f"epoch {work.epoch} is over: epoch {held} has claimed")
            yield from self._do("epoch-claimed", partial(self._repo.claim, ref, mine, held))
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
        withdrawal: Withdrawal,
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
            yield from self._gate_at(order.key, commit, withdrawal)
            train = train.judged(move.length, is_green=not self._is_red(commit))
        if move.is_ground_red:
            return None
        if move.publish:
            withdrawal.check()
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

    def _gate_at(self, key: AttemptKey, commit: str, withdrawal: Withdrawal) -> Steps:
        """An hour long when it is endless, unless nobody wants its verdict any more."""
        gate = f"gate of {key}"
        yield from self._discard(gate)
        yield from self._add(gate, commit)
        if any(name == ENDLESS for name, _ in self._repo.commits[commit].tree):
            ends_at = self._world.machine.now() + GATE_LIMIT_S
            while self._world.machine.now() < ends_at and not withdrawal.is_withdrawn:
                yield GATE_LOOK_S
        yield from self._do("gate-run", lambda: None, GATE_S)
        yield from self._discard(gate)
        withdrawal.check()

    def _merge(self, order: Integrate, tree: Tree, parent: str) -> Tree:
        """The work's own files over what others published meanwhile: these tasks never touch the same one."""
        before = dict(self._repo.commits[order.base_commit].tree)
        own = {name: text for name, text in tree if before.get(name) != text}
        return tuple(sorted({**dict(self._repo.commits[parent].tree), **own}.items()))
