"""A guardian that waits a few seconds where the real one waits two minutes; all else is the real one's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from supervisors import guardian, guardian_strategy

START_LIMIT_S = 6.0
STOP_LIMIT_S = 1.0


def main(body: bytes) -> None:
    guardian_strategy.START_LIMIT_S = START_LIMIT_S
    guardian.STOP_LIMIT_S = STOP_LIMIT_S
    guardian.main(body)


def in_place_of_the_real_one(command: Callable[..., Any]) -> Callable[..., Any]:
    """``boot.command``, but that guardians are hasty."""

    def started(main: str, *rest: Any) -> Any:
        return command(__name__ if main == "supervisors.guardian" else main, *rest)

    return started
