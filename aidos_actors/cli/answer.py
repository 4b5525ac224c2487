"""How every verb answers: one envelope with ``--json``, text for people without, and an exit code either way."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from aidos_actors.core.errors import AidosError

SCHEMA_VERSION = 1


@dataclass(slots=True)
class Options:
    """What every verb takes."""

    state: str = ".aidos"
    config: str | None = None
    as_json: bool = False
    debug: bool = False


class Done(Exception):
    """The verb has ended with this exit code; what it had to say is said."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


@dataclass(slots=True)
class Answer:
    """What a verb found out: ``data`` for programs, ``text`` for people, ``exit_code`` for shells."""

    data: Any
    text: str | Callable[[], str] = ""
    exit_code: int = 0
    note: str = field(default="")


def envelope(data: Any) -> str:
    return json.dumps({"schema_version": SCHEMA_VERSION, "ok": True, "data": data}, ensure_ascii=False)


def error_envelope(code: str, message: str, hint: str) -> str:
    error = {"code": code, "message": message, "hint": hint}
    return json.dumps({"schema_version": SCHEMA_VERSION, "ok": False, "error": error}, ensure_ascii=False)


def say(text: str) -> None:
    """A line for people."""
    print(printable(text), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Without the control characters that could command a terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)


def give(answer: Answer, options: Options) -> int:
    """Print the answer; its exit code."""
    if options.as_json:
        print(envelope(answer.data), flush=True)
    else:
        text = answer.text() if callable(answer.text) else answer.text
        if text:
            print(printable(text), flush=True)
    if answer.note:
        say(answer.note)
    return answer.exit_code


def give_error(error: BaseException, options: Options) -> int:
    """Say what happened, why, and what to do next; the exit code. A stack only with ``--debug``."""
    if options.debug:
        traceback.print_exception(error)
    if isinstance(error, AidosError):
        code, message, hint, exit_code = error.code, error.message, error.hint, error.exit_code
    else:
        code, exit_code = "internal", 1
        message = f"{type(error).__name__}: {error}"
        hint = "this is a defect; run again with --debug and report what it prints"
    if options.as_json:
        print(error_envelope(code, message, hint), flush=True)
    else:
        say(f"error: {message}")
        if hint:
            say(f"hint: {hint}")
    return exit_code


def usage_error(message: str, options: Options) -> NoReturn:
    """The words of the command are off: exit 2."""
    if options.as_json:
        print(error_envelope("usage", message, "see --help"), flush=True)
    else:
        say(f"error: {message}")
        say("hint: see --help")
    raise Done(2)
