"""What every verb has: its options, and how its work becomes words and an exit code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from aidos_actors.cli.answer import READER_GONE, Answer, Done, Options, give, give_error, usage_error

State = Annotated[str, typer.Option("--state", envvar="AIDOS_STATE_DIR", help="State directory.")]
ConfigFile = Annotated[str | None, typer.Option("--config", help="Configuration file (default aidos.toml).")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON envelope.")]
JsonLines = Annotated[bool, typer.Option("--json", help="One JSON object a line, with it and without.")]
Workers = Annotated[
    int | None, typer.Option("--workers", help="Workers of the runtime (default: runtime.workers).", min=1, max=50)
]
Drain = Annotated[
    float | None,
    typer.Option(
        "--drain", help="Seconds that running tasks get at a stop (default: runtime.drain_s).", min=0, max=3600
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Print the stack of an error.")]
File = Annotated[str, typer.Argument(help="A requirement file.")]
Revise = Annotated[bool, typer.Option("--revise", help="Replace other content under the same id.")]
DEFAULT_STATE = ".aidos"


def answer_verb(options: Options, work: Callable[[], Answer | int]) -> None:
    """Run one verb to its exit code; every error becomes words and a code."""
    try:
        answer = work()
        raise Done(answer if isinstance(answer, int) else give(answer, options))
    except (Done, KeyboardInterrupt):
        raise
    except BrokenPipeError:
        raise Done(READER_GONE) from None
    except BaseException as error:
        raise Done(give_error(error, options)) from error


def options_of(state: str, config: str | None, as_json: bool, debug: bool) -> Options:
    """``Done(2)`` for a state directory without a name: an unset variable must not fill the working folder."""
    options = Options(state, config, as_json, debug)
    if not state:
        usage_error("--state is empty", options)
    return options
