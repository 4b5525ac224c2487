"""YAML text as a tree in which every scalar is still the text that was written, and every node knows its line.

The tree is built from PyYAML's events by a loop, never by recursion, so neither deep nesting nor aliases that multiply
can hurt: aliases share one node, and what they would expand to is added up while it is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import yaml
from msgspec import Struct, field
from yaml.reader import Reader

from aidos_actors.analyzers.problems import Wrong, shown

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NODES_MAX = 4_000_000
NESTING_MAX = 100
DIRECTIVES_MAX = 10

_STANDARD = "tag:yaml.org,2002:"
_SCALAR_TAGS = frozenset(_STANDARD + name for name in ("str", "int", "float", "bool", "null"))
_NULL_TEXTS = frozenset(("", "~", "null", "Null", "NULL"))
_LINE_ENDS = ("\n", "\r", "\x85", "\u2028", "\u2029")
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")


class Scalar(Struct):
    """Text as written. ``plain``: without quotes and tag, so it may mean a number or nothing. ``tag``: short name."""

    value: str
    line: int
    plain: bool
    tag: str | None = None

    @property
    def is_null(self) -> bool:
        return self.tag == "null" or (self.plain and self.value in _NULL_TEXTS)


class Items(Struct):
    """A YAML sequence."""

    line: int
    items: list[Node] = field(default_factory=list)


class Mapping(Struct):
    """A YAML mapping: key text -> (line of the key, value), in file order."""

    line: int
    entries: dict[str, tuple[int, Node]] = field(default_factory=dict)


Node = Scalar | Items | Mapping

_NO_KEY = Scalar("", 0, plain=False)  # stands where a key could not be used; its value is left out


def compose(text: str, report: Callable[[Wrong], None], *, limit_chars: int, first_line: int = 1) -> Node | None:
    """The tree of the one document in ``text``, whose first line has that number; None when there is none.

    Doubled keys, tags and the like are reported and left out. Raises ``Wrong`` where reading cannot go on: broken
    YAML, a second document, nesting over 100, more than 4,000,000 nodes, or aliases that expand over ``limit_chars``.
    """
    builder = _Builder(report, limit_chars, first_line)
    unreadable = Reader.NON_PRINTABLE.search(text)
    if unreadable is not None:
        raise _not_text(text, unreadable.start(), first_line)
    if text.startswith("%") + sum(text.count(end + "%") for end in _LINE_ENDS) > DIRECTIVES_MAX:
        # Parsers compare each directive with all before it: millions of them would take hours.
        raise Wrong(1, f"more than {DIRECTIVES_MAX} lines begin with %", "take the YAML directives out")
    try:
        for event in yaml.parse(text, Loader=LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        raise _broken(error, first_line) from None
    return builder.root


class _Open(Struct):
    """A collection not yet closed, with the counts from before it began. ``key``: its value is still to come."""

    node: Items | Mapping
    anchor: str | None
    nodes_before: int
    chars_before: int
    height: int = 1
    key: Scalar | None = None


class _Anchored(Struct):
    """What an alias of a closed node stands for, fully expanded; ``node`` is None while it is open."""

    node: Node | None
    nodes: int = 0
    chars: int = 0
    height: int = 0


class _Builder:
    def __init__(self, report: Callable[[Wrong], None], limit_chars: int, first_line: int) -> None:
        self.root: Node | None = None
        self._report = report
        self._limit_chars = limit_chars
        self._first_line = first_line
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._nodes = 0
        self._chars = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        line = self._first_line + (event.start_mark.line if event.start_mark else 0)
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._begin(event, line)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", line)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise Wrong(
                    line, "a second document begins here", "one requirement a file: put it in a file of its own"
                )

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        tag = event.tag if event.tag in _SCALAR_TAGS else None
        if event.tag is not None and tag is None:
            self._refuse_tag(event.tag, line)
        if _NOT_TEXT.search(event.value):
            self._report(Wrong(line, "the text holds a NUL or half a character", "remove the escape that makes it"))
        node = Scalar(event.value, line, bool(event.implicit[0]), tag.removeprefix(_STANDARD) if tag else None)
        self._count(1, len(event.value) + 1, line)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(node, 1, len(event.value) + 1)
        self._attach(node, 0)

    def _begin(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, line: int) -> None:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, _STANDARD + ("map" if is_mapping else "seq")):
            self._refuse_tag(event.tag, line)
        if len(self._open) >= NESTING_MAX:
            raise _too_deep(line)
        node: Items | Mapping = Mapping(line) if is_mapping else Items(line)
        self._open.append(_Open(node, event.anchor, self._nodes, self._chars))
        self._count(1, 1, line)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(None)

    def _end(self) -> None:
        ended = self._open.pop()
        if ended.anchor is not None:
            nodes, chars = self._nodes - ended.nodes_before, self._chars - ended.chars_before
            self._anchors[ended.anchor] = _Anchored(ended.node, nodes, chars, ended.height)
        self._attach(ended.node, ended.height)

    def _alias(self, name: str, line: int) -> None:
        target = self._anchors.get(name)
        if target is None:
            raise Wrong(line, f"alias *{name} has no anchor &{name} before it", f"write &{name} where the value stands")
        if target.node is None:
            raise Wrong(line, f"alias *{name} stands inside its own anchor", "a value cannot contain itself")
        if len(self._open) + target.height > NESTING_MAX:
            raise _too_deep(line)
        self._count(target.nodes, target.chars, line)
        self._attach(target.node, target.height)

    def _count(self, nodes: int, chars: int, line: int) -> None:
        self._nodes += nodes
        self._chars += chars
        if self._nodes > NODES_MAX:
            raise Wrong(line, f"more than {NODES_MAX:,} values, aliases expanded", "split the requirement")
        if self._chars > self._limit_chars:
            what = f"the document, its aliases expanded, is over {self._limit_chars:,} characters"
            raise Wrong(line, what, "use fewer aliases, or raise limits.requirement_bytes in aidos.toml")

    def _attach(self, node: Node, height: int) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.height = max(parent.height, height + 1)
        if isinstance(parent.node, Items):
            parent.node.items.append(node)
        elif parent.key is None:
            parent.key = self._key(node)
        else:
            self._enter(parent.node, parent.key, node)
            parent.key = None

    def _key(self, node: Node) -> Scalar:
        if isinstance(node, Scalar):
            return node
        self._report(Wrong(node.line, "a key must be text, not a list or a mapping", "write the key as one word"))
        return _NO_KEY

    def _enter(self, mapping: Mapping, key: Scalar, value: Node) -> None:
        if key is _NO_KEY:
            return
        if key.plain and key.value == "<<":
            self._report(Wrong(key.line, "merge keys (<<) are not read", "write the keys out where they are wanted"))
        elif key.value in mapping.entries:
            first, again = mapping.entries[key.value][0], key.line
            what = f"key {shown(key.value)} is written twice, on line {first} and on line {again}"
            self._report(Wrong(again, what, "keep one of the two"))
        else:
            mapping.entries[key.value] = (key.line, value)

    def _refuse_tag(self, tag: str, line: int) -> None:
        name = tag.replace(_STANDARD, "!!")
        self._report(Wrong(line, f"tag {shown(name)} is not read", "remove the tag; text, numbers, lists, mappings do"))


def _too_deep(line: int) -> Wrong:
    return Wrong(line, f"nested more than {NESTING_MAX} deep", "make the structure flatter")


def _not_text(text: str, at: int, first_line: int) -> Wrong:
    character = f"character U+{ord(text[at]):04X} at offset {at:,}"
    return Wrong(
        text.count("\n", 0, at) + first_line, f"{character} has no place in YAML", "remove it, or save the file as text"
    )


def _broken(error: yaml.YAMLError, first_line: int) -> Wrong:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    context = getattr(error, "context", None)
    hint = "look at the indentation and the quotes on this line and the one before"
    if problem.startswith("found character") and "cannot start any token" in problem:
        hint = "indent with spaces, not with tabs; put a value that begins with @ ` or % in quotes"
    elif problem.startswith("mapping values are not allowed"):
        hint = "put quotes around a value that holds ': ', and look at the indentation"
    message = f"not valid YAML: {problem}" + (f" ({context})" if context else "")
    return Wrong(first_line + (mark.line if mark else 0), message, hint)
