"""A tree as the source text of a picture: DOT for Graphviz, or Mermaid. Pure; boxes are supervisors, rounds workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from supervisors.errors import SupervisorError

Node = Mapping[str, Any]
FILL = {"running": "#d7f0d7", "starting": "#fff3c4", "restarting": "#fff3c4", "stopping": "#e6e6e6"}
AT_REST = "#f4f4f4"


def draw(node: Node, form: str) -> str:
    """The source text of the tree under ``node`` (``id kind state pid restarts strategy? children``), in ``form``
    dot or mermaid. SupervisorError ``bad_spec`` for another form."""
    draws = FORMS.get(form)
    if draws is None:
        raise SupervisorError("bad_spec", f"format={form!r} must be one of {', '.join(FORMS)}")
    return "\n".join(draws(list(_numbered(node)))) + "\n"


def node_of(tree: Node) -> Node:
    """What ``draw`` takes, of a tree as ``ActorTree.tree`` returns it."""
    info = tree["node"]
    fields = {name: getattr(info, name) for name in ("id", "kind", "state", "pid", "restarts", "strategy")}
    return {**fields, "children": [node_of(child) for child in tree["children"]]}


def _numbered(root: Node) -> Iterator[tuple[int, int | None, Node]]:
    """Each node with a number of its own and its parent's: ids may hold any character, numbers none that matters."""
    waiting: list[tuple[int | None, Node]] = [(None, root)]
    number = 0
    while waiting:
        above, node = waiting.pop(0)
        yield number, above, node
        waiting += [(number, child) for child in node["children"]]
        number += 1


def _words(node: Node) -> list[str]:
    strategy = f" ({node['strategy']})" if node.get("strategy") else ""
    pid = f" · pid {node['pid']}" if node["pid"] else ""
    restarts = f" · {node['restarts']} restarts" if node["restarts"] else ""
    return [f"{node['id']}{strategy}", f"{node['state']}{pid}{restarts}"]


def _dot(nodes: list[tuple[int, int | None, Node]]) -> Iterator[str]:
    yield "digraph tree {"
    yield '  node [fontname="sans-serif", style="filled"];'
    for number, above, node in nodes:
        label = "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in _words(node))
        shape = "box" if node["kind"] == "supervisor" else "ellipse"
        yield f'  n{number} [label="{label}", shape={shape}, fillcolor="{FILL.get(node["state"], AT_REST)}"];'
        if above is not None:
            yield f"  n{above} -> n{number};"
    yield "}"


def _mermaid(nodes: list[tuple[int, int | None, Node]]) -> Iterator[str]:
    yield "flowchart TD"
    for number, above, node in nodes:
        label = "<br/>".join(_entities(line) for line in _words(node))
        opens, closes = ("[", "]") if node["kind"] == "supervisor" else ("([", "])")
        yield f'  n{number}{opens}"{label}"{closes}'
        yield f"  style n{number} fill:{FILL.get(node['state'], AT_REST)}"
        if above is not None:
            yield f"  n{above} --> n{number}"


def _entities(text: str) -> str:
    """Mermaid reads markup within quotes: what could be some is written by its number."""
    return "".join(f"#{ord(char)};" if char in '#&<>"`\\*_' else char for char in text)


FORMS: Mapping[str, Callable[[list[tuple[int, int | None, Node]]], Iterator[str]]] = {"dot": _dot, "mermaid": _mermaid}
