"""What must be true after any campaign. Each law is a pure function: evidence in, findings out; none is good news.

Laws of the journal and of git stand here, those of the tasks' own records in ``record_laws``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from chaos.facts import Commit, Evidence, Finding, GitFacts
from chaos.journal import Event
from chaos.record_laws import attempts_never_overlap, further_records_have_a_fault, records_are_of_the_journal

ENDS = frozenset({"attempt_ended", "attempt_lost", "attempt_released", "attempt_conflicted"})


def requirement_is_done(evidence: Evidence) -> Iterator[Finding]:
    """The requirement and each of its tasks are done, and the journal says so once."""
    status = evidence.status
    if status.get("state") != "done":
        yield Finding("done", f"{evidence.requirement} is {status.get('state')}: {_first_error(evidence)}")
    for task in status.get("tasks", ()):
        if task["state"] != "done":
            yield Finding("done", f"task {task['id']} is {task['state']}: {task.get('error') or 'no error'}")
    times = sum(event["type"] == "requirement_done" for event in evidence.own_events)
    if times != 1:
        yield Finding("done", f"the journal says requirement_done {times} times, expected once")


def nothing_is_lost(evidence: Evidence) -> Iterator[Finding]:
    """Every done task was accepted; what was accepted with a commit is on the target, as that attempt's commit."""
    accepted = _accepted(evidence)
    for task in evidence.status.get("tasks", ()):
        if task["state"] == "done" and task["id"] not in accepted:
            yield Finding("lost", f"task {task['id']} is done, but no result of it was ever accepted")
    for name in sorted(evidence.changing or ()):
        if name not in accepted or not accepted[name]["data"].get("commit"):
            yield Finding("lost", f"task {name} changes files, but was not accepted with a commit")
    if evidence.git is None:
        return
    reverted = {commit.reverts for commit in evidence.git.commits}
    on_target = {commit.id: commit for commit in evidence.git.commits if commit.id not in reverted}
    for name, event in accepted.items():
        commit = event["data"].get("commit")
        if commit is None:
            continue
        if commit not in on_target:
            yield Finding("lost", f"the commit {commit[:12]} of task {name} is not on the target")
        elif _trailers(on_target[commit])[:2] != (evidence.requirement, name):
            yield Finding("lost", f"the commit {commit[:12]} of task {name} says it is of {on_target[commit].task!r}")


def nothing_is_doubled(evidence: Evidence) -> Iterator[Finding]:
    """One commit that stands and one accepted result a task; and nothing starts after its task was confirmed. What was
    condemned, because it made the target red, is neither."""
    accepted: dict[str, int] = {}
    for event in evidence.own_events:
        task, kind = event["task"], event["type"]
        if kind == "task_done":
            if task in accepted:
                yield Finding("doubled", f"task {task} was accepted twice (seq {accepted[task]} and {event['seq']})")
            accepted.setdefault(task, event["seq"])
        elif kind == "task_condemned":
            accepted.pop(task, None)
        elif kind in ("attempt_leased", "attempt_started") and task in accepted:
            what = f"attempt {event['attempt']} of task {task}: {kind} at seq {event['seq']}"
            yield Finding("doubled", f"{what}, after the task was confirmed at seq {accepted[task]}")
    on_target = evidence.git.commits if evidence.git is not None else ()
    reverted = {commit.reverts for commit in on_target}
    commits = [commit for commit in on_target if not commit.reverts and commit.id not in reverted]
    for (requirement, task), count in Counter((commit.requirement, commit.task) for commit in commits).items():
        if requirement == evidence.requirement and count > 1:
            yield Finding("doubled", f"task {task} has {count} commits on the target")


def attempts_follow_each_other(evidence: Evidence) -> Iterator[Finding]:
    """Attempt numbers grow by one, and the next is leased only when the one before has ended."""
    last: dict[str, int] = defaultdict(int)
    under_way: dict[str, int] = {}
    for event in evidence.own_events:
        task, number, kind = event["task"], event["attempt"], event["type"]
        # A callable in a batch has no lease of its own: it is promised and started by one word.
        if kind == "attempt_leased" or (kind == "attempt_started" and under_way.get(task) != number):
            if task in under_way:
                text = f"attempt {number} of task {task} was leased while attempt {under_way[task]} had not ended"
                yield Finding("doubled", text)
            if number != last[task] + 1:
                yield Finding("attempts", f"attempt {number} of task {task} follows attempt {last[task]}")
            last[task] = number
            under_way[task] = number
        elif _is_over(event) and under_way.get(task) == number:
            del under_way[task]


