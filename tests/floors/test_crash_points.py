"""The list of crash points and the code hold together: every point is used just where the list says, and no other."""

from __future__ import annotations

import ast
import os
import signal
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from aidos_actors import crash
from aidos_actors.core.crash_points import CRASH_POINTS, SIDES

PACKAGE = Path(crash.__file__).parent


@cache
def _uses() -> tuple[tuple[str, str, str, str, int], ...]:
    """(point, side, file, function, line) of every call."""
    return tuple(_found())


def _found() -> Iterator[tuple[str, str, str, str, int]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in _calls(function):
                assert isinstance(node.func, ast.Attribute)
                (point,) = node.args
                assert isinstance(point, ast.Constant), f"{path}:{node.lineno}: name the point as a literal"
                yield point.value, node.func.attr, str(path.relative_to(PACKAGE)), function.name, node.lineno


def _calls(function: ast.FunctionDef) -> Iterator[ast.Call]:
    """Calls of ``crash.before`` and ``crash.after`` in the function itself, not in one that is defined inside it."""
    rest: list[ast.AST] = list(function.body)
    while rest:
        node = rest.pop()
        if isinstance(node, ast.FunctionDef):
            continue
        rest.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("crash.before", "crash.after"):
            yield node


@pytest.mark.parametrize("name", CRASH_POINTS)
def test_each_point_stands_once_round_its_effect_where_the_list_says(name: str) -> None:
    uses = sorted((line, side, file, function) for point, side, file, function, line in _uses() if point == name)
    assert [side for _, side, _, _ in uses] == ["before", "after"]
    assert {file for _, _, file, _ in uses} == {CRASH_POINTS[name].where}
    assert len({function for *_, function in uses}) == 1


def test_no_point_is_used_that_is_not_on_the_list() -> None:
    assert {point for point, *_ in _uses()} == set(CRASH_POINTS)


def test_each_point_says_what_stands_half_and_who_makes_it_good() -> None:
    for point in CRASH_POINTS.values():
        assert point.effect and point.half and point.reconciler and point.processes


def test_normal_runs_compare_once_and_do_nothing() -> None:
    assert crash._strike is None
    crash.before("no such point")
    crash.after("no such point")


def test_the_process_ends_at_the_nth_time_once_and_then_the_next_place_counts(tmp_path: Path) -> None:
    """Each child is a process of a run: it comes to both points twice."""

    def child() -> int:
        pid = os.fork()
        if pid == 0:
            orders = crash._Orders("plan-built:after:2,ref-moved:before:1", str(tmp_path))
            for _ in range(2):
                for point in ("ref-moved", "plan-built"):
                    for side in SIDES:
                        orders(point, side)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    assert [child() for _ in range(3)] == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{what}-{place}" for what in ("count", "struck", "again") for place in (0, 1)
    }


def test_the_variables_have_an_effect_only_together(tmp_path: Path) -> None:
    program = "from aidos_actors import crash; print(crash._strike is not None)"
    for names in ((), (crash.AT_VARIABLE,), (crash.MARKS_VARIABLE,), (crash.AT_VARIABLE, crash.MARKS_VARIABLE)):
        env = {**os.environ, **dict.fromkeys(names, str(tmp_path))}
        read, write = os.pipe()
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-c", program],
            env,
            file_actions=[(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_CLOSE, read)],
        )
        os.close(write)
        os.waitpid(pid, 0)
        with os.fdopen(read) as said:
            assert said.read().strip() == str(len(names) == 2)
