"""Our supervision tree, as one literal; a test holds the README's picture against it.

Every supervisor is permanent: one over its limit ends with ``shutdown``, and a transient one would stay down. The
limits multiply: a leaf starts at most (restarts of its supervisor + 1) x (restarts of the root + 1) times in a window
before the guardian starts the whole system anew, which it does for ever.

A handler silent for two heartbeats is ended. What takes long runs beside the mailbox, so a short heartbeat would do
for all; but one step of the Scheduler may carry 200,000 tasks to disk, and in a worker a callable of the user's may
keep the interpreter's lock for a while.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from aidos_actors.actors.analyzer import Analyzer
from aidos_actors.actors.gitops import GitOps
from aidos_actors.actors.scheduler import Scheduler
from aidos_actors.actors.worker import Worker
from aidos_actors.analysis_settings import AnalysisSettings
from aidos_actors.core.agents.profile import AgentProfile
from aidos_actors.core.projects import Project
from aidos_actors.executors.checkpoints import CheckpointLimits
from aidos_actors.executors.hands import WorkerHands
from aidos_actors.gitops.push import Remote
from supervisors import Backoff, ChildSpec, Strategy, SupervisorSpec

BACKOFF = Backoff(initial_s=0.05, factor=2, max_s=30)
RESTARTS, WITHIN_S = 20, 10.0
ROOT_RESTARTS, ROOT_WITHIN_S = 10, 60.0
HEARTBEAT_S = 5.0
LEDGER_HEARTBEAT_S = 15.0
CALL_HEARTBEAT_S = 10.0


def _branch(name: str, strategy: Strategy, child: ChildSpec, initial: int = 0) -> SupervisorSpec:
    return SupervisorSpec(
        id=name,
        strategy=strategy,
        children=(child,),
        max_restarts=RESTARTS,
        within_s=WITHIN_S,
        backoff=BACKOFF,
        initial=initial,
    )


def aidos_tree(
    state_dir: str,
    *,
    workers: int,
    base_env: Mapping[str, str],
    retry_delay_s: float = 1.0,
    adoption_s: float = 5.0,
    checkpoints: CheckpointLimits | None = None,
    projects: Mapping[str, Project] | None = None,
    executors_max: Mapping[str, int] | None = None,
    analysis: AnalysisSettings | None = None,
    agents: Mapping[str, AgentProfile] | None = None,
    hold_file: str | None = None,
) -> SupervisorSpec:
    """The tree for one state directory. ``base_env`` is what commands inherit."""
    env = dict(base_env)
    agents, limits = agents or {}, checkpoints or CheckpointLimits()
    hands = {"base_env": env, "checkpoints": limits, "hands": partial(WorkerHands, agents=agents)}

    def leaf(name: str, actor: type, heartbeat_s: float = HEARTBEAT_S, **args: object) -> ChildSpec:
        args = {"state_dir": state_dir, **args}
        return ChildSpec(id=name, actor=actor, args=args, backoff=BACKOFF, heartbeat_s=heartbeat_s)

    gitops = leaf("gitops", GitOps, base_env=env, remotes=remotes_of(projects or {}))
    analyzer = leaf("analyzer", Analyzer, settings=analysis, base_env=env, hold_file=hold_file)
    return SupervisorSpec(
        id="root",
        preload=("aidos_actors.ledger.ledger",),  # once, before the forks: who starts a Scheduler again has it already
        strategy=Strategy.ONE_FOR_ONE,
        max_restarts=ROOT_RESTARTS,
        within_s=ROOT_WITHIN_S,
        children=(
            _branch(
                "scheduling",
                Strategy.ONE_FOR_ALL,
                leaf(
                    "scheduler",
                    Scheduler,
                    LEDGER_HEARTBEAT_S,
                    workers_total=workers,
                    retry_delay_s=retry_delay_s,
                    adoption_s=adoption_s,
                    projects=projects or {},
                    executors_max=executors_max or {},
                    replans_max=analysis.replans_max if analysis is not None else 0,
                    agents={name: each.rules for name, each in agents.items()},
                ),
            ),
            _branch("analysis", Strategy.ONE_FOR_ONE, analyzer),
            _branch("delivery", Strategy.ONE_FOR_ONE, gitops),
            _branch("workers", Strategy.DYNAMIC, leaf("worker", Worker, CALL_HEARTBEAT_S, **hands), initial=workers),
        ),
    )


def remotes_of(projects: Mapping[str, Project]) -> dict[str, Remote]:
    """Which repositories' targets are pushed where."""
    said = ((repo, each.push_remote, each.push_branch) for repo, each in projects.items())
    return {repo: Remote(name, branch) for repo, name, branch in said if name is not None}
