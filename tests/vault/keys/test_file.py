from __future__ import annotations

from pathlib import Path

import pytest

from aircall_mcp.errors import CredentialError
from aircall_mcp.ground.private_files import Modes

from ...vaults import ONE, TWO, again, filled, vault_at


def test_a_wrong_key_and_a_missing_key(home: Path) -> None:
    filled(home).close()
    file = home / "vault.key"
    right = file.read_bytes()
    file.write_bytes(f"{ONE}\n".encode())
    with pytest.raises(CredentialError, match="does not belong to this vault"):
        again(home).read("company-0", "account")
    file.write_bytes(b"no key\n")
    with pytest.raises(CredentialError, match="damaged"):
        again(home).read("company-0", "account")
    file.unlink()
    with pytest.raises(CredentialError, match="missing") as caught:
        again(home).read("company-0", "account")
    assert "Put it back" in caught.value.hint
    Modes().replace(file, right)
    assert again(home).check() == []


@pytest.mark.parametrize("content", [b"\n", b" \n\n", b"no key\n"])
def test_a_key_file_without_a_key(home: Path, content: bytes) -> None:
    Modes().directory(home)
    Modes().replace(home / "vault.key", content)
    with pytest.raises(CredentialError, match="contains no key") as caught:
        again(home).create("file")
    assert "remove it" in caught.value.hint
    assert (home / "vault.key").read_bytes() == content


def test_a_key_file_elsewhere(home: Path, tmp_path: Path) -> None:
    Modes().directory(tmp_path / "keys")
    file = tmp_path / "keys" / "key"
    Modes().replace(file, f"{TWO}\n".encode())
    environment = {"AIRCALL_MCP_VAULT_KEY_FILE": str(file)}
    vault_at(home, environment).create("file")
    assert file.read_text() == f"{TWO}\n"
    assert vault_at(home, environment).check() == []
    assert not (home / "vault.key").exists()
