"""Which file system a path lies on. On one shared over a network neither locks nor SQLite's log can be trusted."""

from __future__ import annotations

import re
from pathlib import Path

from aidos_actors.core.errors import Unfit

MOUNTS_FILE = Path("/proc/self/mountinfo")

NETWORK_TYPES = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "auristorfs", "coda", "9p", "ceph", "glusterfs", "lustre"}
    | {"gpfs", "beegfs", "pvfs2", "orangefs", "ocfs2", "gfs2", "davfs"}
)
NETWORK_FUSE = frozenset(
    {
        "sshfs",
        "glusterfs",
        "ceph",
        "cephfs",
        "ceph-fuse",
        "s3fs",
        "gcsfuse",
        "mount-s3",
        "goofys",
        "blobfuse",
        "blobfuse2",
    }
    | {"rclone", "juicefs", "davfs2", "smbnetfs", "moosefs", "mfs", "seaweedfs"}
)
ESCAPE = re.compile(r"\\([0-7]{3})")


def refuse_network_filesystem(path: Path) -> None:
    """Nothing when ``path`` (it need not exist yet) lies on a local file system; ``Unfit`` otherwise."""
    mount_point, kind = mount_of(path.resolve(), MOUNTS_FILE.read_text(encoding="utf-8", errors="surrogateescape"))
    if is_network(mount_point, kind):
        raise Unfit(
            f"{path} lies on {mount_point}, a network file system ({kind}), where the ledger could be damaged",
            hint="give a folder on a local disk with --state or AIDOS_STATE_DIR",
        )


def is_network(mount_point: str, kind: str) -> bool:
    """A whole machine on 9p is a sandbox (gVisor), whose own kernel keeps the locks: not a network."""
    is_shared = kind in NETWORK_TYPES or (kind.startswith("fuse.") and kind[5:] in NETWORK_FUSE)
    return is_shared and not (kind == "9p" and mount_point == "/")


def mount_of(path: Path, mountinfo: str) -> tuple[str, str]:
    """Mount point and type of the file system holding the absolute ``path``, by the text of ``/proc/self/mountinfo``.
    Of two mounts on one point the later hides the earlier. ("/", "unknown") when none fits."""
    found, depth = ("/", "unknown"), 0
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if not separator or len(fields) < 5:
            continue
        mount_point = ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[4])
        parts = len(Path(mount_point).parts)
        if parts >= depth and path.is_relative_to(mount_point):
            found, depth = (mount_point, after.split(" ", 1)[0]), parts
    return found
