"""What ``output`` says of a task that is not there."""

from __future__ import annotations

from typing import Any

import pytest

from aidos_actors.cli import look
from aidos_actors.cli.answer import Options
from aidos_actors.core.errors import NotFound


@pytest.mark.parametrize(
    ("tasks", "hint"),
    [([], "it has no plan yet; `status work` says more"), ([{"id": "other"}], "`tasks work` lists them")],
)
def test_who_asks_for_a_task_that_is_not_there_is_told_where_to_look(
    monkeypatch: pytest.MonkeyPatch, tasks: list[dict[str, Any]], hint: str
) -> None:
    monkeypatch.setattr(look, "read", lambda _state, _call: ({"tasks": tasks}, True))
    with pytest.raises(NotFound) as refused:
        look.show_output("work/one", None, False, Options())
    assert refused.value.hint == hint
