"""What is seen of a repository after a run: a lock counts as left behind when the next start would not clear it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.witness import git, git_facts

RECORD = "refs/aidos/pushed/origin/aidos/shop"


@pytest.fixture
def repo(tmp_path: Path) -> str:
    git(str(tmp_path), "init", "--quiet", "--initial-branch=main")
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    git(str(tmp_path), *identity, "commit", "--quiet", "--allow-empty", "--message=first")
    return str(tmp_path)


@pytest.fixture
def recorder(repo: str) -> Iterator[subprocess.Popen[bytes]]:
    """The git that records a push, in the moment in which it holds the lock of the record."""
    words = ["git", "update-ref", "--no-deref", "--stdin"]
    with subprocess.Popen(words, cwd=repo, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"start\nupdate {RECORD} {git(repo, 'rev-parse', 'HEAD')}\nprepare\n".encode())
        process.stdin.flush()
        assert [process.stdout.readline(), process.stdout.readline()] == [b"start: ok\n", b"prepare: ok\n"]
        yield process
        process.kill()


def locks(repo: str) -> list[str]:
    return [Path(path).name for path in git_facts(repo, "aidos/shop", git(repo, "rev-parse", "HEAD"), [repo]).locks]


def test_what_a_stop_cut_off_while_a_push_was_recorded_is_cleared_by_the_next_start(
    repo: str, recorder: subprocess.Popen[bytes]
) -> None:
    assert locks(repo) == ["shop.lock"], "a git that lives holds it"
    recorder.kill()
    recorder.wait()
    assert Path(repo, ".git", f"{RECORD}.lock").exists(), "the kill left nothing"
    assert locks(repo) == []


def test_a_lock_of_the_user_s_own_checkout_stays_and_is_told(repo: str) -> None:
    Path(repo, ".git", "index.lock").touch()
    assert locks(repo) == ["index.lock"]
