"""Whoever looks at a supervisor: the description that was given is read back, and whom it has is listed and counted."""

from __future__ import annotations

import time

from supervisors import ChildSpec, Restart, Shutdown, SupervisorSpec
from supervisors.testing import Puppet
from tests.conformance.stage import Scene, Stage, pool, puppet, refused, sup


def test_SPEC_01_what_was_given_is_read_back_with_its_defaults(stage: Stage) -> None:
    specs = [ChildSpec(id="plain", actor=Puppet), puppet("k", shutdown="kill"), SupervisorSpec(id="s")]
    with stage.play(sup(*specs)) as scene:
        plain, killed, inner = (stage.tree.child_spec(scene.path, name) for name in ("plain", "k", "s"))
        assert (plain.restart, plain.shutdown, plain.is_supervisor) == (Restart.PERMANENT, 5.0, False)
        assert (plain.significant, plain.heartbeat_s, plain.args) == (False, None, {})
        assert killed.shutdown is Shutdown.KILL
        assert inner.is_supervisor and inner.shutdown is Shutdown.INFINITY
        refused("not_found", stage.tree.child_spec, scene.path, "nobody")


def settled(scene: Scene, count: int) -> bool:
    counts = scene.counts()
    return counts == (1, count, 0, count) and len(scene.ids()) == count


def test_INTRO_01_list_and_count_agree(stage: Stage) -> None:
    steps = (4, 8) if stage.is_real else (100, 200)
    with stage.play(pool(puppet("w", restart=Restart.TEMPORARY))) as scene:
        for count in steps:
            while len(scene.ids()) < count:
                for _ in range(count // 2):
                    scene.add_instance()
                assert len(scene.ids()) == scene.counts()[1]
            assert settled(scene, count) and settled(scene, count)
        for info in scene.children():
            stage.kill(info.pid or 0)
        scene.eventually(lambda: settled(scene, 0))


def test_INTRO_02_instances_that_are_supervisors_are_counted_as_such(stage: Stage) -> None:
    with stage.play(pool(SupervisorSpec(id="inner", children=[puppet("x")]), initial=2)) as scene:
        assert scene.counts() == (1, 2, 2, 0)


def test_INTRO_07_nothing_of_an_ended_instance_is_kept(stage: Stage) -> None:
    with stage.play(pool(puppet("w", restart=Restart.TEMPORARY))) as scene:
        scene.add_instance("w-1")
        scene.hit("w-1")
        scene.add_instance("w-2", big=list(range(50_000)))
        scene.hit("w-2", "stop", "normal", "")
        assert scene.ids() == []
        refused("not_found", stage.tree.child_spec, scene.path, "w-2")
        assert len(repr(scene.children())) + len(repr(scene.events("w-2"))) < 5000


def cpu_s_of(simulated: Stage, count: int) -> tuple[float, float]:
    """What it takes to start and terminate so many instances one by one, and to start and stop them together."""
    began_s = time.process_time()
    with simulated.play(pool(puppet("w", restart=Restart.TEMPORARY))) as scene:
        for number in range(count):
            scene.add_instance(f"w-{number}")
        for number in range(count):
            scene.terminate(f"w-{number}")
    between_s = time.process_time()
    with simulated.play(pool(initial=count)):
        pass
    return between_s - began_s, time.process_time() - between_s


def test_INTRO_08_INTRO_09_many_instances_take_no_more_than_many_times_the_time(simulated: Stage) -> None:
    """Ten times of linear is the law for both."""
    few, many = cpu_s_of(simulated, 10), cpu_s_of(simulated, 80)
    assert all(more < 10 * 8 * less for less, more in zip(few, many, strict=True))


def test_INTRO_11_each_partition_is_listed_with_its_number(stage: Stage) -> None:
    for template in (puppet("w"), SupervisorSpec(id="w", children=[puppet("x")])):
        with stage.play(pool(template, initial=3)) as scene:
            kind = "supervisor" if template.is_supervisor else "worker"
            assert [(info.id, info.kind) for info in scene.children()] == [(f"w-{n}", kind) for n in (1, 2, 3)]
            assert scene.counts() == ((1, 3, 3, 0) if template.is_supervisor else (1, 3, 0, 3))
    refused("not_found", stage.tree.count_children, "no such supervisor")
