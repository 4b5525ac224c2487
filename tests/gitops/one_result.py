"""From one worktree to one commit on the target: a train of one, for tests that look at one result."""

from __future__ import annotations

from collections.abc import Callable

from aidos_actors.core.errors import NotFound
from aidos_actors.core.orders import AttemptKey
from aidos_actors.gitops.epoch import EpochToken
from aidos_actors.gitops.git import Git, Run, run_here
from aidos_actors.gitops.line import Line
from aidos_actors.gitops.outcomes import (
    Conflicted,
    Emit,
    GateFailed,
    GateResult,
    Gone,
    Integrated,
    emit_nothing,
)
from aidos_actors.gitops.stack import Item
from aidos_actors.gitops.train import carry


def integrate(
    repo: str,
    *,
    worktree: str,
    base_commit: str,
    target_base: str,
    target: str,
    key: AttemptKey,
    title: str,
    after: int = 0,
    gate: Callable[[str, str], GateResult] | None = None,
    gate_folder: str | None = None,
    epoch: EpochToken | None = None,
    run: Run = run_here,
    emit: Emit = emit_nothing,
) -> Integrated | Conflicted | GateFailed:
    """The work in ``worktree`` (which stood on ``base_commit``) is one durable commit on ``target``, exactly once.

    A commit of the same requirement and task on the target after ``target_base`` is the result of an earlier call, but
    for those of attempts up to number ``after``.
    ``gate(folder, tree)`` sees the merge result checked out in ``gate_folder``, fresh each time and removed after.
    ``emit`` hears the stages committed, merged, gated, published. Raises ``NotFound`` when the worktree is gone, and as
    ``carry`` does; in all these cases the target was not moved by this call.
    """
    if gate is not None and gate_folder is None:
        raise ValueError("a gate needs a gate_folder")
    line = Line(
        Git(repo, run),
        target,
        epoch,
        gate=(lambda _key, folder, tree: gate(folder, tree)) if gate is not None else None,
        gate_folder=lambda _key: gate_folder or "",
        emit=emit,
    )
    carried = carry(line, [Item(key, worktree, base_commit, target_base, title, after)])
    outcome = carried.outcomes.get(key)
    if isinstance(outcome, Gone):
        raise NotFound(outcome.message, hint="Try the task again.")
    if outcome is None:  # the target itself is red: with nobody who could mend it, that is this work's failure too
        assert carried.red is not None
        return GateFailed(carried.red.result.output_tail, carried.red.result.exit_code)
    return outcome
