"""The names of analyzers: ours, and those of other packages (entry points ``aidos_actors.analyzers``)."""

from __future__ import annotations

from collections.abc import Iterable

from aidos_actors.analysis_settings import COMMAND, DOCUMENT, LLM
from aidos_actors.core.errors import BadInput
from aidos_actors.core.spelling import suggestion

GROUP = "aidos_actors.analyzers"
OURS = (DOCUMENT, COMMAND, LLM)


def refuse_unknown(names: Iterable[str]) -> None:
    """BadInput when one of ``names`` is no analyzer that is installed."""
    others = [name for name in names if name not in OURS]
    installed = _installed() if others else ()
    for name in others:
        if name not in installed:
            raise BadInput(
                f"analysis.order: there is no analyzer {name!r}",
                hint=suggestion(name, [*OURS, *installed]),
            )


def _installed() -> tuple[str, ...]:
    from importlib.metadata import entry_points

    return tuple(sorted({each.name for each in entry_points(group=GROUP)}))
