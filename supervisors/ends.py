"""The ladder of an end: a process has ended, so its child is stopped, restarted, forgotten, or one end too many."""

from __future__ import annotations

from msgspec.structs import replace

from supervisors.backoff import restart_delay_s, tries_so_far
from supervisors.decisions import SHUTDOWN, Action, Ended, Ignored, Reply
from supervisors.errors import ExitReason
from supervisors.family import Family, Life, Phase, Row, Then
from supervisors.specs import Restart, Strategy, SupervisorSpec
from supervisors.steps import Outcome, current, ending, start_error, start_refused, stopped

GROUPS = (Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE)


def ignored(_spec: SupervisorSpec, family: Family, event: Ignored, now: float) -> Outcome:
    """Its start said that there is nothing to run: the spec is kept, but not that of a temporary child."""
    row = current(family, event.child, event.generation)
    if row is None or not row.has_process:
        return family, []
    gone = replace(row, pid=None, info=None)
    if row.must_stop:
        return _after_stop(family, gone, now)
    answers: list[Action] = [Reply(call, row.id) for call in row.calls]
    kept = replace(stopped(gone), calls=())
    drop = row.spec.restart is Restart.TEMPORARY or row.is_instance
    return (family.forget(row) if drop else family.put(kept)), answers


def ended(spec: SupervisorSpec, family: Family, event: Ended, now: float) -> Outcome:
    """A process of a child has ended with a reason."""
    row = current(family, event.child, event.generation)
    if row is None or not row.has_process:
        return family, []
    dead = replace(row, pid=None, last_exit=event.reason, info=None)
    if row.must_stop:
        return _after_stop(family, dead, now)
    if row.life is Life.STARTING:
        return _start_failed(spec, family, dead, event, now)
    return _died(spec, family, dead, event, now)


def _after_stop(family: Family, dead: Row, now: float) -> Outcome:
    """A child that was to stop has ended: what its row says follows, and who waited for the stop is answered."""
    answers: list[Action] = [Reply(call, dead.id) for call in dead.stop_calls]
    settled = replace(dead, must_stop=False, stop_calls=())
    if dead.then is Then.RESTART:
        return family.put(replace(settled, life=Life.RESTARTING, start_at=max(now, dead.start_at))), answers
    refused = [start_refused(call, dead) for call in dead.calls]
    settled = replace(stopped(settled), calls=())
    family = family.forget(settled) if dead.then is Then.FORGET else family.put(settled)
    return family, [*refused, *answers]


def _start_failed(spec: SupervisorSpec, family: Family, dead: Row, event: Ended, now: float) -> Outcome:
    """A restart is tried again, a start that somebody asked for is not, and a supervisor's own start fails with it."""
    if not dead.is_new:
        return _activate(spec, family, dead, event, now)
    error = start_error(dead, event.reason)
    if family.phase is Phase.BEGINNING and not dead.calls:
        return replace(ending(family.put(stopped(dead)), SHUTDOWN), failure=error), []
    answers: list[Action] = [Reply(call, dead.id, error) for call in dead.calls]
    kept = replace(stopped(dead), calls=())
    return (family.put(kept) if dead.is_known else family.without(dead.id)), answers


def _died(spec: SupervisorSpec, family: Family, dead: Row, event: Ended, now: float) -> Outcome:
    restart, reason = dead.spec.restart, event.reason
    if restart is Restart.PERMANENT or (restart is Restart.TRANSIENT and not reason.is_expected):
        return _activate(spec, family, dead, event, now)
    gone = restart is Restart.TEMPORARY or dead.is_instance
    family = family.forget(dead) if gone else family.put(stopped(dead))
    if not dead.spec.significant or spec.auto_shutdown == "never":
        return family, []
    others = any(row.spec.significant and row.life is not Life.STOPPED for row in family.rows)
    if spec.auto_shutdown == "any_significant" or not others:
        done = ExitReason("shutdown", f"auto_shutdown {spec.auto_shutdown}: significant {dead.id!r} ended ({reason})")
        return (replace(family, done=done) if family.phase is Phase.BEGINNING else ending(family, done)), []
    return family, []


def _activate(spec: SupervisorSpec, family: Family, dead: Row, event: Ended, now: float) -> Outcome:
    """One activation of the strategy: it counts against the limit, whatever number of processes it replaces."""
    history = (*(at for at in family.history if now - at <= spec.within_s), now)
    family = replace(family, history=history)
    if len(history) > spec.max_restarts:
        detail = f"{dead.id!r} ended ({dead.last_exit}); more than {spec.max_restarts} restarts in {spec.within_s:g} s"
        return ending(family.put(stopped(dead)), ExitReason("shutdown", detail)), []
    was_calm = dead.started_at is not None and now - dead.started_at > spec.within_s
    tries = tries_so_far(dead.tries, was_calm=was_calm, has_worked=event.worked)
    again = replace(
        dead,
        life=Life.RESTARTING,
        start_at=now + restart_delay_s(dead.spec.backoff, tries, event.fraction),
        started_at=None,
        restarts=dead.restarts + 1,
        tries=tries + 1,
        is_new=False,
        in_group=spec.strategy in GROUPS,
        has_failed=dead.life is Life.STARTING,
    )
    family = family.put(again)
    if spec.strategy not in GROUPS:
        return family, []
    first = 0 if spec.strategy is Strategy.ONE_FOR_ALL else family.rows.index(again)
    tail = {row.id for row in family.rows[first:] if row.id != dead.id}
    rows = tuple(_join(row, now) if row.id in tail else row for row in family.rows)
    return replace(family, rows=tuple(row for row in rows if row is not None)), []


def _join(row: Row, now: float) -> Row | None:
    """A sibling that is restarted with the one that ended; a temporary one is stopped and forgotten."""
    temporary = row.spec.restart is Restart.TEMPORARY
    if not row.has_process:
        waits_longer = max(now, row.start_at) if row.life is Life.RESTARTING else now
        return None if temporary else replace(row, life=Life.RESTARTING, start_at=waits_longer, in_group=True)
    return replace(row, must_stop=True, then=Then.FORGET if temporary else Then.RESTART, start_at=now, in_group=True)
