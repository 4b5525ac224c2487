"""Everything the GitOps actor's jobs do with git: worktrees, the linear target, and what a killed git leaves behind.

Every function may be ended at any point and called again with the same arguments; the result is as if it ran once.
"""

from __future__ import annotations

from aidos_actors.gitops.epoch import EpochToken, claim_epoch
from aidos_actors.gitops.git import Completed, GitFailed, Run, run_here
from aidos_actors.gitops.inspect import Inspected, inspect_repository
from aidos_actors.gitops.outcomes import Conflicted, GateFailed, GateResult, Integrated
from aidos_actors.gitops.repair import check_repository, repair_locks
from aidos_actors.gitops.worktrees import collect, discard, prepare, registered

__all__ = [
    "Completed",
    "Conflicted",
    "EpochToken",
    "GateFailed",
    "GateResult",
    "GitFailed",
    "Inspected",
    "Integrated",
    "Run",
    "check_repository",
    "claim_epoch",
    "collect",
    "discard",
    "inspect_repository",
    "prepare",
    "registered",
    "repair_locks",
    "run_here",
]
