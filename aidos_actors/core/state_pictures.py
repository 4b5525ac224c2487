"""A table of states as the source text of a picture: a Mermaid state diagram."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from aidos_actors.core.states import State


def state_diagram(table: Mapping[State, Mapping[str, State]], first: State, final: Container[State]) -> str:
    """Every row of ``table`` as an arrow, in its order; events with the same way share one. ``first`` is where things
    begin; from ``final`` ones nothing goes on by itself."""
    return "\n".join(["stateDiagram-v2", f"    [*] --> {first}", *_arrows(table, final)]) + "\n"


def _arrows(table: Mapping[State, Mapping[str, State]], final: Container[State]) -> Iterator[str]:
    for state, row in table.items():
        ways: dict[State, list[str]] = {}
        for event, following in row.items():
            ways.setdefault(following, []).append(event)
        for following, events in ways.items():
            yield f"    {state} --> {following}: {', '.join(events)}"
        if state in final:
            yield f"    {state} --> [*]"
