"""A requirement in Markdown: the keys as front matter, the tasks as a list under ``## Tasks``, or words instead of it.

It becomes the same tree of nodes as a YAML document, each node with its line in this file, and is checked as one. An
item is a task: its id and title on the item's own line, its keys on the indented lines below, as they are or in a
fenced block of YAML.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import PurePath

from msgspec import Struct, field

from aidos_actors.analyzers.problems import Wrong, shown
from aidos_actors.analyzers.yaml_nodes import Items, Mapping, Node, Scalar, compose
from aidos_actors.core.spelling import nearest_name

SUFFIXES = (".md", ".markdown")
MARK = "---"
LIST = "tasks"
_LINE_END = re.compile("\r\n|\r|\n")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*(\w*)")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:[ \t]+(.*))?$")
_TASK = re.compile(
    r"(?:\*\*(?P<bold>[^*\s:]+):?\*\*:?|`(?P<code>[^`\s:]+)`:?|(?P<plain>[^\s:*`]+)(?::(?=\s|$)|\s*$))\s*(?P<title>.*)"
)
_EXAMPLE = "write `- id: title`, and below it, indented, its keys, for example `run: make`"

Report = Callable[[Wrong], None]


class _Heading(Struct, frozen=True):
    at: int
    level: int
    text: str


class _Item(Struct):
    """One item of the list: where it stands, what its first line says, and the lines below it."""

    at: int
    head: str
    body: list[str] = field(default_factory=list)


def is_markdown(file: str, text: str) -> bool:
    """By the name of the file; a text without one when its first block between two lines ``---`` is front matter."""
    suffix = PurePath(file).suffix.lower()
    if suffix or not text.startswith(MARK):
        return suffix in SUFFIXES
    return any(line.rstrip() == MARK for line in _LINE_END.split(text)[1:])


def read_markdown(text: str, report: Report, *, limit_chars: int) -> tuple[Mapping, str | None]:
    """The keys of the front matter, with those of the list under ``tasks``; and the words, when nothing lists tasks.

    Raises ``Wrong`` where reading cannot go on, as ``compose`` does."""
    lines = _LINE_END.split(text)
    end = _end_of_front(lines)
    root = _front(lines[1:end], report, limit_chars)
    body = _Body(lines, end + 1)
    heading = body.list_heading(report)
    if "title" not in root.entries and (title := body.title()) is not None:
        root.entries["title"] = (title.at + 1, Scalar(title.text, title.at + 1, plain=False))
    if heading is not None:
        line = heading.at + 1
        if LIST in root.entries:
            what = f"the tasks stand twice, on line {root.entries[LIST][0]} and on line {line}"
            report(Wrong(line, what, "keep one of the two"))
        root.entries[LIST] = (line, _tasks(body, heading, report))
        return root, None
    words = "\n".join(lines[end + 1 :]).strip()
    if LIST in root.entries:
        return root, None
    if not words:
        raise Wrong(end + 1, "there are no tasks", f"add a heading `## Tasks` and a list: {_EXAMPLE}")
    return root, words


def _end_of_front(lines: list[str]) -> int:
    hint = f"begin with a line `{MARK}`, then `id: some-name`, then a line `{MARK}`"
    if lines[0].rstrip() != MARK:
        raise Wrong(1, "the front matter is missing", hint)
    for at, line in enumerate(lines[1:], 1):
        if line.rstrip() == MARK:
            return at
    raise Wrong(1, "the front matter has no end", hint)


def _front(lines: list[str], report: Report, limit_chars: int) -> Mapping:
    root = compose("\n".join(lines), report, limit_chars=limit_chars, first_line=2)
    if root is None:
        return Mapping(1)
    if not isinstance(root, Mapping):
        what = "a list" if isinstance(root, Items) else f"the text {shown(root.value)}"
        raise Wrong(root.line, f"the front matter is {what}, not a mapping", "begin it with `id: some-name`")
    return root


class _Body:
    """What follows the front matter: which lines are code, and the headings outside of it."""

    def __init__(self, lines: list[str], first: int) -> None:
        self.lines = lines
        self.is_code = [False] * len(lines)
        self.headings: list[_Heading] = []
        fence = ""
        for at in range(first, len(lines)):
            found = _FENCE.match(lines[at])
            self.is_code[at] = bool(fence or found)
            if fence:
                fence = "" if found and found[1].startswith(fence) and not found[2] else fence
            elif found:
                fence = found[1]
            elif heading := _HEADING.match(lines[at]):
                self.headings.append(_Heading(at, len(heading[1]), heading[2]))

    def title(self) -> _Heading | None:
        """The first heading of the first level."""
        return next((each for each in self.headings if each.level == 1 and each.text), None)

    def list_heading(self, report: Report) -> _Heading | None:
        """The heading of the tasks; None when there is none. One that nearly is, above a list of tasks, is refused."""
        found = [each for each in self.headings if each.level == 2 and each.text.lower() == LIST]
        for again in found[1:]:
            what = f"the heading `## Tasks` stands twice, on line {found[0].at + 1} and on line {again.at + 1}"
            report(Wrong(again.at + 1, what, "put all tasks into one list"))
        if found:
            return found[0]
        for each in self.headings:
            first = next(self.items(each, lambda _: None), None)
            if nearest_name(each.text.lower(), [LIST]) and first is not None and _TASK.fullmatch(first.head):
                written = f"{'#' * each.level} {each.text}"
                raise Wrong(each.at + 1, f"{shown(written)} is no heading of tasks", "write it as `## Tasks`")
        return None

    def items(self, heading: _Heading, report: Report) -> Iterator[_Item]:
        """The items below ``heading``, up to the next one of its level. Words may stand before the first, and after a
        smaller heading; what stands at the left edge elsewhere is reported."""
        item: _Item | None = None
        smaller = {each.at for each in self.headings if each.level > heading.level}
        higher = (each.at for each in self.headings if each.at > heading.at and each.level <= heading.level)
        for at in range(heading.at + 1, next(higher, len(self.lines))):
            line = self.lines[at]
            found = None if self.is_code[at] else _ITEM.match(line)
            if found or at in smaller:
                if item is not None:
                    yield item
                item = _Item(at, (found[1] or "").strip()) if found else None
            elif item is None:
                continue
            elif not line.strip() or line[0] in " \t" or (self.is_code[at] and _is_indented(item)):
                item.body.append(line)
            else:
                hint = "indent it by two spaces if it belongs to the task above; put words before the list"
                report(Wrong(at + 1, f"{shown(line)} belongs to no task", hint))
        if item is not None:
            yield item


def _is_indented(item: _Item) -> bool:
    """A block of code begun below the item goes on, whatever its indentation."""
    return any(_FENCE.match(line) for line in item.body)


def _tasks(body: _Body, heading: _Heading, report: Report) -> Mapping:
    tasks = Mapping(heading.at + 1)
    for item in body.items(heading, report):
        line = item.at + 1
        found = _TASK.fullmatch(item.head)
        if found is None:
            raise Wrong(line, f"{shown(item.head)} begins with no id of a task", _EXAMPLE)
        name = found["bold"] or found["code"] or found["plain"]
        if name in tasks.entries:
            what = f"task {shown(name)} is written twice, on line {tasks.entries[name][0]} and on line {line}"
            report(Wrong(line, what, "give each task an id of its own"))
            continue
        tasks.entries[name] = (line, _keys(name, item, found["title"].strip(), report))
    if not tasks.entries:
        raise Wrong(heading.at + 1, "there are no tasks below this heading", _EXAMPLE)
    return tasks


def _keys(name: str, item: _Item, title: str, report: Report) -> Node:
    line = item.at + 1
    body, first = _yaml_of(item)
    text = textwrap.dedent("\n".join(body))
    limit_chars = 2 * len(text) + 100  # room for what is written, not for aliases that multiply
    node = compose(text, report, limit_chars=limit_chars, first_line=first)
    if node is None:
        node = Mapping(line)
    if not title or not isinstance(node, Mapping):
        return node
    if "title" in node.entries:
        what = f"task {shown(name)} has two titles, on line {line} and on line {node.entries['title'][0]}"
        report(Wrong(node.entries["title"][0], what, "keep one of the two"))
    node.entries["title"] = (line, Scalar(title, line, plain=False))
    return node


def _yaml_of(item: _Item) -> tuple[list[str], int]:
    """The lines with the keys of an item, without a fence around them, and the number of the first."""
    first = item.at + 2
    for at, line in enumerate(item.body):
        if not line.strip():
            continue
        fence = _FENCE.match(line)
        if fence is None:
            return item.body[at:], first + at
        if fence[2].lower() not in ("yaml", "yml", ""):
            raise Wrong(first + at, f"a block of {shown(fence[2])} below a task", "write its keys in a block of `yaml`")
        inside = item.body[at + 1 :]
        length = next((n for n, each in enumerate(inside) if each.strip().startswith(fence[1])), len(inside))
        for n, each in enumerate(inside[length + 1 :], at + length + 2):
            if each.strip():
                hint = "put all keys into the block, or all outside of it"
                raise Wrong(first + n, f"{shown(each.strip())} stands after the block with the task's keys", hint)
        return inside[:length], first + at + 1
    return [], first
