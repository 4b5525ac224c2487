"""What can be asked of a running tree from outside, whatever carries the question: ``ActorTree`` for real processes,
``SimulatedTree`` for simulated ones."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from supervisors.errors import ExitReason, SupervisorError
from supervisors.messages import ChildCounts, ChildInfo, LifecycleEvent, checked_key
from supervisors.parcel import packed
from supervisors.picture import draw, node_of
from supervisors.specs import ChildSpec, Spec, SupervisorSpec

START_TIMEOUT_S = 150.0
CALL_TIMEOUT_S = 30.0
DONE_TIMEOUT_S = 86_400.0
"""Starts and stops have limits of their own in the specs; whoever asks for one waits until it has happened."""


class TreeHandle:
    """The verbs. A supervisor or an actor is named by its id path (``root/sub/x``) or by an id unique in the tree."""

    def stop(self) -> None:
        """No process of the tree lives when this returns. Stopping what has ended already is no error."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    # ---- messages

    def ask(self, target: str, message: Any, timeout_s: float = 5.0, *, idempotency_key: str | None = None) -> Any:
        """What ``target`` replied. SupervisorError: ``restarting`` (it is being replaced), ``actor_failed`` with the
        cause (it ended before it answered), ``timeout``, ``not_found``, ``stopped``. After any of these a durable actor
        may be asked again with the same ``idempotency_key``: it handles the message once."""
        args = {"message": packed(message), "idempotency_key": checked_key(idempotency_key)}
        return self._call("ask", str(target), args, timeout_s)

    def tell(self, target: str, message: Any, timeout_s: float = 5.0, *, idempotency_key: str | None = None) -> None:
        """``message`` is on its way to ``target``: kept in order until it, or whoever has its name next, begins it; one
        that was being handled when its actor died is not repeated. A durable actor handles those of the same
        ``idempotency_key`` once. SupervisorError: ``not_found``, ``restarting`` (1,000 are unread already, or the whole
        system is being restarted), ``not_picklable``, ``timeout``."""
        args = {"message": packed(message), "idempotency_key": checked_key(idempotency_key)}
        self._call("tell", str(target), args, timeout_s)

    # ---- management

    def which_children(self, supervisor: str) -> list[ChildInfo]:
        """The children of a supervisor in start order, with those that have no process now. SupervisorError, as from
        all verbs about a supervisor: ``not_found``, ``stopped``, ``restarting``, ``timeout``."""
        return list(self._call("which_children", supervisor, {}))

    def count_children(self, supervisor: str) -> ChildCounts:
        """How many there are: ``specs`` (1 for a dynamic supervisor), ``active`` (those that run), and all listed ones
        by kind, ``supervisors`` and ``workers``."""
        counts = self._call("count_children", supervisor, {})
        assert isinstance(counts, ChildCounts)
        return counts

    def start_child(
        self,
        supervisor: str,
        spec: Spec | None = None,
        *,
        args: dict[str, Any] | None = None,
        id: str | None = None,  # noqa: A002 - the word of the public surface
    ) -> ChildInfo:
        """The child has started, or answered ``IGNORE`` (then it has no pid), and is the last in start order. For a
        dynamic supervisor give ``args`` (over those of its template) and perhaps ``id`` in place of a spec; without an
        id it gets the template's with a number.

        SupervisorError, with nothing stored: ``already_started`` (the id runs), ``already_present`` (it is listed, and
        stopped or restarting), ``start_failed`` with the cause, ``max_children``, ``bad_spec``, ``not_importable``,
        ``not_picklable``, ``stopped`` (somebody stopped it, or the supervisor, before it was up)."""
        if spec is not None:
            check_importable(spec)
        return self._info("start_child", supervisor, {"spec": spec, "args": args, "id": id})

    def terminate_child(self, supervisor: str, child: str) -> None:
        """The child's process has ended, or there was none; it is not restarted. Its spec is kept, unless it is
        temporary or an instance. A child in its restart loop is taken out of it, and whoever waited behind it for the
        restart of their group stays stopped too, as in OTP. SupervisorError ``not_found``."""
        self._call("terminate_child", supervisor, {"child": child}, DONE_TIMEOUT_S)

    def restart_child(self, supervisor: str, child: str) -> ChildInfo:
        """A stopped child has started again, in its old place and with its spec as it is now; this counts against no
        limit. SupervisorError: ``running``, ``restarting``, ``not_found``, ``start_failed`` (it is stopped as
        before)."""
        return self._info("restart_child", supervisor, {"child": child})

    def delete_child(self, supervisor: str, child: str) -> None:
        """The spec of a stopped child is forgotten. SupervisorError: ``running``, ``restarting``, ``not_found``."""
        self._call("delete_child", supervisor, {"child": child})

    def child_spec(self, supervisor: str, child: str) -> Spec:
        """The whole spec of a child or an instance, as it holds now. SupervisorError ``not_found``."""
        spec = self._call("child_spec", supervisor, {"child": child})
        assert isinstance(spec, ChildSpec | SupervisorSpec)
        return spec

    def change_spec(self, supervisor: str, new_spec: SupervisorSpec) -> None:
        """``new_spec`` holds from now on, and no process was started or stopped: added children are listed, children
        left out stay listed and running behind the others, changed fields hold for the same processes, and a new
        template for later instances. An inner supervisor in ``new_spec`` is changed when it starts next, or by a
        call of its own. It lasts as long as the supervisor's process. ``IGNORE`` in its place changes nothing.

        SupervisorError ``bad_spec``, with nothing changed: another id, a template added or removed, to or from
        DYNAMIC, or a running child of another kind."""
        if isinstance(new_spec, SupervisorSpec):
            check_importable(new_spec)
        self._call("change_spec", supervisor, {"spec": new_spec})

    def events(self) -> list[LifecycleEvent]:
        """The lifecycle events so far, oldest first, of the system that runs now."""
        return list(self._call("events", "", {}))

    def tree(self) -> dict[str, Any]:
        """The whole tree as nested mappings: a ``ChildInfo`` under ``node``, and ``children`` in start order."""
        return dict(self._call("tree", "", {}))

    def draw(self, form: str = "mermaid") -> str:
        """The whole tree as it is now, as the source text of a picture: ``mermaid``, or ``dot`` for Graphviz."""
        return draw(node_of(self.tree()), form)

    def _info(self, verb: str, supervisor: str, args: dict[str, Any]) -> ChildInfo:
        info = self._call(verb, supervisor, args, DONE_TIMEOUT_S)
        assert isinstance(info, ChildInfo)
        return info

    def _call(self, verb: str, target: str, args: dict[str, Any], timeout_s: float = CALL_TIMEOUT_S) -> Any:
        raise NotImplementedError


