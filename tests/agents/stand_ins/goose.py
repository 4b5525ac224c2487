"""Goose: it reads its prompt on standard input only, and would ask for approval unless it is told not to."""

from __future__ import annotations

import argparse
import os
import sys
import time

from stand_ins.program import HOME, Program, tell


class Goose(Program):
    name = "goose"

    def parse(self, words: list[str]) -> argparse.Namespace:
        parser = argparse.ArgumentParser(prog="goose run", allow_abbrev=False)
        parser.add_argument("--output-format", choices=("text", "json", "stream-json"), default="text")
        parser.add_argument("-i", "--instructions")
        parser.add_argument("-n", "--name")
        parser.add_argument("-r", "--resume", action="store_true")
        parser.add_argument("--model")
        parser.add_argument("--max-turns", type=int)
        if words[:1] != ["run"]:
            sys.exit("stand-in knows run only")
        options = parser.parse_args(words[1:])
        if os.environ.get("GOOSE_MODE") != "auto":
            sys.exit("stand-in would ask for approval")
        if options.instructions != "-":
            sys.exit("stand-in reads standard input only")
        return options

    def begin(self) -> None:
        store = HOME / ".local" / "share" / "goose"
        store.mkdir(parents=True, exist_ok=True)
        self.session, self.is_resumed = self.options.name, self.options.resume
        if self.is_resumed and not (store / self.session).exists():
            sys.exit(f"Error: No session found with name '{self.session}'")
        (store / self.session).touch()

    def _message(self, role: str, content: list[dict[str, object]]) -> None:
        self.turn += 1
        tell(type="message", message={"id": f"m{self.turn}", "role": role, "created": 1, "content": content})

    def text(self, text: str) -> None:
        self._message("assistant", [{"type": "text", "text": text}])

    def step(self, action: str, result: str) -> None:
        key = f"call_{self.turn}"
        call = {"status": "success", "value": {"name": "shell", "arguments": {"command": action}}}
        self._message("assistant", [{"type": "toolRequest", "id": key, "toolCall": call}])
        value = {"status": "success", "value": [{"type": "text", "text": result}]}
        self._message("user", [{"type": "toolResponse", "id": key, "toolResult": value}])

    def end(self) -> int:
        tell(type="complete", total_tokens=10, cost_usd=0.01)
        return 0

    def limited(self, reset: str) -> int:
        left_s = int(reset) - int(time.time())
        self.text(
            f"Ran into this error: Rate limit exceeded: too many tokens, retry after {left_s} seconds.\n\n"
            "Please retry if you think this is a transient or recoverable error."
        )
        return self.end()

    def failed(self, error: str) -> int:
        tell(type="error", error=error)
        return 1
