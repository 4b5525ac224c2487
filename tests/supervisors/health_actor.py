"""An actor that is as well as it is told to be."""

from __future__ import annotations

from typing import Any

from supervisors import ManagedActor


class Frail(ManagedActor):
    """``health`` returns the last message, or raises it; ``on_start`` takes the first."""

    def on_start(self, first: Any = None) -> None:
        self.word: Any = first

    def receive(self, message: Any, sender: str | None) -> None:
        if message == "own word":
            self.degrade("works slowly")
        else:
            self.word = message
        self.reply(self.incarnation)

    def health(self) -> Any:
        if isinstance(self.word, BaseException):
            raise self.word
        return self.word
