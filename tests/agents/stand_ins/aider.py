"""Aider: it takes its prompt as a file, remembers what was said in the folder that it works in, and prints plain
text."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from stand_ins.program import Program, say


class Aider(Program):
    name = "aider"

    def parse(self, words: list[str]) -> argparse.Namespace:
        parser = argparse.ArgumentParser(prog="aider", allow_abbrev=False)
        parser.add_argument("--message-file", "-f", required=True)
        parser.add_argument("--yes-always", action="store_true")
        for name in ("stream", "pretty", "auto-commits", "dirty-commits", "gitignore", "check-update", "analytics"):
            parser.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, default=True)
        for name in ("show-release-notes", "suggest-shell-commands", "detect-urls", "restore-chat-history"):
            parser.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, default=False)
        parser.add_argument("--chat-history-file", default=".aider.chat.history.md")
        parser.add_argument("--input-history-file", default=".aider.input.history")
        parser.add_argument("--model")
        return parser.parse_args(words)

    def prompt(self) -> str:
        return Path(self.options.message_file).read_text()

    def begin(self) -> None:
        history = Path(self.options.chat_history_file)
        self.is_resumed = self.options.restore_chat_history and history.exists()
        Path(self.options.input_history_file).touch()
        history.write_text("# aider chat\n")
        cache = Path(".aider.tags.cache.v4")
        cache.mkdir(exist_ok=True)
        (cache / "cache.db").write_text("x")
        say("Aider v0.86.2")

    def step(self, action: str, result: str) -> None:
        say(f"Applied edit to {action}")
        say("Tokens: 2.1k sent, 100 received. Cost: $0.01 message, $0.02 session.")

    def limited(self, reset: str) -> int:
        left_s = int(reset) - int(time.time())
        say(f"litellm.RateLimitError: RateLimitError: OpenAIException - Please try again in {left_s}s.")
        say("The API provider has rate limited you. Try again later or check your quotas.")
        say("Retrying in 32.0 seconds...")
        return 0

    def failed(self, error: str) -> int:
        say(f"litellm.AuthenticationError: {error}")
        return 0
