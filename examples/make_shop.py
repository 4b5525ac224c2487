"""Make the shop that ``shop.yaml`` works on: ``python examples/make_shop.py FOLDER``."""

from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
GIT_TIMEOUT_S = 60


def make_shop(folder: Path) -> Path:
    """``folder`` holds ``shop``, a git repository with one commit on main, and ``shop.yaml``, whose path is returned.

    Raises ``FileExistsError`` when there is a shop already, ``CalledProcessError`` when git fails.
    """
    repository = folder / "shop"
    shutil.copytree(HERE / "shop_project", repository, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    for arguments in (
        ("init", "--quiet", "--initial-branch=main"),
        ("config", "user.name", "The Shop"),
        ("config", "user.email", "shop@localhost"),
        ("config", "commit.gpgsign", "false"),
        ("add", "--all"),
        ("commit", "--quiet", "--no-verify", "--message", "Open the shop"),
    ):
        git(repository, *arguments)
    return Path(shutil.copy(HERE / "shop.yaml", folder))


def git(repository: Path, *arguments: str) -> str:
    """What git says, without the last line's end. Raises ``CalledProcessError``."""
    command = ["git", "-C", str(repository), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=GIT_TIMEOUT_S)
    return done.stdout.rstrip("\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="made if it does not exist")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    print(f"aidos run {make_shop(folder)}")


if __name__ == "__main__":
    main()
