from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from aircall_mcp.accounts import Account, Accounts, Grant
from aircall_mcp.errors import CredentialError, Unreachable
from aircall_mcp.ground.secrets import MASK, Secret, inside
from aircall_mcp.storage.lock import latches

from ..harness import Clock
from ..vaults import again
from .grants import LIFETIME, URL, Grants, TokenUrl, in_memory

pytestmark = pytest.mark.anyio


async def test_a_grant_is_renewed_ahead_of_expiry_and_not_before(grants: Grants) -> None:
    auth = grants.auth(leeway=60, jitter=30)
    before = await auth.sign(None, URL)
    grants.clock.pass_by(LIFETIME - 80)
    assert await auth.sign(None, URL) == before
    grants.clock.pass_by(10)
    after = await auth.sign(None, URL)
    assert after != before
    assert grants.token_url.accepts(after, grants.clock() + LIFETIME - 1)
    assert grants.token_url.sandbox.oauth.refreshes == 1
    assert grants.stored().state == "ready"


async def test_what_was_renewed_is_masked_at_once(grants: Grants) -> None:
    """In the headers that it signs as well as alone, before anybody reads the account anew."""
    auth = grants.auth()
    for _ in range(8):
        grants.clock.pass_by(LIFETIME + 1)
        signature = await auth.sign(None, URL)
        token = signature.headers["Authorization"].removeprefix("Bearer ")
        assert auth.scrub(f"<{token}>") == f"<{MASK}>"
        stored = grants.stored().credential
        assert isinstance(stored, Grant)
        for secret in (stored.access_token, stored.refresh_token, stored.client_secret):
            assert secret is not None
            text = inside(secret, bytes.decode)
            assert auth.scrub(f"<{text}>") == f"<{MASK}>"
    assert grants.token_url.sandbox.oauth.refreshes == 8


async def test_what_was_renewed_is_masked_while_it_is_stored(grants: Grants) -> None:
    """Whoever logs why it cannot be stored must not log it."""
    vault = again(grants.home)
    auth = grants.auth(vault)
    masked: list[bool] = []
    whole = vault.write

    def write(owner: str, field: str, value: Any, **more: Any) -> int | None:
        token = inside(value["credential"]["access_token"], bytes.decode)
        masked.append(auth.scrub(f"<{token}>") == f"<{MASK}>")
        return whole(owner, field, value, **more)

    vars(vault)["write"] = write
    await auth.sign(None, URL)
    grants.clock.pass_by(LIFETIME + 1)
    await auth.sign(None, URL)
    assert masked == [True, True]  # the mark, and the new grant


async def test_what_another_process_stored_is_renewed_if_that_is_due_by_now(grants: Grants) -> None:
    """It is found while the lock is waited for, after a night of sleep, say."""
    latch = latches(grants.home)("paris")
    stale = (await grants.token_url.grant(grants.clock)).model_copy(
        update={"expires_at": grants.clock() + 10}
    )
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)
        Accounts(again(grants.home)).add(Account(name="paris", credential=stale), replace=True)
        latch.release()

    auth = grants.auth(pause=pause)
    grants.clock.pass_by(LIFETIME + 1)
    assert latch.take()
    signature = await auth.sign(None, URL)
    assert len(waited) == 1
    assert signature.credential != stale
    assert grants.token_url.accepts(signature, grants.clock())
    assert grants.token_url.sandbox.oauth.refreshes == 1


async def test_the_jitter_differs(grants: Grants) -> None:
    early, late = grants.auth(leeway=60, jitter=1000), grants.auth(leeway=60, jitter=0)
    grants.clock.pass_by(LIFETIME - 100)
    first = await late.sign(None, URL)
    assert grants.token_url.sandbox.oauth.refreshes == 0
    assert await early.sign(None, URL) != first
    assert await late.sign(None, URL) != first
    assert grants.token_url.sandbox.oauth.refreshes == 1


