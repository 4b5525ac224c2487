"""Several results onto one target together: find, snapshot, stack, gate, publish; and who of them is to blame.

Until the last step nothing that anyone looks at has changed, and the last step is one rename; so a run that is ended
anywhere is simply run again. That something was already published is told by the trailers on the target itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from aidos_actors.core.errors import NotFound, TryAgain
from aidos_actors.core.merge_queue import AskGate, Ground, ItemState, Settle, Train, next_item_state, next_move
from aidos_actors.core.orders import AttemptKey
from aidos_actors.gitops.hold import Hold, held
from aidos_actors.gitops.inspect import refuse_checked_out, refuse_impossible
from aidos_actors.gitops.last_heads import last_head, refuse_moved_back
from aidos_actors.gitops.line import Line, ask_gate
from aidos_actors.gitops.outcomes import (
    Conflicted,
    GateFailed,
    GateResult,
    Gone,
    Integrated,
    Outcome,
    Unstorable,
)
from aidos_actors.gitops.publish import find_published, ground_of, publish
from aidos_actors.gitops.snapshot import remove_scratch
from aidos_actors.gitops.stack import (
    Item,
    Stacked,
    Work,
    at_once,
    check_identity,
    merge,
    ours_of,
    snapshot,
    stack_on,
    who_touched,
)

PUBLISH_TRIES_MAX = 50
LOST_BEFORE_HOLDING = 3


class RedGround(Struct, frozen=True):
    """The target stands at ``head``, and the gate refuses that very head."""

    head: str
    result: GateResult


class Carried(Struct):
    """What came of the results of one train. Those without an outcome wait on. ``clashes`` are pairs that do not merge
    with each other; ``red`` is set when the target itself is red, and nobody was blamed."""

    outcomes: dict[AttemptKey, Outcome] = field(default_factory=dict)
    states: dict[AttemptKey, ItemState] = field(default_factory=dict)
    clashes: list[tuple[AttemptKey, AttemptKey]] = field(default_factory=list)
    red: RedGround | None = None

    def note(self, key: AttemptKey, event: str, outcome: Outcome | None = None) -> None:
        self.states[key] = next_item_state(self.states.get(key, ItemState.WAITING), event)
        if outcome is not None:
            self.outcomes[key] = outcome


def carry(line: Line, items: Sequence[Item]) -> Carried:
    """Each of ``items`` that could be is one durable commit on the target, exactly once, and its outcome is said; at
    most one is blamed for what the gate refused.

    Raises ``Conflict`` when the user has the target checked out, ``Fenced`` when the epoch is over, ``TryAgain`` when
    others kept moving the target, ``Withdrawn`` when one of them is not wanted any more and not on the target either,
    ``NotTheSameTree``, ``GitFailed``; in all these cases this call did not move it.
    """
    carried = Carried()
    works: dict[AttemptKey, Work] = {}
    try:
        for lost in range(PUBLISH_TRIES_MAX):
            rest = [item for item in items if item.key not in carried.outcomes]
            with held(line.git.common_dir, line.target, is_wanted=lost >= LOST_BEFORE_HOLDING) as hold:
                if _try_once(line, rest, works, carried, hold):
                    return carried
    finally:
        for item in items:
            remove_scratch(item.worktree)
    names = ", ".join(item.key.task for item in items)
    raise TryAgain(
        f"{line.target} was moved by others {PUBLISH_TRIES_MAX} times in a row; not on it yet: {names}",
        hint="Only one runtime should publish to a target.",
    )


def _try_once(line: Line, items: Sequence[Item], works: dict[AttemptKey, Work], carried: Carried, hold: Hold) -> bool:
    """One try on the target as it stands, which may be held; False when others moved it meanwhile."""
    git = line.git
    head = git.commit_of(f"refs/heads/{line.target}")
    last = _last_head(line, items, head)
    if head is None and last is not None:
        return _bring_back(line, items[0].key, last, hold)
    if head is not None and last is not None:
        refuse_moved_back(git, line.target, head, last, {item.key.requirement for item in items})
    if head is not None:
        wanted = {item.key: (item.target_base, item.after) for item in items}
        for key, commit in find_published(git, line.target, head, wanted).items():
            carried.note(key, "find", Integrated(commit))
    rest = [each for each in items if each.key not in carried.outcomes]
    if rest:
        line.withdrawal.check()
    _snapshot_all(line, [each for each in rest if each.key not in works], works, carried)
    rest = [each for each in rest if each.key in works]
    if not rest:
        return True
    ground = ground_of(git, [item.worktree for item in rest], head) if head else rest[0].base_commit
    stack = _stack(line, rest, works, ground, carried)
    if not stack:
        return True
    for each in stack:
        line.emit("merged", {"tree": each.tree, "commit": each.commit, "head": head})
    settled, result = _judge(line, stack, ground)
    is_ours = _publish(line, stack[: settled.publish], head, ground, hold)
    if not is_ours:
        for each in stack:
            carried.note(each.item.key, "go_back")
        return False
    for number, each in enumerate(stack):
        if number < settled.publish:
            carried.note(each.item.key, "publish", Integrated(each.commit))
        elif number == settled.blamed:
            assert result is not None
            carried.note(each.item.key, "blame", GateFailed(result.output_tail, result.exit_code))
        else:
            carried.note(each.item.key, "go_back")
    if settled.is_ground_red and head is not None:
        carried.red = RedGround(head, result or GateResult(1, "the target itself is red"))
    return True


def _last_head(line: Line, items: Sequence[Item], now: str | None) -> str | None:
    """Where the target, which is at ``now``, was last moved to for the requirements of ``items``, if elsewhere."""
    if line.epoch is None or not items:
        return None
    its = {item.key.requirement for item in items}
    return last_head(line.git, line.epoch.installation, line.target, items[0].target_base, its, now)


def _bring_back(line: Line, key: AttemptKey, last: str, hold: Hold) -> bool:
    """The target stands at ``last`` again, from where somebody deleted it. Always False: that is one more move."""
    refuse_impossible(line.git, line.target)
    publish(line.git, line.target, last, None, last, key, line.epoch, what="-back", also=line.intents, hold=hold)
    return False


def _snapshot_all(line: Line, items: Sequence[Item], works: dict[AttemptKey, Work], carried: Carried) -> None:
    """What each of them left is in ``works``; those that left nothing to merge have their outcome."""
    for item, work in zip(items, at_once(lambda item: _snapshot(line, item, len(items) > 1), items), strict=True):
        if isinstance(work, Work):
            line.emit("committed", {"tree": work.tree})
            if work.tree == line.git.tree_of(item.base_commit):
                carried.note(item.key, "add_nothing", Integrated(None, is_unchanged=True))
            else:
                works[item.key] = work
        else:
            carried.note(item.key, "refuse", work)


def _snapshot(line: Line, item: Item, has_company: bool) -> Work | Outcome:
    """The work, ready to be merged when others go before it; or why there is none."""
    try:
        work = snapshot(line.git, item)
        if has_company:
            work.ours = ours_of(line.git, item, work)
    except Unstorable as fault:
        return GateFailed(fault.message, 1, is_unstorable=True)
    except NotFound as gone:
        return Gone(gone.message)
    return work


def _stack(
    line: Line, items: Sequence[Item], works: dict[AttemptKey, Work], ground: str, carried: Carried
) -> list[Stacked]:
    """One commit on the other. What conflicts with the ground has its outcome; what does not merge only with those
    under it, or adds nothing to them, waits until their fate is known."""
    git, stack = line.git, list[Stacked]()
    ground_tree = git.tree_of(ground)
    for item in items:
        work, top = works[item.key], stack[-1].commit if stack else ground
        merged = merge(git, item, work, top)
        if isinstance(merged, Conflicted) and stack:
            carried.clashes += [(item.key, other.key) for other in who_touched(git, stack, merged.files)]
            merged = merge(git, item, work, ground)
            if not isinstance(merged, Conflicted):
                continue
        if isinstance(merged, Conflicted):
            carried.note(item.key, "conflict", merged)
        elif merged == (stack[-1].tree if stack else ground_tree):
            if not stack:
                carried.note(item.key, "add_nothing", Integrated(None))
        else:
            stack.append(stack_on(git, item, work, top, merged))
            carried.note(item.key, "stack")
    return stack


def _judge(line: Line, stack: list[Stacked], ground: str) -> tuple[Settle, GateResult | None]:
    """What is to be done with the stack, and the gate's words about who is blamed."""
    train = Train(len(stack), _ground_known(line, stack, ground))
    results: dict[int, GateResult] = {}
    while isinstance(move := next_move(train, has_gate=line.gate is not None), AskGate):
        under = stack[move.length - 1] if move.length else None
        commit, tree = (under.commit, under.tree) if under else (ground, line.git.tree_of(ground))
        result = results[move.length] = ask_gate(line, (under or stack[0]).item.key, commit, tree)
        train = train.judged(move.length, is_green=result.exit_code == 0)
    if move.is_ground_red:
        return move, results.get(0) or line.greens.red(line.git.tree_of(ground))
    return move, results.get(train.red) if train.red is not None else None


def _ground_known(line: Line, stack: list[Stacked], ground: str) -> Ground:
    if ground == stack[0].item.target_base:
        return Ground.BASE
    tree = line.git.tree_of(ground)
    if line.greens.red(tree) is not None:
        return Ground.RED
    return Ground.GREEN if line.greens.has_lately(tree) else Ground.UNKNOWN


def _publish(line: Line, stack: list[Stacked], head: str | None, ground: str, hold: Hold) -> bool:
    """Whether the stack is on the target, or was empty; False: others moved it."""
    if not stack:
        return True
    check_identity(line.git, stack)
    refuse_checked_out(line.git, line.target)
    if head is None:
        refuse_impossible(line.git, line.target)
    key, top = stack[0].item.key, stack[-1].commit
    line.withdrawal.check()  # for the last time: from here on it is published
    if not publish(line.git, line.target, top, head, ground, key, line.epoch, also=line.intents, hold=hold):
        return False
    for each in stack:
        line.emit("published", {"commit": each.commit, "target": line.target})
    return True
