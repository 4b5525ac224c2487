"""Everything that is checked before a requirement is handed in, in the process of the one who hands it in."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from aidos_actors.agent_checks import wrong_agents
from aidos_actors.analysis_settings import AnalysisSettings
from aidos_actors.analyzers.document import read_requirement
from aidos_actors.analyzers.files import read_requirement_file
from aidos_actors.analyzers.problems import WrongAgents, any_agents
from aidos_actors.blobs import put_text
from aidos_actors.config import Config
from aidos_actors.core.errors import AidosError, BadInput
from aidos_actors.core.requirement import Requirement


class Submission(Struct, frozen=True):
    """A requirement that may be handed in: read, checked, its repository found and its base resolved. A revision takes
    the place of other content under the same id."""

    requirement: Requirement
    base_commit: str | None
    is_revision: bool = False

    def call(self, blobs: Path) -> dict[str, object]:
        """The Scheduler's ``submit`` call; a large document is put into ``blobs``."""
        document = put_text(blobs, self.requirement.model_dump_json())
        return {"verb": "submit", "document": document, "base_commit": self.base_commit, "revise": self.is_revision}


def read_source(
    source: str | os.PathLike[str] | Requirement, limit_bytes: int, judge: WrongAgents = any_agents
) -> Requirement:
    """The requirement that ``source`` is, says (a text with a line break, or of JSON) or names (a path). ``judge`` says
    what is wrong with coding agents that it names. BadInput when unusable."""
    if isinstance(source, Requirement):
        for task in source.tasks:
            wrong = judge(task.agent_work.names) if task.agent_work is not None else None
            if wrong is not None:
                raise BadInput(f"task {task.id!r}: {wrong[0]}", hint=wrong[1])
        return source
    if isinstance(source, str) and ("\n" in source or source.startswith("{")):
        here = str(Path.cwd())
        return read_requirement(source, file="<text>", base_dir=here, limit_bytes=limit_bytes, wrong_agents=judge)
    return read_requirement_file(source, limit_bytes, judge)[0]


def refuse_words(requirement: Requirement, analysis: AnalysisSettings) -> None:
    """BadInput when its tasks are still to be found and nobody is configured to do it."""
    if not requirement.tasks and not analysis.readers:
        raise BadInput(
            f"requirement {requirement.id!r} lists no tasks, and no analyzer is configured that finds them in words",
            hint="list them under a heading `## Tasks`, each as `- id: title` with its keys indented below;"
            " or name an analyzer of words in `analysis.order` of aidos.toml",
        )


def prepare(
    source: str | os.PathLike[str] | Requirement,
    config: Config,
    *,
    is_revision: bool = False,
    status: Callable[[str], Mapping[str, Any]] | None = None,
) -> Submission:
    """``source`` may be handed in. BadInput: the file, its content or its repository is unusable; Conflict: its target
    cannot be written. Nothing is stored. ``status`` of a requirement is asked for when its repository is unusable: what
    is known with this very content needs nothing of it."""
    judge = wrong_agents(config.agents, must_be_installed=True)
    requirement = read_source(source, config.limits.requirement_bytes, judge)
    if requirement.tasks and requirement.text is not None:  # who says how it is done need not say it in words
        requirement = requirement.model_copy(update={"text": None})
    refuse_words(requirement, config.analysis)
    if requirement.repo is None:
        return Submission(requirement, None, is_revision)
    # who only plans, or has no repository, does without
    from aidos_actors.gitops.inspect import inspect_repository, root_of

    try:
        inspected = inspect_repository(requirement.repo, requirement.base, requirement.target_branch)
    except AidosError:
        settled = requirement.model_copy(update={"repo": root_of(requirement.repo)})
        if status is None or not _is_known(settled, status):
            raise
        return Submission(settled, None, is_revision)
    settled = requirement.model_copy(update={"repo": inspected.repo_root})
    return Submission(settled, inspected.base_commit, is_revision)


def _is_known(requirement: Requirement, status: Callable[[str], Mapping[str, Any]]) -> bool:
    try:
        return bool(status(requirement.id)["sha256"] == requirement.content_sha256())
    except AidosError:
        return False
