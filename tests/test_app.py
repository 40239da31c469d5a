"""The house is put together so that it keeps to the account its owner named."""

from __future__ import annotations

from pathlib import Path

import pytest

from aircall_mcp.accounts import Account, Accounts, ApiKey
from aircall_mcp.app import House, open_house
from aircall_mcp.config import settings_from
from aircall_mcp.gateway import Caller
from aircall_mcp.secrets import Secret
from aircall_mcp.vault import vault_at

pytestmark = pytest.mark.anyio


def house(home: Path, account: str | None = None, **environment: str) -> House:
    """A house over two accounts, `paris` and `rome`, in a vault with a key file."""
    variables = {"AIRCALL_MCP_HOME": str(home), **environment}
    vault = vault_at(home, variables)
    if not vault.exists:
        vault.create("file")
        for name in ("paris", "rome"):
            key = ApiKey(api_id=Secret(f"id-of-{name}-1234"), api_token=Secret(f"token-of-{name}"))
            Accounts(vault).add(Account(name=name, credential=key))
    vault.close()
    return open_house(settings_from({"account": account}, variables), variables)


async def test_with_several_accounts_each_tool_of_aircall_takes_one(home: Path) -> None:
    tools = {tool["name"]: tool["inputSchema"] for tool in house(home).desk.tools()}
    assert tools["aircall_list_calls"]["properties"]["account"]["enum"] == ["paris", "rome"]
    assert "account" not in tools["aircall_search"]["properties"]


async def test_a_named_account_is_the_only_one(home: Path) -> None:
    pinned = house(home, "rome")
    assert all("account" not in t["inputSchema"]["properties"] for t in pinned.desk.tools())
    result = await pinned.desk.call("aircall_list_calls", {"account": "paris"}, Caller())
    assert result.payload["error"]["kind"] == "argument"
    await pinned.desk.aclose()


async def test_half_a_key_in_the_environment_stops_no_start(home: Path) -> None:
    half = house(home, AIRCALL_API_ID="only-an-id-1234")
    result = await half.desk.call("aircall_ping", {}, Caller())
    assert result.payload["error"]["message"] == "AIRCALL_API_TOKEN is not set."
    await half.desk.aclose()
