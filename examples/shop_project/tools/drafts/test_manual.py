from __future__ import annotations

from pathlib import Path

from shop.cli import COMMANDS

MANUAL = Path(__file__).parent.parent / "docs" / "manual.md"


def test_every_command_is_in_the_manual():
    headings = [line for line in MANUAL.read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
    assert headings == [f"## {name}" for name in COMMANDS]
