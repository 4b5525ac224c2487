"""The steps of ``dogfood.yaml`` that take more than a line: ``python examples/dogfood.py wheel | cli-reference``.

Both work on the tree in the working folder, whatever is installed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGES = ("aidos_actors", "chaos", "supervisors")
BUILD_TIMEOUT_S = 300
HELP_TIMEOUT_S = 60
DEPTH_MAX = 3
# Help must look the same wherever it is asked for.
PLAIN = {"COLUMNS": "80", "LINES": "24", "TERM": "dumb", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
VERB = re.compile(r"^  ([a-z][a-z-]*)(?: |$)", re.MULTILINE)


def check_wheel() -> None:
    """A wheel made in a folder outside the tree holds every file of our packages, and no other package.

    Raises ``CalledProcessError`` when it cannot be built; ends with what is wrong with its content.
    """
    with tempfile.TemporaryDirectory(prefix="aidos-wheel-") as folder:
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=BUILD_TIMEOUT_S)
        [wheel] = Path(folder).glob("*.whl")
        names = set(zipfile.ZipFile(wheel).namelist())
        print(f"{wheel.name}: {len(names)} files, {wheel.stat().st_size:,} bytes")
    wanted = {path.as_posix() for package in PACKAGES for path in Path(package).rglob("*.py")}
    wanted |= {f"{package}/py.typed" for package in PACKAGES}
    others = {name.partition("/")[0] for name in names} - set(PACKAGES)
    strangers = sorted(other for other in others if not other.endswith(".dist-info"))
    if missing := sorted(wanted - names):
        raise SystemExit(f"not in the wheel: {', '.join(missing)}")
    if strangers:
        raise SystemExit(f"in the wheel, but not ours to ship: {', '.join(strangers)}")


def write_reference() -> None:
    """``docs/cli.md`` says what each verb's --help says; the same tree gives the same page."""
    page = Path("docs", "cli.md")
    page.parent.mkdir(exist_ok=True)
    head = "# The command line\n\nWritten by `python examples/dogfood.py cli-reference` from what `--help` says.\n"
    page.write_text("\n".join([head, *sections(())]), encoding="utf-8")
    print(f"wrote {page}")


def sections(words: tuple[str, ...]) -> list[str]:
    """One section for ``words`` and, below it, one for each verb it has."""
    said = help_of(words)
    title = " ".join(("aidos", *words))
    own = f"{'#' * (len(words) + 2)} {title}\n\n```text\n{said.strip()}\n```\n"
    verbs = VERB.findall(said.partition("Commands:\n")[2])
    if not words and not {"plan", "run"} <= set(verbs):
        raise SystemExit(f"the help of `aidos` names no verbs that are known here:\n{said}")
    below = [sections((*words, verb)) for verb in verbs] if len(words) < DEPTH_MAX else []
    return [own, *(section for each in below for section in each)]


def help_of(words: tuple[str, ...]) -> str:
    command = [sys.executable, "-m", "aidos_actors", *words, "--help"]
    environment = {**os.environ, **PLAIN}
    done = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True, timeout=HELP_TIMEOUT_S
    )
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="A step of dogfood.yaml, on the tree in the working folder.")
    steps = {"wheel": check_wheel, "cli-reference": write_reference}
    parser.add_argument("step", choices=steps)
    steps[parser.parse_args().step]()


if __name__ == "__main__":
    main()
