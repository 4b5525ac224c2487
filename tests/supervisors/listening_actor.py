"""An actor that watches a descriptor of its own."""

from __future__ import annotations

import os
from typing import Any

from supervisors import ManagedActor


class Listening(ManagedActor):
    """Writes to its own pipe when told to, and keeps what came out of it; ``deaf`` no more."""

    def on_start(self) -> None:
        self._read, self._write = os.pipe()
        self.come: list[str] = []
        self.on_readable(self._read, self._take)

    def receive(self, message: Any, sender: str | None) -> None:
        if message == "come":
            self.reply(list(self.come))
        elif message == "deaf":
            self.ignore(self._read)
            self.reply("deaf")
        else:
            os.write(self._write, message.encode())
            self.reply("written")

    def _take(self) -> None:
        text = os.read(self._read, 100).decode()
        if text == "raise":
            raise RuntimeError("what came is bad")
        self.come.append(text)
