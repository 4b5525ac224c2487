"""Tasks that were found once, on disk: the same words under the same settings are not asked about again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import TypeAdapter

from aidos_actors import crash
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.requirement import Requirement, Task
from aidos_actors.durable_file import write_durably
from aidos_actors.ports import Analyzer

KEPT_MAX = 1000
_TASKS = TypeAdapter(tuple[Task, ...])


class KeptPlans:
    """At most 1,000, the oldest go first. Owned by one process; any thread of it, each name by one at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(
        self, name: str, analyzer: Analyzer, requirement: Requirement, failed: FailedTask | None = None
    ) -> tuple[Task, ...] | None:
        """What the analyzer of that name once found for such a requirement, or in the place of its task that failed
        like this. A damaged file is none. OSError."""
        path = self._folder / _key(name, analyzer, requirement, failed)
        try:
            sha256, _, body = path.read_text().partition("\n")
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        if hashlib.sha256(body.encode()).hexdigest() != sha256:
            path.unlink(missing_ok=True)
            return None
        return _TASKS.validate_json(body)

    def put(
        self,
        name: str,
        analyzer: Analyzer,
        requirement: Requirement,
        tasks: tuple[Task, ...],
        failed: FailedTask | None = None,
    ) -> None:
        """They are on disk when this returns. OSError: they are not, and nothing else has changed."""
        body = _TASKS.dump_json(tasks).decode()
        path = self._folder / _key(name, analyzer, requirement, failed)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = f"{hashlib.sha256(body.encode()).hexdigest()}\n{body}".encode()
        crash.before("plan-kept")
        write_durably(path, content, path.with_name(f"{path.name}.part"))
        crash.after("plan-kept")
        files = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in files[:-KEPT_MAX]:
            path.unlink(missing_ok=True)


def _key(name: str, analyzer: Analyzer, requirement: Requirement, failed: FailedTask | None) -> str:
    said = [name, analyzer.fingerprint(), requirement.text, requirement.title, requirement.mode, requirement.repo]
    if failed is not None:
        said += [requirement.model_dump_json(include={"tasks"}), failed.id, failed.error, failed.output]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