def pickled(spec: SupervisorSpec) -> bytes:
    """A whole tree, to be started elsewhere. SupervisorError: bad_spec, not_importable, not_picklable."""
    if not isinstance(spec, SupervisorSpec):
        raise SupervisorError("bad_spec", f"spec={spec!r} must be a SupervisorSpec: the root of a tree")
    check_importable(spec)
    try:
        return pickle.dumps(spec)
    except Exception as error:
        raise SupervisorError("not_picklable", f"the tree's arguments do not pickle: {error}") from error


def check_give_up(on_give_up: object) -> None:
    """SupervisorError ``bad_spec`` unless it says what follows when the root has given up."""
    if on_give_up not in ("end", "restart"):
        raise SupervisorError("bad_spec", f"on_give_up={on_give_up!r} must be end or restart")


def check_importable(spec: Spec) -> None:
    """Refuse what is no spec, and a class that another process could not import, before anything is started."""
    if not isinstance(spec, ChildSpec | SupervisorSpec):
        raise SupervisorError("bad_spec", f"spec={spec!r} must be a ChildSpec or a SupervisorSpec")
    if isinstance(spec, SupervisorSpec):
        for child in spec.children:
            check_importable(child)
        return
    actor = spec.actor
    where = _unreachable(actor)
    if where:
        text = f"{actor.__qualname__} of child {spec.id!r} is defined {where}; put it at the top of a module"
        raise SupervisorError("not_importable", text, child=spec.id)


def _unreachable(actor: type) -> str:
    """Why another process would look for the class in vain; empty when it would find it."""
    if "<locals>" in actor.__qualname__:
        return "within a function"
    found: Any = sys.modules.get(actor.__module__)
    if actor.__module__ == "__main__" and not Path(getattr(found, "__file__", None) or "").is_file():
        return "in a session without a file"
    for name in actor.__qualname__.split("."):
        found = getattr(found, name, None)
    return "" if found is actor else "where its own name does not lead"


def start_failure(reason: ExitReason) -> SupervisorError:
    what = f"child {reason.child!r}" if reason.child else "the tree"
    text = f"{what} did not start: {reason}"
    return SupervisorError("start_failed", text, child=reason.child, cause=reason.detail, stack=reason.stack)
