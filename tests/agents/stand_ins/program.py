"""What all stand-ins have in common: one program, its session and its folder, and how it prints."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

HOME = Path(os.environ.get("HOME", "/nonexistent"))


def say(text: str) -> None:
    print(text, flush=True)


def tell(**fields: object) -> None:
    say(json.dumps(fields))


class Program:
    """One program. ``folder`` is where it thinks that it works."""

    name = "agent"

    def __init__(self, words: list[str]) -> None:
        self.folder = Path.cwd()
        self.session = ""
        self.is_resumed = False
        self.turn = 0
        self.options = self.parse(words)

    def parse(self, words: list[str]) -> argparse.Namespace:
        return argparse.Namespace(words=words)

    def prompt(self) -> str:
        return sys.stdin.read()

    def begin(self) -> None: ...

    def text(self, text: str) -> None:
        say(text)

    def step(self, action: str, result: str) -> None:
        say(f"{action}\n{result}")

    def end(self) -> int:
        return 0

    def limited(self, reset: str) -> int:
        say(f"Error: usage limit reached, {reset}")
        return 1

    def failed(self, error: str) -> int:
        print(f"Error: {error}", file=sys.stderr)
        return 1
