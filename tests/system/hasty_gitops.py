"""GitOps that probes soon, so that ten failures in a row take seconds, not minutes; all else of it is the real one."""

from __future__ import annotations

from aidos_actors.actors.gitops import GitOps
from supervisors import Backoff, ErrorBudget


class HastyGitOps(GitOps):
    error_budget = ErrorBudget(probe=Backoff(initial_s=0.1, factor=1, max_s=0.1))
