from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aircall_mcp.accounts import Account, Accounts

from ..harness import Clock
from ..vaults import vault_at
from .grants import Grants, TokenUrl


@pytest.fixture
async def token_url(clock: Clock) -> TokenUrl:
    return TokenUrl(clock)


@pytest.fixture
async def grants(home: Path, clock: Clock, token_url: TokenUrl) -> AsyncIterator[Grants]:
    vault = vault_at(home, {})
    vault.create("file")
    Accounts(vault).add(Account(name="paris", credential=await token_url.grant(clock)))
    vault.close()
    grants = Grants(home, clock, token_url)
    yield grants
    await grants.aclose()
