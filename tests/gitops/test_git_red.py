"""A target that has turned red, with real git: whose commit it was, and how it is taken back exactly once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from git_sandbox import TARGET, Dying, Sandbox, in_child

from aidos_actors.core.errors import Conflict, Fenced
from aidos_actors.core.orders import AttemptKey
from aidos_actors.core.target_orders import Reversal, Sighting
from aidos_actors.gitops.epoch import claim_epoch
from aidos_actors.gitops.git import Git, Run, run_here
from aidos_actors.gitops.greens import Greens
from aidos_actors.gitops.line import Line
from aidos_actors.gitops.outcomes import GateResult, Integrated
from aidos_actors.gitops.red import look_at
from aidos_actors.gitops.revert import take_back
from aidos_actors.gitops.stack import Item
from aidos_actors.gitops.train import carry

KILLED = 17
WATCHER = AttemptKey("gated", "", 0)


class Gate:
    """Refuses what holds one of ``bad`` files; counts its runs."""

    def __init__(self, *bad: str) -> None:
        self.bad, self.runs = set(bad), 0

    def __call__(self, key: AttemptKey, folder: str, tree: str) -> GateResult:
        self.runs += 1
        found = sorted(self.bad & {path.name for path in Path(folder).iterdir()})
        return GateResult(1, f"refused because of {found}") if found else GateResult(0)


def line(sandbox: Sandbox, gate: Callable[..., GateResult], run: Run = run_here, **more: object) -> Line:
    folder = str(sandbox.state / "gate")
    return Line(Git(str(sandbox.repo), run), TARGET, gate=gate, gate_folder=lambda _key: folder, **more)  # type: ignore[arg-type]


def commit_by_hand(sandbox: Sandbox, name: str, text: str = "by hand\n") -> str:
    """Somebody pushes onto the target."""
    clone = sandbox.root / f"clone-{name}"
    sandbox.git("clone", "--quiet", "--branch", TARGET, str(sandbox.repo), str(clone))
    (clone / name).write_text(text)
    sandbox.git("add", "--all", cwd=clone)
    sandbox.git("-c", "user.name=Eve", "-c", "user.email=eve@x", "commit", "--quiet", "-m", f"Add {name}", cwd=clone)
    sandbox.git("push", "--quiet", "origin", TARGET, cwd=clone)
    return sandbox.git("rev-parse", TARGET)


def look(sandbox: Sandbox, gate: Callable[..., GateResult], greens: Greens | None = None) -> Sighting:
    seen = look_at(line(sandbox, gate, greens=greens or Greens()), WATCHER, sandbox.base)
    assert seen is not None
    return seen


def test_a_commit_of_ours_that_its_own_gate_did_not_judge_is_named(sandbox: Sandbox) -> None:
    """Of five commits by requirements without this gate, the third is the one."""
    commits = [sandbox.do(name, {name: name}).commit for name in "abcde"]
    gate = Gate("c")
    seen = look(sandbox, gate)
    assert (seen.is_red, seen.commit, seen.culprit) == (True, commits[2], AttemptKey("shop", "c", 1))
    assert seen.head == commits[4] and "refused" in (seen.error or "")
    assert gate.runs <= 6
    assert not list(sandbox.state.glob("gate"))


def test_a_commit_of_somebody_else_is_named_with_its_author_and_never_as_ours(sandbox: Sandbox) -> None:
    sandbox.do("a", {"a": "a"})
    foreign = commit_by_hand(sandbox, "bad")
    sandbox.do("b", {"b": "b"})
    seen = look(sandbox, Gate("bad"))
    assert (seen.commit, seen.culprit, seen.by) == (foreign, None, "Eve <eve@x>")


def test_a_gate_that_refuses_everything_blames_nobody(sandbox: Sandbox) -> None:
    for name in "abc":
        sandbox.do(name, {name: name})
    seen = look(sandbox, Gate("README"))
    assert (seen.is_red, seen.commit, seen.culprit) == (True, None, None)


def test_looking_again_costs_nothing_until_the_head_moves(sandbox: Sandbox) -> None:
    sandbox.do("a", {"a": "a"})
    gate, greens = Gate("c"), Greens()
    assert not look(sandbox, gate, greens).is_red
    runs = gate.runs
    look(sandbox, gate, greens)
    assert gate.runs == runs
    sandbox.do("c", {"c": "c"})
    first = look(sandbox, gate, greens)
    runs = gate.runs
    assert look(sandbox, gate, greens) == first and first.is_red and gate.runs == runs


def test_what_this_very_requirement_published_is_not_gated_twice(sandbox: Sandbox) -> None:
    sandbox.do("a", {"a": "a"})
    gate = Gate("a")
    seen = look_at(line(sandbox, gate), AttemptKey("shop", "", 0), sandbox.base)
    assert seen is not None and not seen.is_red and gate.runs == 0


def test_a_gate_that_was_ill_is_believed_again_after_a_while(sandbox: Sandbox) -> None:
    sandbox.do("a", {"a": "a"})
    now = [0.0]
    gate, greens = Gate("README"), Greens(clock=lambda: now[0])
    assert look(sandbox, gate, greens).is_red
    gate.bad.clear()
    assert look(sandbox, gate, greens).is_red, "a moment ago it refused it"
    now[0] += 61
    assert not look(sandbox, gate, greens).is_red


def test_a_head_that_was_green_and_is_so_no_more_is_found_though_it_never_moved(sandbox: Sandbox) -> None:
    """What the gate looks at besides the files has changed: the commit that cannot bear it is named, nobody else."""
    now = [0.0]
    gate, greens = Gate(), Greens(clock=lambda: now[0])
    red = line(sandbox, gate, greens=greens)
    for task in "ab":
        attempt = sandbox.prepare(task)
        (attempt.path / task).write_text(task)
        carry(red, [Item(attempt.key, str(attempt.path), attempt.base_commit, sandbox.base, task)])
    watcher = AttemptKey("shop", "", 0)
    assert look_at(red, watcher, sandbox.base) == Sighting(sandbox.git("rev-parse", TARGET), False)
    gate.bad.add("a")
    now[0] += 61
    late = sandbox.prepare("late")
    (late.path / "late").write_text("late")
    carried = carry(red, [Item(late.key, str(late.path), late.base_commit, sandbox.base, "late")])
    assert carried.outcomes == {} and carried.red is not None
    greens.turned_red()
    seen = look_at(red, watcher, sandbox.base)
    assert seen is not None and seen.culprit == AttemptKey("shop", "a", 1)


def take(sandbox: Sandbox, task: str, run: Run = run_here, **more: object) -> Reversal:
    return take_back(line(sandbox, Gate(), run, **more), AttemptKey("shop", task, 1), sandbox.base, "2 tests\nfailed")


def test_it_is_taken_back_by_one_commit_that_says_what_and_the_line_stays_straight(sandbox: Sandbox) -> None:
    commits = {name: sandbox.do(name, {name: name}).commit for name in "abc"}
    answer = take(sandbox, "b")
    assert answer == Reversal(sandbox.git("rev-parse", TARGET))
    assert sandbox.names() == [".gitignore", "README", "a", "c"]
    assert sandbox.git("log", "-1", "--format=%B", TARGET) == (
        'Revert "Do b"\n\n    The gate refused aidos/shop with it: 2 tests failed\n\n'
        "Aidos-Reverted-Requirement: shop\nAidos-Reverted-Task: b\nAidos-Reverted-Attempt: 1\n"
        f"Aidos-Reverted-Commit: {commits['b']}"
    )
    assert sandbox.line() == ["", "shop c", "shop b", "shop a"]
    assert take(sandbox, "b") == answer, "asked again it is the same one"
    assert sandbox.git("for-each-ref", "--format=%(objectname)", "refs/aidos/restore/shop/b-1-revert") == commits["c"]
    sandbox.assert_nothing_left()


def test_the_redone_task_is_published_and_not_taken_for_the_reverted_one(sandbox: Sandbox) -> None:
    sandbox.do("b", {"b": "bad"})
    take(sandbox, "b")
    again = sandbox.prepare("b", 2)
    (again.path / "b").write_text("good")
    done = sandbox.integrate(again)
    assert isinstance(done, Integrated) and done.commit == sandbox.git("rev-parse", TARGET)
    assert sandbox.integrate(again) == done
    assert take(sandbox, "b").commit == sandbox.git("rev-parse", f"{TARGET}^"), "attempt 1 was reverted, and stays so"
    assert sandbox.show("b") == "good"


def test_a_task_named_like_a_part_of_another_is_not_reverted_with_it(sandbox: Sandbox) -> None:
    sandbox.do("b", {"b": "b"})
    sandbox.do("b2", {"b2": "b"})
    take(sandbox, "b2")
    assert sandbox.names() == [".gitignore", "README", "b"]
    assert take(sandbox, "none") == Reversal(None)


def test_what_does_not_come_off_cleanly_stays_and_is_never_named_again(sandbox: Sandbox) -> None:
    bad = sandbox.do("a", {"README": "a\n"}).commit
    sandbox.do("b", {"README": "b\n"})
    gate, shared = Gate("README"), dict[str, str]()
    greens = Greens(shared)
    answer = take(sandbox, "a", greens=greens)
    assert (answer.commit, answer.kept) == (None, bad) and "README" in (answer.error or "")
    assert bad in shared
    assert sandbox.line() == ["shop b", "shop a"]
    assert look(sandbox, gate, greens).culprit is None


def test_a_target_the_user_has_checked_out_is_not_moved_for_a_revert(sandbox: Sandbox) -> None:
    sandbox.do("a", {"a": "a"})
    sandbox.git("worktree", "add", "--quiet", str(sandbox.root / "theirs"), TARGET)
    with pytest.raises(Conflict):
        take(sandbox, "a")
    assert sandbox.line() == ["shop a"]


def test_a_fenced_scheduler_reverts_nothing(sandbox: Sandbox) -> None:
    old = claim_epoch(str(sandbox.repo), "home", 1)
    sandbox.do("a", {"a": "a"}, epoch=old)
    claim_epoch(str(sandbox.repo), "home", 2)
    with pytest.raises(Fenced):
        take(sandbox, "a", epoch=old)
    assert sandbox.line() == ["shop a"]


def test_killed_before_each_git_command_it_is_reverted_once(sandbox: Sandbox) -> None:
    exit_code, rounds = KILLED, 0
    while exit_code == KILLED:
        task = f"t{rounds:03}"
        sandbox.do(task, {task: task})
        exit_code = in_child(lambda: take(sandbox, task, Dying(rounds)))  # noqa: B023
        assert exit_code in (0, KILLED)
        assert take(sandbox, task).commit is not None
        rounds += 1
    assert rounds > 10
    assert sandbox.line().count("") == rounds
    assert sandbox.names() == [".gitignore", "README"]
    sandbox.assert_nothing_left()


def test_results_on_a_red_target_wait_and_one_that_mends_it_is_published(sandbox: Sandbox) -> None:
    sandbox.do("a", {"a": "a"})
    commit_by_hand(sandbox, "bad")
    waiting = []
    for task in ("new", "mend"):
        attempt = sandbox.prepare(task)
        if task == "mend":
            (attempt.path / "bad").unlink()
        (attempt.path / task).write_text(task)
        waiting.append(Item(attempt.key, str(attempt.path), attempt.base_commit, sandbox.base, task))
    red = line(sandbox, Gate("bad"))
    first = carry(red, waiting[:1])
    assert first.outcomes == {} and first.red is not None, "nobody is blamed for what was red before"
    assert isinstance(carry(red, waiting[1:]).outcomes[waiting[1].key], Integrated)
    assert isinstance(carry(red, waiting[:1]).outcomes[waiting[0].key], Integrated)
