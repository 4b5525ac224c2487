"""What each key of a requirement may hold. A reader takes a node and the key's name and gives a checked value.

Every reader raises ``Wrong`` with the line of the value. Text stays as written (``010``, ``yes``); a number is read
only where a number is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

from aidos_actors.analyzers.problems import Wrong, shown
from aidos_actors.analyzers.yaml_nodes import Items, Mapping, Node, Scalar
from aidos_actors.core.durations import parse_duration_s
from aidos_actors.core.requirement import AGENTS_MAX, Mode, check_id
from aidos_actors.core.spelling import suggestion

Reader = Callable[[Node, str], Any]

ID_SHOWN_MAX_CHARS = 100
NUMBER_MAX_CHARS = 400
_WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,17})")
_NOT_A_BRANCH = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|^[./-]|[./]$|\.lock(?:/|$)|^@$"  # what git check-ref-format refuses
)
_resolver = yaml.resolver.Resolver()
_constructor = yaml.constructor.SafeConstructor()
_STANDARD = "tag:yaml.org,2002:"


def text(node: Node, name: str) -> str:
    """Any text, as written."""
    if not isinstance(node, Scalar):
        raise Wrong(node.line, f"`{name}` must be text, not {kind_of(node)}", f"write it as `{name}: some text`")
    return node.value


def words(node: Node, name: str) -> str:
    """Text that is not blank."""
    value = text(node, name)
    if not value.strip():
        raise Wrong(node.line, f"`{name}` is blank", "give it a value or take the key out")
    return value


def identifier(node: Node, name: str) -> str:
    return checked_id(text(node, name), node.line)


def checked_id(value: str, line: int, hint: str = "change the id; a plain word such as build-index will do") -> str:
    """The id itself. Raises ``Wrong`` with the rule."""
    try:
        return check_id(value)
    except ValueError as error:
        message = str(error) if len(value) <= ID_SHOWN_MAX_CHARS else f"an id of {len(value):,} characters is too long"
        raise Wrong(line, message, hint) from None


def whole(low: int, high: int) -> Reader:
    """A reader of whole numbers from ``low`` to ``high``."""

    def read(node: Node, name: str) -> int:
        is_number = isinstance(node, Scalar) and (node.plain or node.tag == "int")
        if not isinstance(node, Scalar) or not is_number or not _WHOLE.fullmatch(node.value):
            hint = f"write a number from {low} to {high}, without quotes and leading zeros"
            raise Wrong(node.line, f"`{name}` must be a whole number, not {kind_of(node)}", hint)
        value = int(node.value)
        if not low <= value <= high:
            raise Wrong(node.line, f"`{name}` is {value}, which is out of range", f"choose from {low} to {high}")
        return value

    return read


def duration(node: Node, name: str) -> float:
    """A span in seconds."""
    if not isinstance(node, Scalar):
        raise Wrong(node.line, f"`{name}` must be a duration, not {kind_of(node)}", f"write it as `{name}: 10m`")
    try:
        return parse_duration_s(node.value)
    except ValueError as error:
        raise Wrong(node.line, f"`{name}`: {error}", f"write it as `{name}: 10m`") from None


def mode(node: Node, name: str) -> Mode:
    value = text(node, name)
    modes = [str(known) for known in Mode]
    if value not in modes:
        raise Wrong(node.line, f"`{name}` cannot be {shown(value)}", suggestion(value, modes))
    return Mode(value)


def folder(node: Node, name: str) -> str:
    value = words(node, name)
    if "://" in value:
        hint = "clone it first and name the folder, relative to this file"
        raise Wrong(node.line, f"`{name}` must be a folder of this machine, not {shown(value)}", hint)
    return value


def revision(node: Node, name: str) -> str:
    """A name for a commit. Whether it exists is the repository's to say."""
    value = words(node, name)
    if value.startswith("-") or re.search(r"[\x00-\x20\x7f]", value):
        raise Wrong(node.line, f"`{name}` cannot be {shown(value)}", "name a branch, for example main")
    return value


def branch(node: Node, name: str) -> str:
    """A branch name that git accepts."""
    value = words(node, name)
    if _NOT_A_BRANCH.search(value):
        hint = "choose a name without blanks and ~ ^ : ? * [ \\ .., for example aidos/search"
        raise Wrong(node.line, f"`{name}`: {shown(value)} is not a branch name", hint)
    return value


