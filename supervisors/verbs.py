"""What may be asked of a supervisor: each verb either knows the answer at once or is an event to decide about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from supervisors import decisions as do
from supervisors.errors import SupervisorError
from supervisors.family import Life
from supervisors.messages import IGNORE, Answer, ChildCounts, ChildInfo, Command
from supervisors.specs import ChildSpec, Strategy, SupervisorSpec
from supervisors.strategy import instance

if TYPE_CHECKING:
    from supervisors.supervisor import SupervisorShell


class Now(Struct, frozen=True):
    """The answer, known at once."""

    value: Any


def _child(shell: SupervisorShell, command: Command) -> str:
    """The child's id, which may be given as its path."""
    child = command.args.get("child")
    if not isinstance(child, str):
        raise SupervisorError("not_found", f"child={child!r} must be the id of a child")
    return child.removeprefix(f"{shell.system.path}/")


def _which_children(shell: SupervisorShell, _command: Command) -> Now:
    return Now([shell.info(row) for row in shell.family.rows])


def _count_children(shell: SupervisorShell, _command: Command) -> Now:
    rows = shell.family.rows
    supervisors = sum(1 for row in rows if row.spec.is_supervisor)
    active = sum(1 for row in rows if row.life is Life.RUNNING)
    specs = 1 if shell.spec.strategy is Strategy.DYNAMIC else len(rows)
    return Now(ChildCounts(specs, active, supervisors, len(rows) - supervisors))


def _child_spec(shell: SupervisorShell, command: Command) -> Now:
    return Now(shell.row(_child(shell, command)).spec)


def _start_child(shell: SupervisorShell, command: Command) -> do.Event:
    spec, args, child_id = (command.args.get(name) for name in ("spec", "args", "id"))
    if spec is not None:
        if not isinstance(spec, ChildSpec | SupervisorSpec):
            raise SupervisorError("bad_spec", f"spec={spec!r} must be a ChildSpec or a SupervisorSpec")
        if args is not None or child_id is not None:
            text = f"args={args!r} and id={child_id!r} are for a template; {spec.id!r} is described whole"
            raise SupervisorError("bad_spec", text)
        return do.StartChild(command.request, spec)
    if args is not None and not (isinstance(args, Mapping) and all(isinstance(name, str) for name in args)):
        raise SupervisorError("bad_spec", f"args={args!r} must be a mapping from argument names to values")
    if shell.spec.strategy is not Strategy.DYNAMIC:
        raise SupervisorError("bad_spec", f"spec=None: {shell.system.path!r} is no dynamic supervisor, with a template")
    template = shell.spec.children[0]
    if args and isinstance(template, SupervisorSpec):
        raise SupervisorError("bad_spec", f"args={args!r} fit no template that is a supervisor")
    if child_id is None:
        child_id = _next_id(shell, template.id)
    return do.StartChild(command.request, instance(template, child_id, args))


def _next_id(shell: SupervisorShell, template: str) -> str:
    """An id that no instance has, also of those that were given theirs."""
    while True:
        shell.instances += 1
        child_id = f"{template}-{shell.instances}"
        if shell.family.find(child_id) is None:
            return child_id


def _change_spec(shell: SupervisorShell, command: Command) -> do.Event:
    spec = command.args.get("spec")
    if spec is IGNORE:
        return do.ChangeSpec(command.request, None)
    if not isinstance(spec, SupervisorSpec):
        raise SupervisorError("bad_spec", f"new_spec={spec!r} must be a SupervisorSpec")
    return do.ChangeSpec(command.request, spec)


def _tree(shell: SupervisorShell, _command: Command) -> Now:
    """The root answers itself, so its last beat is this very handler."""
    assert shell.registrar is not None
    spec, system = shell.spec, shell.system
    root = ChildInfo(spec.id, "supervisor", "running", None, 0, path=system.path, strategy=str(spec.strategy))
    lived_s = system.now() - shell.began_at
    return Now(shell.registrar.tree(replace(root, started_at=system.wall() - lived_s, last_beat_s=0.0)))


def _events(shell: SupervisorShell, _command: Command) -> Now:
    assert shell.registrar is not None
    return Now(list(shell.registrar.events))


VERBS: dict[str, Callable[[SupervisorShell, Command], Now | do.Event]] = {
    "which_children": _which_children,
    "count_children": _count_children,
    "child_spec": _child_spec,
    "start_child": _start_child,
    "terminate_child": lambda shell, command: do.TerminateChild(command.request, _child(shell, command)),
    "restart_child": lambda shell, command: do.RestartChild(command.request, _child(shell, command)),
    "delete_child": lambda shell, command: do.DeleteChild(command.request, _child(shell, command)),
    "change_spec": _change_spec,
    "tree": _tree,
    "events": _events,
}
ROOT_VERBS = frozenset({"tree", "events"})
"""Asked of the whole tree, so that no supervisor is named."""


def serve(shell: SupervisorShell, command: Command, reply_to: Any) -> None:
    """``reply_to`` gets the answer: from this supervisor, or from the one that the command is meant for."""
    try:
        if shell.registrar is not None and command.verb not in ROOT_VERBS and command.target != shell.system.path:
            address, forwarded = shell.news.relay.forward(shell.registrar, command, reply_to)
            shell.system.post(address, forwarded)
            return
        verb = VERBS.get(command.verb)
        if verb is None:
            raise SupervisorError("not_found", f"a supervisor has no verb {command.verb!r}")
        found = verb(shell, command)
    except SupervisorError as error:
        shell.system.post(reply_to, Answer(command.request, error=error))
        return
    if isinstance(found, Now):
        shell.system.post(reply_to, Answer(command.request, found.value))
    else:
        shell.decide_for(command.request, reply_to, found)
