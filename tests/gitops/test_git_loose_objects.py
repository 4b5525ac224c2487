"""Objects are packed when many lie about singly, and nobody misses one of them at any moment."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from git_sandbox import TARGET, Sandbox

from aidos_actors.gitops.git import GIT_TIMEOUT_S, Completed, Git, GitFailed, run_here
from aidos_actors.gitops.loose_objects import pack_if_many

FEW = 256  # one in the folder that is counted says so many


def write(sandbox: Sandbox, count: int) -> None:
    """``count`` objects and more that no ref names, and a commit on the target."""
    lines = "".join(f"blob\ndata <<.\n{number}\n.\n" for number in range(count))
    fast = ["git", "-c", "fastimport.unpackLimit=100000", "fast-import", "--quiet"]
    subprocess.run(fast, cwd=sandbox.repo, input=lines.encode(), check=True)
    sandbox.do("a", {"a": "a"})


def loose(sandbox: Sandbox) -> int:
    return int(sandbox.git("count-objects").split()[0])


def names(sandbox: Sandbox) -> list[str]:
    return sorted(sandbox.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split())


def test_many_are_packed_named_or_not_and_few_are_left_alone(sandbox: Sandbox) -> None:
    write(sandbox, 1500)
    before, git = names(sandbox), Git(str(sandbox.repo))
    assert not pack_if_many(git) and loose(sandbox) > 1500
    assert pack_if_many(git, FEW) and loose(sandbox) == 0
    assert names(sandbox) == before
    sandbox.git("fsck", "--strict")
    assert sandbox.show("a") == "a" and sandbox.do("b", {"b": "b"}).commit == sandbox.git("rev-parse", TARGET)


@pytest.mark.parametrize("dies_at", ["pack-objects", "prune-packed"])
def test_killed_before_any_step_nothing_is_missing_and_the_next_time_does_it(sandbox: Sandbox, dies_at: str) -> None:
    write(sandbox, 1500)
    before = names(sandbox)

    def run(
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        input: bytes = b"",  # noqa: A002 - the word of the port
        timeout_s: float = GIT_TIMEOUT_S,
    ) -> Completed:
        if dies_at in argv:
            return Completed(-9, b"", b"killed")
        return run_here(argv, cwd=cwd, env=env, input=input, timeout_s=timeout_s)

    with pytest.raises(GitFailed):
        pack_if_many(Git(str(sandbox.repo), run), FEW)
    assert names(sandbox) == before and loose(sandbox) > 1500
    assert pack_if_many(Git(str(sandbox.repo)), FEW) and loose(sandbox) == 0
    assert names(sandbox) == before


def test_one_that_cannot_be_read_keeps_all_where_they_are(sandbox: Sandbox) -> None:
    write(sandbox, 1500)
    objects = Path(Git(str(sandbox.repo)).common_dir) / "objects"
    spoilt = next(path for path in (objects / "00").iterdir() if path.is_file())
    shutil.copy(spoilt, sandbox.root / "kept")
    spoilt.chmod(0o644)
    spoilt.write_bytes(b"torn")
    with pytest.raises(GitFailed):
        pack_if_many(Git(str(sandbox.repo)), FEW)
    assert loose(sandbox) > 1500
    shutil.copy(sandbox.root / "kept", spoilt)
    sandbox.git("fsck", "--strict")
