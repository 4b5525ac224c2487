"""The examples are what they say: readable requirements, and a project whose features really work, in any order
that their ``needs`` allow."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aidos_actors.analyzers.files import read_requirement_file
from aidos_actors.core.requirement import Requirement, Task

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*.yaml"))
COMMAND_TIMEOUT_S = 120
TASKS_MIN = 14


def requirement_of(file: Path) -> Requirement:
    return read_requirement_file(file)[0]


SHOP = requirement_of(EXAMPLES / "shop.yaml")
TASKS = {task.id: task for task in SHOP.tasks}
COMMANDS = [task.id for task in SHOP.tasks if task.run is not None]


def ancestors(name: str) -> set[str]:
    direct = set(TASKS[name].needs)
    return direct.union(*(ancestors(above) for above in direct))


def in_order(names: set[str]) -> Iterator[Task]:
    """In the order of their needs, otherwise as in the file."""
    done: set[str] = set()
    while done != names:
        ready = next(name for name in TASKS if name in names - done and set(TASKS[name].needs) & names <= done)
        yield TASKS[ready]
        done.add(ready)


class Shop:
    """A copy of the shop, worked on by the commands of ``shop.yaml``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "shop"
        self.records = folder / "records.txt"
        self.checkpoints: Path | None = None
        without = shutil.ignore_patterns("__pycache__", ".pytest_cache")
        shutil.copytree(EXAMPLES / "shop_project", self.folder, ignore=without)

    def run(self, command: str, **env: str) -> subprocess.CompletedProcess[str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AIDOS_", "CHAOS_", "PYTEST"))}
        path = os.pathsep.join([str(Path(sys.executable).parent), own.get("PATH", os.defpath)])
        if self.checkpoints is not None:
            own["AIDOS_CHECKPOINT_DIR"] = str(self.checkpoints)
        return subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.folder,
            env={**own, "PATH": path, "SHOP_HASTE": "1", **env},
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
        )

    def succeeds(self, command: str, **env: str) -> None:
        done = self.run(command, **env)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

    def carry_out(self, task: Task) -> None:
        if task.run is not None:
            self.succeeds(task.run, **task.env)

    def carry_out_and_verify(self, task: Task) -> None:
        self.carry_out(task)
        if task.verify is not None:
            self.succeeds(task.verify, **task.env)

    def is_green(self) -> None:
        assert SHOP.verify is not None
        self.succeeds(SHOP.verify)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_example_is_a_requirement(file: Path) -> None:
    assert requirement_of(file).tasks


def test_the_shop_is_worth_running() -> None:
    diamonds = [
        (top, bottom)
        for bottom, task in TASKS.items()
        for top in ancestors(bottom)
        if sum(top in ancestors(side) for side in task.needs) >= 2
    ]
    groups = [task.group for task in SHOP.tasks if task.group is not None]
    assert len(TASKS) >= TASKS_MIN
    assert ("tokens", "search") in diamonds
    assert any(groups.count(group) >= 3 for group in groups)
    assert [task.call for task in SHOP.tasks if task.call is not None] == ["platform:python_version"]


def test_tasks_that_may_run_at_once_write_different_files(shop: Shop) -> None:
    changed = {}
    for task in in_order(set(COMMANDS)):
        before = contents(shop.folder)
        shop.succeeds(task.run or "", **task.env)
        after = contents(shop.folder)
        changed[task.id] = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    for left in COMMANDS:
        for right in COMMANDS:
            are_ordered = left in ancestors(right) or right in ancestors(left)
            are_grouped = TASKS[left].group is not None and TASKS[left].group == TASKS[right].group
            if left != right and not are_ordered and not are_grouped:
                assert not changed[left] & changed[right], f"{left} and {right} may run at once"
    assert [name for name in COMMANDS if not changed[name]] == ["tour"]


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_shop_as_it_opens_is_green(shop: Shop) -> None:
    shop.is_green()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_feature_needs_no_more_than_it_says(name: str, shop: Shop) -> None:
    for task in in_order(ancestors(name)):
        shop.carry_out(task)
    shop.carry_out_and_verify(TASKS[name])
    shop.is_green()


def test_all_features_together_are_green(shop: Shop) -> None:
    """That each is green with nothing but what it needs is looked at above."""
    for task in in_order(set(TASKS)):
        shop.carry_out_and_verify(task)
    shop.is_green()


def test_doing_a_feature_again_changes_nothing(shop: Shop) -> None:
    for _ in range(2):
        shop.succeeds("python tools/feature.py stock_command --command stock")
    assert (shop.folder / "src/shop/cli.py").read_text().count("stock_command") == 1


def test_the_first_try_of_the_discounts_fails_and_the_second_is_right(shop: Shop, tmp_path: Path) -> None:
    shop.checkpoints = tmp_path / "checkpoints"
    shop.checkpoints.mkdir()
    discounts = TASKS["discounts"]
    assert discounts.run is not None
    assert discounts.verify is not None
    shop.succeeds(discounts.run)
    refused = shop.run(discounts.verify)
    assert refused.returncode == 1
    assert "test_half_a_cent_is_rounded_up[10-5-3]" in refused.stdout
    shop.carry_out_and_verify(discounts)
    shop.is_green()


@pytest.mark.parametrize("variable", ["AIDOS_CHAOS_RECORDS", "CHAOS_RECORDS"])
def test_every_beginning_and_end_is_recorded_when_asked_for(variable: str, shop: Shop) -> None:
    who = {"AIDOS_TASK": "tokens", "AIDOS_ATTEMPT": "3", "AIDOS_IDEMPOTENCY_KEY": "shop-search/tokens"}
    shop.succeeds("python tools/feature.py tokens", **who, **{variable: str(shop.records)})
    begun, ended = (line.split() for line in shop.records.read_text().splitlines())
    assert [begun[:4], ended[:4]] == [["tokens", "3", "shop-search/tokens", edge] for edge in ("start", "end")]
    assert int(begun[4]) < int(ended[4])
    assert begun[5] == ended[5]


def test_the_shop_is_made_as_a_repository_beside_its_requirement(tmp_path: Path) -> None:
    made = runpy.run_path(str(EXAMPLES / "make_shop.py"))["make_shop"](tmp_path)
    requirement = requirement_of(made)
    assert requirement.repo == str(tmp_path / "shop")
    git = ["git", "-C", requirement.repo]
    said = subprocess.run([*git, "log", "--format=%an %s", "main"], check=True, capture_output=True, text=True)
    assert said.stdout == "The Shop Open the shop\n"
    status = subprocess.run([*git, "status", "--short"], check=True, capture_output=True, text=True)
    assert status.stdout == ""