def callable_name(node: Node, name: str) -> str:
    value = text(node, name)
    module, colon, function = value.partition(":")
    if not colon or not function.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        hint = f"write it as `{name}: package.module:function`"
        raise Wrong(node.line, f"`{name}`: {shown(value)} does not name a function of a module", hint)
    return value


def needs(node: Node, name: str) -> tuple[str, ...]:
    """Ids in the order written; one id may stand without a list."""
    if isinstance(node, Mapping):
        raise Wrong(node.line, f"`{name}` must be a list of task ids, not a mapping", f"write it as `{name}: [a, b]`")
    items = node.items if isinstance(node, Items) else [node]
    hint = f"name tasks of this file, as a list: `{name}: [a, b]`"
    return tuple(checked_id(text(item, name), item.line, hint) for item in items)


def agents(node: Node, name: str) -> tuple[str, ...]:
    """Names of coding agents in the order written, each once; one may stand without a list."""
    hint = f"name one, as `{name}: claude`, or several, as `{name}: [claude, codex]`"
    if isinstance(node, Mapping):
        raise Wrong(node.line, f"`{name}` must be the name of an agent, not a mapping", hint)
    items = node.items if isinstance(node, Items) else [node]
    if not items:
        raise Wrong(node.line, f"`{name}` names nobody", hint)
    if len(items) > AGENTS_MAX:
        raise Wrong(node.line, f"`{name}` names {len(items)} agents, more than {AGENTS_MAX}", "name fewer")
    return tuple(dict.fromkeys(words(item, name) for item in items))


def changes(node: Node, name: str) -> str:
    value = text(node, name)
    if value not in ("required", "optional"):
        raise Wrong(node.line, f"`{name}` cannot be {shown(value)}", suggestion(value, ["required", "optional"]))
    return value


def environment(node: Node, name: str) -> dict[str, str]:
    """Names and values for the process, sorted, for their order means nothing."""
    found: dict[str, str] = {}
    for key, (line, value) in sorted(mapping(node, name).entries.items()):
        if not key or "=" in key:
            raise Wrong(line, f"`{name}`: {shown(key)} cannot name a variable", "use letters, digits and _")
        found[key] = text(value, f"{name}.{key}" if len(key) <= ID_SHOWN_MAX_CHARS else name)
    return found


def arguments(node: Node, name: str) -> dict[str, Any]:
    """What a function is called with: JSON values, by the safe types of YAML 1.1."""
    return {key: _json_value(value) for key, (_, value) in mapping(node, name).entries.items()}


def mapping(node: Node, name: str) -> Mapping:
    if not isinstance(node, Mapping):
        raise Wrong(
            node.line, f"`{name}` must be a mapping, not {kind_of(node)}", f"write it as `{name}: {{key: value}}`"
        )
    return node


def _json_value(node: Node) -> Any:
    """Recursion is as deep as the document, which is bounded."""
    if isinstance(node, Items):
        return [_json_value(item) for item in node.items]
    if isinstance(node, Mapping):
        return {key: _json_value(value) for key, (_, value) in node.entries.items()}
    kind = node.tag or _resolved(node)
    if kind in ("null", "bool", "int", "float"):
        return _json_scalar(node, kind)
    if kind == "timestamp":
        raise Wrong(node.line, f"the date {shown(node.value)} is no JSON value", "put it in quotes to pass it as text")
    return node.value


def _resolved(node: Scalar) -> str:
    implicit = (node.plain, not node.plain)
    tag: str = _resolver.resolve(yaml.ScalarNode, node.value, implicit)  # type: ignore[no-untyped-call]
    return tag.removeprefix(_STANDARD)


def _json_scalar(node: Scalar, kind: str) -> bool | int | float | None:
    if len(node.value) > NUMBER_MAX_CHARS:
        raise Wrong(node.line, f"a number of {len(node.value):,} characters is too long", "put it in quotes")
    construct: Callable[[yaml.ScalarNode], Any] = getattr(_constructor, f"construct_yaml_{kind}")
    try:
        value = construct(yaml.ScalarNode(_STANDARD + kind, node.value))
    except (ValueError, KeyError, IndexError, ArithmeticError):
        raise Wrong(node.line, f"{shown(node.value)} cannot be read as {kind}", "put it in quotes") from None
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise Wrong(node.line, f"{shown(node.value)} is no JSON value", "put it in quotes to pass it as text")
    return value  # type: ignore[no-any-return]


def kind_of(node: Node) -> str:
    if isinstance(node, Items):
        return "a list"
    return "a mapping" if isinstance(node, Mapping) else shown(node.value)
