"""Claude: its sessions belong to the folder that they were begun in, and it says in a line of its own when a limit
ends."""

from __future__ import annotations

import argparse
import sys
import uuid
from pathlib import Path

from stand_ins.program import HOME, Program, tell


class Claude(Program):
    name = "claude"

    def parse(self, words: list[str]) -> argparse.Namespace:
        parser = argparse.ArgumentParser(prog="claude", allow_abbrev=False)
        parser.add_argument("-p", "--print", action="store_true")
        parser.add_argument("--output-format", choices=("text", "json", "stream-json"), default="text")
        parser.add_argument("--verbose", action="store_true")
        modes = ("default", "acceptEdits", "bypassPermissions", "dontAsk", "plan")
        parser.add_argument("--permission-mode", choices=modes, default="default")
        parser.add_argument("-r", "--resume")
        parser.add_argument("--model")
        parser.add_argument("--max-turns", type=int)
        parser.add_argument("--max-budget-usd", type=float)
        parser.add_argument("prompt", nargs="?")
        options = parser.parse_args(words)
        if options.output_format == "stream-json" and not options.verbose:
            sys.exit("Error: When using --print, --output-format=stream-json requires --verbose")
        return options

    @property
    def store(self) -> Path:
        """Its sessions belong to the folder that they were begun in."""
        slug = "".join(c if c.isalnum() else "-" for c in str(self.folder))
        return HOME / ".claude" / "projects" / slug

    def begin(self) -> None:
        self.session = self.options.resume or str(uuid.uuid4())
        self.is_resumed = self.options.resume is not None
        file = self.store / f"{self.session}.jsonl"
        if self.is_resumed and not file.exists():
            text = f"No conversation found with session ID: {self.session}"
            print(text, file=sys.stderr, flush=True)
            tell(type="result", subtype="error_during_execution", is_error=True, num_turns=0, errors=[text],
                 session_id=str(uuid.uuid4()), total_cost_usd=0)  # fmt: skip
            sys.exit(1)
        self.store.mkdir(parents=True, exist_ok=True)
        file.touch()
        tell(type="system", subtype="init", cwd=str(self.folder), session_id=self.session, tools=["Bash", "Edit"])

    def _message(self, content: list[dict[str, object]]) -> None:
        self.turn += 1
        message = {"id": f"msg_{self.turn}", "type": "message", "role": "assistant", "content": content}
        tell(type="assistant", message=message, session_id=self.session, parent_tool_use_id=None)
        if self.options.max_turns and self.turn >= self.options.max_turns:
            tell(type="result", subtype="error_max_turns", is_error=True, num_turns=self.turn, session_id=self.session,
                 total_cost_usd=0.02)  # fmt: skip
            sys.exit(1)

    def text(self, text: str) -> None:
        self._message([{"type": "text", "text": text}])

    def step(self, action: str, result: str) -> None:
        key = f"toolu_{self.turn}"
        self._message([{"type": "tool_use", "id": key, "name": "Bash", "input": {"command": action}}])
        content = [{"type": "tool_result", "tool_use_id": key, "content": result}]
        tell(type="user", message={"role": "user", "content": content}, session_id=self.session)

    def end(self) -> int:
        tell(type="result", subtype="success", is_error=False, num_turns=self.turn, result="Done.",
             session_id=self.session, total_cost_usd=0.25, duration_ms=1)  # fmt: skip
        return 0

    def limited(self, reset: str) -> int:
        info = {"status": "rejected", "resetsAt": int(reset), "rateLimitType": "five_hour", "isUsingOverage": False}
        tell(type="rate_limit_event", rate_limit_info={**info, "status": "allowed_warning"}, session_id=self.session)
        tell(type="rate_limit_event", rate_limit_info=info, session_id=self.session)
        text = "You've hit your limit · resets 3pm (UTC)"
        self.text(text)
        tell(type="result", subtype="success", is_error=True, num_turns=self.turn, result=text,
             session_id=self.session, total_cost_usd=0.1, api_error_status=429)  # fmt: skip
        return 1

    def failed(self, error: str) -> int:
        tell(type="result", subtype="error_during_execution", is_error=True, num_turns=self.turn, result=error,
             session_id=self.session, total_cost_usd=0.1)  # fmt: skip
        return 1
