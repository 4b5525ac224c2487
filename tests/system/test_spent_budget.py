"""Ten failures in a row of one operation: GitOps cannot heal itself, so its process is started anew, again and again
until the repository can be written; and nothing of the work is lost by that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aidos_actors.actors.words import GITOPS
from aidos_actors.config import Config
from aidos_actors.runtime import PACKAGES, TITLE, farewell, tree_of
from aidos_actors.state_dir import prepare_state_dir
from supervisors import ActorTree, SupervisorSpec
from tests.system.conftest import Place, eventually
from tests.system.hasty_gitops import HastyGitOps

TASKS = [f"t{number}" for number in range(6)]


def with_hasty_gitops(spec: SupervisorSpec) -> SupervisorSpec:
    """The real tree, but for how long a degraded GitOps waits between two probes."""
    branches = {branch.id: branch for branch in spec.children}
    delivery = branches["delivery"]
    assert isinstance(delivery, SupervisorSpec)
    hasty = replace(delivery.children[0], actor=HastyGitOps)  # type: ignore[call-arg]
    branches["delivery"] = replace(delivery, children=(hasty,))
    return replace(spec, children=tuple(branches.values()))


def statuses(place: Place) -> dict[str, Any]:
    return {task["id"]: task for task in place.data("status", "work")["tasks"]}


@pytest.mark.slow
def test_ten_failures_in_a_row_start_gitops_anew_and_nothing_is_lost(place: Place) -> None:
    gate, objects = place.folder / "go", place.repo / ".git" / "objects"
    state_dir = prepare_state_dir(place.state)
    spec = with_hasty_gitops(tree_of(state_dir, Config().with_runtime(workers=len(TASKS))))
    wait = f"while [ ! -e '{gate}' ]; do sleep 0.05; done; echo $AIDOS_TASK > $AIDOS_TASK.txt"
    work = place.requirement({task: {"run": wait} for task in TASKS}, mode="parallel", workers=len(TASKS))
    with ActorTree.start(spec, state_dir=state_dir, title=TITLE, before_stop=farewell(1.0), packages=PACKAGES) as tree:
        assert place.aidos("submit", str(work)).returncode == 0
        eventually(lambda: all(place.event("attempt_started", task) for task in TASKS))
        (before,) = tree.which_children("root/delivery")
        objects.rename(objects.with_name("objects.away"))
        gate.touch()

        def ends() -> list[Any]:
            return [each for each in tree.events() if (each.path, each.type) == (GITOPS, "exited")]

        first = eventually(ends)[0]
        why = f"error budget spent: integrate {place.repo} failed 10 times in a row; GitFailed"
        assert first.pid == before.pid and first.reason.kind == "abnormal"
        assert first.reason.detail.startswith(why)
        eventually(lambda: tree.which_children("root/delivery")[0].pid not in (None, before.pid))
        assert {task["attempts"] for task in statuses(place).values()} == {1}

        objects.with_name("objects.away").rename(objects)
        eventually(lambda: place.data("status", "work")["state"] == "done")
        tasks = statuses(place).values()
        assert {(task["attempts"], task["infra_faults"]) for task in tasks} == {(1, 0)}, "it cost a retry"
        (after,) = tree.which_children("root/delivery")
        assert after.degraded is None and after.restarts == len(ends()) >= 1
        place.assert_laws("work", set(TASKS))
    place.assert_clean()
