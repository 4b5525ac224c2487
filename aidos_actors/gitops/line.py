"""The target that results go onto, and how its gate is asked about one of its heads, past, present or to come."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field

from aidos_actors import crash
from aidos_actors.core.orders import AttemptKey
from aidos_actors.gitops.epoch import EpochToken
from aidos_actors.gitops.filters import is_refusal
from aidos_actors.gitops.git import Git, GitFailed
from aidos_actors.gitops.greens import Greens
from aidos_actors.gitops.outcomes import Emit, Gate, GateResult, emit_nothing
from aidos_actors.gitops.push import intent_line
from aidos_actors.gitops.worktrees import add_worktree, discard
from aidos_actors.withdrawal import Withdrawal


class Line(Struct, frozen=True):
    """The target results go onto, and who judges them. ``gate_folder`` says where a gate's worktree stands;
    ``is_pushed``: the target goes to a remote; ``withdrawal``: nobody may want what is done there any more."""

    git: Git
    target: str
    epoch: EpochToken | None = None
    gate: Gate | None = None
    gate_folder: Callable[[AttemptKey], str] | None = None
    greens: Greens = field(default_factory=Greens)
    emit: Emit = emit_nothing
    is_pushed: bool = False
    withdrawal: Withdrawal = field(default_factory=Withdrawal)

    @property
    def intents(self) -> list[str]:
        """What is written before the target moves, besides the restore point."""
        return [intent_line(self.git, self.target)] if self.is_pushed else []


def ask_gate(line: Line, key: AttemptKey, commit: str, tree: str) -> GateResult:
    """What the gate says of the very commit that would be published, in a worktree of its own. ``Withdrawn``, and it
    has said nothing, when nobody wants to know it any more."""
    assert line.gate is not None and line.gate_folder is not None
    folder, repo, run = line.gate_folder(key), line.git.repo, line.git.run
    discard(repo, path=folder, run=run)
    try:
        result = _checked_out(line, folder, commit, key) or _gated(line, line.gate, key, folder, tree)
    finally:
        discard(repo, path=folder, run=run)
    line.withdrawal.check()
    line.greens.note(tree, result)
    line.emit("gated", {"tree": tree, "exit_code": result.exit_code})
    return result


def _checked_out(line: Line, folder: str, commit: str, key: AttemptKey) -> GateResult | None:
    """None: ``commit`` stands in ``folder``. One that its own filters do not let out is refused as by the gate."""
    try:
        add_worktree(line.git, folder, commit, key)
    except GitFailed as failed:
        if not is_refusal(failed):
            raise
        return GateResult(1, f"the merge result cannot be checked out: {' '.join(failed.stderr.split())}")
    return None


def _gated(line: Line, gate: Gate, key: AttemptKey, folder: str, tree: str) -> GateResult:
    crash.before("gate-run")
    result = gate(key, folder, tree)
    crash.after("gate-run")
    return result
