from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aircall_mcp.accounts import Account, Accounts

from ..house import Clock
from ..vaults import vault_at
from .grants import Desk, Post


@pytest.fixture
async def post(clock: Clock) -> Post:
    return Post(clock)


@pytest.fixture
async def desk(home: Path, clock: Clock, post: Post) -> AsyncIterator[Desk]:
    vault = vault_at(home, {})
    vault.create("file")
    Accounts(vault).add(Account(name="paris", credential=await post.grant(clock)))
    vault.close()
    desk = Desk(home, clock, post)
    yield desk
    await desk.aclose()
