"""What is asked of a supervisor, decided: start, terminate, restart, delete a child; or the refusal, and why."""

from __future__ import annotations

from msgspec.structs import replace

from supervisors.decisions import DeleteChild, Reply, RestartChild, StartChild, TerminateChild
from supervisors.family import Family, Life, Phase, Row, Then
from supervisors.specs import Restart, Strategy, SupervisorSpec
from supervisors.steps import Outcome, no_child, refusal, start_refused, stopped


def start_child(spec: SupervisorSpec, family: Family, event: StartChild, now: float) -> Outcome:
    """A child that is listed already, is one too many, or does not fit its supervisor is refused."""
    row = family.find(event.spec.id)
    if family.phase is Phase.ENDING:
        return family, [_is_ending(event.call, spec)]
    if event.spec.significant and spec.auto_shutdown == "never":
        text = f"{event.spec.id}: significant=True needs auto_shutdown on supervisor {spec.id!r}"
        return family, [refusal(event.call, "bad_spec", text, event.spec.id)]
    if row is not None:
        is_up = row.life in (Life.STARTING, Life.RUNNING) and not row.is_in_restart_loop
        what = f"pid {row.pid}" if row.pid else row.shown_life
        code = "already_started" if is_up else "already_present"
        return family, [refusal(event.call, code, f"{spec.id!r} has a child {row.id!r} ({what})", row.id)]
    alive = sum(1 for each in family.rows if each.life is not Life.STOPPED)
    if spec.max_children is not None and alive >= spec.max_children:
        return family, [refusal(event.call, "max_children", f"{spec.id!r} has its {spec.max_children} children")]
    fresh = Row(event.spec, Life.RESTARTING, start_at=now, calls=(event.call,), is_new=True)
    return family.put(replace(fresh, is_instance=spec.strategy is Strategy.DYNAMIC)), []


def terminate_child(spec: SupervisorSpec, family: Family, event: TerminateChild, _now: float) -> Outcome:
    """It is stopped, out of a restart loop too; whoever waited for its start is refused. Nobody goes on with a restart
    of the group that it kept from coming through: who waits behind it stays stopped."""
    row = family.find(event.child)
    if row is None:
        known = event.child in family.ended_instances
        return family, [Reply(event.call, event.child) if known else no_child(event.call, spec, event.child)]
    if row.has_failed and row.in_group:
        family = _give_up_behind(family, row)
    forgotten = row.is_instance or row.spec.restart is Restart.TEMPORARY
    refused = [start_refused(call, row) for call in row.calls]
    row = replace(row, calls=())
    if row.has_process:
        then = Then.FORGET if forgotten else Then.KEEP
        waits = (*row.stop_calls, event.call)
        return family.put(replace(row, must_stop=True, then=then, stop_calls=waits)), [*refused]
    ended = family.forget(row) if forgotten else family.put(stopped(row))
    return ended, [*refused, Reply(event.call, row.id)]


def _give_up_behind(family: Family, row: Row) -> Family:
    first = family.rows.index(row) + 1
    behind = {each.id for each in family.rows[first:] if each.life is Life.RESTARTING and each.in_group}
    return family.map(lambda each: stopped(each) if each.id in behind and not each.calls else each)


def restart_child(spec: SupervisorSpec, family: Family, event: RestartChild, now: float) -> Outcome:
    """A stopped child is started again; this counts against no limit."""
    row = family.find(event.child)
    if row is None:
        return family, [no_child(event.call, spec, event.child)]
    if family.phase is Phase.ENDING:
        return family, [_is_ending(event.call, spec)]
    if row.is_in_restart_loop:
        return family, [refusal(event.call, "restarting", f"{row.id!r} is being restarted", row.id)]
    if row.life is not Life.STOPPED:
        return family, [refusal(event.call, "running", f"{row.id!r} is {row.shown_life}", row.id)]
    return family.put(replace(row, life=Life.RESTARTING, start_at=now, calls=(event.call,), is_new=True)), []


def delete_child(spec: SupervisorSpec, family: Family, event: DeleteChild, _now: float) -> Outcome:
    """The spec of a stopped child is forgotten."""
    row = family.find(event.child)
    if row is None:
        return family, [no_child(event.call, spec, event.child)]
    if row.life is Life.STOPPED:
        return family.forget(row), [Reply(event.call, row.id)]
    code = "restarting" if row.is_in_restart_loop else "running"
    return family, [refusal(event.call, code, f"{row.id!r} is {row.shown_life}; terminate it first", row.id)]


def _is_ending(call: str, spec: SupervisorSpec) -> Reply:
    return refusal(call, "stopped", f"supervisor {spec.id!r} is stopping")
