"""Live progress of ``run``: a bar, the current tasks and what was healed on a terminal; plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Protocol, cast

from aidos_actors.cli.answer import nowhere, printable, say

SAID = {
    "analysis_held_up": "no tasks found yet",
    "plan_recorded": "plan recorded",
    "attempt_started": "started",
    "attempt_adopted": "goes on (adopted after a restart)",
    "attempt_lost": "lost with its worker; again",
    "attempt_conflicted": "conflicts; done again on the new base",
    "integration_withdrawn": "is ended, unless it is published already",
    "task_withdrawn": "is ended as soon as its commit is taken back",
    "task_retry_scheduled": "failed; will be tried again",
    "task_deferred": "waits for a coding agent",
    "agent_passed_over": "is done by another agent",
    "task_replanning": "failed for good; waits for a new plan, {replan} of {of}",
    "requirement_replanned": "there are other tasks in the place of {failed}, by {analyzer}",
    "task_done": "done",
    "task_failed": "failed",
    "task_skipped": "skipped",
    "task_cancelled": "cancelled",
    "task_paused": "paused; `resume` lets it go on",
    "task_resumed": "resumed",
    "requirement_paused": "paused; `resume` lets it go on",
    "requirement_resumed": "resumed",
}
NOTED = {
    *("task_failed", "task_retry_scheduled", "attempt_lost", "analysis_held_up"),
    *("task_replanning", "requirement_replanned"),
    *("task_paused", "task_resumed", "requirement_paused", "requirement_resumed"),
}


class Progress(Protocol):
    """What a person sees while a requirement runs. Never raises."""

    def show(self, data: dict[str, Any]) -> None: ...

    def event(self, event: dict[str, Any]) -> None: ...

    def healed(self, count: int) -> None: ...

    def note(self, text: str) -> None: ...


class _Silent:
    def show(self, data: dict[str, Any]) -> None: ...

    def event(self, event: dict[str, Any]) -> None: ...

    def healed(self, count: int) -> None: ...

    def note(self, text: str) -> None: ...


class _Lines(_Silent):
    """One plain line for each thing worth knowing."""

    def __init__(self) -> None:
        self._healed = 0

    def event(self, event: dict[str, Any]) -> None:
        said = SAID.get(event["type"])
        if said is not None:
            where = f"{event['requirement']}/{event['task']}" if event["task"] else event["requirement"]
            attempt = f" (attempt {event['attempt']})" if event["attempt"] and event["attempt"] > 1 else ""
            data = event["data"] or {}
            error = data.get("error")
            why = f": {str(error).splitlines()[0]}" if error else ""
            say(f"{where}: {said.format_map(data)}{attempt}{why}")

    def healed(self, count: int) -> None:
        if count > self._healed:
            self._healed = count
            say(f"the system was restarted by its guardian ({count} times so far)")

    def note(self, text: str) -> None:
        say(text)


class _Terminal:
    """Standard error, also after the terminal has hung up: nobody reads what is written then; no work ends by it."""

    def __init__(self) -> None:
        self._stream = sys.stderr

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            self._stream = nowhere()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = nowhere()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Bar(_Silent):
    """A bar that redraws itself on standard error."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._console = Console(file=cast(IO[str], _Terminal()))
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bars = RichProgress(*columns, TextColumn("{task.fields[now]}"), console=self._console)
        self._bar = self._bars.add_task("starting", total=None, now="")
        self._healed = 0
        self._bars.start()

    def show(self, data: dict[str, Any]) -> None:
        healings = self._healed + int(data["infra_faults"])
        healed = f"  healed {healings}" if healings else ""
        done, total = data["progress"]["done"], data["progress"]["total"]
        now = printable(", ".join(data["active"])) + healed
        self._bars.update(self._bar, description=data["id"], completed=done, total=total or None, now=now)

    def event(self, event: dict[str, Any]) -> None:
        if event["type"] in NOTED:
            said = SAID[event["type"]].format_map(event["data"] or {})
            self.note(f"{event['task'] or event['requirement']}: {said}")

    def healed(self, count: int) -> None:
        self._healed = count

    def note(self, text: str) -> None:
        self._console.print(printable(text), highlight=False, markup=False)

    def close(self) -> None:
        self._bars.stop()


@contextmanager
def shown_progress(*, quiet: bool) -> Iterator[Progress]:
    """The form that fits where standard error goes."""
    if quiet:
        yield _Silent()
    elif sys.stderr.isatty():
        bar = _Bar()
        try:
            yield bar
        finally:
            bar.close()
    else:
        yield _Lines()
