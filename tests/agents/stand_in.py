#!/usr/bin/env python3
"""Stands in for the coding agents' programs: it takes the arguments that each of them takes and no others, keeps
sessions where and as each of them does, and prints what each of them prints. What it does is told by files beside it:
``NAME.plan`` has a line for each call (the last holds for all further ones), ``NAME.calls`` gets one for each call.

It was written from what the programs' sources, documentation and users say; no text of theirs is in it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
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


PROGRAMS = {each.name: each for each in (Claude, Codex, OpenCode, Goose, Aider)}


def work(program: Program, name: str, count: int = 1) -> None:
    """A file in the folder that the next attempt can see."""
    file = Path(f"{name}.txt")
    before = file.read_text() if file.exists() else ""
    for number in range(count):
        before += f"{program.name} {'resumed' if program.is_resumed else 'new'} {number}\n"
        file.write_text(before)
        program.step(f"write {file} {number}", "ok")


def behave(program: Program, what: str, prompt: str) -> int:
    """The end of one call, by the first word of ``what``."""
    verb, *rest = what.split()
    task = os.environ["AIDOS_TASK"]
    match verb:
        case "work":
            work(program, task)
        case "idle":
            program.text("There is nothing to do.")
        case "quota":  # SECONDS: it has worked a little, and its limit is over then
            work(program, task)
            return program.limited(str(int(time.time()) + int(rest[0])))
        case "limited":
            return program.limited(str(int(time.time()) + int(rest[0])))
        case "slow":  # until the file FILE is there
            work(program, task)
            while not (HERE / rest[0]).exists():
                time.sleep(0.05)
        case "hang":
            time.sleep(3600)
        case "babble":
            for number in range(1_000_000):
                program.text(f"I think about it for the {number}th time.")
                time.sleep(0.02)
        case "loop":
            while True:
                program.step("make test", "1 failed")
                time.sleep(0.01)
        case "fail":
            return program.failed(" ".join(rest) or "it did not work")
        case "ask":
            answer = sys.stdin.readline()
            return 0 if answer else program.failed("nobody answers")
        case "children":
            work(program, task)
            for _ in range(3):
                subprocess.Popen(["sleep", "3600"], start_new_session=True)
        case "huge":
            block = "x" * (1024 * 1024)
            for _ in range(1024):
                say(block)
        case "hoard":
            kept = [bytearray(b"x" * (16 * 1024 * 1024)) for _ in range(40)]
            time.sleep(3600 + len(kept))
        case "nogit":
            work(program, task)
            Path(".git").unlink()
        case "outside":
            work(program, task)
            (HERE / "outside.txt").write_text("edited\n")
            Path("link").symlink_to(HERE)
        case "vanish":
            shutil.rmtree(program.folder)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "spin":
            while True:
                pass
        case "lie":  # what no program of the kind prints
            say('{"type": "result", "total_cost_usd": NaN, "num_turns": 1e999, "session_id": "--rm; x", "is_error": 1}')
            say('{"type": "assistant", "message": 3}\n{"type": "user", "message": {"content": [1]}}\n[[[[{"type"')
            sys.stdout.buffer.write(b'{"session_id": "\\ud800", "type": "\xff\xfe"}\n')
            sys.stdout.flush()
            return 1
    (HERE / f"{program.name}.prompt").write_text(prompt)
    return program.end()


def main() -> int:
    program = PROGRAMS[Path(sys.argv[0]).name](sys.argv[1:])
    prompt = program.prompt()
    calls, task = HERE / f"{program.name}.calls", os.environ["AIDOS_TASK"]
    with calls.open("a") as file:
        file.write(json.dumps({"argv": sys.argv[1:], "cwd": str(Path.cwd()), "task": task, "prompt": prompt}) + "\n")
    program.begin()
    before = sum(json.loads(line)["task"] == task for line in calls.read_text().splitlines())
    own = HERE / f"{program.name}.{task}.plan"
    plan = (own if own.exists() else HERE / f"{program.name}.plan").read_text().splitlines()
    return behave(program, plan[min(before, len(plan)) - 1], prompt)


if __name__ == "__main__":
    sys.exit(main())
