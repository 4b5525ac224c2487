"""Bring a feature into the shop: ``python tools/feature.py NAME [--command WORD] [--work-s SECONDS]``.

Its module and its tests are written from the draft, and with --command it is registered in ``cli.py``. A draft that
has a ``_first_try`` is begun with that: the first attempt leaves a mistake that its tests find, the next one does not.
--work-s is how long the thinking in between takes; the variable ``SHOP_HASTE`` makes it none.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from pathlib import Path

from record import recorded

ROOT = Path(__file__).resolve().parent.parent
DRAFTS = ROOT / "tools" / "drafts"
COMMANDS = re.compile(r"(?P<head>^COMMANDS[^{]*\{\n)(?P<lines>(?:    .*\n)*)(?P<tail>\})", re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description="Bring a feature into the shop.")
    parser.add_argument("name")
    parser.add_argument("--command", help="register it as this command")
    parser.add_argument("--work-s", type=float, default=0.0)
    options = parser.parse_args()
    with recorded():
        bring(options.name, options.command, 0.0 if os.environ.get("SHOP_HASTE") else options.work_s)


def bring(name: str, command: str | None, work_s: float) -> None:
    """Module, thinking, tests: ended in between, the worktree holds half a feature."""
    write(ROOT / "src" / "shop" / f"{name}.py", draft_of(name))
    time.sleep(work_s)
    write(ROOT / "tests" / f"test_{name}.py", DRAFTS / f"test_{name}.py")
    if command is not None:
        register(command, f"shop.{name}")


def draft_of(name: str) -> Path:
    """The first try once, where attempts can remember that there was one; the real thing from then on."""
    first_try = DRAFTS / f"{name}_first_try.py"
    memory = os.environ.get("AIDOS_CHECKPOINT_DIR")
    if memory is None or not first_try.exists():
        return DRAFTS / f"{name}.py"
    marker = Path(memory) / f"{name}.tried"
    if marker.exists():
        return DRAFTS / f"{name}.py"
    marker.touch()
    return first_try


def write(path: Path, draft: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(draft.read_text(encoding="utf-8"), encoding="utf-8")
    print(f"wrote {path.relative_to(ROOT)}", flush=True)


def register(command: str, module: str) -> None:
    """One more line in the table of ``cli.py``, which stays in order; the same line again changes nothing."""
    path = ROOT / "src" / "shop" / "cli.py"
    text = path.read_text(encoding="utf-8")
    found = COMMANDS.search(text)
    if found is None:
        raise SystemExit(f"{path} has no table COMMANDS")
    lines = sorted({*found["lines"].splitlines(keepends=True), f'    "{command}": "{module}",\n'})
    path.write_text(text[: found.start("lines")] + "".join(lines) + text[found.end("lines") :], encoding="utf-8")
    print(f"registered {command}", flush=True)


if __name__ == "__main__":
    main()
