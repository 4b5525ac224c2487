"""Error budgets: 3 failures in a row degrade, 10 end the process, one success brings it back by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors import ActorTree, Backoff, ChildSpec, ErrorBudget, SupervisorError, SupervisorSpec
from supervisors.accounts import wait_in_place_s
from supervisors.backoff import ceiling_s
from supervisors.budget import TABLE, Account, Happening, Level, abandoned, failed, is_spent, may_begin, succeeded
from supervisors.grades import UNKNOWN, Grade, Policy, Treatment, Treatments
from supervisors.testing import SimulatedTree
from tests.supervisors.failing_actor import Failing, Patient
from tests.supervisors.real_trees import eventually

BUDGET = ErrorBudget(probe=Backoff(initial_s=1, factor=2, max_s=60))


def fail(account: Account, times: int = 1, **more: Any) -> Account:
    for _ in range(times):
        account = failed(BUDGET, account, **{"now": 100.0, "fraction": 1.0, **more})
    return account


def test_the_table_knows_every_happening_at_every_level() -> None:
    """BX-30."""
    assert set(TABLE) == set(Level)
    for level, row in TABLE.items():
        assert set(row) == set(Happening)
        assert row[Happening.SUCCEEDED] is Level.WELL, f"a success brings {level} back"
        assert row[Happening.FAILED_TOO_OFTEN] is Level.DEGRADED


@pytest.mark.parametrize(
    ("failures", "level", "spent"),
    [(0, "well", False), (2, "well", False), (3, "degraded", False), (9, "degraded", False), (10, "degraded", True)],
)
def test_three_in_a_row_degrade_and_ten_are_spent(failures: int, level: str, spent: bool) -> None:
    """BX-32."""
    account = fail(Account(), failures)
    assert (account.level, is_spent(BUDGET, account)) == (level, spent)


def test_a_success_between_means_that_they_were_not_in_a_row() -> None:
    """BX-31."""
    assert fail(succeeded(fail(Account(), 2)), 2).is_well


def test_the_probe_is_given_to_one_asker_when_its_time_has_come_and_more_slowly_each_time() -> None:
    """BX-30."""
    account, waits = fail(Account(), 3), []
    for _ in range(8):
        waits.append(account.probe_at - 100.0)
        assert not may_begin(account, account.probe_at - 0.001)[1]
        account, allowed = may_begin(account, account.probe_at)
        assert allowed and account.level is Level.PROBING
        assert not may_begin(account, 10**9)[1], "a second asker"
        account = fail(account)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_what_is_no_use_to_repeat_degrades_at_once_and_stays_so_until_it_succeeds() -> None:
    account = fail(Account(), at_once=True)
    assert account.level is Level.DEGRADED and account.probe_at == 101.0
    assert fail(may_begin(account, 200.0)[0]).level is Level.DEGRADED


STEPS = st.lists(st.sampled_from(["begin", "fail", "succeed", "abandon"]), max_size=60)


@given(STEPS, st.integers(1, 5), st.integers(0, 10), st.lists(st.floats(0, 1), min_size=60, max_size=60))
def test_whatever_happens_the_account_follows_the_failures_in_a_row(
    steps: list[str], degrade_after: int, more: int, chances: list[float]
) -> None:
    budget = ErrorBudget(degrade_after, degrade_after + more)
    account, row, now = Account(), 0, 0.0
    for step, chance in zip(steps, chances, strict=False):
        now += chance * 3
        if step == "begin":
            before = account
            account, allowed = may_begin(account, now)
            assert allowed == (before.is_well or (before.level is Level.DEGRADED and now >= before.probe_at))
        elif step == "fail":
            row += 1
            account = failed(budget, account, now=now, fraction=chance)
            if not account.is_well:
                ceiling = ceiling_s(budget.probe, max(0, row - degrade_after))
                assert ceiling / 2 - 1e-6 <= account.probe_at - now <= ceiling + 1e-6
        elif step == "abandon":
            account = abandoned(account)
            assert account.level is not Level.PROBING and may_begin(account, account.probe_at)[1]
        else:
            row, account = 0, succeeded(account)
        assert account.failures == row
        assert account.is_well == (row < degrade_after)
        assert is_spent(budget, account) == (row >= degrade_after + more)


@given(st.floats(0.001, 10), st.floats(1, 5), st.floats(10, 100), st.integers(1, 50))
def test_the_wait_in_place_is_the_same_law_as_every_other_wait(
    initial_s: float, factor: float, max_s: float, failures: int
) -> None:
    backoff = Backoff(initial_s=initial_s, factor=factor, max_s=max_s)
    assert wait_in_place_s(backoff, failures) == pytest.approx(ceiling_s(backoff, failures - 1))


def test_the_nearest_listed_ancestor_answers_for_an_error() -> None:
    """BX-15, BX-16, BX-17."""
    disk, world = Treatment(Grade.P1, True, Policy.RETRY), Treatment(Grade.P2, True, Policy.GIVE_UP)
    table = Treatments({OSError: disk, Exception: world})
    assert table.of(FileNotFoundError()) is disk
    assert table.of(ValueError()) is world
    assert Treatments().of(ValueError()) is UNKNOWN


# ---- in virtual time


def test_an_outage_of_a_day_costs_a_slow_probe_and_is_over_a_minute_after_it_ended(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    child = ChildSpec(id="a", actor=Patient, args={"broken": str(tmp_path / "broken")})
    day_s = 24 * 3600.0
    with SimulatedTree.start(SupervisorSpec(id="root", children=[child]), seed=5) as tree:
        pid = tree.ask("a", "state")[0]
        assert tree.ask("a", "stay")
        tree.tell("a", "work")
        tree.sleep(day_s)
        state = tree.ask("a", "state")
        assert day_s / 60 <= state[1] <= day_s / 30 + 10, "a probe comes every 30 to 60 s"
        (tmp_path / "broken").unlink()
        tree.sleep(61)
        assert tree.ask("a", "state")[2:] == (1, "") and tree.ask("a", "state")[0] == pid
        assert [event.type for event in tree.events() if event.path == "root/a"] == ["started", "degraded", "recovered"]


# ---- on real processes


def running(tmp_path: Path) -> ActorTree:
    child = ChildSpec(id="a", actor=Failing, args={"broken": str(tmp_path / "broken")})
    return ActorTree.start(SupervisorSpec(id="root", children=[child]), state_dir=tmp_path / "state")


def events(tree: ActorTree) -> list[str]:
    return [event.type for event in tree.events() if event.path == "root/a"]


def test_it_degrades_visibly_works_on_and_comes_back_by_itself(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    with running(tmp_path) as tree:
        pid = tree.ask("a", "state")[0]
        assert tree.ask("a", "stay")
        tree.tell("a", "work")
        eventually(lambda: tree.ask("a", "state")[1] > 12)
        assert tree.ask("a", "state")[0] == pid, "it said that a restart would cost too much"
        assert "broken is there" in tree.ask("a", "state")[3]
        assert (tree.which_children("root")[0].degraded or "").startswith("work: OSError")
        assert tree.tree()["children"][0]["node"].degraded
        (tmp_path / "broken").unlink()
        eventually(lambda: tree.ask("a", "state")[2:] == (1, ""))
        assert events(tree) == ["started", "degraded", "recovered"]
        assert tree.which_children("root")[0].degraded is None


def test_ten_failures_in_a_row_start_the_process_anew(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    with running(tmp_path) as tree:
        pid = tree.ask("a", "state")[0]
        tree.tell("a", "work")
        eventually(lambda: tree.which_children("root")[0].restarts == 1)
        last = tree.which_children("root")[0].last_exit
        assert last is not None and last.kind == "abnormal"
        assert "error budget spent: work failed 10 times in a row" in last.detail
        assert eventually(lambda: tree.ask("a", "state"))[0] != pid
        assert tree.which_children("root")[0].degraded is None
        assert events(tree)[:3] == ["started", "degraded", "exited"]


def test_the_type_of_an_error_says_what_is_done(tmp_path: Path) -> None:
    with running(tmp_path) as tree:
        assert tree.ask("a", ("fail", KeyError("x"))) is None
        assert not tree.ask("a", "state")[3]
        assert tree.ask("a", ("fail", PermissionError("no"))) > 0
        assert tree.ask("a", "state")[3] == "odd: PermissionError: no"
        with pytest.raises(SupervisorError) as crashed:
            tree.ask("a", ("fail", MemoryError("none")))
        assert crashed.value.code == "actor_failed" and "MemoryError" in crashed.value.cause
