"""An analysis that can be held open from outside, so that a test can act while it is under way."""

from __future__ import annotations

import time
from pathlib import Path

HOLD_LIMIT_S = 120.0
LOOK_EVERY_S = 0.01


def hold_while_exists(file: Path | None) -> None:
    """Returns when ``file`` does not exist (None: at once), at the latest after two minutes. Blocks."""
    until = time.monotonic() + HOLD_LIMIT_S
    while file is not None and file.exists() and time.monotonic() < until:
        time.sleep(LOOK_EVERY_S)
