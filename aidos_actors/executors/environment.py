"""The environment of a task's command: what the runtime was started with, less its secrets, and what the task adds."""

from __future__ import annotations

from collections.abc import Mapping

from aidos_actors.core.variable_names import OWN_PREFIX, SECRET_NAME


def without_secrets(base: Mapping[str, str]) -> dict[str, str]:
    """``base`` without the variables whose names speak of a secret."""
    return {name: value for name, value in base.items() if not SECRET_NAME.search(name)}


def task_environment(base: Mapping[str, str], extra: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """``base`` less secrets and variables of ours, then ``extra`` (the task's, kept whatever its names), then ``own``.

    Ours come last: a task cannot pass itself off as another.
    """
    kept = {name: value for name, value in without_secrets(base).items() if not name.startswith(OWN_PREFIX)}
    return {**kept, **extra, **own}
