"""Texts with several problems, or too much of everything: which problem is told and how many more there are, and that
no text at all is answered by anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_bad_input import GOOD

from aidos_actors.analyzers.document import read_requirement
from aidos_actors.analyzers.problems import PROBLEMS_MAX
from aidos_actors.core.errors import BadInput
from aidos_actors.core.requirement import TASKS_MAX


def refusal(text: str, file: str = "r.yaml", limit_bytes: int = 1_000_000) -> BadInput:
    with pytest.raises(BadInput) as refused:
        read_requirement(text, file=file, base_dir="/", limit_bytes=limit_bytes)
    return refused.value


def test_the_first_problem_of_the_file_is_told_with_the_number_of_the_others() -> None:
    text = "id: r\ntasks:\n  a:\n    run: x\n    needs: [zz]\n  b:\n    run: y\n    timeout: soon\n  a: {run: z}\n"
    error = refusal(text)
    assert error.line == 5
    assert error.hint.endswith("(2 further problems in this file)")


def test_broken_yaml_does_not_hide_an_earlier_problem() -> None:
    error = refusal("id: r\nid: s\ntitle: 'open\n")
    assert error.line == 2
    assert error.hint.endswith("(1 further problem in this file)")


def test_looking_for_problems_ends_where_no_one_would_read_on() -> None:
    rows = "".join(f"  t{number}: {{rnu: x}}\n" for number in range(PROBLEMS_MAX * 3))
    error = refusal("id: r\ntasks:\n" + rows)
    assert str(error) == "r.yaml:3: task 't0': unknown key 'rnu'"
    assert f"({PROBLEMS_MAX - 1} or more further problems" in error.hint


def test_a_text_over_the_limit() -> None:
    assert "over 20 bytes" in refusal(GOOD, limit_bytes=20).message


def test_more_tasks_than_the_limit() -> None:
    rows = "".join(f"  t{number}:\n" for number in range(TASKS_MAX + 1))
    error = refusal("id: r\ntasks:\n" + rows, limit_bytes=10_000_000)
    assert str(error) == "r.yaml:2: 200,001 tasks are more than 200,000"


def test_a_folder_whose_name_is_no_text() -> None:
    with pytest.raises(BadInput, match="not a path in UTF-8"):
        read_requirement("repo: .\n" + GOOD, file="r.yaml", base_dir="/caf\udce9")


@given(st.text(alphabet="abidr:tsku-[]{}&*!<>|'\"#%@ ,?~0\n\t\\é\0", max_size=60))
def test_any_text_is_a_requirement_or_bad_input(text: str) -> None:
    for whole_text in (text, f"id: r\ntasks: {text}", f"{GOOD}    {text}"):
        try:
            read_requirement(whole_text, file="r.yaml", base_dir="/")
        except BadInput as error:
            assert error.line is not None
            assert 1 <= error.line <= whole_text.count("\n") + 2
