"""Where a program is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def program_of(program: str, path: str, folder: str) -> str | None:
    """The file that would be run in ``folder``; None when there is none that may be."""
    if os.sep in program:
        file = Path(folder) / program
        return str(file) if file.is_file() and os.access(file, os.X_OK) else None
    return shutil.which(program, path=path)
