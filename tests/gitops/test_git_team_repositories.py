"""Repositories as teams have them: filters, encodings, submodules, settings and rights of their own. What cannot work
is said at submission, and what a task breaks is its own failure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from git_sandbox import TARGET, Attempt, Sandbox

from aidos_actors.core.errors import BadInput
from aidos_actors.gitops.inspect import inspect_repository
from aidos_actors.gitops.outcomes import GateFailed, GateResult


def _commit(sandbox: Sandbox, files: dict[str, str]) -> None:
    for name, text in files.items():
        (sandbox.repo / name).write_text(text)
    sandbox.git("add", "--all")
    sandbox.git("commit", "--quiet", "--message=more")
    sandbox.base = sandbox.git("rev-parse", "HEAD")


def _configure(sandbox: Sandbox, **settings: str) -> None:
    for name, value in settings.items():
        sandbox.git("config", f"filter.json.{name}", value)


def test_a_repository_that_was_copied_from_a_mac_keeps_files_that_differ_in_case(sandbox: Sandbox) -> None:
    sandbox.git("config", "core.ignoreCase", "true")
    attempt = sandbox.prepare()
    (attempt.path / "README").rename(attempt.path / "Readme")
    (attempt.path / "readme").write_text("another")
    assert sandbox.integrate(attempt).commit is not None
    assert sandbox.names() == [".gitignore", "Readme", "readme"]


@pytest.mark.parametrize(
    ("attributes", "settings", "named"),
    [
        ("* filter=json", {"clean": "false", "smudge": "cat", "required": "true"}, "clean filter 'json' failed"),
        ("* filter=json", {"clean": "no-such-filter", "required": "true"}, "no-such-filter"),
        ("new.json working-tree-encoding=UTF-16", {}, "BOM is required"),
        ("new.json working-tree-encoding=klingon", {}, "failed to encode"),
    ],
)
def test_content_that_the_repository_s_own_filters_refuse_is_the_task_s_failure(
    sandbox: Sandbox, attributes: str, settings: dict[str, str], named: str
) -> None:
    attempt = sandbox.prepare()
    _configure(sandbox, **settings)
    (attempt.path / ".gitattributes").write_text(f"{attributes}\n")
    (attempt.path / "new.json").write_text("{bad")
    outcome = sandbox.integrate(attempt)
    assert isinstance(outcome, GateFailed) and outcome.is_unstorable
    assert named in outcome.output_tail
    sandbox.discard(attempt)
    sandbox.assert_nothing_left()


def test_a_result_that_cannot_be_checked_out_is_refused_by_its_gate(sandbox: Sandbox) -> None:
    _configure(sandbox, clean="cat", smudge="grep -v bad", required="true")
    _commit(sandbox, {".gitattributes": "*.json filter=json\n", "good.json": "{}\n"})
    attempt = sandbox.prepare()
    (attempt.path / "good.json").write_text("bad\n")
    outcome = sandbox.integrate(attempt, gate=lambda folder, tree: GateResult(0))
    assert isinstance(outcome, GateFailed)
    assert "smudge filter json failed" in outcome.output_tail
    sandbox.discard(attempt)
    sandbox.assert_nothing_left()


@pytest.mark.parametrize("settings", [{"process": "git-nosuch run"}, {"smudge": "git-nosuch %f", "required": "true"}])
def test_a_filter_whose_program_is_missing_is_said_at_submission(sandbox: Sandbox, settings: dict[str, str]) -> None:
    _configure(sandbox, **settings)
    assert inspect_repository(str(sandbox.repo), None, TARGET).base_commit == sandbox.base  # nothing uses it
    (sandbox.repo / "deep").mkdir()
    _commit(sandbox, {"deep/.gitattributes": "*.bin filter=json -text\n"})
    with pytest.raises(BadInput, match=r"git-nosuch.*filter json") as refused:
        inspect_repository(str(sandbox.repo), None, TARGET)
    assert "Install" in refused.value.hint
    sandbox.git("config", "--unset-all", "filter.json.required", codes=(0, 5))
    _configure(sandbox, process="", smudge="git-nosuch", clean="/no/such || cat")
    with (sandbox.repo / ".git" / "config").open("a") as config:
        config.write('[filter "json"]\n\trequired\n')  # git takes that for true
    with pytest.raises(BadInput, match=r"git-nosuch.*filter json"):
        inspect_repository(str(sandbox.repo), None, TARGET)
    _configure(sandbox, smudge="", required="false")
    assert inspect_repository(str(sandbox.repo), None, TARGET).base_commit == sandbox.base


def test_settings_that_git_cannot_read_are_named(sandbox: Sandbox, isolated_home: Path) -> None:
    (isolated_home / ".gitconfig").write_text("[broken\n")
    with pytest.raises(BadInput, match=r"bad config line 1 in file .*\.gitconfig") as refused:
        inspect_repository(str(sandbox.repo), None, TARGET)
    assert "Install" not in refused.value.hint


def _with_submodule(sandbox: Sandbox) -> tuple[Attempt, Path]:
    library = sandbox.root / "library"
    sandbox.git("clone", "--quiet", "--bare", str(sandbox.repo), str(library))
    sandbox.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "library")
    _commit(sandbox, {})
    attempt = sandbox.prepare()
    sandbox.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", cwd=attempt.path)
    inner = attempt.path / "library"
    (inner / "README").write_text("changed\n")
    sandbox.git("-c", "user.name=x", "-c", "user.email=x@y", "commit", "--quiet", "-am", "inner", cwd=inner)
    return attempt, inner


def test_a_submodule_moved_to_a_commit_that_would_be_lost_is_refused_until_it_is_pushed(sandbox: Sandbox) -> None:
    attempt, inner = _with_submodule(sandbox)
    outcome = sandbox.integrate(attempt)
    assert isinstance(outcome, GateFailed)
    commit = sandbox.git("rev-parse", "HEAD", cwd=inner)
    assert "library" in outcome.output_tail and commit[:12] in outcome.output_tail and "push" in outcome.output_tail
    sandbox.git("push", "--quiet", "origin", "HEAD:refs/heads/main", cwd=inner)
    assert sandbox.integrate(attempt).commit is not None
    assert commit in sandbox.git("ls-tree", TARGET, "library")
    sandbox.discard(attempt)
    sandbox.assert_nothing_left()


# Root may write everywhere, but for one that has given up the right to.
WITHOUT_THE_RIGHT = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
INSPECT = """
import sys
from aidos_actors.core.errors import BadInput
from aidos_actors.gitops.inspect import inspect_repository
try:
    inspect_repository(sys.argv[1], None, sys.argv[2])
except BadInput as refused:
    print(refused.message)
"""


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root without setpriv")
@pytest.mark.parametrize("folder", ["", "objects", "refs/heads"])
def test_a_repository_that_cannot_be_written_is_said_at_submission(sandbox: Sandbox, folder: str) -> None:
    place = sandbox.repo / ".git" / folder
    place.chmod(0o555)
    words = [*(WITHOUT_THE_RIGHT if os.geteuid() == 0 else []), sys.executable, "-c", INSPECT]
    said = subprocess.run([*words, str(sandbox.repo), TARGET], capture_output=True, text=True, timeout=60)
    place.chmod(0o755)
    assert f"{place} cannot be written" in said.stdout, said.stderr
