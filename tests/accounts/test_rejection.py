from __future__ import annotations

import asyncio

import pytest

from aircall_mcp.accounts import Account, Accounts

from ..vaults import again
from .grants import KEY, URL, Grants, in_memory

pytestmark = pytest.mark.anyio


async def test_a_401_renews_once_for_all(grants: Grants) -> None:
    auth = grants.auth()
    signature = await auth.sign(None, URL)
    grants.clock.pass_by(100)
    again_ = await asyncio.gather(*(auth.rejected(signature, 401) for _ in range(10)))
    assert again_ == [True] * 10
    assert grants.token_url.sandbox.oauth.refreshes == 1
    assert await auth.sign(None, URL) != signature
    assert await auth.rejected(signature, 401)
    assert grants.token_url.sandbox.oauth.refreshes == 1


async def test_a_fresh_grant_is_not_renewed_for_a_401(grants: Grants) -> None:
    auth = grants.auth()
    assert not await auth.rejected(await auth.sign(None, URL), 401)
    assert grants.token_url.sandbox.oauth.refreshes == 0


async def test_a_grant_of_a_clock_that_was_ahead_is_renewed_for_a_401(grants: Grants) -> None:
    auth = grants.auth()
    signature = await auth.sign(None, URL)
    grants.clock.pass_by(-86_400)
    assert await auth.rejected(signature, 401)
    assert grants.token_url.sandbox.oauth.refreshes == 1
    assert not await auth.rejected(await auth.sign(None, URL), 401)


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
async def test_no_other_status_harms_a_credential(grants: Grants, status: int) -> None:
    auth = grants.auth()
    signature = await auth.sign(None, URL)
    grants.clock.pass_by(1000)
    before = grants.stored()
    assert not await auth.rejected(signature, status)
    assert grants.stored() == before
    assert grants.token_url.sandbox.oauth.refreshes == 0


async def test_a_credential_that_somebody_changed_meanwhile_is_tried(grants: Grants) -> None:
    auth = grants.auth()
    signature = await auth.sign(None, URL)
    Accounts(again(grants.home)).add(Account(name="paris", credential=KEY), replace=True)
    assert await auth.rejected(signature, 403)
    assert (await auth.sign(None, URL)).headers["Authorization"].startswith("Basic ")


async def test_a_key_cannot_be_renewed() -> None:
    auth = in_memory(Account(name="rome", credential=KEY))
    assert not await auth.rejected(await auth.sign(None, URL), 401)
