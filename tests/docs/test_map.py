"""ARCHITECTURE's map names every file of the three packages' top floors, and no file that is not there."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITHOUT = {"__init__.py", "__main__.py"}


def part_of_the_map(package: str) -> str:
    block = re.search(r"```\n(supervisors/.*?)```", (ROOT / "ARCHITECTURE.md").read_text(), re.DOTALL)
    assert block is not None
    return next(part for part in re.split(r"^(?=\S)", block[1], flags=re.MULTILINE) if part.startswith(f"{package}/"))


@pytest.mark.parametrize("package", ["supervisors", "aidos_actors", "chaos"])
def test_the_map_and_the_files_are_the_same(package: str) -> None:
    words = set(re.findall(r"[\w*]+\.py", part_of_the_map(package)))
    files = {path.name for path in (ROOT / package).glob("*.py")} - WITHOUT
    assert {name for name in files if not any(fnmatch(name, word) for word in words)} == set(), "not on the map"
    assert {word for word in words if not list((ROOT / package).rglob(word))} == set(), "not there"
    folders = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
    assert {name for name in folders if f"{name}/" not in part_of_the_map(package)} == set(), "rooms not on the map"
