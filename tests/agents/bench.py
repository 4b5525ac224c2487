"""A place whose PATH has stand-ins for the programs of coding agents."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from tests.system.conftest import Place

NAMES = ("claude", "codex", "opencode", "goose", "aider")
STAND_IN = Path(__file__).with_name("stand_in.py")
STAND_INS = STAND_IN.with_name("stand_ins")


class AgentPlace(Place):
    """``plans`` say what each program does, call by call."""

    def __init__(self, folder: Path, installed: tuple[str, ...] = NAMES) -> None:
        super().__init__(folder)
        self.bin = folder / "bin"
        self.bin.mkdir()
        (folder / "home").mkdir()
        shutil.copy(STAND_IN, self.bin / "stand_in.py")
        shutil.copytree(STAND_INS, self.bin / "stand_ins", ignore=shutil.ignore_patterns("__pycache__"))
        (self.bin / "stand_in.py").chmod(0o755)
        for name in installed:
            self.install(name)

    def install(self, name: str) -> None:
        file = self.bin / name
        file.write_text((self.bin / "stand_in.py").read_text())
        file.chmod(0o755)
        self.plan(name, "work")

    def plan(self, name: str, *steps: str, task: str | None = None) -> None:
        (self.bin / (f"{name}.plan" if task is None else f"{name}.{task}.plan")).write_text("\n".join(steps) + "\n")

    def calls(self, name: str, task: str | None = None) -> list[dict[str, Any]]:
        file = self.bin / f"{name}.calls"
        found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [each for each in found if task in (None, each["task"])]

    def environment(self) -> dict[str, str]:
        here = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
        }
        return {**super().environment(), **here}

    def configure(self, text: str = "", **common: Any) -> None:
        """The same small limits for all, and what ``text`` says."""
        parts = []
        for name in NAMES:
            if f"[agents.{name}]" not in text:
                keys = "\n".join(f"{key} = {json.dumps(value)}" for key, value in common.items())
                parts.append(f"[agents.{name}]\njitter_s = 0\n{keys}\n")
        (self.folder / "aidos.toml").write_text("\n".join(parts) + text)

    def said_by(self, task: str, file: str | None = None) -> str:
        return self.git("show", f"aidos/work:{file or task}.txt")
