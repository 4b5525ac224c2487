"""What holds for all requirements on one repository: their default, and the most any of them may ask for."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from aidos_actors.core.requirement import Mode, Requirement

_STRICTEST_FIRST = (Mode.SERIAL, Mode.MIXED, Mode.PARALLEL)


class Project(Struct, frozen=True):
    """``workers`` is the most tasks at once, of one requirement and of all together; ``verify`` judges every merge
    result, besides what a requirement asks for itself. ``push_remote`` gets what is published, as ``push_branch`` or
    under the target's own name. None: nothing is said."""

    mode: Mode | None = None
    workers: int | None = None
    verify: str | None = None
    push_remote: str | None = None
    push_branch: str | None = None


NO_PROJECT = Project()


def applied(model: Requirement, project: Project = NO_PROJECT) -> Requirement:
    """The requirement as it is carried out: every mode said, nothing over what its project allows."""
    modes = [mode for mode in (model.mode, project.mode) if mode is not None]
    changes: dict[str, Any] = {"mode": min(modes, key=_STRICTEST_FIRST.index, default=Mode.MIXED)}
    if project.workers is not None:
        changes["workers"] = min(project.workers, model.workers or project.workers)
    if project.verify is not None:
        changes["verify"] = _both(project.verify, model.verify)
    return model.model_copy(update=changes)


def _both(first: str, second: str | None) -> str:
    """One command that succeeds when both do. Each in lines of its own: it may end in a comment."""
    return first if second is None or second == first else f"(\n{first}\n) && (\n{second}\n)"