async def test_a_short_life_is_not_all_leeway(grants: Grants) -> None:
    grant = grants.stored().credential.model_copy(update={"expires_at": grants.clock() + 10})
    Accounts(again(grants.home)).add(Account(name="paris", credential=grant), replace=True)
    auth = grants.auth()
    await auth.sign(None, URL)
    assert grants.token_url.sandbox.oauth.refreshes == 0


async def test_many_tasks_and_two_of_us_renew_once(grants: Grants) -> None:
    here, there = grants.auth(), grants.auth()
    grants.clock.pass_by(LIFETIME + 1)
    signatures = await asyncio.gather(
        *(auth.sign(None, URL) for auth in (here, there) for _ in range(20))
    )
    assert len({signature.headers["Authorization"] for signature in signatures}) == 1
    assert grants.token_url.accepts(signatures[0], grants.clock())
    assert grants.token_url.sandbox.oauth.refreshes == 1
    assert grants.token_url.sandbox.oauth.reuses == 0


async def test_a_renewal_goes_on_when_everybody_has_left(grants: Grants) -> None:
    auth = grants.auth()
    grants.clock.pass_by(LIFETIME + 1)
    grants.token_url.gate.clear()
    waiting = [asyncio.create_task(auth.sign(None, URL)) for _ in range(3)]
    await grants.token_url.arrived.wait()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert grants.stored().state == "renewing"
    grants.token_url.gate.set()
    await auth.aclose()
    assert grants.stored().state == "ready"
    assert grants.token_url.accepts(await grants.auth().sign(None, URL), grants.clock())
    assert grants.token_url.sandbox.oauth.refreshes == 1


async def test_a_refusal_is_marked_and_nothing_is_deleted(grants: Grants) -> None:
    grants.token_url.sandbox.oauth.families[0].revoked = True
    auth = grants.auth()
    grants.clock.pass_by(LIFETIME + 1)
    before = grants.stored().credential
    for _ in range(3):
        with pytest.raises(CredentialError, match="was refused") as caught:
            await auth.sign(None, URL)
        assert caught.value.hint == "A person must run `aircall-mcp accounts login paris`."
    assert grants.stored().state == "reauth_required"
    assert grants.stored().credential == before
    asked = [one for one in grants.token_url.sandbox.arrivals if one.path == "/v1/oauth/token"]
    assert len(asked) == 2  # the first grant, and one renewal


async def test_a_login_heals_a_refused_grant_without_a_restart(grants: Grants) -> None:
    grants.token_url.sandbox.oauth.families[0].revoked = True
    auth = grants.auth()
    grants.clock.pass_by(LIFETIME + 1)
    with pytest.raises(CredentialError):
        await auth.sign(None, URL)
    grant = await grants.token_url.grant(grants.clock)
    Accounts(again(grants.home)).add(Account(name="paris", credential=grant), replace=True)
    assert grants.token_url.accepts(await auth.sign(None, URL), grants.clock())


async def test_what_still_works_is_used_when_a_renewal_fails(grants: Grants) -> None:
    auth = grants.auth()
    before = await auth.sign(None, URL)
    grants.clock.pass_by(LIFETIME - 20)
    asked: list[int] = []

    def busy(_request: httpx2.Request) -> httpx2.Response:
        asked.append(1)
        return httpx2.Response(503)

    grants.token_url.instead = busy
    for _ in range(5):
        assert await auth.sign(None, URL) == before
    assert len(asked) == 1
    grants.clock.pass_by(6)
    assert await auth.sign(None, URL) == before
    assert len(asked) == 2
    grants.clock.pass_by(20)
    with pytest.raises(Unreachable, match="503"):
        await auth.sign(None, URL)
    grants.token_url.instead = None
    assert await auth.sign(None, URL) != before


