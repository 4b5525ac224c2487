"""Orders wait their turn, come once however often they are told, and outlive the epoch they came with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aidos_actors.actors.words import GitWork
from aidos_actors.core.orders import AttemptKey, Discard, GitOrder, Integrate, Prepare
from aidos_actors.core.target_orders import Sweep
from aidos_actors.gitops.lanes import Lanes, company_of, name_of


def order(kind: str, task: str, repo: str = "/shop") -> GitOrder:
    key, path = AttemptKey("shop", task, 1), f"/w/{task}"
    match kind:
        case "prepare":
            return Prepare(key, repo, path, "aidos/shop", "base")
        case "integrate" | "withdraw":
            is_wanted = kind == "integrate"
            return Integrate(key, repo, path, "base", "aidos/shop", "title", None, "base", is_wanted=is_wanted)
        case _:
            return Discard(key, repo, path, ())


def work(kind: str, task: str, epoch: int = 1, repo: str = "/shop") -> GitWork:
    return GitWork(epoch, "home", order(kind, task, repo))


def names(starts: list[tuple[str, tuple[GitWork, ...]]]) -> list[str]:
    return [name_of(work) for _, works in starts for work in works]


def test_one_at_a_time_in_each_lane_of_each_repository() -> None:
    lanes = Lanes()
    for each in (work("prepare", "a"), work("prepare", "b"), work("integrate", "c"), work("prepare", "d", repo="/b")):
        lanes.take(each)
    starts = lanes.next()
    assert names(starts) == ["prepare shop/a/1", "integrate shop/c/1", "prepare shop/d/1"]
    assert lanes.next() == []
    lanes.forget(*lanes.ended(starts[0][0]))
    assert names(lanes.next()) == ["prepare shop/b/1"]


def test_an_attempt_is_never_integrated_and_discarded_at_the_same_time() -> None:
    lanes = Lanes()
    lanes.take(work("integrate", "a"))
    [(lane, _)] = lanes.next()
    lanes.take(work("discard", "a"))
    assert lanes.next() == []
    lanes.take(work("discard", "b"))
    [(other, (beside,))] = lanes.next()
    assert beside == work("discard", "b")
    lanes.forget(*lanes.ended(other))
    assert lanes.next() == []
    lanes.forget(*lanes.ended(lane))
    assert names(lanes.next()) == ["discard shop/a/1"]


def test_an_order_told_again_by_a_newer_scheduler_is_carried_out_with_its_authority() -> None:
    lanes = Lanes()
    lanes.take(work("integrate", "a", epoch=1))
    [(lane, (running,))] = lanes.next()
    lanes.take(work("integrate", "b", epoch=1))
    for task in "ab":
        lanes.take(work("integrate", task, epoch=2))
    lanes.take(work("integrate", "c", epoch=1))
    assert lanes.ended(lane) == (running,)
    lanes.fenced(running)
    [(lane, together)] = lanes.next()
    assert together == (work("integrate", "b", epoch=2), work("integrate", "a", epoch=2))
    lanes.ended(lane)
    lanes.forget(together[0])
    lanes.fenced(together[1])
    assert lanes.next() == [] and lanes.is_idle


def test_what_waits_for_one_target_and_one_gate_goes_together_in_order() -> None:
    lanes = Lanes()
    lanes.take(work("integrate", "first"))
    [(lane, _)] = lanes.next()
    gated = GitWork(1, "home", replace(order("integrate", "g"), verify="pytest"))
    for each in (work("integrate", "a"), gated, work("integrate", "b"), work("integrate", "c")):
        lanes.take(each)
    lanes.forget(*lanes.ended(lane))
    [(lane, together)] = lanes.next()
    assert [each.order.key.task for each in together] == ["a", "b", "c"]
    lanes.ended(lane)
    lanes.back(together[1:])  # a was settled, and those two were not
    lanes.forget(together[0])
    assert [each.order.key.task for each in lanes.next()[0][1]] == ["b", "c"]


def test_after_a_failure_of_the_machine_each_goes_by_itself() -> None:
    lanes = Lanes()
    for task in "ab":
        lanes.take(work("integrate", task))
    [(lane, both)] = lanes.next()
    assert len(both) == 2
    for each in lanes.ended(lane):
        lanes.put_off(each)
    assert lanes.next() == [] and lanes.strays() == []
    for each in both:
        lanes.again(name_of(each))
    assert [len(works) for _, works in lanes.next()] == [1]


def test_a_sweep_that_does_not_know_a_worktree_that_is_to_be_made_is_dropped() -> None:
    """Carried out late, it would take away what was made meanwhile."""
    for live, is_kept in ((("/w/a",), True), ((), False)):
        lanes = Lanes()
        lanes.take(GitWork(1, "home", Sweep(AttemptKey("", "", 0), "/shop", live)))
        lanes.take(work("prepare", "a"))
        assert (lanes.next()[0][1][0].order.key.task == "") is is_kept


def test_a_sweep_after_one_requirement_is_dropped_only_when_that_one_goes_on() -> None:
    for prepared, are_kept in (("r", {""}), ("other", {"", "r"})):
        lanes = Lanes()
        for swept, live in (("r", ()), ("", ("/w/a",))):
            lanes.take(GitWork(1, "home", Sweep(AttemptKey(swept, "", 0), "/shop", live)))
        lanes.take(GitWork(1, "home", Prepare(AttemptKey(prepared, "a", 1), "/shop", "/w/a", "t", "base")))
        found = []
        while starts := lanes.next():
            [(lane, _)] = starts
            found += lanes.ended(lane)
        assert {each.order.key.requirement for each in found if isinstance(each.order, Sweep)} == are_kept


def test_a_timer_that_comes_late_doubles_nothing() -> None:
    lanes = Lanes()
    lanes.take(work("integrate", "a"))
    [(lane, (running,))] = lanes.next()
    lanes.again(name_of(running))
    lanes.forget(*lanes.ended(lane))
    assert lanes.next() == [] and lanes.is_idle


def test_a_pair_that_clashed_twice_is_never_together() -> None:
    lanes = Lanes()
    for task in "ab":
        lanes.take(work("integrate", task))
    for _ in range(2):
        lanes.clashed(AttemptKey("shop", "a", 1), AttemptKey("shop", "b", 2))
    assert [len(works) for _, works in lanes.next()] == [1]


def test_an_order_that_has_lost_its_place_is_found_and_comes_back_when_it_is_told_again() -> None:
    """A queue that is frozen by what leaked: nothing waits, nothing is under way, and yet something is wanted."""
    lanes = Lanes()
    lanes.take(work("integrate", "a"))
    lanes._waiting.clear()
    assert lanes.next() == [] and lanes.strays() == ["integrate shop/a/1"]
    lanes.take(work("integrate", "a"))
    assert names(lanes.next()) == ["integrate shop/a/1"]


WORK = st.builds(
    work, st.sampled_from(("prepare", "integrate", "withdraw", "discard")), st.sampled_from("abc"), st.integers(1, 3)
)


@given(st.lists(st.one_of(WORK, st.sampled_from(("ended", "fenced", "failed", "back")), st.none()), max_size=60))
def test_every_order_of_the_newest_epoch_is_answered(steps: list[GitWork | str | None]) -> None:
    lanes, under_way, failed = Lanes(), {}, []
    told: dict[str, int] = {}
    answered: set[str] = set()
    newest = 0

    def end(how: str) -> None:
        lane = next(iter(under_way))
        done = under_way.pop(lane)
        assert lanes.ended(lane) == done
        if how == "back":
            lanes.back(done[1:])
            done = done[:1]
        for each in done:
            if how == "failed":
                lanes.put_off(each)
                failed.append(name_of(each))
            elif how == "fenced" and each.epoch < newest:
                lanes.fenced(each)
            else:
                lanes.forget(each)
                answered.add(name_of(each))

    def start() -> None:
        for lane, works in lanes.next():
            assert lane not in under_way
            keys = {other.order.key for others in under_way.values() for other in others}
            assert not keys & {each.order.key for each in works}
            assert len({company_of(each) for each in works}) == 1
            under_way[lane] = works
        assert lanes.strays() == []

    for step in steps:
        if isinstance(step, GitWork):
            newest = max(newest, step.epoch)
            if step.epoch == newest:
                told[name_of(step)] = step.epoch
            lanes.take(step)
        elif step is not None and under_way:
            end(step)
        start()
    while under_way or failed:
        while failed:
            lanes.again(failed.pop())
        start()
        if under_way:
            end("ended")
        start()
    assert {name for name, epoch in told.items() if epoch == newest} <= answered


def test_an_order_whose_operation_may_not_begin_waits_and_holds_up_no_other() -> None:
    lanes, asked = Lanes(), []

    def may_begin(operation: str) -> bool:
        asked.append(operation)
        return operation != "discard /shop"

    for each in (work("discard", "a"), work("discard", "b"), work("prepare", "c"), work("integrate", "d")):
        lanes.take(each)
    assert names(lanes.next(may_begin)) == ["prepare shop/c/1", "integrate shop/d/1"]
    assert asked == ["discard /shop", "prepare /shop", "integrate /shop"], "a probe is taken by asking: ask once"
    assert lanes.is_busy
