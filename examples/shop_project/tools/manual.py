"""Write ``docs/manual.md`` from the commands there are, and the test that holds it to them."""

from __future__ import annotations

import sys
from pathlib import Path

from record import recorded

ROOT = Path(__file__).resolve().parent.parent


def manual() -> str:
    sys.path.insert(0, str(ROOT / "src"))
    from shop.cli import COMMANDS, command

    parts = ["# The shop on the command line\n"]
    parts += [f"## {name}\n\n`python -m shop {name}`: {command(name).__doc__}\n" for name in COMMANDS]
    return "\n".join(parts)


def main() -> None:
    with recorded():
        page = ROOT / "docs" / "manual.md"
        page.parent.mkdir(exist_ok=True)
        page.write_text(manual(), encoding="utf-8")
        draft = ROOT / "tools" / "drafts" / "test_manual.py"
        (ROOT / "tests" / "test_manual.py").write_text(draft.read_text(encoding="utf-8"), encoding="utf-8")
        print("wrote docs/manual.md and tests/test_manual.py", flush=True)


if __name__ == "__main__":
    main()
