"""Chance of one process, from a seed that can be told and given again."""

from __future__ import annotations

import os
import random


class SeededEntropy:
    """The port ``Entropy``. Without a ``seed`` the operating system gives one; forked siblings never share it."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = int.from_bytes(os.urandom(8)) if seed is None else seed
        self._random = random.Random(self.seed)

    def fraction(self) -> float:
        return self._random.random()
