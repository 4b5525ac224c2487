"""docs/command-line.md says what verbs, exit codes, settings and limits there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from typer.main import get_command

from aidos_actors.cli.answer import READER_GONE
from aidos_actors.cli.app import app
from aidos_actors.config import Config
from aidos_actors.core import errors
from aidos_actors.core.kept_text import TEXT_CHARS_MAX
from aidos_actors.core.requirement import TASKS_MAX
from aidos_actors.executors import call, command, folder_size, said
from aidos_actors.gitops import minded_run, push

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()


def rows(heading: str) -> list[list[str]]:
    part = PAGE.split(heading)[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in part.splitlines() if line[:1] == "|"]
    return cells[2:]


def verbs_of(group: Any, before: str = "") -> Iterator[str]:
    for name, verb in group.commands.items():
        if hasattr(verb, "commands"):
            yield from verbs_of(verb, f"{name} ")
        else:
            yield before + name


def test_every_verb_is_named_and_no_other() -> None:
    names = {" ".join(re.findall(r"^[a-z-]+(?: [a-z-]+)?", name)) for name in re.findall(r"`([^`]+)`", "".join(
        row[0] for row in rows("# The command line")))}  # fmt: skip
    assert names == set(verbs_of(get_command(app)))


def test_every_exit_code_is_explained() -> None:
    said_codes = {int(code) for row in rows("## Exit codes") for code in row[0].split(", ")}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.AidosError)]
    assert {kind.exit_code for kind in kinds} | {0, 2, 9, 129, 130, 143, READER_GONE} == said_codes


def settings_of(model: BaseModel, before: str) -> Iterator[tuple[str, str]]:
    for name, value in model:
        if isinstance(value, BaseModel):
            yield f"{before}{name}." + ", ".join(f".{inner}" for inner, _ in value)[1:].replace(", ", "`, `"), "none"
        else:
            yield before + name, str(value)


def test_the_settings_are_those_that_may_be_configured() -> None:
    config = Config()
    found = [*settings_of(config.runtime, "runtime."), *settings_of(config.limits, "limits.")]
    assert [(row[0].strip("`"), row[1]) for row in rows("## Settings")] == found


def test_the_limits_are_those_of_the_code() -> None:
    told = {row[0]: row[1] for row in rows("## Limits that are not set")}
    mib = 2**20
    assert command.OUTPUT_LIMIT_BYTES == said.OUTPUT_BYTES_MAX == 256 * mib
    assert told["output of a command, and what a callable prints"].startswith("256 MiB")
    assert told["what a callable returns"].startswith(f"{call.RESULT_BYTES_MAX // mib} MiB")
    assert told["the text of an error"].startswith(f"{TEXT_CHARS_MAX:,} characters")
    assert told["tasks of a requirement"] == f"{TASKS_MAX:,}"
    assert told["entries of a checkpoint folder"] == f"{folder_size.ENTRIES_MAX:,}"
    assert told["one run of a gate"] == f"{minded_run.GATE_TIMEOUT_S / 3600:g} hour"
    assert told["one push"] == f"{push.PUSH_TIMEOUT_S:g} s"
