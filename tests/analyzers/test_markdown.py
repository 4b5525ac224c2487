"""Requirements in Markdown: what the list of tasks may look like, and how each mistake in it is told, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aidos_actors.analyzers.document import read_requirement
from aidos_actors.analyzers.files import read_requirement_file
from aidos_actors.config import Config
from aidos_actors.core.errors import BadInput
from aidos_actors.core.requirement import Requirement, Task
from aidos_actors.submission import prepare, read_source

FRONT = "---\nid: r\n---\n"
LIST = FRONT + "## Tasks\n"  # the next line is line 5
GOOD = LIST + "- a: The first\n  run: make\n"


def read(text: str, file: str = "r.md") -> Requirement:
    return read_requirement(text, file=file, base_dir="/base")


def refusal(text: str, file: str = "r.md") -> BadInput:
    with pytest.raises(BadInput) as error:
        read(text, file)
    assert error.value.exit_code == 3 and error.value.file == file
    return error.value


SAME: dict[str, str] = {
    "plain": "- a: The first\n  run: make\n- b\n  needs: [a]\n  run: |\n    one\n    two\n",
    "bold": "* **a** The first\n  run: make\n* **b**\n  needs: a\n  run: |\n    one\n    two\n",
    "bold with a colon inside": "- **a:** The first\n  run: make\n- **b**:\n  needs: a\n  run: |\n    one\n    two\n",
    "code": "+ `a`: The first\n  run: make\n+ `b`\n  needs: a\n  run: |\n    one\n    two\n",
    "numbers": "1. a: The first\n   run: make\n2. b:\n   needs: a\n   run: |\n     one\n     two\n",
    "tabs": "- a: The first\n\trun: make\n- b\n\tneeds: a\n\trun: |\n\t  one\n\t  two\n",
    "blank lines": "\n- a: The first\n\n  run: make\n\n\n- b\n\n  needs: a\n  run: |\n    one\n    two\n\n",
    "blocks": "- a: The first\n  ```yaml\n  run: make\n  ```\n- b\n\n"
    "  ~~~~ yml\n  needs: a\n  run: |\n    one\n    two\n  ~~~~\n",
    "a block at the left edge": "- a: The first\n  run: make\n- b\n  ```\nneeds: a\nrun: |\n  one\n  two\n```\n",
    "words around": "Before.\n- a: The first\n  run: make\n### Later\nMore words.\n"
    "- b\n  needs: a\n  run: |\n    one\n    two\n"
    "## Notes\n- not: a task\n",
    "title as key": "- a:\n  title: The first\n  run: make\n- b:\n  needs: a\n  run: |\n    one\n    two\n",
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_tasks_in_every_form(name: str) -> None:
    second = Task(id="b", needs=("a",), run="one\ntwo\n")
    tasks = read(LIST + SAME[name]).tasks
    assert [task.model_copy(update={"run": (task.run or "").rstrip() + "\n" * (task.id == "b")}) for task in tasks] == [
        Task(id="a", title="The first", run="make"),
        second,
    ]


def test_it_is_the_same_requirement_as_the_yaml_document() -> None:
    keys = "id: r\ntitle: T\nrepo: ./x\ndeadline: 24h\nretry: {delay: 2s}\n"
    tasks = "tasks:\n  a:\n    title: The first\n    run: make\n    timeout: 10m\n"
    item = "## Tasks\n- a: The first\n  run: make\n  timeout: 10m\n"
    assert read(f"---\n{keys}---\n{item}") == read(keys + tasks, "r.yaml")
    assert read(f"---\n{keys}{tasks}---\nOnly words.\n") == read(keys + tasks, "r.yaml")


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_and_a_byte_order_mark(line_end: str) -> None:
    assert read("\ufeff" + GOOD.replace("\n", line_end)) == read(GOOD)
    wrong = LIST + "- a\n  rum: make\n"
    assert refusal(wrong.replace("\n", line_end)).line == 6


@pytest.mark.parametrize("file", ["plan.md", "PLAN.MD", "a/b.markdown", "<text>"])
def test_what_is_markdown(file: str) -> None:
    assert read(GOOD, file).tasks[0].run == "make"


def test_the_title_is_the_first_heading_of_the_first_level() -> None:
    assert read(FRONT + "```\n# no\n```\n## T\n# The shop #\n# x\n## tasks\n- a\n  run: x\n").title == "The shop"
    assert read("---\nid: r\ntitle: T\n---\n# H\n## Tasks\n- a\n  run: x\n").title == "T"
    assert read(GOOD).title == "r"


def test_words_instead_of_a_list() -> None:
    requirement = read(FRONT + "\n# Shop\n\nBuild a search.\n\n## Task\nnot a list\n")
    assert requirement.tasks == ()
    assert requirement.text == "# Shop\n\nBuild a search.\n\n## Task\nnot a list"
    assert requirement.title == "Shop"


TABLE: dict[str, tuple[str, int, str, str]] = {
    "nothing": ("\n", 1, "front matter is missing", "then `id: some-name`"),
    "no front matter": ("# A\n## Tasks\n- a\n  run: x\n", 1, "front matter is missing", "begin with a line `---`"),
    "front matter without an end": ("---\nid: r\n", 1, "has no end", "a line `---`"),
    "front matter is a list": ("---\n- id\n---\nx\n", 2, "is a list, not a mapping", "id: some-name"),
    "empty front matter": ("---\n---\n## Tasks\n- a\n  run: x\n", 1, "`id` is missing", "id: some-name"),
    "unknown key in front": ("---\nid: r\nmoed: serial\n---\nx\n", 3, "unknown key 'moed'", "did you mean 'mode'"),
    "doubled key in front": ("---\nid: r\nid: s\n---\nx\n", 3, "written twice, on line 2 and on line 3", "keep one"),
    "broken front matter": ("---\nid: r\ntitle: [\n---\nx\n", 4, "not valid YAML", "indentation"),
    "no words, no tasks": (FRONT + "\n \n", 3, "there are no tasks", "`## Tasks`"),
    "an empty list": (LIST + "none yet\n", 4, "there are no tasks", "`- id: title`"),
    "unknown key": (LIST + "- a: A\n  rum: make\n", 6, "task 'a': unknown key 'rum'", "did you mean 'run'"),
    "key of the requirement": (LIST + "- a: A\n\n  run: x\n  mode: serial\n", 8, "unknown key 'mode'", "belongs to"),
    "doubled key": (LIST + "- a\n  run: x\n  run: y\n", 7, "written twice, on line 6 and on line 7", "keep one"),
    "doubled task": (LIST + "- a\n  run: x\n- **a**\n  run: y\n", 7, "written twice, on line 5 and on", "of its own"),
    "two titles": (LIST + "- a: A\n  title: B\n  run: y\n", 6, "two titles, on line 5 and on line 6", "keep one"),
    "doubled list": (GOOD + "## Tasks\n- b\n  run: x\n", 7, "stands twice, on line 4 and on line 7", "one list"),
    "tasks in front too": ("---\nid: r\ntasks:\n  b: {run: x}\n---\n## Tasks\n- a\n  run: x\n", 6, "twice", "keep one"),
    "words as an item": (LIST + "- Build the index\n", 5, "'Build the index' begins with no id", "`- id: title`"),
    "a box": (LIST + "- [ ] a: A\n  run: x\n", 5, "begins with no id", "`- id: title`"),
    "a bad id": (LIST + "- ä: A\n  run: x\n", 5, "'ä' is not an id", "plain word"),
    "nothing to do": (LIST + "- a: A\n", 5, "none of run, call and agent", "run: make"),
    "an unknown need": (LIST + "- a\n  run: x\n- b\n  run: x\n  needs:\n  - aa\n", 10, "'aa'", "did you mean 'a'"),
    "a circle": (LIST + "- a\n  run: x\n  needs: b\n- b\n  run: x\n  needs: a\n", 7, "circle", ""),
    "words after a task": (GOOD + "More about it.\n", 7, "belongs to no task", "indent it"),
    "words below a task": (LIST + "- a\n  some words\n", 6, "must be a mapping", "keys below it"),
    "a list below a task": (LIST + "- a\n  - run: x\n", 6, "must be a mapping, not a list", "keys below it"),
    "another block": (LIST + "- a\n  ```sh\n  make\n  ```\n", 6, "a block of 'sh'", "of `yaml`"),
    "after the block": (LIST + "- a\n  ```\n  run: x\n  ```\n\n  more\n", 10, "'more' stands after", "all keys"),
    "broken block": (LIST + "- a\n  ```\n  run: x\n  env: {\n  ```\n", 9, "not valid YAML", "indentation"),
    "multiplied": (LIST + "- a\n  args: {a: &a [" + "1," * 20 + "], b: [" + "*a," * 20 + "]}\n", 6, "over", "a"),
    "a misspelt heading": (FRONT + "## Taks\n- a: A\n  run: x\n", 4, "'## Taks' is no heading", "`## Tasks`"),
    "another level": (FRONT + "x\n# Tasks\n- a: A\n  run: x\n", 5, "'# Tasks' is no heading", "`## Tasks`"),
    "control character": (LIST + "- a\n  run: x\x01\n", 6, "U+0001", "remove it"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_refused_with_its_line(name: str) -> None:
    text, line, message, hint = TABLE[name]
    error = refusal(text)
    assert (error.line, message in error.message, hint in error.hint) == (line, True, True), (error, error.hint)


@given(st.text(alphabet="-#*`~ \n\tab:[]{}&|>\"'1.", max_size=200))
def test_whatever_stands_there_is_read_or_refused(body: str) -> None:
    try:
        requirement = read(FRONT + body)
    except BadInput as error:
        assert error.line is not None and 1 <= error.line <= (FRONT + body).count("\n") + 1
    else:
        assert requirement.tasks or requirement.text


@given(st.lists(st.from_regex(r"[a-z]{1,5}", fullmatch=True), min_size=1, max_size=6, unique=True), st.booleans())
def test_a_list_of_tasks_is_what_was_written(names: list[str], is_block: bool) -> None:
    around = ("  ```yaml\n", "  ```\n") if is_block else ("", "")
    items = "".join(f"- {name}: Title of {name}\n{around[0]}  run: do {name}\n{around[1]}" for name in names)
    tasks = read(LIST + items).tasks
    assert [(task.id, task.title, task.run) for task in tasks] == [(n, f"Title of {n}", f"do {n}") for n in names]


def test_as_a_file_and_as_a_text(tmp_path: Path) -> None:
    file = tmp_path / "r.md"
    file.write_text(GOOD)
    assert read_requirement_file(file)[0] == read_source(GOOD, 1000) == read(GOOD)


def test_words_that_nobody_understands_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "r.md"
    file.write_text(FRONT + "Build a shop.\n")
    with pytest.raises(BadInput, match="no analyzer is configured") as error:
        prepare(file, Config())
    assert "## Tasks" in error.value.hint and error.value.exit_code == 3


def test_words_beside_tasks_are_left_out_of_what_is_handed_in() -> None:
    model = read(GOOD).model_copy(update={"text": "Words."})
    assert prepare(model, Config()).requirement == read(GOOD)
