"""From the words of a command line to the verb they ask for, at the least cost: a verb is often over in less time than
typer takes to look at the signatures of all of them, and to import pydantic to find out that a text is a text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError, UsageError
from typer.core import TyperArgument, TyperCommand, TyperOption
from typer.models import CommandInfo

from aidos_actors.cli.answer import Done, Interrupted, Options, give_error, say, usage_error

ANYWHERE = ("version", "plan", "config")
"""What works on every platform: it looks at files, and nothing runs."""


class _Coercion:
    """Makes the real one only for a value that is not of its type already."""

    def __init__(self, wanted: Any, real: Callable[[], Any]) -> None:
        self._wanted = wanted
        self._real = real

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        if value is None or type(value) is self._wanted:
            return value
        return self._real().coerce(value, param=param, ctx=ctx)


class _Option(TyperOption):
    def get_runtime_param(self) -> Any:
        return _Coercion(self.type_descriptor.annotation, super().get_runtime_param)


class _Argument(TyperArgument):
    def get_runtime_param(self) -> Any:
        return _Coercion(self.type_descriptor.annotation, super().get_runtime_param)


class _Verb(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        """With ``--help``, which is made only here."""
        found = super().get_params(ctx)
        for param in found:
            if isinstance(param, TyperOption):
                param.__class__ = _Option
            elif isinstance(param, TyperArgument):
                param.__class__ = _Argument
        return found


def command_for(app: typer.Typer, name: str, words: Sequence[str]) -> Callable[[], Any]:
    """What runs the verb that ``words`` begin with, or says what is wrong with them. ``name`` is the program's."""
    info = dict(_verbs(app)).get(words[0]) if words else None
    if info is None:  # no verb, an unknown one, one of a group, or the shell asks for what may come next
        return lambda: app(list(words), standalone_mode=False, prog_name=name)
    info.cls = _Verb
    command = typer.main.get_command_from_info(info, pretty_exceptions_short=True, rich_markup_mode=None)
    return lambda: command.main(list(words[1:]), standalone_mode=False, prog_name=f"{name} {words[0]}")


def refuse_elsewhere(words: Sequence[str]) -> None:
    """``Unfit`` where the platform does not carry the verb: said before anything of it is imported."""
    verb = words[0] if words else "--help"
    if sys.platform == "linux" or verb in ANYWHERE or verb.startswith("-") or "--help" in words:
        return
    from aidos_actors.core.errors import Unfit

    raise Unfit(f"`aidos {verb}` needs Linux; this is {sys.platform}", hint=f"here there are {', '.join(ANYWHERE)}")


def tell_of_words(error: ClickException, options: Options) -> NoReturn:
    """What is wrong with the words of a command; of a command without words, which there are: ``Done(2)``."""
    if isinstance(error, NoArgsIsHelpError) and not options.as_json:
        say(error.format_message())
        raise Done(2)
    context = error.ctx if isinstance(error, UsageError) else None
    usage_error(error.format_message(), options, context.command_path if context else "aidos")


def ended(exit_code: int, words: Sequence[str], options: Options) -> int:
    """Who asked for one envelope gets one after Ctrl-C, too."""
    if exit_code == 130 and options.as_json and words[0] != "events":
        return give_error(Interrupted("ended by a signal", hint="the same command may be given again"), options)
    return exit_code


def _verbs(app: typer.Typer) -> Iterator[tuple[str, CommandInfo]]:
    """Those that stand directly under the program's name."""
    for info in app.registered_commands:
        yield info.name or str(getattr(info.callback, "__name__", "")), info
    for group in app.registered_groups:
        if not isinstance(group.name, str) and group.typer_instance is not None:
            yield from _verbs(group.typer_instance)
