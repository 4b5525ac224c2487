"""Several results onto one target together, with real git: one gate for all, exactly the guilty refused, one move."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from git_sandbox import TARGET, Attempt, Dying, Sandbox, in_child

from aidos_actors.core.errors import Conflict
from aidos_actors.core.merge_queue import gate_runs_max
from aidos_actors.core.orders import AttemptKey
from aidos_actors.gitops.epoch import EpochToken, claim_epoch
from aidos_actors.gitops.git import Completed, Git, Run, run_here
from aidos_actors.gitops.greens import Greens
from aidos_actors.gitops.line import Line
from aidos_actors.gitops.outcomes import Conflicted, GateFailed, GateResult, Gone, Integrated
from aidos_actors.gitops.stack import Item, NotTheSameTree
from aidos_actors.gitops.train import Carried, carry

KILLED = 17


def items(sandbox: Sandbox, files: dict[str, dict[str, str]]) -> list[Item]:
    """One result a task, all from one start."""
    found = []
    for task, content in files.items():
        attempt = sandbox.prepare(task)
        for name, text in content.items():
            (attempt.path / name).write_text(text)
        found.append(item_of(sandbox, attempt))
    return found


def item_of(sandbox: Sandbox, attempt: Attempt) -> Item:
    return Item(attempt.key, str(attempt.path), attempt.base_commit, sandbox.base, f"Do {attempt.key.task}")


def no_red_file(seen: list[list[str]]) -> Callable[[AttemptKey, str, str], GateResult]:
    def gate(key: AttemptKey, folder: str, tree: str) -> GateResult:
        names = sorted(
            path.name for path in Path(folder).iterdir() if path.name not in (".git", ".gitignore", "README")
        )
        seen.append(names)
        red = [name for name in names if name.startswith("red")]
        return GateResult(3, f"red: {red} under {key.task}") if red else GateResult(0)

    return gate


def line(sandbox: Sandbox, gate: Any = None, run: Run = run_here, epoch: EpochToken | None = None) -> Line:
    folder = lambda key: str(sandbox.state / "gates" / key.task)  # noqa: E731
    return Line(
        Git(str(sandbox.repo), run), TARGET, epoch, gate, folder, sandbox.__dict__.setdefault("greens", Greens())
    )


def carry_all(line: Line, waiting: Sequence[Item]) -> dict[str, Any]:
    """Trains until nobody waits."""
    said: dict[str, Any] = {}
    while waiting:
        carried = carry(line, waiting)
        assert carried.outcomes, "a train that settles nothing would come for ever"
        said |= {key.task: outcome for key, outcome in carried.outcomes.items()}
        waiting = [item for item in waiting if item.key not in carried.outcomes]
    return said


def target_moves(sandbox: Sandbox) -> int:
    return len(sandbox.git("reflog", "show", "--format=%H", f"refs/heads/{TARGET}").splitlines())


def test_all_green_is_one_gate_one_move_and_a_commit_a_task(sandbox: Sandbox) -> None:
    seen: list[list[str]] = []
    waiting = items(sandbox, {name: {name: name} for name in "abcd"})
    carried = carry(line(sandbox, no_red_file(seen)), waiting)
    assert seen == [["a", "b", "c", "d"]]
    assert sandbox.line() == ["shop d", "shop c", "shop b", "shop a"]
    commits = sandbox.git("rev-list", "--reverse", f"{sandbox.base}..{TARGET}").split()
    assert [carried.outcomes[item.key] for item in waiting] == [Integrated(commit) for commit in commits]
    assert target_moves(sandbox) == 1
    assert sandbox.git("diff-tree", "--name-only", "-r", "--no-commit-id", commits[2]) == "c"


@pytest.mark.parametrize("guilty", ["a", "d", "g", "ac", "gh", "adfh", "abcdefgh"])
def test_exactly_the_guilty_are_refused_with_the_gate_s_own_words(sandbox: Sandbox, guilty: str) -> None:
    seen: list[list[str]] = []
    tasks = "abcdefgh"
    files = {task: {f"red-{task}" if task in guilty else task: task} for task in tasks}
    said = carry_all(line(sandbox, no_red_file(seen)), items(sandbox, files))
    assert {task for task, outcome in said.items() if isinstance(outcome, GateFailed)} == set(guilty)
    for task in guilty:
        assert said[task] == GateFailed(f"red: ['red-{task}'] under {task}", 3)
    innocent = [task for task in tasks if task not in guilty]
    assert sandbox.line() == [f"shop {task}" for task in reversed(innocent)] if innocent else True
    assert len(seen) <= gate_runs_max(len(tasks), len(guilty))
    assert not list((sandbox.state / "gates").glob("*"))


def test_who_conflicts_only_with_a_neighbour_waits_until_that_one_s_fate_is_known(sandbox: Sandbox) -> None:
    waiting = items(sandbox, {"one": {"README": "one\n", "red": "1"}, "two": {"README": "two\n"}})
    first = carry(line(sandbox, no_red_file([])), waiting)
    assert set(first.outcomes) == {waiting[0].key} and first.clashes == [(waiting[1].key, waiting[0].key)]
    assert isinstance(first.outcomes[waiting[0].key], GateFailed)
    assert isinstance(carry(line(sandbox, no_red_file([])), waiting[1:]).outcomes[waiting[1].key], Integrated)
    assert sandbox.show("README") == "two"


def test_who_conflicts_with_the_target_itself_is_told_at_once_and_the_others_go_on(sandbox: Sandbox) -> None:
    waiting = items(sandbox, {"first": {"README": "1\n"}, "a": {"a": "a"}, "late": {"README": "2\n"}, "b": {"b": "b"}})
    carry(line(sandbox), waiting[:1])
    said = carry(line(sandbox), waiting[1:]).outcomes
    assert said[waiting[2].key] == Conflicted(("README",))
    assert sandbox.line() == ["shop b", "shop a", "shop first"]


def test_what_adds_nothing_is_gone_or_cannot_be_stored_holds_up_nobody(sandbox: Sandbox) -> None:
    waiting = items(sandbox, {"idle": {}, "gone": {"x": "x"}, "good": {"a": "a"}, "emptied": {}})
    sandbox.git("worktree", "unlock", waiting[1].worktree)
    sandbox.git("worktree", "remove", "--force", waiting[1].worktree)
    for path in Path(waiting[3].worktree).iterdir():
        path.unlink()
    said = carry(line(sandbox), waiting).outcomes
    assert said[waiting[0].key] == Integrated(None, is_unchanged=True)
    assert isinstance(said[waiting[1].key], Gone) and isinstance(said[waiting[3].key], GateFailed)
    assert sandbox.line() == ["shop good"]


def test_two_that_made_the_same_change_are_one_commit(sandbox: Sandbox) -> None:
    said = carry_all(line(sandbox), items(sandbox, {"one": {"a": "same"}, "two": {"a": "same"}}))
    assert said["two"] == Integrated(None) and sandbox.line() == ["shop one"]


def test_results_from_different_starts_are_stacked_all_the_same(sandbox: Sandbox) -> None:
    early = items(sandbox, {"a": {"a": "a"}})
    sandbox.do("between", {"z": "z"})
    late = items(sandbox, {"b": {"b": "b"}})
    carry(line(sandbox), [*early, *late])
    assert sandbox.line() == ["shop b", "shop a", "shop between"]
    assert sandbox.names() == [".gitignore", "README", "a", "b", "z"]


def test_a_target_the_user_has_checked_out_refuses_all_and_moves_nothing(sandbox: Sandbox) -> None:
    sandbox.do("first", {"x": "x"})
    waiting = items(sandbox, {"a": {"a": "a"}, "b": {"b": "b"}})
    sandbox.git("worktree", "add", "--quiet", str(sandbox.root / "theirs"), TARGET)
    with pytest.raises(Conflict):
        carry(line(sandbox), waiting)
    assert sandbox.line() == ["shop first"]


def test_a_rival_s_move_during_the_gate_stacks_anew_on_it(sandbox: Sandbox) -> None:
    waiting = items(sandbox, {"a": {"a": "a"}, "b": {"b": "b"}})
    rival = sandbox.prepare("rival")
    (rival.path / "r").write_text("r")
    seen: list[list[str]] = []
    look = no_red_file(seen)

    def gate(key: AttemptKey, folder: str, tree: str) -> GateResult:
        if not seen:
            sandbox.integrate(rival)
        return look(key, folder, tree)

    carry(line(sandbox, gate), waiting)
    assert sandbox.line() == ["shop b", "shop a", "shop rival"]
    assert seen == [["a", "b"], ["a", "b", "r"]]


def test_a_merge_that_comes_out_otherwise_the_second_time_is_not_published(sandbox: Sandbox) -> None:
    sandbox.do("other", {"z": "z"})
    sandbox_base = sandbox.git("rev-parse", f"{TARGET}~1")
    attempt = sandbox.prepare("a")
    (attempt.path / "a").write_text("a")
    item = Item(attempt.key, str(attempt.path), sandbox_base, sandbox.base, "a")
    merges: list[bytes] = []

    def run(argv: Sequence[str], **more: Any) -> Completed:
        done = run_here(argv, **more)
        if "merge-tree" in argv:
            merges.append(done.stdout)
            if len(merges) == 2:
                return Completed(0, sandbox.git("rev-parse", "main^{tree}").encode() + b"\0", b"")
        return done

    with pytest.raises(NotTheSameTree):
        carry(line(sandbox, run=run), [item])
    assert sandbox.line() == ["shop other"]
    carry(line(sandbox), [item])
    assert sandbox.line() == ["shop a", "shop other"]


def killed_train(sandbox: Sandbox, waiting: list[Item], run: Run) -> Carried:
    return carry(line(sandbox, no_red_file([]), run, claim_epoch(str(sandbox.repo), "home", 1, run)), waiting)


def test_killed_before_each_git_command_of_a_train(sandbox: Sandbox) -> None:
    """Each round three more tasks, the second of them guilty; the process is killed some commands later each time:
    TRAIN_STEP=1 for every one of them."""
    step = int(os.environ.get("TRAIN_STEP", "3"))
    before, exit_code, rounds, published = sandbox.fingerprint(), KILLED, 0, list[str]()
    while exit_code == KILLED:
        tasks = [f"t{rounds:03}{name}" for name in "abc"]
        files = {task: {f"red-{task}" if task.endswith("b") else task: task} for task in tasks}
        waiting = items(sandbox, files)
        exit_code = in_child(lambda: killed_train(sandbox, waiting, Dying(step * rounds)))  # noqa: B023
        assert exit_code in (0, KILLED)
        said = carry_all(line(sandbox, no_red_file([])), waiting)
        assert [isinstance(said[task], GateFailed) for task in tasks] == [False, True, False]
        published += [task for task in tasks if not task.endswith("b")]
        for item in waiting:
            sandbox.discard(Attempt(item.key, Path(item.worktree), item.base_commit))
        rounds += 1
    assert step * rounds > 25
    assert sandbox.line() == [f"shop {task}" for task in reversed(published)]
    assert sandbox.fingerprint() == before
    sandbox.assert_nothing_left()


@pytest.mark.slow
def test_the_git_that_runs_is_killed_within_a_train(sandbox: Sandbox) -> None:
    chance, published = random.Random(int(os.environ.get("TRAIN_SEED", "5"))), list[str]()
    for number in range(25):
        tasks = [f"t{number:03}{name}" for name in "abcd"]
        waiting = items(sandbox, {task: {task: task} for task in tasks})
        run = Dying(chance.randrange(0, 60), git_dies_after_s=chance.uniform(0.0005, 0.006))
        assert in_child(lambda: killed_train(sandbox, waiting, run)) in (0, KILLED)  # noqa: B023
        carry_all(line(sandbox, no_red_file([])), waiting)
        published += tasks
        for item in waiting:
            sandbox.discard(Attempt(item.key, Path(item.worktree), item.base_commit))
    assert sorted(sandbox.line()) == sorted(f"shop {task}" for task in published)
    sandbox.assert_nothing_left()
