"""What the root knows of the whole tree, also when supervisors end and their last words come late."""

from __future__ import annotations

import pytest

from supervisors import ChildInfo, ExitReason, SupervisorError, SupervisorSpec
from supervisors.messages import Answer, Command, LifecycleEvent
from supervisors.registrar import KNOWN_AFTER_LOSS_S, Registrar
from supervisors.relay import Relay
from supervisors.testing import Puppet, SimulatedTree
from supervisors.whereabouts import INCARNATIONS_MAX, Degraded, Locate, Noted

KILLED = ExitReason("killed", "SIGKILL")
OWN = ExitReason("shutdown", "all put away")


def born(path: str, pid: int, by: str, at: float = 1.0) -> Noted:
    kind = "supervisor" if path.endswith("sub") else "worker"
    child = ChildInfo(path.rpartition("/")[2], kind, "running", pid, 0, path=path)
    return Noted(LifecycleEvent(at, "started", path, pid), child, f"{path}-{pid}", ("address", pid), by)


def gone(path: str, pid: int, by: str, reason: ExitReason = KILLED, at: float = 2.0) -> Noted:
    kind = "supervisor" if path.endswith("sub") else "worker"
    child = ChildInfo(path.rpartition("/")[2], kind, "restarting", None, 1, path=path)
    return Noted(LifecycleEvent(at, "exited", path, pid, reason), child, by=by)


def told(registrar: Registrar, path: str) -> list[tuple[str, str]]:
    return [(each.type, each.reason.detail if each.reason else "") for each in registrar.events if each.path == path]


def family() -> Registrar:
    registrar = Registrar()
    for noted in (born("root/sub", 1, "r"), born("root/sub/a", 2, "root/sub-1")):
        registrar.note(noted)
    return registrar


def test_who_dies_with_its_supervisor_has_one_end_and_is_told_to_those_who_asked() -> None:
    registrar = family()
    registrar.locate(Locate("a", "me", "me-1", stays=True), "my address")
    ((address, located),) = registrar.note(gone("root/sub", 1, "r"))
    assert address == "my address" and located.path == "root/sub/a" and located.incarnation is None
    assert told(registrar, "root/sub/a") == [("started", ""), ("exited", "with its supervisor")]


def test_its_own_reason_takes_the_place_of_the_presumed_one_when_it_comes_late() -> None:
    registrar = family()
    registrar.note(gone("root/sub", 1, "r"))
    registrar.note(born("root/sub", 5, "r"))
    registrar.note(born("root/sub/a", 6, "root/sub-5"))
    assert registrar.note(gone("root/sub/a", 2, "root/sub-1", OWN)) == []
    assert told(registrar, "root/sub/a") == [("started", ""), ("exited", "all put away"), ("started", "")]
    assert registrar.entries["root/sub/a"].pid == 6 and registrar.homes["root/sub/a"][0] == "root/sub/a-6"


def test_who_is_degraded_before_its_start_is_told_is_degraded_from_then_on() -> None:
    registrar = family()
    for incarnation in ("root/sub/b-3", "root/sub/c-4"):
        registrar.note(Degraded(incarnation.rpartition("-")[0], incarnation, 1.5, "no disk"))
    registrar.note(born("root/sub/b", 3, "root/sub-1"))
    registrar.note(born("root/sub/c", 9, "root/sub-1"))
    assert [registrar.entries[f"root/sub/{each}"].degraded for each in "bc"] == ["no disk", None]
    assert [kind for kind, _ in told(registrar, "root/sub/b")] == ["started", "degraded"]
    assert [kind for kind, _ in told(registrar, "root/sub/c")] == ["started"], "the word of its predecessor"


def test_another_reason_is_no_other_event() -> None:
    registrar = family()
    for reason in ("no disk", "no disk, no net", ""):
        registrar.note(Degraded("root/sub/a", "root/sub/a-2", 1.5, reason))
        assert registrar.entries["root/sub/a"].degraded == (reason or None)
    assert [kind for kind, _ in told(registrar, "root/sub/a")] == ["started", "degraded", "recovered"]


def test_a_start_that_is_told_late_brings_nobody_back() -> None:
    registrar = family()
    registrar.note(gone("root/sub", 1, "r"))
    registrar.note(born("root/sub/late", 3, "root/sub-1"))
    assert "root/sub/late" not in registrar.homes
    assert told(registrar, "root/sub/late") == [("started", ""), ("exited", "with its supervisor")]


