"""The token URL has spent the old token; the new one must not be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.errors import StoreError, Unreachable
from aircall_mcp.ground.private_files import Modes
from aircall_mcp.storage.lock import Lock
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.vault import KeyFileHolder, Vault
from aircall_mcp.vault.records import MIGRATIONS

from .grants import LIFETIME, URL, Grants

pytestmark = pytest.mark.anyio


class FailingModes:
    def __init__(self, *, after: int) -> None:
        self.left = after

    def spend(self) -> None:
        if self.left <= 0:
            raise StoreError("No room to write.")
        self.left -= 1


class FailingStore(Database):
    """A store whose disk is full after so many writes."""

    def __init__(self, path: Path, disk: FailingModes) -> None:
        super().__init__(path, MIGRATIONS, durability="vault", modes=Modes())
        self._disk = disk

    def write(self, work: Callable[[Any], Any]) -> Any:
        self._disk.spend()
        return super().write(work)


def vault_on(grants: Grants, disk: FailingModes) -> Vault:
    store = FailingStore(grants.home / "vault.db", disk)
    lock = Lock(grants.home / "vault.lock")
    return Vault(store, {"file": lambda: KeyFileHolder(grants.home)}, lock)


async def test_with_a_disk_that_is_full_nothing_is_asked_for(grants: Grants) -> None:
    disk = FailingModes(after=0)
    auth = grants.auth(vault_on(grants, disk))
    grants.clock.pass_by(LIFETIME + 1)
    with pytest.raises(StoreError, match="No room"):
        await auth.sign(None, URL)
    assert grants.token_url.sandbox.oauth.refreshes == 0
    disk.left = 10**9
    assert grants.token_url.accepts(await auth.sign(None, URL), grants.clock())


async def test_what_came_to_a_full_disk_serves_from_memory_until_there_is_room(
    grants: Grants,
) -> None:
    disk = FailingModes(after=1)
    turns = asyncio.Event()

    async def pause(seconds: float) -> None:
        if seconds >= 1:
            await turns.wait()
        await asyncio.sleep(0)

    auth = grants.auth(vault_on(grants, disk), pause=pause)
    grants.clock.pass_by(LIFETIME + 1)
    signature = await auth.sign(None, URL)
    assert grants.token_url.accepts(signature, grants.clock())
    assert await auth.sign(None, URL) == signature
    assert grants.stored().state == "renewing"
    other = grants.auth(patience=0.05)
    with pytest.raises(Unreachable, match="Another process"):
        await other.sign(None, URL)
    disk.left = 10**9
    turns.set()
    await auth.aclose()
    assert grants.stored().state == "ready"
    assert await other.sign(None, URL) == signature
    assert grants.token_url.sandbox.oauth.refreshes == 1
    assert grants.token_url.sandbox.oauth.reuses == 0


async def test_closing_waits_for_what_a_renewal_leaves_to_be_stored(grants: Grants) -> None:
    disk, tries = FailingModes(after=1), 0

    async def pause(seconds: float) -> None:
        nonlocal tries
        tries += seconds >= 1
        if tries == 3:
            disk.left = 10**9  # there is room again, a moment after the answer
        await asyncio.sleep(0)

    auth = grants.auth(vault_on(grants, disk), pause=pause)
    grants.clock.pass_by(LIFETIME + 1)
    grants.token_url.gate.clear()
    caller = asyncio.create_task(auth.sign(None, URL))
    await grants.token_url.arrived.wait()
    closing = asyncio.create_task(auth.aclose())
    await asyncio.sleep(0)
    grants.token_url.gate.set()
    await closing
    assert grants.stored().state == "ready"
    assert grants.token_url.accepts(await caller, grants.clock())


async def test_at_the_end_of_its_patience_storing_is_tried_once_more(grants: Grants) -> None:
    disk = FailingModes(after=1)

    async def pause(seconds: float) -> None:
        if seconds >= 1:
            await asyncio.Event().wait()  # longer than its patience
        await asyncio.sleep(0)

    auth = grants.auth(vault_on(grants, disk), pause=pause, patience=0.2)
    grants.clock.pass_by(LIFETIME + 1)
    signature = await auth.sign(None, URL)
    disk.left = 10**9
    await auth.aclose()
    assert grants.stored().state == "ready"
    assert await grants.auth().sign(None, URL) == signature


async def test_when_everything_is_cancelled_storing_is_tried_once_more(grants: Grants) -> None:
    """As at the end of a program that closed nothing."""
    disk = FailingModes(after=1)
    auth = grants.auth(vault_on(grants, disk))
    grants.clock.pass_by(LIFETIME + 1)
    before = asyncio.all_tasks()
    signature = await auth.sign(None, URL)
    disk.left = 10**9
    savings = asyncio.all_tasks() - before
    await asyncio.sleep(0)
    for saving in savings:
        saving.cancel()
    await asyncio.wait(savings)
    assert grants.stored().state == "ready"
    assert await grants.auth().sign(None, URL) == signature
