"""The law of the tree: what a supervisor does about an event, decided without clock, chance, process or message.

``decide(spec, children, event, now)`` returns the actions in the order to carry them out, the first of them always
``Become`` with the new state. The shell (``supervisor.py``) carries them out and does nothing else.

The semantics are OTP's: the limit belongs to the supervisor and counts activations, not processes; a failed start
attempt of a restart counts one and the supervisor goes back to its mailbox before the next; stopping is in reverse
start order, one child at a time; a supervisor over its limit stops everything and ends with ``shutdown``.
What OTP lacks is the delay before a restart (``Backoff``); the chance in it comes with the event (``Ended.fraction``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from supervisors.change import change_spec
from supervisors.decisions import (
    Action,
    Become,
    Begin,
    ChangeSpec,
    DeleteChild,
    Ended,
    Event,
    Ignored,
    Ready,
    Reply,
    RestartChild,
    StartChild,
    Started,
    StopAll,
    TerminateChild,
    Tick,
)
from supervisors.ends import ended, ignored
from supervisors.family import Family, Life, Phase, Row
from supervisors.requests import delete_child, restart_child, start_child, terminate_child
from supervisors.specs import Spec, Strategy, SupervisorSpec
from supervisors.steps import Outcome, advance, current, ending


def decide(spec: SupervisorSpec, children: Family, event: Event, now: float) -> list[Action]:
    """What to do about ``event`` at monotonic second ``now``. Pure; an event of an older generation changes nothing."""
    handler: Callable[..., tuple[Family, list[Action]]] = _HANDLERS[type(event)]
    family, actions = handler(spec, children, event, now)
    family, more = advance(spec, family, now)
    was_beginning = children.phase is Phase.BEGINNING
    if was_beginning and family.phase is Phase.BEGINNING and all(_is_settled(row) for row in family.rows):
        family = replace(family, phase=Phase.SERVING)
        more.append(Ready())
        if family.done is not None:
            family, stops = advance(spec, ending(family, family.done), now)
            more += stops
    return [Become(family), *actions, *more]


def instance(template: Spec, child_id: str, args: Mapping[str, Any] | None = None) -> Spec:
    """The template of a dynamic supervisor with an id of its own, its arguments overlaid by ``args``."""
    if isinstance(template, SupervisorSpec):
        return dataclasses.replace(template, id=child_id)
    return dataclasses.replace(template, id=child_id, args={**template.args, **(args or {})})


def _is_settled(row: Row) -> bool:
    return row.life in (Life.RUNNING, Life.STOPPED)


# ---- one handler an event --------------------------------------------------------------------------------------------


def _begin(spec: SupervisorSpec, family: Family, _event: Begin, now: float) -> Outcome:
    if spec.strategy is Strategy.DYNAMIC:
        born = [instance(spec.children[0], f"{spec.children[0].id}-{n}") for n in range(1, spec.initial + 1)]
        rows = tuple(Row(each, Life.RESTARTING, start_at=now, is_new=True, is_instance=True) for each in born)
        return replace(family, rows=rows), []
    rows = tuple(Row(child, Life.RESTARTING, in_group=True, start_at=now, is_new=True) for child in spec.children)
    return replace(family, rows=rows), []


def _started(_spec: SupervisorSpec, family: Family, event: Started, now: float) -> Outcome:
    row = current(family, event.child, event.generation)
    if row is None or row.life is not Life.STARTING:
        return family, []
    up = replace(row, pid=event.pid, info=event.info, started_at=now, is_new=False, is_known=True)
    if row.must_stop:
        return family.put(up), []
    running = replace(up, life=Life.RUNNING, in_group=False, has_failed=False)
    answers: list[Action] = [Reply(call, row.id) for call in row.calls]
    return family.put(replace(running, calls=())), answers


def _stop_all(_spec: SupervisorSpec, family: Family, event: StopAll, _now: float) -> Outcome:
    return ending(family, event.reason), []


_HANDLERS: dict[type, Callable[..., Outcome]] = {
    Begin: _begin,
    Started: _started,
    Ignored: ignored,
    Ended: ended,
    StartChild: start_child,
    TerminateChild: terminate_child,
    RestartChild: restart_child,
    DeleteChild: delete_child,
    ChangeSpec: change_spec,
    StopAll: _stop_all,
    Tick: lambda _spec, family, _event, _now: (family, []),
}
