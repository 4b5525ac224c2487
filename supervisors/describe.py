"""A child as people and programs are told of it."""

from __future__ import annotations

from msgspec.structs import replace

from supervisors.family import Phase, Row
from supervisors.liveness import ProcessState, Sight
from supervisors.messages import ChildInfo
from supervisors.specs import SupervisorSpec


def describe(row: Row, path: str, now: float, wall: float, sight: Sight | None = None, trouble: str = "") -> ChildInfo:
    """The child at ``path``; ``now`` in monotonic and ``wall`` in wall-clock seconds are the same moment. ``sight`` is
    what its page entry shows, ``trouble`` what its supervisor thinks of it; the child's own word goes first."""
    is_there = sight is not None and sight.process is not ProcessState.GONE
    return ChildInfo(
        id=row.id,
        kind="supervisor" if row.spec.is_supervisor else "worker",
        state=row.shown_life,
        pid=row.pid,
        restarts=row.restarts,
        info=row.info,
        last_exit=row.last_exit,
        path=path,
        started_at=None if row.started_at is None else wall - (now - row.started_at),
        strategy=str(row.spec.strategy) if isinstance(row.spec, SupervisorSpec) else None,
        last_beat_s=round(max(0.0, now - sight.beat.beat_at), 3) if sight is not None and is_there else None,
        degraded=(sight.beat.degraded if sight is not None else "") or trouble or None,
    )


def told(child: ChildInfo, phase: Phase) -> ChildInfo:
    """The child as the registrar is told of it. While its supervisor ends, whether it comes back is decided above."""
    if phase is Phase.ENDING and child.state == "stopped":
        return replace(child, state="restarting")
    return child
