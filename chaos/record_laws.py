"""Laws over what tasks themselves wrote down while they ran. Pure.

A task's outside effects are at least once: it may leave more than one record, but each further one has its reason in
the journal, all carry one key, and no two attempts of it ever lived at the same moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from chaos.facts import Evidence, Finding, Record
from chaos.journal import Event

_FAULTS = frozenset({"attempt_lost", "attempt_released", "attempt_conflicted", "attempt_cancelled", "task_condemned"})


def records_are_of_the_journal(evidence: Evidence) -> Iterator[Finding]:
    """Every line is readable and belongs to an attempt that was started; one key a task, one task a key."""
    for line in evidence.garbled:
        yield Finding("records", f"a line that is no record: {line!r}")
    started = {(e["task"], e["attempt"]) for e in evidence.own_events if e["type"] == "attempt_started"}
    keys: dict[str, set[str]] = defaultdict(set)
    tasks: dict[str, set[str]] = defaultdict(set)
    for record in evidence.records:
        keys[record.task].add(record.key)
        tasks[record.key].add(record.task)
    for task, number in sorted({(r.task, r.attempt) for r in evidence.records} - started):
        yield Finding("records", f"attempt {number} of task {task} left a record, but was never started")
    for task, found in keys.items():
        if len(found) > 1:
            yield Finding("records", f"task {task} was given different keys: {', '.join(sorted(found))}")
    for key, names in tasks.items():
        if len(names) > 1:
            yield Finding("records", f"the key {key} was given to different tasks: {', '.join(sorted(names))}")


def further_records_have_a_fault(evidence: Evidence) -> Iterator[Finding]:
    """An attempt starts once; all but the accepted one were ended by a fault, or cancelled, by the journal."""
    faulty = {(e["task"], e["attempt"]) for e in evidence.own_events if _is_fault(e)}
    accepted = {e["task"]: e["attempt"] for e in evidence.own_events if e["type"] == "task_done"}
    starts: dict[tuple[str, int], int] = defaultdict(int)
    for record in evidence.records:
        starts[record.task, record.attempt] += record.edge == "start"
    for (task, number), count in sorted(starts.items()):
        if count > 1:
            yield Finding("doubled", f"attempt {number} of task {task} was carried out {count} times")
        if number != accepted.get(task) and (task, number) not in faulty:
            text = f"attempt {number} of task {task} left a record, was not accepted, cancelled or ended by a fault"
            yield Finding("records", text)


def attempts_never_overlap(evidence: Evidence) -> Iterator[Finding]:
    """The next attempt of a task begins after the last sign of life of every attempt before it."""
    for task, earlier, later in evidence.together:
        yield Finding("doubled", f"attempts {earlier} and {later} of task {task} were seen alive at the same moment")
    by_task: dict[str, dict[int, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in evidence.records:
        by_task[record.task][record.attempt].append(record)
    for task, attempts in by_task.items():
        spans = sorted((min(r.at_ns for r in found), max(r.at_ns for r in found), n) for n, found in attempts.items())
        end_ns, holder = 0, 0
        for first_ns, last_ns, number in spans:
            if first_ns < end_ns:
                over_ms = (end_ns - first_ns) / 1e6
                text = f"attempt {number} of task {task} began {over_ms:.1f} ms before the last sign of {holder}"
                yield Finding("doubled", text)
            if last_ns > end_ns:
                end_ns, holder = last_ns, number


def _is_fault(event: Event) -> bool:
    """Whether it says that an attempt ended otherwise than by its acceptance, or that this was taken back."""
    if event["type"] in _FAULTS:
        return True
    return bool(event["type"] == "attempt_ended" and event["data"].get("fault") != "none")
