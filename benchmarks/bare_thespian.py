"""Thespian as it comes, in a process of its own and on loopback: what the benchmarks compare supervision with.

Run by them. One JSON request a line on stdin, one JSON answer a line on stdout, until stdin ends:
``["create"]`` → seconds until a new actor answered; ``["messages", kind, count, bytes, window]`` → seconds from the
first message to the last one handled (see ``messages.py`` for the kinds).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from thespian.actors import Actor, ActorSystem

PATIENCE = timedelta(seconds=120)
BATCH = 10


class Echo(Actor):
    def receiveMessage(self, msg: Any, sender: Any) -> None:
        if isinstance(msg, str):
            self.send(sender, msg)


@dataclass(frozen=True, slots=True)
class Go:
    peer: Any
    kind: str
    count: int
    size: int
    window: int


@dataclass(frozen=True, slots=True)
class Item:
    """A message of the measurement; ``wants`` is what its receiver does with it."""

    number: int
    wants: tuple[str, ...]
    payload: bytes


@dataclass(frozen=True, slots=True)
class Said:
    what: str
    number: int


class Peer(Actor):
    """Acknowledges, answers, or both, as each message wants it."""

    def receiveMessage(self, msg: Any, sender: Any) -> None:
        if isinstance(msg, Item):
            for what in msg.wants:
                said = Item(msg.number, (), msg.payload) if what == "answer" else Said(what, msg.number)
                self.send(sender, said)


class Driver(Actor):
    """Keeps as many messages on the way as the window allows."""

    def receiveMessage(self, msg: Any, sender: Any) -> None:
        match msg:
            case Go():
                self.go, self.client, self.sent, self.begun, self.answered = msg, sender, 0, 0, 0
                self.payload, self.began_at = bytes(msg.size), time.monotonic()
                self.fill()
            case Said("ack", number):
                self.begun = number
                self.fill()
            case Item():  # an answer
                self.answered += 1
                if self.go.kind == "ask":
                    self.send(sender, Said("ack", msg.number))
                self.fill()
        if isinstance(msg, Said | Item) and self.is_done():
            self.send(self.client, time.monotonic() - self.began_at)

    def fill(self) -> None:
        go = self.go
        while self.sent < go.count and self.sent - self.settled() < go.window:
            self.sent += 1
            self.send(go.peer, Item(self.sent, self.wants(), self.payload))

    def settled(self) -> int:
        return self.begun if self.go.kind.startswith("tell") else self.answered

    def wants(self) -> tuple[str, ...]:
        match self.go.kind:
            case "tell":
                return ("ack",)
            case "tell, unacknowledged":
                return ("ack",) if self.sent % BATCH == 0 or self.sent == self.go.count else ()
            case "ask":
                return ("ack", "answer")
        return ("answer",)

    def is_done(self) -> bool:
        return self.settled() == self.go.count and (self.go.kind != "ask" or self.begun == self.go.count)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def created(system: ActorSystem) -> float:
    began_at = time.monotonic()
    actor = system.createActor(Echo)
    if system.ask(actor, "there?", PATIENCE) != "there?":
        raise SystemExit("a new actor of plain Thespian did not answer")
    return time.monotonic() - began_at


def main() -> None:
    os.environ["THESPIAN_BASE_IPADDR"] = "127.0.0.1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    quiet = {"version": 1, "root": {"level": "CRITICAL"}}
    system = ActorSystem("multiprocTCPBase", {"Admin Port": free_port()}, logDefs=quiet)
    try:
        driver, peer = system.createActor(Driver), system.createActor(Peer)
        for line in sys.stdin:
            match json.loads(line):
                case ["create"]:
                    print(json.dumps(created(system)), flush=True)
                case ["messages", kind, count, size, window]:
                    took_s = system.ask(driver, Go(peer, kind, count, size, window), PATIENCE)
                    print(json.dumps(took_s), flush=True)
    finally:
        system.shutdown()


if __name__ == "__main__":
    main()
