"""Which file systems may hold the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from aidos_actors.core.errors import Unfit
from aidos_actors.ledger import mounts
from aidos_actors.ledger.ledger import Ledger
from aidos_actors.ledger.mounts import mount_of, refuse_network_filesystem

MOUNTINFO = r"""
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 21 0:30 / /home rw,relatime - nfs4 server:/home rw,vers=4.2
31 30 0:31 / /home/ada/local rw master:3 propagate_from:2 - btrfs /dev/vdb rw
32 21 0:32 / /mnt/with\040blank rw - cifs //server/share rw
33 21 0:33 / /work rw - fuse.sshfs ada@host:/ rw
34 21 0:34 / /over rw - nfs server:/x rw
35 34 0:35 / /over rw - tmpfs tmpfs rw
36 21 0:36 / /c rw - 9p C:\134 rw,aname=drvfs
37 21 0:37 / /usb rw - fuse.ntfs-3g /dev/sdb1 rw
a broken line
"""


@pytest.mark.parametrize(
    ("path", "mount_point", "kind", "is_network"),
    [
        ("/var/lib/aidos", "/", "ext4", False),
        ("/home/ada/.aidos", "/home", "nfs4", True),
        ("/home/ada/local/.aidos", "/home/ada/local", "btrfs", False),
        ("/homeless/.aidos", "/", "ext4", False),
        ("/mnt/with blank/.aidos", "/mnt/with blank", "cifs", True),
        ("/work", "/work", "fuse.sshfs", True),
        ("/over/x", "/over", "tmpfs", False),
        ("/c/Users", "/c", "9p", True),
        ("/usb/x", "/usb", "fuse.ntfs-3g", False),
    ],
)
def test_the_deepest_mount_decides(path: str, mount_point: str, kind: str, is_network: bool) -> None:
    assert mount_of(Path(path), MOUNTINFO) == (mount_point, kind)
    assert mounts.is_network(mount_point, kind) is is_network


def test_a_sandbox_that_lies_on_9p_as_a_whole_is_no_network() -> None:
    assert not mounts.is_network("/", "9p")
    assert mounts.is_network("/", "nfs")


def test_nothing_is_made_on_a_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretended = tmp_path / "mountinfo"
    pretended.write_text(
        f"21 1 0:1 / / rw - ext4 /dev/vda rw\n22 21 0:2 / {tmp_path.resolve()} rw - nfs4 server:/ rw\n"
    )
    monkeypatch.setattr(mounts, "MOUNTS_FILE", pretended)
    with pytest.raises(Unfit, match="nfs4") as refused:
        Ledger.open(tmp_path / "state")
    assert refused.value.exit_code == 78 and "--state" in refused.value.hint
    assert not (tmp_path / "state").exists()


def test_the_temporary_folder_of_the_tests_is_accepted(tmp_path: Path) -> None:
    refuse_network_filesystem(tmp_path / "not" / "there" / "yet")
