"""The environment of a task's command: what the runtime was started with, less its secrets, and what the task adds."""

from __future__ import annotations

import os
from collections.abc import Mapping

from aidos_actors.core.variable_names import OWN_PREFIX, REPOSITORY_NAMES, SECRET_NAME


def without_secrets(base: Mapping[str, str]) -> dict[str, str]:
    """``base`` without the variables whose names speak of a secret."""
    return {name: value for name, value in base.items() if not SECRET_NAME.search(name)}


def forget_repository() -> None:
    """Callables run in this very process; from here on no variable sends them, or what they start, into a repository
    other than the one they stand in."""
    for name in REPOSITORY_NAMES:
        os.environ.pop(name, None)


def task_environment(base: Mapping[str, str], extra: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """``base`` less secrets, variables of ours, and what binds git to another repository than the one that is stood in
    (a runtime started by a git hook has it); then ``extra`` (the task's, kept whatever its names), then ``own``.

    Ours come last: a task cannot pass itself off as another.
    """
    kept = {
        name: value
        for name, value in without_secrets(base).items()
        if not name.startswith(OWN_PREFIX) and name not in REPOSITORY_NAMES
    }
    return {**kept, **extra, **own}
