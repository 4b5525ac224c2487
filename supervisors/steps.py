"""The second half of every decision: which stops and starts may happen now, in which order, and when all is over."""

from __future__ import annotations

from msgspec.structs import replace

from supervisors.decisions import SHUTDOWN, Action, End, Reply, Spawn, StopProcess, WakeAt
from supervisors.errors import ExitReason, SupervisorError
from supervisors.family import Family, Life, Phase, Row, Then
from supervisors.specs import Strategy, SupervisorSpec

Outcome = tuple[Family, list[Action]]


def advance(spec: SupervisorSpec, family: Family, now: float) -> Outcome:
    """Everything that may happen now: stops first, in reverse order; then starts; then, when all is gone, the end."""
    family, actions = _next_stops(spec, family)
    if family.phase is Phase.ENDING:
        if any(row.has_process for row in family.rows):
            return family, actions
        reason = family.last_word or SHUTDOWN
        unanswered = [start_refused(call, row) for row in family.rows for call in row.calls]
        return family, [*actions, *unanswered, End(reason, family.failure)]
    stopping = any(row.must_stop and row.in_group for row in family.rows)
    for row in family.rows:
        if row.life is Life.RESTARTING and row.start_at <= now and not (row.in_group and stopping):
            if row.in_group and _waits_for_earlier(family, row):
                continue
            born = replace(row, life=Life.STARTING, generation=family.spawned + 1)
            family = replace(family.put(born), spawned=born.generation)
            actions.append(Spawn(born.id, born.generation))
    due = [row.start_at for row in family.rows if row.life is Life.RESTARTING and row.start_at > now]
    if due:
        actions.append(WakeAt(min(due)))
    return family, actions


def _next_stops(spec: SupervisorSpec, family: Family) -> Outcome:
    actions: list[Action] = []
    at_once = spec.strategy is Strategy.DYNAMIC
    if not at_once and any(row.life is Life.STOPPING for row in family.rows):
        return family, actions
    for row in reversed(family.rows):
        if row.must_stop and row.has_process and row.life is not Life.STOPPING:
            family = family.put(replace(row, life=Life.STOPPING))
            actions.append(StopProcess(row.id, row.generation))
            if not at_once:
                break
    return family, actions


def _waits_for_earlier(family: Family, row: Row) -> bool:
    earlier = family.rows[: family.rows.index(row)]
    return any(each.in_group and each.life in (Life.RESTARTING, Life.STARTING) for each in earlier)


def ending(family: Family, reason: ExitReason) -> Family:
    """Ending begins: every process must stop, in reverse order; nothing is started any more."""

    def stop(row: Row) -> Row:
        if row.has_process:
            return replace(row, must_stop=True, then=Then.KEEP)
        return replace(stopped(row), calls=row.calls)

    word = family.last_word or reason
    return replace(family.map(stop), phase=Phase.ENDING, last_word=word)


def stopped(row: Row) -> Row:
    """Kept without a process; whoever waits for its start is not answered by this."""
    still = replace(row, life=Life.STOPPED, pid=None, info=None, started_at=None, must_stop=False, tries=0)
    return replace(still, in_group=False, has_failed=False, is_new=False, is_known=True)


def current(family: Family, child: str, generation: int) -> Row | None:
    row = family.find(child)
    return row if row is not None and row.generation == generation else None


def refusal(call: str, code: str, message: str, child: str = "") -> Reply:
    return Reply(call, child, SupervisorError(code, message, child=child))


def no_child(call: str, spec: SupervisorSpec, child: str) -> Reply:
    return refusal(call, "not_found", f"supervisor {spec.id!r} has no child {child!r}", child)


def start_refused(call: str, row: Row) -> Reply:
    return refusal(call, "stopped", f"{row.id!r} was stopped before it had started", row.id)


def start_error(row: Row, reason: ExitReason) -> SupervisorError:
    """Of the child that is the cause of it: that of an inner supervisor, where it was such a one that failed."""
    child = reason.child or row.id
    cause = reason.detail or reason.kind
    return SupervisorError(
        "start_failed", f"child {child!r} did not start: {reason}", child=child, cause=cause, stack=reason.stack
    )
