"""What GitOps answers about the work of an attempt: its task is done, is done again, or has failed."""

from __future__ import annotations

from aidos_actors.core.board import agent_work
from aidos_actors.core.board.attempts import cancel_attempt, note_end
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.leasing import around
from aidos_actors.core.board.lifecycle import give_back, own_failure, skip_dependents, task_cancelled, task_done
from aidos_actors.core.kept_text import kept
from aidos_actors.core.orders import AttemptKey, AttemptOutcome, Integration
from aidos_actors.core.records import AttemptRecord, TaskRecord
from aidos_actors.core.states import AttemptState

_AWAITED = frozenset({AttemptState.INTEGRATING, AttemptState.WITHDRAWING})


def withdraw(draft: Draft, attempt: AttemptRecord, task: TaskRecord, reason: str) -> None:
    """Nobody wants the result any more. Whether it is on the target already only GitOps can tell, which publishes it no
    more once it has said no."""
    row = draft.move_attempt(attempt, "withdraw")
    draft.move_task(task, "withdraw", error=reason)
    draft.note("integration_withdrawn", row, reason=reason)


def integrated(draft: Draft, key: AttemptKey, answer: Integration) -> None:
    """The commit is on the target and the task done; or the work is done again, or it has failed. When it was to be
    withdrawn: the task is done all the same, or cancelled, and what needs it skipped."""
    attempt = draft.books.attempt(key)
    if attempt is None or attempt.state not in _AWAITED:
        if attempt is None or attempt.state is AttemptState.CANCELLED:
            draft.note_refusal(key, result="integrated", verdict=answer.verdict, commit=answer.commit)
        return
    opened, task = around(draft, attempt)
    idle = agent_work.idle(opened, attempt, answer)
    if answer.verdict == "integrated" and idle is None:
        draft.move_attempt(attempt, "accept")
        task_done(draft, opened, task, answer.commit, task.result)
        return
    if attempt.state is AttemptState.WITHDRAWING:
        reason = task.error or ""
        cancel_attempt(draft, attempt, reason)
        task_cancelled(draft, opened, task, reason)
        skip_dependents(draft, opened, task)
        return
    error = kept(idle or answer.error or answer.verdict)
    if answer.verdict == "conflict":
        row = draft.move_attempt(attempt, "conflict", error=error)
        draft.note("attempt_conflicted", row, error=error)
        if task.conflicts < opened.settings.conflicts_max:
            give_back(draft, task, "redo", conflicts=task.conflicts + 1, error=error, result=None)
        else:
            own_failure(draft, opened, task, f"{task.conflicts + 1} conflicts, the last: {error}")
        return
    stage = answer.verdict if idle is None else agent_work.UNCHANGED
    causes = {"gate_failed": ("verify",), agent_work.UNCHANGED: (agent_work.UNCHANGED,)}.get(stage, ())
    judged = AttemptOutcome(False, answer.exit_code, error, stage, fault="own", causes=causes)
    folder = agent_work.folder_after(draft, opened, attempt, judged)
    row = draft.move_attempt(attempt, "fail", error=error, exit_code=answer.exit_code, **folder)
    note_end(draft, row, "own", judged, error)
    own_failure(draft, opened, task, error, causes, agent_work.failed_once_more(task, attempt, None))
