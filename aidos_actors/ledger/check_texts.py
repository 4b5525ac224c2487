"""What the journal says by a hash: the documents of requirements and the results of tasks; and of requirements whose
beginning it cannot be folded from, what it says of them all the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from aidos_actors.core.documents import requirement_of
from aidos_actors.core.journal.told_results import ToldResults, results_sha256
from aidos_actors.core.records import RequirementRecord, TaskRecord
from aidos_actors.core.states import TaskState

SAID_OF_OLD = ("title", "sha256", "repo", "target", "base_commit")
NAMED_MAX = 5


def document_differences(record: RequirementRecord) -> Iterator[str]:
    """Its document against the hash in its row; that one is compared with the journal like every value."""
    try:
        sha256 = requirement_of(record.document).content_sha256()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]["msg"]
        yield f"requirement {record.id}: its document cannot be read: {first}"
        return
    if sha256 != record.sha256:
        text = f"its content has the SHA-256 {sha256!r}, told {record.sha256!r}"
        yield f"requirement {record.id}: its document is another than was submitted: {text}"


def result_differences(told: Sequence[ToldResults], requirement: str, tasks: Sequence[TaskRecord]) -> Iterator[str]:
    """Results that were accepted together, as long as all of them stand: none of the tasks has started over."""
    done = {(task.id, task.attempts): task.result for task in tasks if task.state is TaskState.DONE}
    for each in told:
        if len(each.accepted) < each.count or not all(accepted in done for accepted in each.accepted):
            continue
        if results_sha256([done[accepted] for accepted in each.accepted]) != each.sha256:
            names = ", ".join(task for task, _number in each.accepted[:NAMED_MAX])
            more = each.count - NAMED_MAX
            others = f" and {more} more" if more > 0 else ""
            yield f"the results of {requirement}/{names}{others} are others than the journal tells of"


def submission_differences(
    said: Mapping[str, Any], record: RequirementRecord, tasks: Sequence[TaskRecord]
) -> Iterator[str]:
    """``said`` is the data of its newest submission or revision, as far as the events of its time say it; ``tasks`` are
    those that it has now."""
    for name in SAID_OF_OLD:
        if name in said and said[name] != getattr(record, name):
            yield f"requirement {record.id}: {name} is {getattr(record, name)!r}, told {said[name]!r}"
    if "tasks" in said and record.started_at is not None and said["tasks"] != len(tasks):
        yield f"requirement {record.id}: it has {len(tasks)} tasks, told {said['tasks']}"
