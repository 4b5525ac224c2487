"""The floors of the house, held by the machine: who may import whom, what is pure, and how large a file may grow."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("supervisors", "aidos_actors", "chaos")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
FILE_LINES_MAX = 250
FUNCTION_LINES_MAX = 60
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}

MAY_IMPORT = {
    "supervisors": {"supervisors"},
    "aidos_actors": {"supervisors", "aidos_actors"},
    "chaos": {"supervisors", "aidos_actors", "chaos"},
}
WORLD = {"time", "random", "os", "subprocess", "socket", "threading", "asyncio", "multiprocessing", "signal", "secrets"}
PURE = {
    "supervisors/specs.py",
    "supervisors/fields.py",
    "supervisors/family.py",
    "supervisors/decisions.py",
    "supervisors/strategy.py",
    "supervisors/steps.py",
    "supervisors/backoff.py",
    "supervisors/budget.py",
    "supervisors/limits.py",
    "supervisors/grades.py",
    "supervisors/accounts.py",
    "supervisors/operations.py",
    "supervisors/liveness.py",
    "supervisors/lookout.py",
    "supervisors/verbs.py",
    "supervisors/outbox.py",
    "supervisors/partitions.py",
    "supervisors/registrar.py",
    "supervisors/relay.py",
    "supervisors/news.py",
    "supervisors/guardian_policy.py",
    "supervisors/guardian_sight.py",
    "supervisors/guardian_table.py",
    "supervisors/guardian_decisions.py",
    "supervisors/guardian_strategy.py",
    "supervisors/errors.py",
    "supervisors/messages.py",
    "supervisors/parcel.py",
    "supervisors/shell.py",
    "supervisors/systems/simulated_entry.py",
    "supervisors/systems/simulated_guardian.py",
    "supervisors/systems/simulated_jobs.py",
    "supervisors/systems/simulated_process.py",
    "supervisors/systems/simulated_tree.py",
    "supervisors/supervisor.py",
    "supervisors/switchboard.py",
    "supervisors/actor.py",
    "supervisors/answers.py",
    "supervisors/durable.py",
    "supervisors/versioned_state.py",
    "supervisors/snapshot_errors.py",
    "supervisors/snapshot_format.py",
    "supervisors/snapshot_rules.py",
    "supervisors/snapshots/memory.py",
} | {str(path.relative_to(ROOT)) for path in (ROOT / "aidos_actors/core").rglob("*.py")}
BOARD_DOORS = {"board", "batches", "owed", "steering", "timeline", "watched_call"}
CORE_THIRD_PARTY = {"msgspec", "pydantic"}
ONLY_IN = {
    "thespian": {"supervisors/systems/thespian.py", "supervisors/systems/thespian_hardening.py",
                 "supervisors/systems/listening.py", "supervisors/systems/ordered.py",
                 "supervisors/systems/thespian_portal.py", "supervisors/systems/thespian_process.py",
                 "supervisors/systems/turns.py"},
    "diskcache": {"supervisors/snapshots/diskcache.py", "supervisors/snapshots/text_cache.py"},
    "sqlalchemy": ("aidos_actors/ledger/migrate.py", "aidos_actors/ledger/migrations/"),
    "alembic": ("aidos_actors/ledger/migrate.py", "aidos_actors/ledger/migrations/"),
    "yaml": ("aidos_actors/analyzers/", "chaos/"),
    "httpx2": {"aidos_actors/analyzers/chat.py"},
    "pydantic_settings": {"aidos_actors/variables.py"},
    "typer": "aidos_actors/cli/",
    "rich": "aidos_actors/cli/",
}  # fmt: skip


@cache
def _imports(path: Path) -> set[str]:
    """The modules a file imports, at any depth of it, but for type checkers only."""
    found = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _top(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    floor = path.relative_to(ROOT).parts[0]
    ours = {_top(module) for module in _imports(path)} & set(PACKAGES)
    wrong = ours - MAY_IMPORT[floor]
    assert not wrong, f"{path.relative_to(ROOT)} stands on floor {floor!r} and imports upwards: {sorted(wrong)}"


@pytest.mark.parametrize("name", sorted(PURE))
def test_pure_files_touch_no_world(name: str) -> None:
    modules = {_top(module) for module in _imports(ROOT / name)}
    assert not modules & WORLD, f"{name} decides, so it may not import {sorted(modules & WORLD)}"
    if name.startswith("aidos_actors/core/"):
        inside = {m for m in _imports(ROOT / name) if m.startswith("aidos_actors")}
        assert all(m.startswith("aidos_actors.core") for m in inside), f"{name} leaves the core: {sorted(inside)}"
        import sys

        foreign = modules - set(sys.stdlib_module_names) - CORE_THIRD_PARTY - {"aidos_actors", "__future__"}
        assert not foreign, (
            f"{name} imports {sorted(foreign)}; the core knows the standard library, msgspec and pydantic"
        )


def test_the_board_is_entered_by_its_doors() -> None:
    room = "aidos_actors.core.board."
    outside = [path for path in FILES if "aidos_actors/core/" not in str(path)]
    entered = {m.removeprefix(room).partition(".")[0] for path in outside for m in _imports(path) if m.startswith(room)}
    assert entered == BOARD_DOORS


@pytest.mark.parametrize("module", sorted(ONLY_IN))
def test_each_library_lives_in_its_room(module: str) -> None:
    room = ONLY_IN[module]
    for path in FILES:
        name = str(path.relative_to(ROOT))
        allowed = name in room if isinstance(room, set) else name.startswith(room)
        if not allowed:
            used = {m for m in _imports(path) if _top(m) == module}
            assert not used, f"{name} imports {sorted(used)}, which belongs to {room}"


def test_no_import_goes_in_a_circle() -> None:
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in FILES}
    edges = {name: _at_import_time(path) & set(modules) - {name} for name, path in modules.items()}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"imports go in a circle: {' -> '.join((*way[way.index(name) :], name))}"
        if name not in done:
            for other in sorted(edges[name]):
                visit(other, (*way, name))
            done.add(name)

    for name in sorted(modules):
        visit(name, ())


def _at_import_time(path: Path) -> set[str]:
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_hold_one_idea(path: Path) -> None:
    text = path.read_text()
    name = path.relative_to(ROOT)
    lines = len(text.splitlines())
    assert lines <= FILE_LINES_MAX, f"{name} has {lines} lines: it holds two ideas"
    assert path.stem not in FORBIDDEN_NAMES, f"{name}: name a file after the one thing it holds"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{name}: {node.name} has {length} lines"
