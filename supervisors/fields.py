"""One field of a description is what it may be, or a SupervisorError ``bad_spec`` names it with its value. Pure."""

from __future__ import annotations

import sys

from supervisors.errors import SupervisorError

ID_CHARS_MAX = 200


def refuse(what: str, name: str, value: object, rule: str) -> SupervisorError:
    return SupervisorError("bad_spec", f"{what}: {name}={value!r} {rule}", child=what)


def number(what: str, name: str, value: object, *, least: float, above: bool = False) -> None:
    ok = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if not ok or value < least or (above and value == least):  # type: ignore[operator]
        raise refuse(what, name, value, f"must be a finite number {'above' if above else 'from'} {least:g}")


def whole(what: str, name: str, value: object, *, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise refuse(what, name, value, f"must be a whole number from {least}")


def text_id(value: object) -> None:
    if not isinstance(value, str) or not value or "/" in value or len(value) > ID_CHARS_MAX or not value.isprintable():
        rule = f"must be a printable text of 1 to {ID_CHARS_MAX} characters without '/'"
        raise refuse("child spec", "id", value, rule)
