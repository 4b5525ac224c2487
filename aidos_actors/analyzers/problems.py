"""What is wrong with a document: one line each while reading, one typed error at the end."""

from __future__ import annotations

from collections.abc import Callable

from aidos_actors.core.errors import BadInput

PROBLEMS_MAX = 100
SHOWN_MAX_CHARS = 60


class Wrong(Exception):
    """One mistake in a document, at a line (from 1). Never leaves the analyzers: it becomes a ``BadInput``."""

    def __init__(self, line: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.hint = hint


WrongAgents = Callable[[tuple[str, ...]], tuple[str, str] | None]
"""Why none of these coding agents can be asked, and a hint; None when one can."""


def any_agents(_names: tuple[str, ...]) -> tuple[str, str] | None:
    """Where nobody knows which agents there are."""
    return None


class Problems:
    """Counts the mistakes of one file, and keeps the first in file order, and some of ``all``. ``wrong_agents`` judges
    the coding agents that it names."""

    def __init__(self, file: str, wrong_agents: WrongAgents = any_agents) -> None:
        self.file = file
        self.wrong_agents = wrong_agents
        self.count = 0
        self._first: Wrong | None = None
        self.all: list[Wrong] = []

    @property
    def is_full(self) -> bool:
        """So many are known that looking for more would help nobody."""
        return self.count >= PROBLEMS_MAX

    def add(self, wrong: Wrong) -> None:
        self.count += 1
        if self.count <= PROBLEMS_MAX:
            self.all.append(wrong)
        if self._first is None or wrong.line < self._first.line:
            self._first = wrong

    def raise_first(self) -> None:
        """Raises ``BadInput`` with the first mistake, and in its hint the number of further ones; nothing if none."""
        if self._first is None:
            return
        more = self.count - 1
        others = ""
        if more:
            number = f"{more} or more" if self.is_full else str(more)
            others = f"({number} further {'problem' if more == 1 else 'problems'} in this file)"
        hint = " ".join(part for part in (self._first.hint, others) if part)
        raise BadInput(self._first.message, file=self.file, line=self._first.line, hint=hint)


def shown(text: str) -> str:
    """The text quoted for a message, on one line and not longer than a person reads."""
    return repr(text if len(text) <= SHOWN_MAX_CHARS else text[:SHOWN_MAX_CHARS] + "...")
