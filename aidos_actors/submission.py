"""Everything that is checked before a requirement is handed in, in the process of the one who hands it in."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

from aidos_actors.analysis_settings import AnalysisSettings
from aidos_actors.analyzers.document import read_requirement
from aidos_actors.analyzers.files import read_requirement_file
from aidos_actors.blobs import put_text
from aidos_actors.config import Config
from aidos_actors.core.errors import BadInput
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


def read_source(source: str | os.PathLike[str] | Requirement, limit_bytes: int) -> Requirement:
    """The requirement that ``source`` is, says (a text with a line break) or names (a path). BadInput when unusable."""
    if isinstance(source, Requirement):
        return source
    if isinstance(source, str) and "\n" in source:
        return read_requirement(source, file="<text>", base_dir=str(Path.cwd()), limit_bytes=limit_bytes)
    return read_requirement_file(source, limit_bytes)[0]


def refuse_words(requirement: Requirement, analysis: AnalysisSettings) -> None:
    """BadInput when its tasks are still to be found and nobody is configured to do it."""
    if not requirement.tasks and not analysis.readers:
        raise BadInput(
            f"requirement {requirement.id!r} lists no tasks, and no analyzer is configured that finds them in words",
            hint="list them under a heading `## Tasks`, each as `- id: title` with its keys indented below;"
            " or name an analyzer of words in `analysis.order` of aidos.toml",
        )


def prepare(source: str | os.PathLike[str] | Requirement, config: Config, *, is_revision: bool = False) -> Submission:
    """``source`` may be handed in. BadInput: the file, its content or its repository is unusable; Conflict: its target
    cannot be written. Nothing is stored."""
    requirement = read_source(source, config.limits.requirement_bytes)
    if requirement.tasks and requirement.text is not None:  # who says how it is done need not say it in words
        requirement = requirement.model_copy(update={"text": None})
    refuse_words(requirement, config.analysis)
    for task in requirement.tasks:
        if task.agent is not None:
            raise BadInput(
                f"task {task.id!r} wants the agent {task.agent!r}, and no agent is configured",
                hint="use `run:` with the agent's command line",
            )
    if requirement.repo is None:
        return Submission(requirement, None, is_revision)
    from aidos_actors.gitops.inspect import inspect_repository  # who only plans, or has no repository, does without

    inspected = inspect_repository(requirement.repo, requirement.base, requirement.target_branch)
    settled = requirement.model_copy(update={"repo": inspected.repo_root})
    return Submission(settled, inspected.base_commit, is_revision)
