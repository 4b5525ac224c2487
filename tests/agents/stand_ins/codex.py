"""Codex: its sessions belong to the whole home, and it has been seen to fail with exit code 0."""

from __future__ import annotations

import argparse
import sys
import time
import uuid

from stand_ins.program import HOME, Program, tell


class Codex(Program):
    name = "codex"

    def parse(self, words: list[str]) -> argparse.Namespace:
        parser = argparse.ArgumentParser(prog="codex exec", allow_abbrev=False)
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--sandbox", "-s", choices=("read-only", "workspace-write", "danger-full-access"))
        parser.add_argument("--skip-git-repo-check", action="store_true")
        parser.add_argument("--model", "-m")
        parser.add_argument("rest", nargs="+")
        if words[:1] != ["exec"]:
            sys.exit("error: stand-in knows exec only")
        options = parser.parse_args(words[1:])
        options.resume = None
        if options.rest[0] == "resume":
            _word, options.resume, *options.rest = options.rest
        if options.rest != ["-"]:
            sys.exit(f"error: unexpected argument {options.rest}")
        return options

    def begin(self) -> None:
        store = HOME / ".codex" / "sessions"
        store.mkdir(parents=True, exist_ok=True)
        self.session = self.options.resume or str(uuid.uuid4())
        self.is_resumed = self.options.resume is not None
        if self.is_resumed and not (store / self.session).exists():
            print(f"Error: no rollout found for thread id {self.session}", file=sys.stderr)
            sys.exit(1)
        (store / self.session).touch()
        tell(type="thread.started", thread_id=self.session)
        tell(type="turn.started")

    def text(self, text: str) -> None:
        self.turn += 1
        tell(type="item.completed", item={"id": f"item_{self.turn}", "type": "agent_message", "text": text})

    def step(self, action: str, result: str) -> None:
        self.turn += 1
        item = {"id": f"item_{self.turn}", "type": "command_execution", "command": action}
        tell(type="item.started", item={**item, "status": "in_progress", "aggregated_output": "", "exit_code": None})
        tell(type="item.completed", item={**item, "status": "completed", "aggregated_output": result, "exit_code": 0})

    def end(self) -> int:
        tell(type="error", message="Reconnecting... 1/5")
        tell(type="turn.completed", usage={"input_tokens": 1, "cached_input_tokens": 0, "output_tokens": 1})
        return 0

    def limited(self, reset: str) -> int:
        stamp = time.strftime("%b %d", time.localtime(int(reset)))
        at = f"{stamp}th, {time.strftime('%Y %I:%M %p', time.localtime(int(reset)))}"
        text = f"You've hit your usage limit. Upgrade to Pro (https://x.invalid) or try again at {at}."
        return self.failed(text)

    def failed(self, error: str) -> int:
        tell(type="error", message=error)
        tell(type="turn.failed", error={"message": error})
        return 0  # it has been seen to end so
