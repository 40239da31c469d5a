"""Whatever the disk does, what was stored can be read, and the error has a type."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from aircall_mcp.errors import CredentialError, StoreError
from aircall_mcp.ground.secrets import Secret

from ..vaults import TOKEN, again, filled, value

AS_ROOT = os.name == "posix" and os.geteuid() == 0


def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160k,mode=700", "tmpfs", str(disk)]
    if not AS_ROOT or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount")
    try:
        vault = filled(disk, accounts=2)
        stored, full = {f"company-{n}": value(n) for n in range(2)}, 0
        for room in range(24, 0, -1):
            (disk / "filler").write_bytes(b"")
            _fill(disk / "filler", leave=room * 4096)
            fresh: dict[str, object] = {"token": Secret(f"{TOKEN}-{room}")}
            try:
                vault.write("company-0", "account", fresh)
                stored["company-0"] = fresh
            except (StoreError, CredentialError):
                full += 1
            for reader in (vault, again(disk)):
                for owner, there in stored.items():
                    record = reader.read(owner, "account")
                    assert record is not None
                    assert record.value == there
                if reader is not vault:
                    reader.close()
        assert full
        (disk / "filler").unlink()
        vault.write("company-0", "account", value(7))
        assert vault.check() == []
        vault.close()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.parametrize("name", ["vault.db", "vault.anchor", "vault.lock", "."])
def test_no_right_to_write(anywhere: Path, name: str) -> None:
    """In a process that is not root, since root may write anywhere."""
    home = anywhere / "home"
    filled(home).close()
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from aircall_mcp.errors import AircallMCPError\n"
        "from aircall_mcp.vault import vault_at\n"
        "home = Path(sys.argv[1])\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "os.chdir('/')\n"
        "vault = vault_at(home, {})\n"
        "try: vault.write('company-0', 'account', {'n': 2}); print('written')\n"
        "except AircallMCPError as error: print(type(error).__name__)\n"
        "print(vault_at(home, {}).read('company-1', 'account').value['number'])\n"
    )
    owner = 65534 if AS_ROOT else os.getuid()
    for path in (home, *home.iterdir()):
        os.chown(path, owner, -1)
    target = home / name
    target.chmod(0o500 if name == "." else 0o400)
    done = subprocess.run(
        [sys.executable, "-c", code, str(home)], capture_output=True, text=True, check=False
    )
    lines = done.stdout.split()
    assert lines[1:] == ["1"], done.stderr
    assert lines[0] in ("StoreError", "CredentialError", "written")
    if name == "vault.db":
        assert lines[0] == "StoreError"


@pytest.fixture
def anywhere() -> Iterator[Path]:
    """A directory that every user may pass through, as those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _fill(file: Path, *, leave: int) -> None:
    """Take the room of a small disk but for `leave` bytes."""
    free = os.statvfs(file.parent)
    with file.open("wb") as filler:
        filler.write(b"x" * max(0, free.f_bavail * free.f_frsize - leave))
