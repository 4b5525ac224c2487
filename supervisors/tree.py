"""``ActorTree``: a running tree of supervised actors, held from outside. Usable from any thread of the process that
started it; in a fork child of that process every call is refused with ``forked``."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from supervisors import boot
from supervisors.calls import Caller, Unanswered, hand_over
from supervisors.charge import Charge
from supervisors.errors import ExitReason, SupervisorError
from supervisors.handle import CALL_TIMEOUT_S, START_TIMEOUT_S, TreeHandle, check_give_up, pickled, start_failure
from supervisors.ownership import Ownership, Word
from supervisors.specs import SupervisorSpec

STOP_TIMEOUT_S = 120.0


class ActorTree(TreeHandle):
    """Made by ``ActorTree.start``; ends with ``stop`` or its ``with`` block. ``heals`` counts how often its system was
    brought back; ``alarm`` says what is wrong while that happens so often that it is slowed down, else it is empty."""

    def __init__(self) -> None:
        raise TypeError("use ActorTree.start(spec, state_dir=…)")

    @classmethod
    def start(
        cls,
        spec: SupervisorSpec,
        *,
        state_dir: str | os.PathLike[str],
        title: str = "actors",
        on_give_up: str = "end",
        before_stop: tuple[str, Any, float] | None = None,
        packages: tuple[str, ...] = ("supervisors",),
        admission: tuple[str, str, tuple[Any, ...]] | None = None,
        may_fork: bool = False,
        with_main: bool = True,
    ) -> ActorTree:
        """All children of ``spec`` have started when this returns, for which they have 120 s. The folder ``state_dir``
        is made when missing and belongs to this tree alone while it runs. The tree ends with this process, however that
        ends.

        ``title`` is shown in the names of the processes. ``on_give_up``: when the root has exceeded its limit the tree
        "end"s, or the system is started again and again ("restart"), slowed down, and ``alarm`` says so; then a first
        start is tried again, too, of which somebody killed a process.
        ``before_stop``: actor, message and seconds; it is asked before an ordered stop begins, and its answer is waited
        for so long. ``packages`` are imported in the tree's processes from where they are imported here. ``admission``:
        module, function and arguments of what is called before each start and raises when there must be none.

        SupervisorError: ``start_failed`` (nothing is left running), ``already_started`` (another tree owns
        ``state_dir``), ``bad_spec``, ``not_importable`` and ``not_picklable`` (in this process, nothing started).

        ``may_fork``: guardian and actors may be forked from this process while it has one thread, which saves importing
        everything once more. For a program that is nothing but the host of this tree.

        ``with_main``: actors, arguments and messages may be of classes of the main file, which is therefore loaded
        where they live and must guard what it does. Without, it is not, and needs no guard.
        """
        check_give_up(on_give_up)
        boot.refuse_while_main_is_loaded()
        body = pickled(spec)
        folder = Path(state_dir)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        charge = Charge(
            spec=body,
            main=dict(boot.main_module()) if with_main else {},
            packages=packages,
            state_dir=str(folder.resolve()),
            title=title,
            host_pid=None,
            host_started=None,
            channel_fd=None,
            status_fd=None,
            on_give_up=on_give_up,
            before_stop=before_stop,
            admission=admission,
            may_fork=may_fork,
        )
        tree = object.__new__(cls)
        tree._begin(charge)
        return tree

    def _begin(self, charge: Charge) -> None:
        self._owner_pid = os.getpid()
        self._changed = threading.Condition()
        self._up = False
        self._ended: ExitReason | None = None
        self._failure: SupervisorError | None = None
        self.heals = 0
        self.alarm = ""
        self.pids: dict[str, int] = {}
        self._owned = Ownership(charge, self._heard)
        self._caller = Caller(lambda: hand_over(self._owned.channel), trusted=True)
        with self._changed:
            self._changed.wait_for(lambda: self._up or self._ended or self._failure, START_TIMEOUT_S)
            failure = self._failure
            if not self._up and failure is None:
                what = str(self._ended) if self._ended else f"not up after {START_TIMEOUT_S:g} s"
                failure = SupervisorError("start_failed", f"the tree did not start: {what}")
        if failure is not None:
            self.stop(STOP_TIMEOUT_S)
            raise failure

    def _heard(self, word: Word) -> None:
        with self._changed:
            match word.kind:
                case "up":
                    self._up = True
                    self.pids = dict(word.detail)
                case "down":
                    self._up = False
                    self.heals += 1
                case "alarm" | "calm":
                    self.alarm = word.detail
                case "ended":
                    self._up, self._ended = False, word.detail
                case "start_failed" | "unfit":
                    self._failure = start_failure(word.detail)
                    self._ended = self._ended or ExitReason("shutdown", "start failed")
                case "conflict":
                    text = f"this state directory belongs to another tree ({word.detail})"
                    self._failure = SupervisorError("already_started", text)
            self._changed.notify_all()

    # ---- the end

    def stop(self, timeout_s: float | None = None) -> None:
        """No process of the tree lives when this returns, and the state directory can be used at once. In good order
        for ``timeout_s`` seconds, or for as long as its children may take by their specs (those with ``shutdown``
        "infinity": for ever) and 120 s more; then by force, and so when it is stopped once more meanwhile. Stopping
        what has ended already is no error."""
        self._check_pid()
        self._owned.stop(timeout_s)
        self._caller.close()
        self._owned.release()
        with self._changed:
            self._up = False
            self._ended = self._ended or ExitReason("shutdown", "stopped")
            self._changed.notify_all()

    def wait_until_stopped(self, timeout_s: float) -> ExitReason:
        """Why the root ended by its own decision, or was stopped. SupervisorError ``timeout`` when it has not."""
        self._check_pid()
        with self._changed:
            if not self._changed.wait_for(lambda: self._ended is not None, min(timeout_s, threading.TIMEOUT_MAX)):
                raise SupervisorError("timeout", f"the tree still runs after {timeout_s:g} s")
            assert self._ended is not None
            return self._ended

    def _call(self, verb: str, target: str, args: dict[str, Any], timeout_s: float = CALL_TIMEOUT_S) -> Any:
        self._check_pid()
        with self._changed:
            if self._ended is not None:
                raise SupervisorError("stopped", f"the tree has ended: {self._ended}")
            if not self._up:
                raise SupervisorError("restarting", "the system is being restarted")
        try:
            return self._caller.call(verb, target, args, max(0.0, timeout_s))
        except Unanswered as lost:
            raise SupervisorError("restarting", f"the system is being restarted: {lost}") from None

    def _check_pid(self) -> None:
        if os.getpid() != self._owner_pid:
            raise SupervisorError("forked", "this tree belongs to the process that started it, not to its fork child")
