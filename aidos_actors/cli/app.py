"""The verbs, as typer sees them. Each is a few words of description and a call into the room that does it."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer._click.exceptions import ClickException

from aidos_actors.cli.answer import READER_GONE, Done, Options, Unread, give_error
from aidos_actors.cli.config import config_verbs
from aidos_actors.cli.db import db_verbs
from aidos_actors.cli.git import git_verbs
from aidos_actors.cli.parsing import command_for, ended, refuse_elsewhere, tell_of_words
from aidos_actors.cli.steering import steering
from aidos_actors.cli.verb import (
    DEFAULT_STATE,
    ConfigFile,
    Debug,
    Drain,
    File,
    Json,
    JsonLines,
    Revise,
    State,
    Workers,
    answer_verb,
    options_of,
)
from aidos_actors.core.errors import AidosError

app = typer.Typer(
    name="aidos",
    help="Starts a development requirement and does not stop until it is merged.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(steering)
app.add_typer(config_verbs, name="config")
app.add_typer(db_verbs, name="db")
app.add_typer(git_verbs, name="git")


@app.command()
def run(
    file: File,
    revise: Revise = False,
    workers: Workers = None,
    drain: Drain = None,
    state: State = DEFAULT_STATE,
    config: ConfigFile = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Start the runtime (or join the one that owns the state directory), submit FILE, and see it to its end."""
    from aidos_actors.cli.run import run_file

    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: run_file(file, options, workers, drain, is_revision=revise))


@app.command()
def serve(
    standby: Annotated[bool, typer.Option("--standby", help="Wait for the state directory to be free.")] = False,
    workers: Workers = None,
    drain: Drain = None,
    state: State = DEFAULT_STATE,
    config: ConfigFile = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Run the guarded runtime until it is stopped."""
    from aidos_actors.cli.serve import serve_until_stopped

    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: serve_until_stopped(options, standby, workers, drain))


@app.command()
def plan(
    file: File, state: State = DEFAULT_STATE, config: ConfigFile = None, json: Json = False, debug: Debug = False
) -> None:
    """Check a file and show its order and groups; stores nothing."""
    from aidos_actors.cli.work import plan_file

    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: plan_file(file, options))


@app.command()
def submit(
    file: File,
    revise: Revise = False,
    state: State = DEFAULT_STATE,
    config: ConfigFile = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Hand in a requirement."""
    from aidos_actors.cli.work import submit_file

    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: submit_file(file, options, is_revision=revise))


@app.command()
def status(
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="A requirement.")] = None,
    state: State = DEFAULT_STATE,
    config: ConfigFile = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show all requirements, or one with its tasks."""
    from aidos_actors.cli.look import show_status

    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: show_status(name, options))


@app.command()
def tasks(
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="A requirement.")] = None,
    state: State = DEFAULT_STATE,
    config: ConfigFile = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List the tasks of one requirement, or of all."""
    from aidos_actors.cli.look import show_tasks

    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: show_tasks(name, options))


@app.command()
def explain(
    name: Annotated[str, typer.Argument(metavar="REQ/TASK", help="A task.")],
    state: State = DEFAULT_STATE,
    config: ConfigFile = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Say why a task is not running."""
    from aidos_actors.cli.look import show_reasons

    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: show_reasons(name, options))


@app.command()
def output(
    name: Annotated[str, typer.Argument(metavar="REQ/TASK", help="A task.")],
    attempt: Annotated[int | None, typer.Option("--attempt", help="Which one (default: the newest).", min=1)] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the task has ended.")] = False,
    state: State = DEFAULT_STATE,
    config: ConfigFile = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Print what a task wrote."""
    from aidos_actors.cli.look import show_output

    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: show_output(name, attempt, follow, options))


@app.command()
def tree(
    form: Annotated[str, typer.Option("--format", help="text, dot (Graphviz) or mermaid.")] = "text",
    state: State = DEFAULT_STATE,
    config: ConfigFile = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the live supervision tree."""
    from aidos_actors.cli.tree import show_tree

    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: show_tree(options, form))


@app.command()
def top(
    sort: Annotated[str, typer.Option("--sort", help="cpu, memory, restarts or beat.")] = "memory",
    once: Annotated[bool, typer.Option("--once", help="Print one frame.")] = False,
    interval: Annotated[float, typer.Option("--interval", help="Seconds between frames.", min=0.2)] = 1.0,
    state: State = DEFAULT_STATE,
    config: ConfigFile = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Watch the processes of the live tree."""
    from aidos_actors.cli.top import show_top

    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: show_top(options, sort, once, interval))


@app.command()
def events(
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what happens next.")] = False,
    after: Annotated[int, typer.Option("--after", help="Only events after this seq.", min=0, max=2**63 - 1)] = 0,
    requirement: Annotated[str | None, typer.Option("--requirement", help="Only events of this requirement.")] = None,
    state: State = DEFAULT_STATE,
    config: ConfigFile = None,
    json: JsonLines = False,
    debug: Debug = False,
) -> None:
    """Print the journal, one JSON object a line."""
    from aidos_actors.cli.look import show_events

    options = options_of(state, config, json, debug)
    answer_verb(options, lambda: show_events(follow, after, requirement, options))


@app.command()
def version(state: State = DEFAULT_STATE, config: ConfigFile = None, json: Json = False, debug: Debug = False) -> None:
    """Show versions: of AIDOS, its protocol, Python, SQLite and git."""
    from aidos_actors.cli.version import show_version

    options = options_of(state, config, json, debug)
    answer_verb(options, show_version)


def run_command_line(arguments: list[str] | None = None) -> int:
    """Run one verb; its exit code. Nothing is raised."""
    words: list[Any] = list(sys.argv[1:] if arguments is None else arguments)
    options = Options(as_json="--json" in words, debug="--debug" in words)
    try:
        try:
            refuse_elsewhere(words)
            return ended(int(command_for(app, "aidos", words)() or 0), words, options)
        except ClickException as error:
            tell_of_words(error, options)
    except Done as done:
        return done.exit_code
    except typer.Exit as done:
        return done.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return ended(130, words, options)
    except AidosError as error:
        return give_error(error, options)
    except (BrokenPipeError, SystemExit):  # typer's word for the same, of a help that nobody reads
        return READER_GONE
    except OSError as error:
        return give_error(Unread(error), options)
