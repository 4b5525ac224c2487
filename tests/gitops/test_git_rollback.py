"""Back to an earlier content, and never back in history."""

from __future__ import annotations

import pytest
from git_sandbox import TARGET, Dying, Sandbox, in_child

from aidos_actors.core.errors import BadInput, Conflict, NotFound
from aidos_actors.gitops.git import Git
from aidos_actors.gitops.our_commits import standing_commits
from aidos_actors.gitops.rollback import restore_points, roll_back

KILLED = 17


def four(sandbox: Sandbox) -> list[str]:
    return [sandbox.do(name, {"README": f"{name}\n", name: name}).commit for name in "abcd"]


def test_restore_points_say_where_the_target_stood(sandbox: Sandbox) -> None:
    commits = four(sandbox)
    points = {each.name: each.commit for each in restore_points(str(sandbox.repo))}
    assert points == {"shop/a-1": sandbox.base, "shop/b-1": commits[0], "shop/c-1": commits[1], "shop/d-1": commits[2]}


@pytest.mark.parametrize("by", ["commit", "restore point"])
def test_each_commit_since_is_taken_back_newest_first_by_one_move(sandbox: Sandbox, by: str) -> None:
    commits = four(sandbox)
    done = roll_back(str(sandbox.repo), TARGET, commits[1] if by == "commit" else "shop/c-1")
    assert (done.reverts, done.to, done.commit) == (2, commits[1], sandbox.git("rev-parse", TARGET))
    assert sandbox.git("rev-parse", f"{TARGET}^{{tree}}") == sandbox.git("rev-parse", f"{commits[1]}^{{tree}}")
    assert sandbox.line() == ["", "", "shop d", "shop c", "shop b", "shop a"]
    taken = sandbox.git("log", "-2", "--format=%(trailers:key=Aidos-Reverted-Commit,valueonly,separator=)", TARGET)
    assert taken.split() == [commits[2], commits[3]]
    assert roll_back(str(sandbox.repo), TARGET, done.commit).reverts == 0


def test_rolled_back_work_can_be_done_again_and_is_a_new_commit(sandbox: Sandbox) -> None:
    commits = four(sandbox)
    roll_back(str(sandbox.repo), TARGET, commits[2])
    again = sandbox.prepare("d", 2)
    (again.path / "d").write_text("d")
    assert sandbox.integrate(again).commit not in (None, commits[3])


def test_what_was_taken_back_stands_no_more_and_what_was_done_again_does(sandbox: Sandbox) -> None:
    commits = four(sandbox)
    roll_back(str(sandbox.repo), TARGET, commits[1])
    attempt = sandbox.prepare("c", 2)
    (attempt.path / "c").write_text("c")
    again = sandbox.integrate(attempt).commit

    def standing(requirement: str) -> list[str]:
        found = standing_commits(Git(str(sandbox.repo)), TARGET, sandbox.base, requirement)
        return [each.id for each in found]

    assert standing("shop") == [again, commits[1], commits[0]]
    assert standing("sho") == [], "a name that another one begins with"


def test_what_was_never_there_is_refused_and_nothing_moves(sandbox: Sandbox) -> None:
    commits = four(sandbox)
    elsewhere = sandbox.git("commit-tree", "main^{tree}", "-p", "main", "-m", "elsewhere")
    for to, error in ((elsewhere, BadInput), ("nothing", NotFound)):
        with pytest.raises(error):
            roll_back(str(sandbox.repo), TARGET, to)
    sandbox.git("worktree", "add", "--quiet", str(sandbox.root / "theirs"), TARGET)
    with pytest.raises(Conflict):
        roll_back(str(sandbox.repo), TARGET, commits[0])
    assert sandbox.git("rev-parse", TARGET) == commits[3]


def test_killed_anywhere_it_is_all_or_nothing(sandbox: Sandbox) -> None:
    commits, rounds, exit_code = four(sandbox), 0, KILLED
    while exit_code == KILLED:
        head = sandbox.git("rev-parse", TARGET)
        exit_code = in_child(lambda: roll_back(str(sandbox.repo), TARGET, commits[1], Dying(rounds)))  # noqa: B023
        assert sandbox.git("rev-parse", TARGET) == head or exit_code == 0 or rounds > 10
        rounds += 1
    assert sandbox.git("rev-parse", f"{TARGET}^{{tree}}") == sandbox.git("rev-parse", f"{commits[1]}^{{tree}}")
