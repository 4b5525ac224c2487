"""The verb ``version``."""

from __future__ import annotations

import platform
import sqlite3
import subprocess

from aidos_actors import __version__
from aidos_actors.cli.answer import Answer
from supervisors.frames import PROTOCOL

GIT_TIMEOUT_S = 10.0


def show_version() -> Answer:
    data = {
        "version": __version__,
        "protocol": PROTOCOL,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "git": _version_of_git(),
    }
    shown = {"aidos": __version__, **{name: value for name, value in data.items() if name != "version"}}
    return Answer(data, "  ".join(f"{name} {value}" for name, value in shown.items()))


def _version_of_git() -> str:
    """``none`` when there is no git to be had."""
    try:
        said = subprocess.run(["git", "version"], capture_output=True, text=True, timeout=GIT_TIMEOUT_S).stdout
        return said.split()[-1]
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return "none"
