"""The analyzer of documents that list their tasks: the plan is what they say."""

from __future__ import annotations

from aidos_actors.core.plan import build_plan
from aidos_actors.core.requirement import Requirement, Task


class DocumentAnalyzer:
    """The port ``Analyzer``: the same document, the same tasks. ``BadInput`` when they cannot be ordered."""

    def understands(self, requirement: Requirement) -> bool:
        return bool(requirement.tasks)

    def fingerprint(self) -> str:
        return ""

    def analyse(self, requirement: Requirement) -> tuple[Task, ...]:
        build_plan(requirement)
        return requirement.tasks

    def close(self) -> None: ...
