"""How every verb answers: one envelope with ``--json``, text for people without, and an exit code either way."""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn, TextIO

from msgspec import Struct

from aidos_actors.core.errors import AidosError
from aidos_actors.machine_errors import in_our_words
from supervisors.errors import SupervisorError

SCHEMA_VERSION = 1
READER_GONE = 141
_HALF = re.compile("[\ud800-\udfff]")


class Options(Struct):
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


class Answer(Struct):
    """What a verb found out: ``data`` for programs, ``text`` for people, ``exit_code`` for shells."""

    data: Any
    text: str | Callable[[], str] = ""
    exit_code: int = 0
    note: str = ""


def envelope(data: Any) -> str:
    return _json({"schema_version": SCHEMA_VERSION, "ok": True, "data": data})


def error_envelope(code: str, message: str, hint: str) -> str:
    error = {"code": code, "message": message, "hint": hint}
    return _json({"schema_version": SCHEMA_VERSION, "ok": False, "error": error})


def _json(value: Any) -> str:
    """As people read it; half characters, as in names out of bytes that are no text, as their numbers."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isascii() or not _HALF.search(text) else json.dumps(value)


def say(text: str) -> None:
    """A line for people. Nobody there to read it, or no room for it, ends no work."""
    try:
        print(printable(text), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        sys.stderr = nowhere()


def nowhere() -> TextIO:
    """A stream whose words nobody reads; what the one before could not write is not tried again at the end."""
    return open(os.devnull, "w")  # noqa: PTH123 - for the rest of this process


class _Usage(AidosError):
    """The words of a command are off."""

    code = "usage"
    exit_code = 2


class Interrupted(AidosError):
    """A signal has ended the verb."""

    code = "interrupted"

    def __init__(self, message: str, exit_code: int = 130, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


class Unread(AidosError):
    """Standard output took no more. Says nothing of what the verb was about: it may be asked again."""

    code = "output"
    exit_code = 75

    def __init__(self, error: OSError) -> None:
        super().__init__(f"the answer could not be written: {error.strerror}", hint="free space there")


def put(text: str, end: str = "\n") -> None:
    """Write data to standard output. ``Done(141)`` when its reader has gone, as programs do that SIGPIPE ends."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        sys.stdout = nowhere()
        raise Done(READER_GONE) from None
    except UnicodeEncodeError:
        print(_in_ascii(text), end=end, flush=True)
    except OSError as error:
        sys.stdout = nowhere()
        raise Unread(error) from error


def _in_ascii(text: str) -> str:
    """Each other letter as JSON writes it, so that JSON stays JSON."""
    return "".join(char if char.isascii() else json.dumps(char)[1:-1] for char in text)


def printable(text: str) -> str:
    """Without the control characters that could command a terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)


def give(answer: Answer, options: Options) -> int:
    """Print the answer; its exit code."""
    if options.as_json:
        put(envelope(answer.data))
    else:
        text = answer.text() if callable(answer.text) else answer.text
        if text:
            put(printable(text))
    if answer.note:
        say(answer.note)
    return answer.exit_code


def give_error(error: BaseException, options: Options) -> int:
    """Say what happened, why, and what to do next; the exit code. A stack only with ``--debug``."""
    if options.debug:
        traceback.print_exception(error)
    if isinstance(error, OSError):
        error = in_our_words(error) or error
    if isinstance(error, AidosError):
        code, message, hint, exit_code = error.code, error.message, error.hint, error.exit_code
    elif isinstance(error, SupervisorError):
        code, message, exit_code = error.code, str(error), 1
        hint = "nothing of it was left running; look at what it says, and at the state directory's `log` folder"
    else:
        code, exit_code = "internal", 1
        message = f"{type(error).__name__}: {error}"
        hint = "this is a defect; run again with --debug and report what it prints"
    if options.as_json and not isinstance(error, Unread):
        try:
            put(error_envelope(code, message, hint))
            return exit_code
        except (Unread, Done):  # then at least for people
            pass
    say(f"error: {message}")
    if hint:
        say(f"hint: {hint}")
    return exit_code


def usage_error(message: str, options: Options, command: str = "aidos") -> NoReturn:
    """The words of ``command`` are off: exit 2."""
    raise Done(give_error(_Usage(message, hint=f"see `{command} --help`"), options))
