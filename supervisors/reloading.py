"""What a guardian has its host's code do: on SIGHUP its charge is made anew from the configuration, or stays what it
is; and why no system came up is told."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from msgspec.structs import replace

from supervisors.charge import Charge


def reloaded(charge: Charge) -> tuple[Charge, str]:
    """The charge for the next system, and why it is still the old one (empty when the configuration was good)."""
    if charge.reload is None:
        return charge, "nothing to reload"
    module, function, args = charge.reload
    try:
        spec, before_stop = getattr(import_module(module), function)(*args)
    except Exception as error:
        return charge, f"{type(error).__name__}: {error}"
    return replace(charge, spec=spec, before_stop=before_stop), ""


def told_by_host(last_word: tuple[str, str, tuple[Any, ...]], kind: str, reason: Any) -> int:
    """It is said that no system came up; the exit code. See ``Charge.last_word``."""
    module, function, args = last_word
    return int(getattr(import_module(module), function)(kind, reason, *args))
