"""The text of a requirement file, read into its model: every key known, every value checked, mistakes with lines.

All mistakes of a file are looked for; the first in file order is reported, with the number of the others.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from aidos_actors.analyzers.keys import REQUIREMENT_KEYS, is_misspelt, model_says, read_keys
from aidos_actors.analyzers.markdown import is_markdown, read_markdown
from aidos_actors.analyzers.problems import Problems, Wrong, WrongAgents, any_agents, shown
from aidos_actors.analyzers.tasks import read_tasks
from aidos_actors.analyzers.yaml_nodes import Items, Mapping, compose
from aidos_actors.core.requirement import Requirement

REQUIREMENT_BYTES_MAX = 64 * 1024 * 1024


def read_requirement(
    text: str,
    *,
    file: str,
    base_dir: str,
    limit_bytes: int = REQUIREMENT_BYTES_MAX,
    wrong_agents: WrongAgents = any_agents,
) -> Requirement:
    """The requirement that ``text`` describes, in YAML or Markdown; ``repo`` is absolute, relative to ``base_dir``. One
    that lists no tasks, but says in words what is wanted, has those as its ``text``. ``wrong_agents`` judges the coding
    agents that it names. Reads no file.

    Raises ``BadInput`` with ``file``, the line and a hint for whatever is wrong with it.
    """
    problems = Problems(file, wrong_agents)
    requirement: Requirement | None = None
    try:
        root, words = _root(text, problems, limit_bytes)
        requirement = _read(root, words, Path(base_dir), problems)
    except Wrong as wrong:  # what follows this place could not be looked at
        problems.add(wrong)
    problems.raise_first()
    assert requirement is not None
    return requirement


def _root(text: str, problems: Problems, limit_bytes: int) -> tuple[Mapping, str | None]:
    """The keys, and of a document without a list of tasks the words."""
    if len(text.encode(errors="surrogatepass")) > limit_bytes:
        raise Wrong(1, f"the document is over {limit_bytes:,} bytes", "split it, or raise limits.requirement_bytes")
    text = text.removeprefix("\ufeff")
    if is_markdown(problems.file, text):
        return read_markdown(text, problems.add, limit_chars=limit_bytes)
    root = compose(text, problems.add, limit_chars=limit_bytes)
    if root is None:
        raise Wrong(1, "the document is empty", "it needs at least `id` and `tasks`")
    if not isinstance(root, Mapping):
        what = "a list" if isinstance(root, Items) else f"the text {shown(root.value)}"
        raise Wrong(root.line, f"the document is {what}, not a mapping", "begin with `id: some-name` and `tasks:`")
    return root, None


def _read(root: Mapping, words: str | None, base_dir: Path, problems: Problems) -> Requirement | None:
    values = read_keys(root, REQUIREMENT_KEYS, "", problems, also="tasks")
    if "id" not in root.entries and not is_misspelt(("id",), root, REQUIREMENT_KEYS):
        problems.add(Wrong(root.line, "`id` is missing", "add `id: some-name`; it names the requirement for ever"))
    tasks = read_tasks(root, problems) if words is None else ()
    if problems.count:
        return None
    if "repo" in values:
        values["repo"] = _absolute(values["repo"], base_dir, root.entries["repo"][0])
    values["title"] = values.get("title") or values["id"]
    try:
        return Requirement(**values, tasks=tasks, text=words)
    except ValidationError as error:
        raise model_says(error, root.line) from None


def _absolute(repo: str, base_dir: Path, line: int) -> str:
    path = os.path.normpath(base_dir.absolute() / repo)
    try:
        path.encode()
    except UnicodeEncodeError:
        hint = "rename the folder, or put the requirement elsewhere"
        raise Wrong(line, f"`repo`: {path!r} is not a path in UTF-8", hint) from None
    return path
