"""The key ``retry`` of a requirement file: how long retries wait, and what holds for single causes."""

from __future__ import annotations

from collections.abc import Mapping as Table
from typing import Any

from aidos_actors.analyzers import fields
from aidos_actors.analyzers.problems import Wrong, shown
from aidos_actors.analyzers.yaml_nodes import Node, Scalar
from aidos_actors.core.retry import CAUSES, CAUSES_MAX, EXCEPTION, FACTOR_MAX, RETRIES_MAX, RetryPolicy, RetryRule
from aidos_actors.core.spelling import suggestion

_EXIT_CODES = frozenset(str(code) for code in range(1, 256))
_CAUSES_HINT = f"an exit code from 1 to 255, {', '.join(CAUSES)}, or {EXCEPTION} and the name of its class"


def retry(node: Node, name: str) -> RetryPolicy:
    """The policy. Raises ``Wrong`` with the line of the key or value that is no good."""
    found = _read(node, name, {**_POLICY, "on": ("on", _rules)})
    delay_s, max_s = found.get("delay_s"), found.get("max_s")
    if delay_s is not None and max_s is not None and delay_s > max_s:
        raise Wrong(node.line, f"`{name}`: the delay is longer than its `max`", "raise `max`, or shorten `delay`")
    return RetryPolicy(**found)


def _rules(node: Node, name: str) -> dict[str, RetryRule]:
    mapping = fields.mapping(node, name)
    if len(mapping.entries) > CAUSES_MAX:
        raise Wrong(mapping.line, f"`{name}` has {len(mapping.entries)} causes", f"at most {CAUSES_MAX} are possible")
    found = {}
    for cause, (line, body) in mapping.entries.items():
        is_exception = cause.startswith(EXCEPTION) and cause.removeprefix(EXCEPTION).isidentifier()
        if cause not in CAUSES and cause not in _EXIT_CODES and not is_exception:
            hint = " ".join(
                part for part in (suggestion(cause, CAUSES).partition("valid:")[0].strip(), _CAUSES_HINT) if part
            )
            raise Wrong(line, f"`{name}`: {shown(cause)} is no cause of a failure", hint)
        found[cause] = RetryRule(**_read(body, f"{name}.{cause}", _RULE))
    return found


def _read(node: Node, name: str, table: Table[str, tuple[str, fields.Reader]]) -> dict[str, Any]:
    found = {}
    for key, (line, value) in fields.mapping(node, name).entries.items():
        if key not in table:
            raise Wrong(line, f"`{name}`: unknown key {shown(key)}", suggestion(key, list(table)))
        field, read = table[key]
        found[field] = read(value, f"{name}.{key}")
    return found


def _retries(node: Node, name: str) -> int:
    if isinstance(node, Scalar) and node.value == "never":
        return 0
    try:
        return int(fields.whole(0, RETRIES_MAX)(node, name))
    except Wrong as wrong:
        raise Wrong(wrong.line, wrong.message, f"write a number from 0 to {RETRIES_MAX}, or never") from None


def _number(low: float, high: float) -> fields.Reader:
    def read(node: Node, name: str) -> float:
        try:
            value = float(node.value) if isinstance(node, Scalar) and node.plain else None
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise Wrong(
                node.line, f"`{name}` cannot be {fields.kind_of(node)}", f"write a number from {low:g} to {high:g}"
            )
        return value

    return read


_RULE = {"retries": ("retries", _retries), "delay": ("delay_s", fields.duration)}
_POLICY: dict[str, tuple[str, fields.Reader]] = {
    "delay": ("delay_s", fields.duration),
    "factor": ("factor", _number(1, FACTOR_MAX)),
    "max": ("max_s", fields.duration),
    "jitter": ("jitter", _number(0, 1)),
}
