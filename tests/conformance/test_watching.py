"""What a watcher hears: of each life and each end once, of ids that come to stand for another, and nothing any more
when it has had enough."""

from __future__ import annotations

import pytest

from supervisors import Backoff, SupervisorSpec
from tests.conformance.stage import Scene, Stage, pool, puppet, sup


def heard(scene: Scene, count: int) -> list[tuple[str, bool, str]]:
    """The ``count`` messages that the watcher has had: of whom, whether alive, and why gone."""
    kept = scene.eventually(lambda: len(kept := scene.ask("me", "kept")) >= count and kept)
    assert len(kept) == count
    return [(peer.path, peer.incarnation is not None, getattr(peer.reason, "kind", "")) for peer in kept]


def test_who_watches_is_told_once_of_each_life_and_each_end_and_of_whom(stage: Stage) -> None:
    """As a monitor: also of one that never was, at once, and of one that is gone for good. A deletion is no end."""
    tasks = [puppet(f"t-{stage.kind}-{number}", restart="temporary") for number in (1, 2)]
    with stage.play(sup(puppet("me"), puppet("a"), *tasks)) as scene:
        never, a = scene.at("never"), scene.at("a")
        for target in (never, a, a, *(task.id for task in tasks)):
            scene.tell("me", "watch", target)
        said = heard(scene, 4)
        assert set(said) == {(never, False, ""), (a, True, ""), *((scene.at(task.id), True, "") for task in tasks)}
        for task in tasks:
            scene.hit(task.id)
        assert heard(scene, 6)[4:] == [(scene.at(task.id), False, "killed") for task in tasks]
        scene.terminate("a")
        scene.delete("a")
        scene.add(puppet("a"))
        assert heard(scene, 8)[6:] == [(a, False, "shutdown"), (a, True, "")]


@pytest.mark.parametrize("comes_back", [True, False])
def test_an_id_that_stood_for_two_is_known_again_when_one_of_them_is_forgotten(
    simulated: Stage, comes_back: bool
) -> None:
    """With its supervisor at once where that is stopped, else when it has not come back with it for a while."""
    slow = Backoff(initial_s=600, factor=1, max_s=600)
    twin = SupervisorSpec(id="twin", children=[puppet("z")], backoff=slow)
    with simulated.play(sup(puppet("me"), puppet("z"), puppet("a"), twin)) as scene:
        scene.tell("me", "watch", "z")
        assert heard(scene, 1) == [("z", False, "")]
        assert scene.ask("me", ("send", "z", "kept for whoever it is")) is True
        if comes_back:
            scene.hit("twin")
            simulated.passes(60.0)
            scene.hit("a")
        else:
            scene.terminate("twin")
        assert heard(scene, 2)[1:] == [(scene.at("z"), True, "")]
        scene.eventually(lambda: scene.ask("z", "kept") == ["kept for whoever it is"])


def test_who_watches_no_more_hears_nothing_and_sends_as_before(stage: Stage) -> None:
    with stage.play(sup(puppet("me"), puppet("a"), puppet("b"))) as scene:
        for name in "ab":
            scene.tell("me", "watch", scene.at(name))
        heard(scene, 2)
        for message in (("send", scene.at("a"), 1), ("unwatch", scene.at("a")), ("unwatch", scene.at("nobody"))):
            scene.ask("me", message)
        for number in (2, 3):
            assert scene.ask("me", ("send", scene.at("a"), number))
        scene.eventually(lambda: scene.ask("a", "kept") == [1, 2, 3])
        scene.hit("a")
        scene.hit("b")
        assert [path for path, _, _ in heard(scene, 4)[2:]] == [scene.at("b")] * 2
        scene.eventually(lambda: scene.is_up("a"))
        scene.tell("me", "watch", scene.at("a"))
        assert heard(scene, 5)[4:] == [(scene.at("a"), True, "")]


def test_nothing_is_kept_of_whom_nobody_watches_any_more(simulated: Stage) -> None:
    with simulated.play(sup(puppet("me"), pool())) as scene:
        registrar = simulated.tree._guardian.root._shell.registrar
        before = len(registrar._askers)
        for _ in range(20):
            name = simulated.tree.start_child(scene.at("sup"), args={}).path
            scene.tell("me", "watch", name)
            scene.eventually(lambda name=name: name in registrar._askers)
            simulated.tree.terminate_child(scene.at("sup"), name)
            scene.ask("me", ("unwatch", name))
        simulated.passes(1.0)
        assert not [name for name in registrar._askers if "/w-" in name] and len(registrar._askers) <= before + 1
