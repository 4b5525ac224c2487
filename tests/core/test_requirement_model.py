"""The model of a requirement: its rules without any file, and the hash of its content."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from aidos_actors.analyzers.document import read_requirement
from aidos_actors.core.content_hash import sorted_json, sorted_plainly
from aidos_actors.core.requirement import Mode, Requirement, Task, check_id
from aidos_actors.core.retry import RetryPolicy

WRITTEN = """\
id: shop
title: Shop
deadline: 24h
workers: 2
tasks:
  index:
    run: make index
    timeout: 10m
    env: {A: "1", B: "2"}
  page:
    run: make page
    needs: [index]
"""


def read(text: str) -> Requirement:
    return read_requirement(text, file="r.yaml", base_dir="/somewhere")


def test_keys_that_came_later_do_not_make_other_content_of_what_was_submitted_before() -> None:
    tasks = [{"id": "a", "run": "true", "retries": 2}, {"id": "b", "call": "x:y", "needs": ["a"]}]
    model = Requirement.model_validate({"id": "r", "title": "R", "deadline_s": 60, "tasks": tasks})
    of_the_first_version = "8375565bc055cf779979f422f1a15ca7d4cab735eaf591e310927dbfbc05bc73"
    assert model.content_sha256() == of_the_first_version
    assert model.model_copy(update={"retry": RetryPolicy()}).content_sha256() != of_the_first_version


@pytest.mark.parametrize("more", [{}, {"env": {"A": "1"}}, {"retry": {}}], ids=["plain", "with env", "with a policy"])
def test_what_is_written_out_as_it_would_be_anyway_is_the_same_content(more: dict[str, object]) -> None:
    said = {"id": "r", "title": "R", "tasks": [{"id": "a", "run": "true", **more}]}
    hashes = {Requirement.model_validate({**said, **mode}).content_sha256() for mode in ({}, {"mode": "mixed"})}
    assert len(hashes) == 1
    assert Requirement.model_validate({**said, "mode": "serial"}).content_sha256() not in hashes


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
))  # fmt: skip
@example(1e16)
@example([0.00001, {"rate": -9.5e-5}])
@example({"rate": 1e-06})
def test_the_quick_way_to_sorted_json_says_the_same(value: object) -> None:
    assert sorted_json(value) == json.dumps(value, sort_keys=True, separators=(",", ":"))


spans = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
plain_tasks = st.builds(
    Task, id=st.from_regex(r"[A-Za-z0-9]{1,8}", fullmatch=True), title=st.text(max_size=5), run=st.text(max_size=5),
    agent=st.none(), call=st.none(), prompt=st.none() | st.text(max_size=5), needs=st.just(()) | st.just(("a", "b")),
    timeout_s=spans, stall_s=st.none() | spans, retries=st.integers(0, 9), retry=st.none(),
    priority=st.integers(0, 100), group=st.none() | st.text(max_size=5), verify=st.none() | st.text(max_size=5),
    env=st.just({}), args=st.just({}),
)  # fmt: skip


@given(
    st.builds(
        Requirement,
        id=st.just("r"),
        title=st.text(max_size=9),
        deadline_s=st.none() | spans,
        mode=st.sampled_from([None, "serial", "mixed"]),
        workers=st.none() | st.integers(1, 9),
        retry=st.none(),
        text=st.none(),
        tasks=st.lists(plain_tasks, min_size=1, max_size=3).map(tuple),
    )
)
def test_the_quick_way_to_what_a_plain_requirement_says_is_the_same(model: Requirement) -> None:
    said = json.dumps(model._said(), sort_keys=True, separators=(",", ":"))
    assert sorted_plainly(model.model_dump_json(), Mode.MIXED) in (None, said)


@pytest.mark.parametrize("deadline", ["60", "60.0", '"60"', "6e1", "Infinity"])
def test_who_has_just_read_it_finds_the_same_hash(deadline: str) -> None:
    """Whatever way the text says it, also one that only pydantic understands."""
    usual = Requirement(id="r", title="R", tasks=(Task(id="a", run="x"),)).model_dump_json()
    written = usual.replace('"deadline_s":null', f'"deadline_s":{deadline}')
    model = Requirement.model_validate_json(written)
    assert model.content_sha256(written) == model.content_sha256()
    assert model.content_sha256(model.model_dump_json()) == model.content_sha256()


def test_most_requirements_go_the_quick_way() -> None:
    task = Task(id="a", call="x:y", agent=None, timeout_s=60, needs=("b",))
    assert sorted_plainly(Requirement(id="r", title="R", tasks=(task,)).model_dump_json(), "mixed") is not None
    work = {"names": ["claude"], "changes": "optional"}
    with_agents = Requirement(id="r", title="R", tasks=(Task(id="a", agent=work),))
    assert sorted_plainly(with_agents.model_dump_json(), "mixed") is None


def test_defaults() -> None:
    task = Task(id="a", run="make")
    assert (task.timeout_s, task.stall_s, task.retries, task.priority) == (3600.0, None, 3, 50)
    assert (task.needs, task.group, task.verify, task.env, task.args) == ((), None, None, {}, {})
    requirement = Requirement(id="r", title="r", tasks=(task,))
    assert (requirement.mode, requirement.workers, requirement.priority) == (None, None, 50)
    assert (requirement.repo, requirement.base, requirement.deadline_s, requirement.verify) == (None,) * 4


def test_the_target_is_named_after_the_requirement_unless_given() -> None:
    tasks = (Task(id="a", run="make"),)
    assert Requirement(id="r", title="r", tasks=tasks).target_branch == "aidos/r"
    assert Requirement(id="r", title="r", target="work", tasks=tasks).target_branch == "work"


@pytest.mark.parametrize("good", ["a", "7", "on", "null", "010", "a.b_c-d", "A" * 64])
def test_a_good_id(good: str) -> None:
    assert check_id(good) == good


@pytest.mark.parametrize(
    "bad", ["", ".a", "a.", "-a", "a-", "a b", "a/b", "a..b", "a.lock", "A" * 65, "\u00e9", "a\n", "\u0661"]
)
def test_a_bad_id(bad: str) -> None:
    with pytest.raises(ValueError, match="is not an id"):
        check_id(bad)


@given(st.text(alphabet="aZ0._-/ \n", max_size=70))
def test_an_id_can_always_stand_in_a_branch_name_and_a_path(candidate: str) -> None:
    try:
        check_id(candidate)
    except ValueError:
        return
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", candidate)
    assert not candidate.startswith((".", "-"))
    assert not candidate.endswith((".", ".lock"))
    assert ".." not in candidate


@pytest.mark.parametrize("ways", [{}, {"run": "a", "call": "b:c"}, {"run": "a", "call": "b:c", "agent": "d"}])
def test_exactly_one_way_to_work(ways: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exactly one of run, call, agent"):
        Task(id="a", **ways)  # type: ignore[arg-type]


def test_models_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Task(id="a", run="make").retries = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    "same",
    [
        WRITTEN.replace("24h", "1d").replace("10m", "600"),
        WRITTEN.replace("id: shop\ntitle: Shop\n", "# a comment\ntitle: 'Shop'\n\nid: shop\n"),
        WRITTEN.replace("[index]", "index"),
        WRITTEN.replace('{A: "1", B: "2"}', "{B: 2, A: 1}"),
        WRITTEN.replace("    run: make index\n    timeout: 10m\n", "    timeout: 10m\n    run: make index\n"),
        WRITTEN + "    retries: 3\n    verify: null\n",
    ],
)
def test_the_hash_is_the_same_for_the_same_meaning(same: str) -> None:
    assert same != WRITTEN
    assert read(same).content_sha256() == read(WRITTEN).content_sha256()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("id: shop", "id: shop2"),
        ("24h", "25h"),
        ("make page", "make  page"),
        ("[index]", "[]"),
        ('A: "1"', 'A: "01"'),
        ("workers: 2", "workers: 3"),
        ("  page:", "  pages:"),
    ],
)
def test_the_hash_differs_for_other_content(old: str, new: str) -> None:
    assert old in WRITTEN
    assert read(WRITTEN.replace(old, new)).content_sha256() != read(WRITTEN).content_sha256()
