"""Who is asked next for the tasks of a requirement that says in words what is wanted, and when all that is over.

| the answers so far | then |
|---|---|
| the next in order has not been asked | it is asked |
| it asked to be left alone for a moment that is short enough | that moment is waited for, and it is asked again |
| all have been asked, at least one may answer later | wait for the first of those |
| all have been asked, and none has anything else to say | the requirement is rejected |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from aidos_actors.core.requirement import Requirement

WAIT_MIN_S = 0.2
REASON_CHARS_MAX = 2000


class Failure(Struct, frozen=True):
    """Why one analyzer gave no tasks. ``again_s``: it may in so many seconds; None: it would say the same again.
    ``is_asked_for``: it named that time itself, so it is well."""

    error: str
    again_s: float | None = None
    is_asked_for: bool = False


class Ask(Struct, frozen=True):
    name: str


class Wait(Struct, frozen=True):
    span_s: float
    why: str


class Reject(Struct, frozen=True):
    why: str


def next_step(names: Sequence[str], failures: Mapping[str, Failure], wait_max_s: float) -> Ask | Wait | Reject:
    """What follows from the failures of those that understand the requirement, in their order.

    >>> next_step(["llm", "command"], {"llm": Failure("down", 5.0)}, 60.0)
    Ask(name='command')
    >>> next_step(["llm", "command"], {"llm": Failure("busy", 5.0, is_asked_for=True)}, 60.0)
    Wait(span_s=5.0, why='llm: busy')
    >>> next_step(["llm", "command"], {"llm": Failure("no"), "command": Failure("no plan")}, 60.0)
    Reject(why='llm: no; command: no plan')
    """
    for name in names:
        failure = failures.get(name)
        if failure is None:
            return Ask(name)
        if failure.is_asked_for and failure.again_s is not None and failure.again_s <= wait_max_s:
            return Wait(max(WAIT_MIN_S, failure.again_s), f"{name}: {failure.error}")
    why = "; ".join(f"{name}: {failures[name].error}" for name in names)[:REASON_CHARS_MAX]
    spans = [each for name in names if (each := failures[name].again_s) is not None]
    return Wait(max(WAIT_MIN_S, min(spans)), why) if spans else Reject(why)


def worth_keeping(failures: Mapping[str, Failure]) -> dict[str, Failure]:
    """Those that hold after a wait too: who would say the same again is not asked again."""
    return {name: failure for name, failure in failures.items() if failure.again_s is None}


class Planned(Struct, frozen=True):
    """The tasks that ``analyzer`` found for a requirement: ``model`` with them, and that as JSON text."""

    model: Requirement
    document: str
    analyzer: str

    def answers(self, document: str) -> bool:
        """It is a plan of that very document, and of nothing that stood there before."""
        return self.is_of(document) and not Requirement.model_validate_json(document).tasks

    def is_of(self, document: str) -> bool:
        """It was found for the words of that very document."""
        asked = Requirement.model_validate_json(document)
        return asked.model_copy(update={"tasks": self.model.tasks}) == self.model
