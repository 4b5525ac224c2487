"""How each analyzer is: what it said last counts for its error budget, and ``tree`` shows which rest or fail."""

from __future__ import annotations

from aidos_actors.analyzers.answers import NoPlan, NotNow
from aidos_actors.core.analysis import Failure
from aidos_actors.withdrawal import Withdrawn
from supervisors import ManagedActor

NEXT_LOOK_S = 5.0
ERROR_CHARS_MAX = 1000


class AnalyzersHealth:
    """Each analyzer is one operation of ``actor``. Thread: the actor's."""

    def __init__(self, actor: ManagedActor) -> None:
        self._actor = actor
        self._resting: dict[str, str] = {}

    def may_be_asked(self, name: str) -> bool:
        """Always while it is well, otherwise when its probe is due, which ``heard`` must follow."""
        return self._actor.attempt(_operation(name))

    def heard(self, name: str, error: Exception | None) -> Failure | None:
        """It counts against the analyzer's budget, unless the analyzer itself is well, or was not let finish. None: it
        has found a plan."""
        operation = _operation(name)
        if isinstance(error, Withdrawn):
            self._actor.abandoned(operation)
            return Failure(error.message)
        text = " ".join(f"{getattr(error, 'message', '') or f'{type(error).__name__}: {error}'}".split())
        text = text[:ERROR_CHARS_MAX]
        self._rest(name, text if isinstance(error, NotNow) else "")
        if error is None or isinstance(error, NoPlan | NotNow):
            self._actor.succeeded(operation)
        match error:
            case None:
                return None
            case NoPlan():
                return Failure(text)
            case NotNow():
                return Failure(text, error.delay_s, is_asked_for=True)
        # what is not here is no better for another process
        again_s = self._actor.failed(operation, error, may_restart=False)
        return Failure(text, NEXT_LOOK_S if again_s is None else again_s)

    def _rest(self, name: str, why: str) -> None:
        """``tree`` shows that it waits, or that it waits no longer."""
        if why != self._resting.get(name, ""):
            self._resting[name] = why
            said = "; ".join(f"analyzer {each}: {said}" for each, said in self._resting.items() if said)
            self._actor.degrade(said)


def _operation(name: str) -> str:
    return f"ask analyzer {name}"
