"""The verb ``run``: see one requirement to its end, as the owner of the runtime or as a guest of the one that runs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from aidos_actors.cli.answer import Interrupted, Options, give, give_error, say
from aidos_actors.cli.conclusion import conclusion
from aidos_actors.cli.progress import Progress, shown_progress
from aidos_actors.cli.reach import Door, status_at
from aidos_actors.config import Config
from aidos_actors.core.errors import NotFound, OwnedElsewhere, TryAgain, Unfit, Unreachable
from aidos_actors.core.states import REQUIREMENT_FINAL
from aidos_actors.layout import Layout
from aidos_actors.runtime import Runtime
from aidos_actors.settings import read_config
from aidos_actors.state_dir import prepare_state_dir
from aidos_actors.submission import Submission, prepare

EVENTS_WAIT_S = 1.0
PAUSE_S = 0.1


class _Interrupted(BaseException):
    """A signal asks this process to end."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum
        self.is_owner = True


class Session(Protocol):
    """A running system, seen from here."""

    is_owner: bool

    def ask(self, call: dict[str, Any], timeout_s: float = 5.0, patience_s: float = 10.0) -> Any: ...


class _Guest:
    """Joined the system that owns the state directory."""

    is_owner = False

    def __init__(self, state: Path) -> None:
        self._door = Door(state)

    def ask(self, call: dict[str, Any], timeout_s: float = 5.0, patience_s: float = 10.0) -> Any:
        return self._door.ask(call, timeout_s, patience_s)


class _Owner:
    """Owns the runtime."""

    is_owner = True

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def ask(self, call: dict[str, Any], timeout_s: float = 5.0, patience_s: float = 10.0) -> Any:
        return self.runtime.ask(call, timeout_s, max(patience_s, 120.0))


def run_file(
    file: str, options: Options, workers: int | None, drain_s: float | None, *, is_revision: bool = False
) -> int:
    """The requirement has ended; the exit code says how. On a signal: drained (owner) or detached (guest)."""
    config = read_config(options.config)
    submission = prepare(Path(file), config, is_revision=is_revision, status=status_at(options.state))
    state = prepare_state_dir(options.state)
    try:
        with _signals_raise():
            data = _see_to_the_end(submission, state, config, workers, drain_s, options)
    except _Interrupted as interrupted:
        return _give_interrupted(interrupted, options)
    return give(conclusion(data, submission.requirement.repo, state), options)


def _give_interrupted(interrupted: _Interrupted, options: Options) -> int:
    hint = "the same command goes on where this one stopped"
    if not interrupted.is_owner:
        hint = "the system goes on with it; the same command looks at it again"
    if options.as_json:
        return give_error(Interrupted("ended by a signal", interrupted.exit_code, hint), options)
    say(f"stopped; {hint}")
    return interrupted.exit_code


def _see_to_the_end(
    submission: Submission, state: Path, config: Config, workers: int | None, drain_s: float | None, options: Options
) -> dict[str, Any]:
    with shown_progress(quiet=options.as_json) as progress:
        watch = Watch(submission, state, progress)
        while True:
            try:
                with _owned(state, config, workers, drain_s) as session:
                    return watch.follow(session)
            except (OwnedElsewhere, Unfit):
                if not Door(state).is_there():
                    raise
            progress.note(f"joined the system that runs on {state}")
            try:
                return watch.follow(_Guest(state))
            except _Interrupted as interrupted:
                interrupted.is_owner = False
                raise
            except (Unreachable, TryAgain):
                progress.note("the system's owner has ended; taking over")
                time.sleep(PAUSE_S)


@contextmanager
def _owned(state: Path, config: Config, workers: int | None, drain_s: float | None) -> Iterator[_Owner]:
    """A runtime of our own. A first signal drains it, a second forces its end."""
    runtime = Runtime(state, workers, config, drain_s, may_fork=True)
    try:
        yield _Owner(runtime)
    except _Interrupted:
        _second_signal_forces(runtime)
        say("draining; once more to force")
        raise
    finally:
        runtime.stop()


def _second_signal_forces(runtime: Runtime) -> None:
    def force(_signum: int, _frame: Any) -> None:
        pid = runtime.tree.pids.get("guardian")
        if pid is not None:
            os.kill(pid, signal.SIGQUIT)

    signal.signal(signal.SIGINT, force)
    signal.signal(signal.SIGTERM, force)


@contextmanager
def _signals_raise() -> Iterator[None]:
    def interrupt(signum: int, _frame: Any) -> None:
        for later in before:  # until whoever was interrupted says what another one means
            signal.signal(later, signal.SIG_IGN)
        raise _Interrupted(signum)

    before = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    for signum in before:
        signal.signal(signum, interrupt)
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


class Watch:
    """One requirement, watched through one system after the other: what was told once is not told again."""

    def __init__(self, submission: Submission, state: Path, progress: Progress) -> None:
        self._submission = submission
        self._state = state
        self._progress = progress
        self._after_seq = 0

    def follow(self, session: Session) -> dict[str, Any]:
        """The status once the requirement has ended."""
        session.ask(self._submission.call(Layout(str(self._state)).blobs), 30.0)
        while True:
            try:
                data = self._look(session)
                if data["state"] in REQUIREMENT_FINAL:
                    return data
                self._progress.show(data)
                self._tell_news(session)
            except TryAgain:
                if not session.is_owner:
                    raise
                time.sleep(PAUSE_S)  # it heals, or it ends and says why
            if isinstance(session, _Owner):
                self._progress.healed(session.runtime.tree.heals)

    def _tell_news(self, session: Session) -> None:
        name = self._submission.requirement.id
        call = {"verb": "events", "after_seq": self._after_seq, "requirement": name, "wait_s": EVENTS_WAIT_S}
        for event in session.ask(call, EVENTS_WAIT_S + 5.0)["events"]:
            self._progress.event(event)
            self._after_seq = event["seq"]

    def _look(self, session: Session) -> dict[str, Any]:
        name = self._submission.requirement.id
        try:
            return dict(session.ask({"verb": "progress", "id": name}))
        except NotFound as error:
            text = f"{self._state} was removed or replaced while {name!r} ran: nothing is known of it there any more"
            raise Unreachable(text, hint="what was merged is on its target; the same command starts anew") from error
