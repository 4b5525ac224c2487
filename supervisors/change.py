"""A running supervisor is given another spec: nobody is started or stopped by that, and a refusal changes nothing."""

from __future__ import annotations

from msgspec.structs import replace

from supervisors.decisions import Adopt, ChangeSpec, Reply
from supervisors.family import Family, Life, Phase, Row
from supervisors.specs import Spec, Strategy, SupervisorSpec
from supervisors.steps import Outcome, refusal


def change_spec(spec: SupervisorSpec, family: Family, event: ChangeSpec, _now: float) -> Outcome:
    """Children in both go on with their new fields, added ones are listed, left-out ones stay behind the others."""
    new = event.spec
    if family.phase is Phase.ENDING:
        return family, [refusal(event.call, "stopped", f"supervisor {spec.id!r} is stopping")]
    if new is None:
        return family, [Reply(event.call)]
    why = _misfit(spec, family, new)
    if why:
        return family, [refusal(event.call, "bad_spec", f"{spec.id}: {why}", spec.id)]
    if new.strategy is Strategy.DYNAMIC:
        return family, [Adopt(new), Reply(event.call)]
    named = {child.id for child in new.children}
    rows = (*(_row(family, child) for child in new.children), *(row for row in family.rows if row.id not in named))
    return replace(family, rows=rows), [Adopt(new), Reply(event.call)]


def _row(family: Family, child: Spec) -> Row:
    known = family.find(child.id)
    return replace(known, spec=child) if known else Row(child, Life.STOPPED, is_known=True)


def _misfit(spec: SupervisorSpec, family: Family, new: SupervisorSpec) -> str:
    """Why a running ``spec`` cannot become ``new``, by field and value; empty when it can."""
    if new.id != spec.id:
        return f"id={new.id!r} cannot change while it runs"
    if (new.strategy is Strategy.DYNAMIC) is not (spec.strategy is Strategy.DYNAMIC):
        return f"strategy={str(new.strategy)!r} cannot follow {str(spec.strategy)!r} while it runs"
    if new.strategy is Strategy.DYNAMIC:
        return ""
    for child in new.children:
        row = family.find(child.id)
        if row is not None and row.has_process and row.spec.is_supervisor is not child.is_supervisor:
            kind = "a supervisor" if row.spec.is_supervisor else "a worker"
            return f"children={child.id!r} runs as {kind}; terminate it before it becomes something else"
    return ""
