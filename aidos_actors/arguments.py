"""What the embedded library is given, looked at before anything is done. ``BadInput`` names the argument, what it was,
and what it must be."""

from __future__ import annotations

import os
import reprlib
from numbers import Integral, Real
from typing import Any, TypeVar

from aidos_actors.core.errors import BadInput

LONGEST_S = 365 * 86400.0
Kind = TypeVar("Kind")


def text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _odd(name, value, "a text")
    return value


def text_or_none(name: str, value: object) -> str | None:
    return None if value is None else text(name, value)


def whole(name: str, value: object) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise _odd(name, value, "a whole number")
    return int(value)


def number(name: str, value: object) -> Any:
    if not isinstance(value, Real) or isinstance(value, bool) or value != value:
        raise _odd(name, value, "a number, and nan is none")
    return value


def seconds(name: str, value: object) -> float:
    """What is over before it begins is 0, and for ever is a year."""
    return float(max(0.0, min(number(name, value), LONGEST_S)))


def flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _odd(name, value, "True or False")
    return value


def path(name: str, value: object, what: str = "a path") -> str | os.PathLike[str]:
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str):
        raise _odd(name, value, what)
    return value


def mapping(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise _odd(name, value, "a mapping from names to values")
    return value


def instance(name: str, value: object, kind: type[Kind]) -> Kind:
    if not isinstance(value, kind):
        raise _odd(name, value, f"one of {kind.__module__}.{kind.__name__}")
    return value


def _odd(name: str, value: object, what: str) -> BadInput:
    said = f"{name}={reprlib.repr(value)} cannot be used: it must be {what}, not of type {type(value).__name__}"
    return BadInput(said, hint=f"give {what} as {name}; nothing was done")
