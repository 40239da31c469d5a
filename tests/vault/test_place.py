from __future__ import annotations

from pathlib import Path

import pytest

from aircall_mcp.vault import shared_disk


@pytest.mark.parametrize(
    ("home", "kind"),
    [
        ("/home/me/.local/share/aircall-mcp", None),
        ("/net/me/aircall-mcp", "nfs4"),
        ("/net/me/here/aircall-mcp", None),
        ("/network", None),
        ("/mnt/of office/x", "cifs"),
        ("/mnt/c/Users/me", "9p"),
        ("/far/away", "fuse.sshfs"),
        ("/far", None),
    ],
)
def test_a_disk_of_other_machines_is_known(tmp_path: Path, home: str, kind: str | None) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "27 1 259:1 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p1 rw\n"
        "30 27 0:30 / /net rw - autofs auto rw\n"
        "31 30 0:31 /export /net/me rw,relatime shared:9 master:2 - nfs4 far:/export rw\n"
        "32 31 0:32 / /net/me/here rw - tmpfs tmpfs rw\n"
        "33 27 0:33 / /mnt/of\\040office rw - cifs //far/office rw\n"
        "34 27 0:34 / /mnt/c rw - 9p drvfs rw\n"
        "35 27 0:35 / /far/away rw - ext4 /dev/sdb1 rw\n"
        "36 27 0:36 / /far/away rw - fuse.sshfs me@far: rw\n"
        "broken\n"
    )
    assert shared_disk(Path(home), mounts) == kind


def test_where_mounts_are_not_listed_nothing_is_said(home: Path, tmp_path: Path) -> None:
    assert shared_disk(home, tmp_path / "none") is None
