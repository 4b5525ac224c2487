"""How a verb reaches a state directory: the running system through its door, else the resting ledger."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from aidos_actors.client import HEALING_WAIT_S, ask_scheduler
from aidos_actors.core.errors import Conflict, NotFound, TryAgain, Unreachable
from aidos_actors.ledger.revisions import JOURNAL_FOLDER, LEDGER_FILE
from aidos_actors.state_dir import prepare_state_dir
from supervisors.calls import Caller, ProtocolMismatch, Unanswered, connect_to
from supervisors.errors import SupervisorError
from supervisors.premises import LOCK_NAME

if TYPE_CHECKING:
    from aidos_actors.ledger.reader import LedgerReader
    from aidos_actors.offline import OfflineDesk

CHILDREN_TIMEOUT_S = 1.0
PAUSE_S = 0.05


class ProtocolConflict(Conflict):
    """The running system speaks another protocol version."""

    code = "protocol"


def owner_of(state: Path) -> str | None:
    """Who holds the guardian's lock on ``state``; None when nobody does."""
    try:
        fd = os.open(state / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return os.pread(fd, 100, 0).decode(errors="replace").strip() or "another process"
    finally:
        os.close(fd)


class Door:
    """The door of the system that owns ``state``, when one does. As a context it is closed at the end."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._caller = Caller(lambda: connect_to(state), trusted=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._caller.close()

    def is_there(self) -> bool:
        """Whether a system runs here, or is being brought back."""
        return owner_of(self.state) is not None

    def ask(self, call: dict[str, Any], timeout_s: float = 5.0, patience_s: float = HEALING_WAIT_S) -> Any:
        """The Scheduler's answer. ``TryAgain`` when it heals for longer than ``patience_s``; ``Unreachable`` when
        nothing runs."""
        return self._guarded(lambda: ask_scheduler(self._send, call, timeout_s, patience_s))

    def command(self, verb: str, args: dict[str, Any] | None = None, patience_s: float = HEALING_WAIT_S) -> Any:
        """A verb of the tree itself."""
        until = time.monotonic() + patience_s
        while True:
            try:
                return self._guarded(lambda: self._send(verb, "", args or {}, 5.0))
            except (SupervisorError, Unanswered) as error:
                if time.monotonic() > until:
                    raise TryAgain(f"the system did not answer: {error}", hint="repeat in a moment") from error
                time.sleep(0.05)

    def children_of(self, supervisor: str) -> list[dict[str, Any]]:
        """What a supervisor sees of its children at this moment; empty when it does not answer within a second."""
        try:
            found = self._caller.call("which_children", supervisor, {}, CHILDREN_TIMEOUT_S)
        except (OSError, SupervisorError, Unanswered):
            return []
        return list(found)

    def _send(self, verb: str, target: str, args: dict[str, Any], timeout_s: float) -> Any:
        try:
            return self._caller.call(verb, target, args, timeout_s)
        except OSError as error:
            if not self.is_there():
                raise
            raise Unanswered(str(error)) from error

    def _guarded(self, work: Any) -> Any:
        try:
            return work()
        except ProtocolMismatch as error:
            raise ProtocolConflict(
                str(error), hint="stop the running system, then start it with this version"
            ) from None
        except OSError as error:
            text = f"no AIDOS system runs on {self.state}"
            raise Unreachable(text, hint="start one with `run FILE` or `serve`") from error


@contextmanager
def resting_ledger(state: Path) -> Iterator[LedgerReader]:
    """The ledger, read-only, where nothing runs or the system heals. NotFound without one."""
    if not state.is_dir():
        raise NotFound(f"there is no state directory {state}", hint="`run FILE` or `submit FILE` makes one")
    from aidos_actors.ledger.reader import LedgerReader

    ledger = LedgerReader.read_only(state)
    try:
        yield ledger
    finally:
        ledger.close()


def known_state_dir(state: Path) -> Path:
    """That state directory, absolute. ``NotFound`` for a folder that is none, and nothing is written there; ``Unfit``
    where we may not write."""
    if not any((state / name).exists() for name in (LEDGER_FILE, JOURNAL_FOLDER)) and owner_of(state) is None:
        hint = "give --state, or hand in work with `aidos submit FILE`"
        raise NotFound(f"there is no state in {state} yet", hint=hint)
    return prepare_state_dir(state)


def _refuse_no_text(call: dict[str, Any]) -> None:
    """``NotFound`` for a name out of bytes that are no text: nothing has such a name, and nobody could be asked."""
    for name in (call.get("id"), call.get("task"), call.get("requirement")):
        if isinstance(name, str) and name != name.encode(errors="replace").decode():
            raise NotFound(f"nothing is named {name!r}: it is not UTF-8", hint="`status` lists what there is")


def change(state: Path, call: dict[str, Any], at_rest: Callable[[OfflineDesk], dict[str, Any]]) -> dict[str, Any]:
    """The answer to a verb that changes something: of the running Scheduler, else of ``at_rest`` on the resting ledger.
    ``TryAgain`` when another holds that for long, and is no system."""
    _refuse_no_text(call)
    until = time.monotonic() + HEALING_WAIT_S
    with Door(state) as door:
        while True:
            answer = _asked(door, call, until)
            if answer is not None:
                return answer
            desk = _opened(state, until)
            if desk is not None:
                with closing(desk):
                    return at_rest(desk)
            time.sleep(PAUSE_S)


def _asked(door: Door, call: dict[str, Any], until: float) -> dict[str, Any] | None:
    """The answer of the system that runs. None when there is none, or it has just ended; ``Unreachable`` when one is
    there and ends for ever."""
    if not door.is_there():
        return None
    try:
        return dict(door.ask(call))
    except Unreachable:
        if time.monotonic() > until:
            raise
        return None


def _opened(state: Path, until: float) -> OfflineDesk | None:
    """The resting ledger. None while it is held, by one who changes something else or by a system that begins in this
    moment; ``TryAgain`` when that goes on."""
    from aidos_actors.offline import open_desk

    try:
        return open_desk(state)
    except TryAgain:
        if time.monotonic() > until:
            raise
        return None


def status_at(state: Path | str) -> Callable[[str], dict[str, Any]]:
    """What is known there of a requirement. ``NotFound``, also where there is no state yet."""
    return lambda name: dict(read(Path(state), {"verb": "status", "id": name})[0])


def read(state: Path, call: dict[str, Any]) -> tuple[Any, bool]:
    """A read verb: (value, live). From the running Scheduler, else from the resting ledger."""
    _refuse_no_text(call)
    with Door(state) as door:
        if door.is_there():
            try:
                return door.ask(call), True
            except (TryAgain, Unreachable):
                pass
    from aidos_actors.cli.at_rest import answer_at_rest

    with resting_ledger(state) as ledger:
        return answer_at_rest(ledger, call, state), False
