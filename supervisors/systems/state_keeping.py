"""Where the processes of a real tree keep their snapshots: under the state directory they were told before the fork."""

from __future__ import annotations

from supervisors.ports import SnapshotStore
from supervisors.snapshots.premises import settled


class KeepsSnapshots:
    """The part of the port ``System`` that is about them."""

    path: str

    def snapshots(self) -> SnapshotStore:
        from supervisors.snapshots.diskcache import DiskcacheSnapshots

        return DiskcacheSnapshots(settled(), self.path)
