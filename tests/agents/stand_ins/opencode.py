"""OpenCode: its sessions belong to the whole home; of a limit it speaks in its log alone, and sleeps until it is
over."""

from __future__ import annotations

import argparse
import os
import sys
import time
import uuid
from pathlib import Path

from stand_ins.program import HOME, Program, tell


class OpenCode(Program):
    name = "opencode"

    def parse(self, words: list[str]) -> argparse.Namespace:
        parser = argparse.ArgumentParser(prog="opencode run", allow_abbrev=False)
        parser.add_argument("--format", choices=("default", "json"), default="default")
        parser.add_argument("--print-logs", action="store_true")
        parser.add_argument("--log-level", choices=("DEBUG", "INFO", "WARN", "ERROR"))
        parser.add_argument("--session", "-s")
        parser.add_argument("--model", "-m")
        parser.add_argument("message", nargs="*")
        if words[:1] != ["run"]:
            sys.exit("stand-in knows run only")
        options = parser.parse_args(words[1:])
        self.folder = Path(os.environ.get("PWD") or Path.cwd())
        os.chdir(self.folder)
        return options

    def begin(self) -> None:
        store = HOME / ".local" / "share" / "opencode"
        store.mkdir(parents=True, exist_ok=True)
        self.session = self.options.session or f"ses_{uuid.uuid4().hex[:20]}"
        self.is_resumed = self.options.session is not None
        if self.is_resumed and not (store / self.session).exists():
            print("Error: Session not found", file=sys.stderr)
            sys.exit(1)
        (store / self.session).touch()

    def _emit(self, kind: str, **more: object) -> None:
        tell(type=kind, timestamp=int(time.time() * 1000), sessionID=self.session, **more)

    def text(self, text: str) -> None:
        self._emit("step_start", part={"type": "step-start"})
        self._emit("text", part={"type": "text", "text": text})
        self._emit("step_finish", part={"type": "step-finish", "cost": 0.05, "tokens": {"input": 1, "output": 1}})

    def step(self, action: str, result: str) -> None:
        self._emit("step_start", part={"type": "step-start"})
        state = {"status": "completed", "input": {"command": action}, "output": result}
        self._emit("tool_use", part={"type": "tool", "tool": "bash", "callID": uuid.uuid4().hex, "state": state})
        self._emit("step_finish", part={"type": "step-finish", "cost": 0.05, "tokens": {"input": 1, "output": 1}})

    def end(self) -> int:
        self._emit("done", reason="idle", rejected=[])
        return 0

    def limited(self, reset: str) -> int:
        """It says so in its log alone, and sleeps until it is over."""
        if self.options.print_logs:
            at = time.strftime("%H:%M:%S", time.gmtime())
            left_s = int(reset) - int(time.time())
            log = f'message="stream error" error="AI_APICallError: Usage limit reached, retry after {left_s} seconds"'
            print(f"{at}.091 ERROR run=r {log}", file=sys.stderr, flush=True)
        time.sleep(3600)
        return 0

    def failed(self, error: str) -> int:
        self._emit("error", error={"name": "UnknownError", "data": {"message": error}})
        return 1
