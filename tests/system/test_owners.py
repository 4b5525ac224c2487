"""Owners come and go: guests take over, standbys step in, and no path is too deep."""

from __future__ import annotations

import json
import signal

import pytest

from aidos_actors.cli import reach
from aidos_actors.core.errors import TryAgain
from aidos_actors.ledger.lock import LedgerLock
from tests.system.conftest import Place, eventually

WORK = {"one": {"run": "sleep 3; echo 1 > one.txt"}, "two": {"run": "echo 2 > two.txt", "needs": ["one"]}}


def test_two_owners_the_second_serve_is_refused_and_a_run_joins(place: Place) -> None:
    serve = place.begin("serve")
    eventually(place.is_up)
    second = place.aidos("serve", "--json")
    assert second.returncode == 7
    assert str(serve.pid) in json.loads(second.stdout)["error"]["message"]
    assert place.aidos("run", str(place.requirement({"one": {"run": "echo 1 > one.txt"}}))).returncode == 0
    assert serve.poll() is None
    assert place.data("status", "work")["live"] is True
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0
    place.assert_clean()


def test_a_guest_becomes_the_owner_when_the_owner_ends(place: Place) -> None:
    file = place.requirement(WORK)
    serve = place.begin("serve", "--drain", "0")
    eventually(place.is_up)
    guest = place.begin("run", str(file))
    eventually(lambda: place.event("attempt_started", "one"))
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0
    assert guest.wait(90) == 0, place.said()
    assert "taking over" in place.said() and place.said().count("plan recorded") == 1, place.said()
    place.assert_laws("work", {"one", "two"})
    place.assert_clean()


def test_a_guest_that_is_interrupted_only_detaches(place: Place) -> None:
    serve = place.begin("serve")
    eventually(place.is_up)
    later = {"run": "echo now $AIDOS_ATTEMPT; test $AIDOS_ATTEMPT = 2", "needs": ["one"]}
    file = place.requirement({**WORK, "later": later}, retry={"delay": "10ms"})
    guest = place.begin("run", str(file), "--json")
    eventually(lambda: place.event("attempt_started", "one"))
    followers = [place.begin("output", "work/later", "--follow", *words) for words in ((), ("--json",))]
    guest.send_signal(signal.SIGINT)
    assert guest.wait(30) == 130
    said = json.loads((place.folder / "run-1.log").read_text())
    assert (said["ok"], said["error"]["code"]) == (False, "interrupted") and "goes on" in said["error"]["hint"]
    assert [each.wait(60) for each in followers] == [0, 0]
    assert (place.folder / "run-2.log").read_text() == "now 1\nnow 2\n", "what came before it began, and when again"
    assert json.loads((place.folder / "run-3.log").read_text())["data"]["output"] == "now 2\n"
    eventually(lambda: place.data("status", "work")["state"] == "done")
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0
    place.assert_laws("work", {"one", "two"})
    place.assert_clean()


def test_a_standby_steps_in_when_the_owner_is_killed(place: Place) -> None:
    first = place.begin("serve")
    eventually(place.is_up)
    assert place.aidos("submit", str(place.requirement(WORK))).returncode == 0
    eventually(lambda: place.event("attempt_started", "one"))
    standby = place.begin("serve", "--standby")
    eventually(lambda: "standing by" in place.said())
    first.kill()
    first.wait()
    eventually(place.is_up)
    assert place.tree()["guardian_pid"] == standby.pid
    eventually(lambda: place.data("status", "work")["state"] == "done")
    standby.send_signal(signal.SIGTERM)
    assert standby.wait(60) == 0
    place.assert_laws("work", {"one", "two"})
    place.assert_clean()


def test_a_second_interrupt_forces(place: Place) -> None:
    file = place.requirement({"long": {"run": "trap '' TERM; sleep 300"}})
    run = place.begin("run", str(file), "--drain", "300")
    eventually(lambda: place.event("attempt_started", "long"))
    run.send_signal(signal.SIGINT)
    eventually(lambda: "draining" in place.said())
    run.send_signal(signal.SIGINT)
    assert run.wait(30) == 130
    eventually(lambda: not place.marked(), 10.0)
    assert place.data("status", "work")["state"] == "running", "the work goes on with the next run"


def test_every_verb_speaks_json_and_says_why_not(place: Place) -> None:
    for words in (["status", "x"], ["tasks", "x"], ["output", "x/y"], ["cancel", "x"], ["tree"], ["submit", "none"]):
        done = place.here(*words, "--json")
        answer = json.loads(done.stdout)
        assert done.returncode in (3, 4, 6) and answer["ok"] is False, words
        assert answer["schema_version"] == 1 and answer["error"]["message"]
    assert place.data("version")["version"]  # in a process of its own


def test_what_is_submitted_while_a_system_begins_is_accepted(place: Place) -> None:
    """Each comes at another moment of its start."""
    serve = place.begin("serve")
    files = [place.requirement({"one": {"run": "true"}}, name=f"r{number}") for number in range(4)]
    submits = [place.begin("submit", str(file)) for file in files]
    assert [submit.wait(60) for submit in submits] == [0, 0, 0, 0], place.said()
    eventually(lambda: {each["state"] for each in place.data("status")["requirements"]} == {"done"})
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(60) == 0
    place.assert_clean()


def test_a_ledger_that_is_in_use_is_waited_for_until_its_system_can_be_asked(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one who holds it begins to be a system after the first look for its door."""
    place.state.mkdir()
    lock = LedgerLock(place.state, "scheduler")
    lock.acquire()
    looks = iter([False, False, True])
    monkeypatch.setattr(reach.Door, "is_there", lambda _door: next(looks))
    monkeypatch.setattr(reach.Door, "ask", lambda _door, call: {"asked": call})
    assert reach.change(place.state, {"verb": "x"}, lambda _desk: {"asked": None}) == {"asked": {"verb": "x"}}
    monkeypatch.setattr(reach, "HEALING_WAIT_S", 0.0)
    monkeypatch.setattr(reach.Door, "is_there", lambda _door: False)
    with pytest.raises(TryAgain, match="in use"):
        reach.change(place.state, {"verb": "x"}, lambda _desk: {"asked": None})
    lock.release()
