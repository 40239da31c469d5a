from __future__ import annotations

import base64
from pathlib import Path

import pytest

from aircall_mcp.errors import CredentialError

from ...vaults import ONE, TWO, value, vault_at


@pytest.mark.parametrize("text", ["", "x", "!" * 44, base64.b64encode(b"x" * 31).decode()])
def test_a_variable_without_a_key(home: Path, text: str) -> None:
    with pytest.raises(CredentialError) as caught:
        vault_at(home, {"AIRCALL_MCP_VAULT_KEY": text}).create("environment")
    assert "openssl" in caught.value.hint
    assert not (home / "vault.db").exists()


def test_the_environment_s_key(home: Path) -> None:
    vault = vault_at(home, {"AIRCALL_MCP_VAULT_KEY": ONE})
    assert "AIRCALL_MCP_VAULT_KEY" in vault.create("environment")
    vault.write("company", "account", value(1))
    with pytest.raises(CredentialError, match="not set"):
        vault_at(home, {}).read("company", "account")
    with pytest.raises(CredentialError, match="does not belong to this vault"):
        vault_at(home, {"AIRCALL_MCP_VAULT_KEY": TWO}).read("company", "account")