def test_children_of_a_supervisor_that_dies_before_it_is_up_are_gone_too() -> None:
    registrar = Registrar()
    registrar.note(born("root/sub/a", 2, "root/sub-1"))
    registrar.note(gone("root/sub", 1, "r"))
    assert registrar.homes == {} and registrar.entries["root/sub/a"].state == "restarting"


def test_what_is_remembered_of_the_dead_is_forgotten_in_time() -> None:
    registrar = family()
    registrar.note(gone("root/sub", 1, "r"))
    registrar.note(born("root/other", 9, "r", at=2 + KNOWN_AFTER_LOSS_S + 1))
    assert not registrar._dead and not registrar._presumed and "root/sub/a" not in registrar.entries


def test_a_command_is_answered_through_the_root_or_when_its_supervisor_ends() -> None:
    registrar, relay = family(), Relay()
    for request in ("one", "two"):
        address, command = relay.forward(registrar, Command(request, "which_children", "sub"), "asker")
        assert address == ("address", 1) and command.target == "root/sub"
    assert relay.answered(Answer("one", [])) == [("asker", Answer("one", []))]
    assert relay.answered(Answer("one", [])) == [] == relay.lost(registrar, "")
    registrar.note(gone("root/sub", 1, "r"))
    ((address, answer),) = relay.lost(registrar, "SIGKILL")
    assert address == "asker" and isinstance(answer.error, SupervisorError) and answer.error.code == "actor_failed"
    with pytest.raises(SupervisorError, match="restarting"):
        relay.forward(registrar, Command("three", "which_children", "root/sub"), "asker")


def test_who_only_looks_is_told_of_the_end_and_forgotten() -> None:
    registrar = family()
    for name in ("a", "root/sub/a", "nobody"):
        registrar.locate(Locate(name, ""), "the door")
    forgotten = Noted(LifecycleEvent(2.0, "exited", "root/sub/a", 2, KILLED), None, by="root/sub-1")
    assert [(where.name, where.path) for _, where in registrar.note(forgotten)] == [("a", ""), ("root/sub/a", "")]
    assert not registrar._askers
    assert registrar.note(born("root/sub/a", 3, "root/sub-1")) == []


def test_who_stays_is_told_of_what_comes_under_the_name() -> None:
    registrar = family()
    registrar.locate(Locate("b", "root/sub/a", "root/sub/a-2", stays=True), "the address of a")
    ((address, where),) = registrar.note(born("root/sub/b", 4, "root/sub-1"))
    assert (address, where.path) == ("the address of a", "root/sub/b")


def test_who_was_replaced_and_asks_late_takes_nothing_from_its_successor() -> None:
    """A process that was paused, believed dead, and wakes up."""
    registrar = family()
    for number in (4, 5):
        registrar.note(gone("root/sub/b", number - 1, "root/sub-1"))
        registrar.locate(Locate("a", "root/sub/b", f"root/sub/b-{number}", stays=True), f"the {number}")
        registrar.note(born("root/sub/b", number, "root/sub-1"))
    registrar.locate(Locate("a", "root/sub/b", "root/sub/b-4", stays=True), "the 4")
    ((address, where),) = registrar.note(gone("root/sub/a", 2, "root/sub-1"))
    assert (address, where.path, where.incarnation) == ("the 5", "root/sub/a", None)


def test_of_those_who_died_while_they_started_few_are_kept() -> None:
    registrar = family()
    for number in range(3, 3 + 100):
        registrar.locate(Locate("a", "root/sub/b", f"root/sub/b-{number}", stays=True), f"the {number}")
    registrar.note(born("root/sub/b", 102, "root/sub-1"))
    for number in range(10):
        registrar.locate(Locate("a", "root/sub/b", f"late {number}", stays=True), "one that is gone")
    assert sum(len(lives) for lives in registrar._askers["a"].values()) <= INCARNATIONS_MAX
    ((address, _where),) = registrar.note(gone("root/sub/a", 2, "root/sub-1"))
    assert address == "the 102"


def test_nothing_is_kept_of_names_that_were_asked_for_once() -> None:
    pool = SupervisorSpec(id="root", strategy="dynamic", children=[Puppet.child_spec(id="w", restart="temporary")])
    with SimulatedTree.start(pool) as tree:
        for number in range(20):
            name = tree.start_child("root").id
            assert tree.ask(name, ("reply", number)) == number
            tree.terminate_child("root", name)
            for nobody in (name, f"root/{name}", f"nobody-{number}"):
                with pytest.raises(SupervisorError, match="not_found"):
                    tree.ask(nobody, 1)
        registrar = tree._guardian.root._shell.registrar
        assert not registrar._askers and not tree._switchboard._places
