"""What ``nursery.py`` executes, by file path: arguments are the order socket's number and the owner's pid and start.

Only files of this folder and of the standard library are imported. The packages get their paths without their
``__init__`` being run, so that neither a user's module of the same name nor our own weight comes in.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType


def _place_package(name: str, folder: str) -> None:
    package = sys.modules[name] = ModuleType(name)
    package.__path__ = [folder]


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib would double the start time
    _place_package("aidos_actors", os.path.dirname(here))  # noqa: PTH120
    _place_package("aidos_actors.executors", here)

    from aidos_actors.executors.keeper import main

    main(*map(int, sys.argv[1:4]))
