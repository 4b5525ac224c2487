"""Durable actors that a launcher can import, each commandable to one kind of trouble."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel

from supervisors import DurableActor
from supervisors.actor import Asked


class Counter(DurableActor):
    """Adds up what it is told, and does other things a message says."""

    class State(BaseModel):
        version: ClassVar[int] = 1
        total: int = 0
        words: list[str] = []
        raises_on_start: bool = False

    later: Asked | None = None

    def on_start(self, told: str = "", fault: str = "", **_rest: Any) -> Any:
        self.told = told
        if self.state.raises_on_start:
            raise RuntimeError("this state is poison")
        if fault and Path(fault).exists():
            raise ConnectionError("what I need is away")
        return {"total": self.state.total}

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case ("add", number):
                self.state.total += number
                self.reply(self.state.total)
            case ("word", word):
                self.state.words.append(word)
                self.reply((word, [len(self.state.words)]))
            case ("add, then", number, trouble):
                self.state.total += number
                self.reply(self.state.total)
                self.send("witness", ("word", "told too early"))
                self._get_into(trouble)
            case ("later", number):
                self.state.total += number
                self.later = self.asked()
            case "now":
                self.reply("at last", to=self.later)
                self.reply("told")
            case ("tell", target, payload, key):
                self.reply(self.send(target, payload, idempotency_key=key))
            case "poison":
                self.state.raises_on_start = True
                self.reply("swallowed")
            case ("set", name, value):
                setattr(self.state, name, value)
                self.reply("set")
            case "silent":
                self.state.total += 1
            case "object":
                self.reply(object())
            case "restored":
                self.reply(self.restored)
            case "pid":
                self.reply(os.getpid())
            case "total":
                self.reply(self.state.total)
            case "words":
                self.reply(list(self.state.words))

    def _get_into(self, trouble: str) -> None:
        match trouble:
            case "raise":
                raise RuntimeError("told to")
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)


class Fresh(Counter):
    fresh_when_unreadable = True


class CounterOfTomorrow(DurableActor):
    """The same state, two versions later: what was ``total`` is ``sum`` now, and words are counted."""

    class State(BaseModel):
        version: int = 3
        sum: int = 0
        word_count: int = 0

    def migrate(self, old: dict[str, Any], version: int) -> dict[str, Any]:
        if version == 1:
            old, version = {"total": old["total"], "words": len(old["words"])}, 2
        return {"sum": old["total"], "word_count": old["words"]}

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case ("add", number):
                self.state.sum += number
                self.reply((self.state.sum, self.state.word_count))
            case _:
                self.reply((self.state.sum, self.state.word_count))


class NoWayBack(DurableActor):
    """A newer version that does not know how to read the older."""

    class State(BaseModel):
        schema_version: int = 2

    def receive(self, message: Any, sender: str | None) -> None:
        self.reply("here")
