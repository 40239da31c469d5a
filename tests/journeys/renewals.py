"""A server that leaves while it renews a grant: nothing that Aircall gave out may be lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from aircall_mcp.accounts import Accounts, Grant

from ..chaos.town import LIFETIME, Gate, Town, open_town
from ..vaults import vault_at


@asynccontextmanager
async def held_back(home: Path) -> AsyncGenerator[tuple[Town, Gate]]:
    """A vault in `home` whose grant is due, and a town that answers no renewal until its gate is
    opened."""
    gate = Gate()
    with open_town(time.time, gate.before) as town:
        try:
            gate.opened.set()
            await asyncio.to_thread(town.settle, home, time.time() - 2 * LIFETIME)
            gate.opened.clear()
            gate.asked.clear()
            yield town, gate
        finally:
            gate.opened.set()


def is_renewed_once(home: Path, town: Town) -> bool:
    """Whether what was asked for a single time is stored."""
    vault = vault_at(home, {})
    account = Accounts(vault).load("paris").account
    vault.close()
    assert isinstance(account.credential, Grant)
    until = account.credential.expires_at or 0.0
    return (account.state, until > time.time(), town.sandbox.oauth.refreshes) == ("ready", True, 1)
