"""Good requirement files: every key, every default, and text that stays what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aidos_actors.analyzers import yaml_nodes
from aidos_actors.analyzers.document import read_requirement
from aidos_actors.analyzers.files import read_requirement_file
from aidos_actors.core.plan import build_plan
from aidos_actors.core.requirement import Mode, Requirement, Task

EXAMPLES = Path(__file__).parents[2] / "examples"
TASKS_MANY = 10_000

ALL_KEYS = """\
id: shop-search
title: Search for the shop
repo: ../shop/./here
base: main
target: aidos/search
mode: serial
workers: 4
priority: 60
deadline: 24h
verify: pytest -q
tasks:
  index:
    title: Build the index
    run: |
      python tools/build_index.py
      echo done
    needs: []
    timeout: 10m
    stall: 250ms
    retries: 0
    priority: 0
    group: database
    verify: pytest tests/test_index.py
    env: {KEY: value, "on": yes}
  call:
    call: package.module:function
    args: {count: 3, deep: {1: [true, ~, 0.5, "7", text]}}
    needs: index
  agent:
    agent: claude
    prompt: Write the page
    needs: [index, call]
"""


def read(text: str) -> Requirement:
    return read_requirement(text, file="r.yaml", base_dir="/home/someone/work")


def only_task(body: str) -> Task:
    (task,) = read(f"id: r\ntasks:\n  a: {body}\n").tasks
    return task


def test_every_key_of_the_file_arrives() -> None:
    requirement = read(ALL_KEYS)
    index, call, agent = requirement.tasks
    assert requirement == Requirement(
        id="shop-search",
        title="Search for the shop",
        repo="/home/someone/shop/here",
        base="main",
        target="aidos/search",
        mode=Mode.SERIAL,
        workers=4,
        priority=60,
        deadline_s=86_400.0,
        verify="pytest -q",
        tasks=(index, call, agent),
    )
    assert index == Task(
        id="index",
        title="Build the index",
        run="python tools/build_index.py\necho done\n",
        timeout_s=600.0,
        stall_s=0.25,
        retries=0,
        priority=0,
        group="database",
        verify="pytest tests/test_index.py",
        env={"KEY": "value", "on": "yes"},
    )
    deep = {"1": [True, None, 0.5, "7", "text"]}
    assert call == Task(id="call", call="package.module:function", args={"count": 3, "deep": deep}, needs=("index",))
    assert agent == Task(id="agent", agent="claude", prompt="Write the page", needs=("index", "call"))


def test_the_smallest_file_has_the_defaults() -> None:
    assert read("id: r\ntasks: {a: {run: make}}") == Requirement(id="r", title="r", tasks=(Task(id="a", run="make"),))


def test_json_is_read_too() -> None:
    text = '{"id": "r", "title": null, "tasks": {"a": {"run": "make", "needs": [], "retries": 2, "timeout": 90.5}}}'
    assert read(text).tasks == (Task(id="a", run="make", retries=2, timeout_s=90.5),)


@pytest.mark.parametrize("word", ["on", "1", "null", "010", "yes", "1.50", "0x1F", "2001-01-01", "TRUE", "1e3"])
def test_ids_stay_what_was_written(word: str) -> None:
    requirement = read(
        f"id: {word}\ntasks: {{{word}: {{call: m:f, args: {{{word}: x}}}}, z: {{run: x, needs: {word}}}}}"
    )
    assert (requirement.id, requirement.title) == (word, word)
    assert requirement.tasks[0] == Task(id=word, call="m:f", args={word: "x"})
    assert requirement.tasks[1].needs == (word,)


@pytest.mark.parametrize("word", ["010", "yes", "off", "1.50", "0x1F", "2001-01-01", "1:30", "=", ".inf"])
def test_texts_stay_what_was_written(word: str) -> None:
    task = only_task(
        f"{{run: {word}, title: {word}, group: {word}, verify: {word}, env: {{{word.strip('=')}k: {word}}}}}"
    )
    assert (task.run, task.title, task.group, task.verify) == (word,) * 4
    assert list(task.env.values()) == [word]


def test_a_variable_may_be_the_word_null_or_empty() -> None:
    assert only_task("{run: x, env: {A: null, B: ~, C: , D: ''}}").env == {"A": "null", "B": "~", "C": "", "D": ""}


@pytest.mark.parametrize("nothing", ["null", "~", ""])
def test_an_optional_key_without_a_value_is_as_if_not_written(nothing: str) -> None:
    keys = ("title", "needs", "timeout", "stall", "retries", "priority", "group", "verify", "env", "call", "prompt")
    body = "".join(f"    {key}: {nothing if key != 'needs' else ''}\n" for key in keys)
    text = f"id: r\nrepo: {nothing}\nbase: {nothing}\nmode: {nothing}\ntasks:\n  a:\n    run: make\n{body}"
    assert read(text) == Requirement(id="r", title="r", tasks=(Task(id="a", run="make"),))


@pytest.mark.parametrize("number", [("0", 0), ("7", 7), ("+7", 7), ("1000", 1000), ("!!int 7", 7)])
def test_numbers(number: tuple[str, int]) -> None:
    assert only_task(f"{{run: x, retries: {number[0]}}}").retries == number[1]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", True),
        ("'yes'", "yes"),
        ("!!str yes", "yes"),
        ("010", 8),
        ("0x10", 16),
        ("1_000", 1000),
        ("-2.5", -2.5),
        ("~", None),
        ("", None),
        ("2 apples", "2 apples"),
        ("=", "="),
        ("!!float 3", 3.0),
        ("[1, [2, {x: 3}]]", [1, [2, {"x": 3}]]),
    ],
)
def test_arguments_are_values_of_yaml(written: str, value: Any) -> None:
    assert only_task(f"{{call: m:f, args: {{x: {written}}}}}").args == {"x": value}


def test_aliases_stand_for_their_value() -> None:
    requirement = read(
        "id: r\ntasks:\n  &first a: &body {run: make, env: &e {K: v}}\n  b: *body\n  c: {run: x, needs: *first}\n"
    )
    assert requirement.tasks[1] == Task(id="b", run="make", env={"K": "v"})
    assert requirement.tasks[2].needs == ("a",)


@pytest.mark.parametrize(
    ("written", "folder"),
    [
        (".", "/home/someone/work"),
        ("./shop", "/home/someone/work/shop"),
        ("../shop/", "/home/someone/shop"),
        ("/srv/shop", "/srv/shop"),
        ("010", "/home/someone/work/010"),
    ],
)
def test_repo_is_relative_to_the_file(written: str, folder: str) -> None:
    assert read(f"id: r\nrepo: {written}\ntasks: {{a: {{run: x}}}}").repo == folder


@pytest.mark.parametrize("text", ["\ufeff" + ALL_KEYS, ALL_KEYS.replace("\n", "\r\n"), "---\n" + ALL_KEYS + "...\n"])
def test_marks_and_line_ends_of_other_editors_are_read(text: str) -> None:
    assert read(text).content_sha256() == read(ALL_KEYS).content_sha256()


def test_other_alphabets_are_welcome_in_texts() -> None:
    assert only_task("{run: 'echo 你好', title: Größe}") == Task(id="a", run="echo 你好", title="Größe")


def test_a_requirement_survives_json() -> None:
    requirement = read(ALL_KEYS)
    again = Requirement.model_validate_json(requirement.model_dump_json())
    assert again == requirement
    assert again.content_sha256() == requirement.content_sha256()


def test_arguments_as_deep_as_allowed_survive_json() -> None:
    depth = yaml_nodes.NESTING_MAX - 4
    requirement = read("id: r\ntasks: {a: {call: m:f, args: {x: " + "[" * depth + "]" * depth + "}}}")
    assert Requirement.model_validate_json(requirement.model_dump_json()) == requirement


TEXTS = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=9,
)


@given(st.dictionaries(TEXTS, JSON, max_size=4))
def test_arguments_written_by_a_yaml_library_come_back(args: dict[str, Any]) -> None:
    written = yaml.safe_dump({"id": "r", "tasks": {"a": {"call": "m:f", "args": args}}}, sort_keys=False)
    (task,) = read(written).tasks
    assert task.args == args
    assert Task.model_validate_json(task.model_dump_json()) == task


def test_the_python_loader_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read(ALL_KEYS)
    monkeypatch.setattr(yaml_nodes, "LOADER", yaml.SafeLoader)
    assert read(ALL_KEYS) == expected


def test_a_file_with_10_000_tasks_is_read_and_planned() -> None:
    rows = (f"  t{number}: {{run: make, needs: [t{max(number - 1, 0)}]}}\n" for number in range(1, TASKS_MANY))
    requirement = read("id: r\ntasks:\n  t0: {run: make}\n" + "".join(rows))
    assert len(requirement.tasks) == TASKS_MANY
    assert build_plan(requirement).order[-1] == f"t{TASKS_MANY - 1}"


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_each_example_is_a_plan(example: Path) -> None:
    requirement, _ = read_requirement_file(example)
    assert build_plan(requirement).order


def test_hello_needs_no_repository() -> None:
    requirement, text = read_requirement_file(EXAMPLES / "hello.yaml")
    assert text == (EXAMPLES / "hello.yaml").read_text()
    assert requirement.repo is None
    assert build_plan(requirement).layers == (("left", "right"), ("both",))
