"""What virtual time has instead of descriptors that can be watched."""

from __future__ import annotations


class NoDescriptors:
    """``watch`` is refused: what comes through a real descriptor has no virtual moment."""

    def watch(self, fd: int) -> None:
        raise NotImplementedError("there are no descriptors in virtual time")

    def ignore(self, fd: int) -> None:
        """Nothing was watched."""
