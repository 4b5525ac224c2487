"""What ``run`` says when its requirement has ended."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aidos_actors.cli.answer import Answer
from aidos_actors.core.kept_text import kept
from aidos_actors.folders import end_of
from aidos_actors.layout import Layout

TAIL_BYTES, TAIL_LINES, LINE_CHARS_MAX = 65_536, 20, 1000


def conclusion(data: dict[str, Any], repo: str | None, state: Path) -> Answer:
    """Names target, commits and the way to merge them; of a failure the last lines, where to read more, and how to try
    again."""
    lines = [f"{data['id']}: {data['state']}, {data['progress']['done']} of {data['progress']['total']} tasks done"]
    if repo is not None:
        commits = _commits(data, repo)
        lines.append(f"target {data['target']}: {commits} commit{'' if commits == 1 else 's'}")
        if commits:
            lines.append(f"git merge {data['target']}")
    if data["state"] == "failed":
        lines += _failure(data, state)
    if data["state"] != "done":
        lines.append(f"again: aidos retry {data['id']} {_state_option(state)}")
    code = 0 if data["state"] == "done" else 8 if str(data.get("error") or "").startswith("deadline") else 1
    return Answer(data, "\n".join(lines), code)


def _commits(data: dict[str, Any], repo: str) -> int:
    """How many of its commits stand on the target, those of tasks that a revision did anew or took out among them;
    while the repository does not tell, how many its tasks have."""
    from aidos_actors.gitops.git import Git, GitFailed  # who has no repository does without
    from aidos_actors.gitops.our_commits import standing_commits

    base, target = data.get("base_commit"), data["target"]  # a system of an earlier version tells no base
    try:
        git = Git(repo)
        if base and target and (head := git.commit_of(f"refs/heads/{target}")):
            return len(standing_commits(git, head, base, data["id"]))
    except (GitFailed, OSError):
        pass
    return sum(task["commit"] is not None for task in data["tasks"])


def _failure(data: dict[str, Any], state: Path) -> Iterator[str]:
    if data.get("error"):
        yield f"why: {data['error']}"
    every = [task for task in data["tasks"] if task["state"] == "failed"]
    if not every:
        return
    failed = next((task for task in every if str(data["error"]).startswith(f"task {task['id']} failed")), every[0])
    others = [task for task in every if task is not failed]
    file = Layout(str(state)).output(data["id"], failed["id"], failed["attempts"])
    if file.exists():
        yield from (kept(line, LINE_CHARS_MAX) for line in end_of(file, TAIL_BYTES).splitlines()[-TAIL_LINES:])
    if others:
        yield f"failed too: {', '.join(task['id'] for task in others)}"
    yield f"more: aidos output {data['id']}/{failed['id']} {_state_option(state)}"


def _state_option(state: Path) -> str:
    return f"--state {shlex.quote(str(state))}"
