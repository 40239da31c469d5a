"""A server that leaves while it renews a grant: nothing that Aircall gave out may be lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from aircall_mcp.accounts import Accounts, Grant

from ..chaos.running import LIFETIME, Gate, RunningSandbox, running_sandbox
from ..vaults import vault_at


@asynccontextmanager
async def held_back(home: Path) -> AsyncGenerator[tuple[RunningSandbox, Gate]]:
    """A vault in `home` whose grant is due, and a sandbox that answers no renewal until its gate
    is opened."""
    gate = Gate()
    with running_sandbox(time.time, gate.before) as running:
        try:
            gate.opened.set()
            await asyncio.to_thread(running.settle, home, time.time() - 2 * LIFETIME)
            gate.opened.clear()
            gate.asked.clear()
            yield running, gate
        finally:
            gate.opened.set()


def is_renewed_once(home: Path, running: RunningSandbox) -> bool:
    """Whether what was asked for a single time is stored."""
    vault = vault_at(home, {})
    account = Accounts(vault).load("paris").account
    vault.close()
    assert isinstance(account.credential, Grant)
    until = account.credential.expires_at or 0.0
    return (account.state, until > time.time(), running.sandbox.oauth.refreshes) == (
        "ready",
        True,
        1,
    )
