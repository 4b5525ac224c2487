"""The shop on the command line: ``python -m shop COMMAND``. Exit code 2 when the command is not known."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

# One line a command, in order; tools/feature.py --command adds to it.
COMMANDS: dict[str, str] = {
    "list": "shop.listing",
}


def command(name: str) -> Callable[[list[str]], int]:
    """The function behind a command of ``COMMANDS``."""
    run: Callable[[list[str]], int] = importlib.import_module(COMMANDS[name]).run
    return run


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in COMMANDS:
        print(f"usage: shop COMMAND, one of: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    return command(arguments[0])(arguments[1:])
