#!/usr/bin/env python3
"""Stands in for the coding agents' programs, each of which it is when it is called by that name (``stand_ins`` has
them). What it does is told by files beside it: ``NAME.plan`` has a line for each call (the last holds for all further
ones), ``NAME.calls`` gets one for each call."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from stand_ins.aider import Aider
from stand_ins.claude import Claude
from stand_ins.codex import Codex
from stand_ins.goose import Goose
from stand_ins.opencode import OpenCode
from stand_ins.program import Program, say

HERE = Path(__file__).resolve().parent
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