@pytest.mark.parametrize(
    "error",
    [
        httpx2.ConnectError("no"),
        httpx2.ReadTimeout("no"),
        httpx2.RemoteProtocolError("no"),
        OSError("no"),
    ],
)
async def test_no_answer_harms_nothing(grants: Grants, error: Exception) -> None:
    auth = grants.auth()
    grants.clock.pass_by(LIFETIME + 1)

    def fail(_request: httpx2.Request) -> httpx2.Response:
        raise error

    grants.token_url.instead = fail
    with pytest.raises(Unreachable, match="no answer"):
        await auth.sign(None, URL)
    grants.token_url.instead = None
    assert grants.token_url.accepts(await auth.sign(None, URL), grants.clock())


async def test_an_answer_that_never_ends_is_given_up(grants: Grants) -> None:
    auth = grants.auth()
    grants.clock.pass_by(LIFETIME + 1)
    grants.token_url.instead = lambda _request: httpx2.Response(200, content=b" " * 1_000_000)
    with pytest.raises(Unreachable):
        await auth.sign(None, URL)


async def test_an_answer_that_does_not_come_is_given_up(grants: Grants) -> None:
    auth = grants.auth(patience=0.05)
    grants.clock.pass_by(LIFETIME + 1)
    grants.token_url.gate.clear()
    with pytest.raises(Unreachable, match="TimeoutError"):
        await auth.sign(None, URL)
    assert grants.stored().state == "renewing"


async def test_a_lock_that_somebody_holds_for_too_long_is_given_up(grants: Grants) -> None:
    auth = grants.auth(patience=0.05)
    grants.clock.pass_by(LIFETIME + 1)
    with (
        latches(grants.home)("paris").held(),
        pytest.raises(Unreachable, match="Another process"),
    ):
        await auth.sign(None, URL)


async def test_what_somebody_stored_without_the_lock_is_adopted(grants: Grants) -> None:
    """As on a disk whose locks do not work."""
    auth = grants.auth()
    grants.clock.pass_by(LIFETIME + 1)
    other = await grants.token_url.grant(grants.clock)

    def too_late(_request: httpx2.Request) -> httpx2.Response:
        Accounts(again(grants.home)).add(Account(name="paris", credential=other), replace=True)
        return httpx2.Response(400, json={"error": "invalid_grant"})

    grants.token_url.instead = too_late
    assert grants.token_url.accepts(await auth.sign(None, URL), grants.clock())
    assert grants.stored().state == "ready"


async def test_an_expired_grant_without_a_refresh_token_wants_a_login() -> None:
    clock = Clock()
    grant = Grant(access_token=Secret("short-1234"), issued_at=clock(), expires_at=clock() + 60)
    auth = in_memory(Account(name="rome", credential=grant), clock=clock.handed())
    clock.pass_by(55)
    assert await auth.sign(None, URL)
    clock.pass_by(5)
    with pytest.raises(CredentialError, match="expired") as caught:
        await auth.sign(None, URL)
    assert "accounts login rome" in caught.value.hint


async def test_in_memory_a_renewal_works_the_same(token_url: TokenUrl, clock: Clock) -> None:
    account = Account(name="rome", credential=await token_url.grant(clock))
    auth = in_memory(account, clock=clock.handed(), client=token_url.client)
    clock.pass_by(LIFETIME + 1)
    signatures = await asyncio.gather(*(auth.sign(None, URL) for _ in range(8)))
    assert len({signature.headers["Authorization"] for signature in signatures}) == 1
    assert token_url.sandbox.oauth.refreshes == 1


async def test_while_it_closes_no_renewal_begins(grants: Grants) -> None:
    auth, lock = grants.auth(), latches(grants.home)("paris")
    grants.clock.pass_by(LIFETIME + 1)
    with lock.held():
        waiting = asyncio.create_task(auth.sign(None, URL))
        await asyncio.sleep(0)
        await auth.aclose()
    with pytest.raises(Unreachable, match="is ending"):
        await waiting
    assert grants.token_url.sandbox.oauth.refreshes == 0
    assert grants.stored().state == "ready"
