"""The READMEs' pictures of our tree are those of the literal that is started."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aidos_actors.config import Config
from aidos_actors.runtime import tree_of
from supervisors import SupervisorSpec

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"^ *[└├]─ (\w+) +(\w+)", re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_picture_shows_every_supervisor_with_its_strategy(page: str, tmp_path: Path) -> None:
    root = tree_of(tmp_path, Config())
    inner = [child for child in root.children if isinstance(child, SupervisorSpec)]
    drawn = LINE.findall((ROOT / page).read_text())
    assert drawn == [(spec.id, str(spec.strategy.value)) for spec in (root, *inner)]
