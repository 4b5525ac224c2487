"""Keys that belong to partitions: each to exactly one, and found again."""

from __future__ import annotations

import itertools
import random

from supervisors import Backoff, SupervisorSpec
from supervisors.partitions import partition_of, partitioned, resize
from tests.conformance.stage import Scene, Stage, puppet, refused


def numbered(number: int) -> dict[str, int]:
    return {"number": number}


def parts(count: int, **more: object) -> SupervisorSpec:
    return partitioned("parts", puppet("w", starts=("info",)), count, numbered, max_restarts=50, **more)


def route(scene: Scene, key: object) -> str:
    return partition_of(key, scene.children()).id


def test_PART_01_each_key_lands_in_one_partition_and_is_found_again(stage: Stage) -> None:
    inner = SupervisorSpec(id="in", strategy="dynamic", children=[puppet("w")])
    keys = [f"key-{number}" for number in range(4 if stage.is_real else 100)]
    with stage.play(partitioned("parts", inner, 2 if stage.is_real else 5, max_restarts=50)) as scene:
        for key in keys:
            stage.tree.start_child(scene.at(route(scene, key)), args={}, id=key)
        homes = {part.id: {info.id for info in scene.children(part.id)} for part in scene.children()}
        assert sorted(itertools.chain(*homes.values())) == sorted(keys)
        assert all(key in homes[route(scene, key)] for key in keys)


def test_PART_02_each_has_its_arguments_and_numbers_count_around(stage: Stage) -> None:
    with stage.play(parts(3)) as scene:
        assert [info.info["number"] for info in scene.children()] == [0, 1, 2]
        assert [route(scene, key) for key in (0, 1, 2, 3, -1)] == ["w-0", "w-1", "w-2", "w-0", "w-2"]


def test_PART_03_only_those_that_run_are_routed_to(stage: Stage) -> None:
    chance = random.Random(1)
    most = 3 if stage.is_real else 8
    sizes = [*range(most, -1, -1), *range(most + 1), *([] if stage.is_real else chance.choices(range(9), k=20))]
    with stage.play(parts(most)) as scene:
        for size in sizes:
            resize(stage.tree, scene.path, size)
            assert scene.counts() == (most, size, 0, most)
            assert {route(scene, key) for key in range(20) if size} == {f"w-{number}" for number in range(size)}


def test_PART_03_one_on_its_way_back_keeps_its_keys_and_the_others_keep_theirs(stage: Stage) -> None:
    slow = puppet("w", backoff=Backoff(initial_s=600, factor=1, max_s=600))
    with stage.play(partitioned("parts", slow, 3, max_restarts=50)) as scene:
        before = [route(scene, key) for key in range(9)]
        scene.hit("w-1")
        assert scene.info("w-1").state == "restarting" and [route(scene, key) for key in range(9)] == before
        refused("restarting", scene.ask, route(scene, 1), "hello")


def test_PART_04_what_cannot_be_is_refused(stage: Stage) -> None:
    with stage.play(parts(2)) as scene:
        resize(stage.tree, scene.path, 0)
        refused("not_found", route, scene, "key")
        for wrong in (3, -1, True):
            assert f"partitions={wrong}" in refused("bad_spec", resize, stage.tree, scene.path, wrong).message
        refused("not_found", resize, stage.tree, "no such supervisor", 1)
