"""Between two processes messages keep their order, whatever else is under way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from supervisors import ActorTree, ChildSpec, ManagedActor, SupervisorSpec
from supervisors.messages import Deliver
from supervisors.systems import ordered
from supervisors.systems.ordered import Lanes

COUNT, BURST = 2000, 15


class Talker(ManagedActor):
    """Says numbers to another in bursts, without the mail's own numbering, and is answered all the while."""

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case "talk":
                self._asked, self._said = self.asked(), 0
                self.send("listener", "where are you")
            case ("here", address, incarnation):
                self._home = address, incarnation
                self._go_on()
            case "go on":
                self._go_on()
            case "heard all":
                self.reply(True, self._asked)

    def _go_on(self) -> None:
        address, incarnation = self._home
        for number in range(self._said, min(self._said + BURST, COUNT)):
            say = Deliver("root/listener", incarnation, "", "", 0, number, f"{number}")
            self._shell.system.post(address, say)
        self._said += BURST
        if self._said < COUNT:
            self.after(0.001, "go on")


class Listener(ManagedActor):
    def on_start(self) -> None:
        self._heard: list[int] = []

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case "where are you":
                self.send("talker", ("here", self._shell.system.address(), self.incarnation))
            case "what did you hear":
                self.reply(self._heard)
            case int():
                self._heard.append(message)
                self.reply("yes")
                if len(self._heard) == COUNT:
                    self.send("talker", "heard all")


def test_messages_between_two_processes_keep_their_order(tmp_path: Path) -> None:
    children = (ChildSpec(id="talker", actor=Talker), ChildSpec(id="listener", actor=Listener))
    with ActorTree.start(SupervisorSpec(id="root", children=children), state_dir=tmp_path) as tree:
        assert tree.ask("talker", "talk", timeout_s=60)
        assert tree.ask("listener", "what did you hear") == list(range(COUNT))


class Wire:
    """Transmissions under way; those to ``broken`` end at once."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.dropped: list[str] = []
        self.broken = ""
        self.lanes = Lanes(self.send, self.dropped.append)

    def send(self, item: str) -> None:
        self.sent.append(item)
        if item[0] == self.broken:
            self.lanes.ended(item[0])


def test_one_message_to_a_target_is_under_way_at_a_time() -> None:
    wire = Wire()
    for item in ("a1", "a2", "b1", "a3", "b2"):
        wire.lanes.add(item[0], item)
    assert wire.sent == ["a1", "b1"], "a target that does not answer holds up nobody else"
    wire.lanes.ended("b")
    wire.lanes.ended("a")
    wire.lanes.add("a", "a4")
    assert wire.sent == ["a1", "b1", "b2", "a2"]
    for target in "aaab":
        wire.lanes.ended(target)
    assert wire.sent[4:] == ["a3", "a4"]
    wire.lanes.add("a", "a5")
    assert wire.sent[6:] == ["a5"]


def test_any_number_may_end_at_once() -> None:
    wire = Wire()
    wire.lanes.add("a", "a0")
    for number in range(1, 5000):
        wire.lanes.add("a", f"a{number}")
    wire.broken = "a"
    wire.lanes.ended("a")
    assert wire.sent == [f"a{number}" for number in range(5000)]


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordered, "LANE_MAX", 2)
    wire = Wire()
    for item in ("a1", "a2", "a3", "a4", "b1"):
        wire.lanes.add(item[0], item)
    assert (wire.sent, wire.dropped) == (["a1", "b1"], ["a4"])


FAILURES = """
import errno, socket, struct, sys, time
from supervisors.systems import ordered
from thespian.system.transport import SendStatus, TransmitIntent
from thespian.system.transport.TCPTransport import TCPTransport

class Transport(TCPTransport):
    def __init__(self):
        self._finished_intents, self._transmitIntents, self._waitingTransmits = [], {}, []
        self.lacking = 0

    def new_socket(self, kind, *args):
        self.lacking -= 1
        if self.lacking >= 0:
            raise OSError(errno.EMFILE, "too many")
        return kind(*args)

class Port:
    def __init__(self, number):
        self.socketArgs, self.connectArgs = (socket.AF_INET, socket.SOCK_STREAM), (("127.0.0.1", number),)

class Address:
    def __init__(self, number):
        self.addressDetails = Port(number)

def is_reset(transport, intent):
    "The connection that was just made is reset before anything is sent by it."
    assert transport._nextTransmitStep(intent)
    accepted, _ = listener.accept()
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    accepted.close()
    listener.close()
    return transport._nextTransmitStep(intent)

def lacks_sockets(transport, intent):
    listener.close()
    transport.lacking = 3
    return transport._nextTransmitStep(intent)

ordered.send_in_order()
listener = socket.create_server(("127.0.0.1", 0))
transport = Transport()
intent = TransmitIntent(Address(listener.getsockname()[1]), "word")
intent.serMsg, intent.stage = b"word", transport._XMITStepSendConnect
transport._waitingTransmits = [intent] if globals()[sys.argv[1]](transport, intent) else []
assert intent.stage == transport._XMITStepSendConnect, "it is to be tried again"
until = time.monotonic() + 20
while not transport._finished_intents and time.monotonic() < until:
    time.sleep(0.005)
    transport._processIntentTimeouts()
    for each in list(transport._transmitIntents):
        transport._processIntents(each)
print([(each is intent, status == SendStatus.DeadTarget) for each, status in transport._finished_intents])
"""


@pytest.mark.parametrize("failure", ["is_reset", "lacks_sockets"])
def test_a_transmission_that_fails_in_any_way_is_tried_again_soon(failure: str) -> None:
    """Else the lane would be closed for half a minute, or for ever, to whoever is born at the same address. (In a
    process of its own: Thespian is changed for as long as its process lives.)"""
    done = subprocess.run([sys.executable, "-c", FAILURES, failure], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[(True, True)]\n", done.stderr