def journal_has_no_gap(evidence: Evidence) -> Iterator[Finding]:
    """``seq`` grows by one; ``epoch`` never shrinks."""
    before = None
    for event in evidence.events:
        if before is not None and event["seq"] != before["seq"] + 1:
            yield Finding("journal", f"seq {event['seq']} follows seq {before['seq']}")
        if before is not None and event["epoch"] < before["epoch"]:
            text = f"epoch {event['epoch']} follows epoch {before['epoch']} at seq {event['seq']}"
            yield Finding("journal", text)
        before = event


def target_is_linear(evidence: Evidence) -> Iterator[Finding]:
    """From the base on, each commit has the one before as its only parent, and trailers that tell whose it is, or which
    one before it takes back: each at most once."""
    if evidence.git is None:
        return
    head = evidence.git.base
    begun = [event for event in evidence.events if event["type"] == "attempt_started"]
    started = {(event["requirement"], event["task"], str(event["attempt"])) for event in begun}
    to_take_back: set[str] = set()
    for commit in evidence.git.commits:
        if commit.parents != (head,):
            parents = ", ".join(parent[:12] for parent in commit.parents) or "none"
            yield Finding("linear", f"the parents of {commit.id[:12]} are {parents}; expected only {head[:12]}")
        head = commit.id
        if commit.reverts:
            if commit.reverts not in to_take_back:
                yield Finding(
                    "linear", f"commit {commit.id[:12]} takes back {commit.reverts[:12]}, which does not stand"
                )
            to_take_back.discard(commit.reverts)
            continue
        to_take_back.add(commit.id)
        requirement, task, attempt = _trailers(commit)
        if (requirement, task, attempt) not in started:
            said = f"requirement {requirement!r}, task {task!r}, attempt {attempt!r}"
            yield Finding("linear", f"commit {commit.id[:12]} is of no attempt that was started: {said}")


def git_is_clean(evidence: Evidence) -> Iterator[Finding]:
    """``git fsck`` finds nothing; no worktree of ours is left, and no lock that the next start would not clear."""
    git = evidence.git or GitFacts("")
    if git.fsck:
        yield Finding("fsck", git.fsck)
    for path in git.worktrees:
        yield Finding("worktree", f"the worktree {path} was left behind")
    for path in git.locks:
        yield Finding("lock", f"the lock file {path} was left behind")


def nothing_outlives_the_run(evidence: Evidence) -> Iterator[Finding]:
    """No process of the run lives after its end."""
    for text in evidence.orphans:
        yield Finding("orphan", text)


Law = Callable[[Evidence], Iterator[Finding]]
LAWS: tuple[Law, ...] = (
    requirement_is_done,
    nothing_is_lost,
    nothing_is_doubled,
    attempts_follow_each_other,
    journal_has_no_gap,
    target_is_linear,
    git_is_clean,
    nothing_outlives_the_run,
    records_are_of_the_journal,
    further_records_have_a_fault,
    attempts_never_overlap,
)


def judge(evidence: Evidence) -> list[Finding]:
    """Every finding of every law; empty: all hold."""
    return [finding for law in LAWS for finding in law(evidence)]


def _accepted(evidence: Evidence) -> dict[str, Event]:
    """By task, the acceptance that stands: the newest, unless it was condemned."""
    found: dict[str, Event] = {}
    condemned: dict[str, Event] = {}
    for event in evidence.own_events:
        task, kind = event["task"], event["type"]
        if kind == "task_done":
            found[task] = event
        elif kind == "task_condemned" and task in found:
            condemned[task] = found.pop(task)
        elif kind == "task_kept" and task in condemned:
            found[task] = condemned.pop(task)
    return found


def _is_over(event: Event) -> bool:
    """Whether nothing of an attempt lives from here on. A worker that has one that is cancelled tells of its end."""
    kind = event["type"]
    return kind in ENDS or kind == "task_done" or (kind == "attempt_cancelled" and not event["data"]["is_with_worker"])


def _trailers(commit: Commit) -> tuple[str, str, str]:
    return commit.requirement, commit.task, commit.attempt


def _first_error(evidence: Evidence) -> str:
    errors = (task.get("error") for task in evidence.status.get("tasks", ()))
    return next((error for error in errors if error), "no error told")
