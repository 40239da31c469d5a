from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aircall_mcp.accounts import Account, Accounts, ApiKey, Grant, Memory
from aircall_mcp.accounts.auth import Auth, Signature
from aircall_mcp.desk import Desk as FrontDesk
from aircall_mcp.errors import CredentialError, StoreError, Unreachable
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import AIRCALL
from aircall_mcp.ground.secrets import MASK, Secret, inside
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.storage.lock import Lock, latches
from aircall_mcp.storage.private_files import Modes
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.vault import KeyFileHolder, Vault
from aircall_mcp.vault.records import MIGRATIONS

from ..canaries import CANARIES
from ..house import Clock, sandbox_with
from ..vaults import again, vault_at

URL = "https://api.aircall.io/v1/company"
API_ID, API_TOKEN = CANARIES["api id"], CANARIES["api token"]
KEY = ApiKey(api_id=Secret(API_ID), api_token=Secret(API_TOKEN))
LIFETIME = 3600


class Post:
    """A token URL with the sandbox behind it, and everything that can happen on the way."""

    def __init__(self, clock: Clock) -> None:
        self.sandbox = sandbox_with(
            clock=clock, oauth="expiring", token_lifetime=LIFETIME, requests_per_minute=None
        )
        self.arrived = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.instead: Callable[[httpx2.Request], httpx2.Response] | None = None

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.arrived.set()
        if self.instead is not None:
            await self.gate.wait()
            return self.instead(request)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.sandbox)) as client:
            answer = await client.send(
                client.build_request(
                    request.method, request.url, content=await request.aread(),
                    headers={"content-type": "application/json"},
                )
            )  # fmt: skip
        await self.gate.wait()
        return httpx2.Response(answer.status_code, content=answer.content)

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self.answer))

    async def grant(self, clock: Clock) -> Grant:
        """A first grant, by way of the sandbox's own consent."""
        transport = httpx2.ASGITransport(app=self.sandbox)
        async with httpx2.AsyncClient(
            transport=transport, base_url="https://api.aircall.io"
        ) as client:
            back = "http://127.0.0.1:1/callback"
            query = {
                "client_id": self.sandbox.client_id,
                "redirect_uri": back,
                "response_type": "code",
            }
            consent = await client.get("/oauth/authorize", params=query)
            code = consent.headers["location"].partition("code=")[2]
            asked = {
                "grant_type": "authorization_code", "code": code, "redirect_uri": back,
                "client_id": self.sandbox.client_id, "client_secret": self.sandbox.client_secret,
            }  # fmt: skip
            tokens = (await client.post("/v1/oauth/token", json=asked)).json()
        return Grant(
            access_token=Secret(tokens["access_token"]),
            refresh_token=Secret(tokens["refresh_token"]),
            issued_at=clock(),
            expires_at=clock() + tokens["expires_in"],
            client_id=Secret(self.sandbox.client_id),
            client_secret=Secret(self.sandbox.client_secret),
        )

    def accepts(self, signature: Signature, now: float) -> bool:
        token = signature.headers["Authorization"].removeprefix("Bearer ")
        return self.sandbox.oauth.accepts(token, now)


class Desk:
    """A vault with a grant in it, and as many of us as a test needs."""

    def __init__(self, home: Path, clock: Clock, post: Post) -> None:
        self.home, self.clock, self.post = home, clock, post
        self.open: list[tuple[Auth, Vault]] = []

    def auth(self, vault: Vault | None = None, **choices: Any) -> Auth:
        vault = vault or again(self.home)
        choices.setdefault("pause", asyncio.sleep)
        auth = Auth(
            Accounts(vault), latch=latches(self.home), client=self.post.client, clock=self.clock,
            random=lambda: 0.5, **choices,
        )  # fmt: skip
        self.open.append((auth, vault))
        return auth

    def stored(self) -> Account:
        return Accounts(again(self.home)).load("paris").account

    async def aclose(self) -> None:
        self.post.gate.set()
        for auth, vault in self.open:
            await auth.aclose()
            vault.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


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


def in_memory(account: Account, **choices: Any) -> Auth:
    shelf = Memory()
    accounts = Accounts(shelf)
    accounts.add(account)
    return Auth(accounts, latch=latches(Path("/nonexistent")), **choices)


@pytest.mark.anyio
class TestSigning:
    async def test_a_key(self) -> None:
        signature = await in_memory(Account(name="rome", credential=KEY)).sign(None, URL)
        pair = base64.b64encode(f"{API_ID}:{API_TOKEN}".encode()).decode()
        assert signature.headers == {"Authorization": f"Basic {pair}"}
        assert pair not in repr(signature)

    async def test_a_permanent_token(self) -> None:
        grant = Grant(access_token=Secret("for-ever-1234"))
        auth = in_memory(Account(name="rome", credential=grant))
        signature = await auth.sign("rome", URL)
        assert signature.headers == {"Authorization": "Bearer for-ever-1234"}

    @pytest.mark.parametrize(
        "url", ["http://api.aircall.io/", "https://evil.example/", "http://127.0.0.1/"]
    )
    async def test_only_for_the_account_s_own_host(self, url: str) -> None:
        with pytest.raises(CredentialError, match="Refused"):
            await in_memory(Account(name="rome", credential=KEY)).sign(None, url)

    async def test_a_company_is_known_by_its_key_and_not_by_the_name_it_has_here(self) -> None:
        named = [
            in_memory(Account(name=name, credential=KEY, requests_per_minute=pace))
            for name, pace in (("rome", 60), ("roma", 120))
        ]
        (one, slow), (two, fast) = [await auth.company(None) for auth in named]
        assert one == two
        assert (slow, fast) == (60, 120)
        grant = Grant(access_token=Secret("for-ever-1234"))
        other, _ = await in_memory(Account(name="rome", credential=grant)).company("rome")
        assert other != one
        assert "1234" not in one + other

    async def test_the_same_key_at_another_host_is_another_company(self) -> None:
        """A rehearsal against a sandbox takes nothing from the budget of the real one."""
        names = [
            (await in_memory(Account(name="rome", host=host, credential=KEY)).company(None))[0]
            for host in ("api.aircall.io", "127.0.0.1")
        ]
        assert len(set(names)) == 2

    async def test_everything_signed_with_is_scrubbed(self) -> None:
        auth = in_memory(Account(name="rome", credential=KEY))
        signature = await auth.sign(None, URL)
        said = f"{signature.headers['Authorization']} {API_TOKEN} {API_ID}"
        assert auth.scrub(said) == f"Basic {MASK} {MASK} {MASK}"
        assert auth.scrub_json({"a": [said]}) == {"a": [f"Basic {MASK} {MASK} {MASK}"]}

    async def test_however_many_accounts_there_are_the_token_of_each_is_scrubbed(self) -> None:
        accounts = Accounts(Memory())
        for number in range(300):
            grant = Grant(access_token=Secret(f"token-of-company-{number:03}"))
            accounts.add(Account(name=f"company-{number:03}", credential=grant))
        auth = Auth(accounts, latch=latches(Path("/nonexistent")))
        signed = [await auth.sign(name, URL) for name in accounts.names()]
        said = [signature.headers["Authorization"] for signature in signed]
        assert auth.scrub_json(said) == [f"Bearer {MASK}"] * 300

    async def test_a_change_by_another_process_is_seen(self, desk: Desk) -> None:
        auth = desk.auth()
        await auth.sign("paris", URL)
        Accounts(again(desk.home)).add(Account(name="paris", credential=KEY), replace=True)
        assert (await auth.sign("paris", URL)).headers["Authorization"].startswith("Basic ")
        Accounts(again(desk.home)).remove("paris")
        with pytest.raises(CredentialError):
            await auth.sign("paris", URL)

    async def test_accounts_are_never_mixed(self) -> None:
        shelf = Memory()
        accounts = Accounts(shelf)
        for name in ("rome", "paris"):
            grant = Grant(access_token=Secret(f"token-of-{name}-1234"))
            accounts.add(Account(name=name, credential=grant))
        auth = Auth(accounts, latch=latches(Path("/nonexistent")))

        async def call(number: int) -> bool:
            name = ("rome", "paris")[number % 2]
            await asyncio.sleep(0)
            signature = await auth.sign(name, f"{URL}?{number}")
            return signature.headers["Authorization"] == f"Bearer token-of-{name}-1234"

        assert all(await asyncio.gather(*(call(number) for number in range(1000))))


@pytest.mark.anyio
async def test_calls_of_two_accounts_are_never_crossed(home: Path, registry: Registry) -> None:
    """A thousand at once through one desk, by what arrives at Aircall and what comes back."""
    vault = vault_at(home, {})
    vault.create("file")
    accounts = Accounts(vault)
    bearers = {"paris": f"Bearer {CANARIES['access token']}", "rome": "Bearer token-of-rome-1234"}
    for name, bearer in bearers.items():
        grant = Grant(access_token=Secret(bearer.removeprefix("Bearer ")))
        accounts.add(Account(name=name, credential=grant))
    owners = {bearer: name for name, bearer in bearers.items()}
    arrived: Counter[tuple[str, str]] = Counter()

    async def aircall(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        owner = owners[dict(scope["headers"])[b"authorization"].decode()]
        arrived[owner, scope["path"]] += 1
        for _ in range(arrived.total() % 7):  # nobody is answered in the order of coming
            await asyncio.sleep(0)
        tag = {"id": int(scope["path"].rpartition("/")[2]), "name": owner}
        json_ = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": json_})
        await send({"type": "http.response.body", "body": json.dumps({"tag": tag}).encode()})

    auth = Auth(accounts, latch=latches(home))
    gateway = Gateway(
        base_url=AIRCALL,
        auth=auth,
        company=auth.company,
        transport=httpx2.ASGITransport(app=aircall),
    )
    desk = FrontDesk(
        Offers(registry.with_accounts(accounts.names())), gateway, scrub=auth.scrub_json
    )

    async def call(name: str, number: int) -> tuple[str, int, Any]:
        arguments = {"tag_id": number, "account": name}
        return name, number, (await desk.call("aircall_get_tag", arguments, Caller())).payload

    wanted = [(name, number) for number in range(1, 501) for name in bearers]
    answers = await asyncio.gather(*(call(name, number) for name, number in wanted))
    await desk.aclose()
    vault.close()
    assert arrived == {(name, f"/v1/tags/{number}"): 1 for name, number in wanted}
    for name, number, payload in answers:
        assert payload["data"]["tag"] == {"id": number, "name": name}


@pytest.mark.anyio
class TestRenewal:
    async def test_ahead_of_expiry_and_not_before(self, desk: Desk) -> None:
        auth = desk.auth(leeway=60, jitter=30)
        before = await auth.sign(None, URL)
        desk.clock.pass_by(LIFETIME - 80)
        assert await auth.sign(None, URL) == before
        desk.clock.pass_by(10)
        after = await auth.sign(None, URL)
        assert after != before
        assert desk.post.accepts(after, desk.clock() + LIFETIME - 1)
        assert desk.post.sandbox.oauth.refreshes == 1
        assert desk.stored().state == "ready"

    async def test_what_was_renewed_is_masked_at_once(self, desk: Desk) -> None:
        """In the headers that it signs as well as alone, before anybody reads the account anew."""
        auth = desk.auth()
        for _ in range(8):
            desk.clock.pass_by(LIFETIME + 1)
            signature = await auth.sign(None, URL)
            token = signature.headers["Authorization"].removeprefix("Bearer ")
            assert auth.scrub(f"<{token}>") == f"<{MASK}>"
            stored = desk.stored().credential
            assert isinstance(stored, Grant)
            for secret in (stored.access_token, stored.refresh_token, stored.client_secret):
                assert secret is not None
                text = inside(secret, bytes.decode)
                assert auth.scrub(f"<{text}>") == f"<{MASK}>"
        assert desk.post.sandbox.oauth.refreshes == 8

    async def test_what_was_renewed_is_masked_while_it_is_stored(self, desk: Desk) -> None:
        """Whoever logs why it cannot be stored must not log it."""
        vault = again(desk.home)
        auth = desk.auth(vault)
        masked: list[bool] = []
        whole = vault.write

        def write(owner: str, field: str, value: Any, **more: Any) -> int | None:
            token = inside(value["credential"]["access_token"], bytes.decode)
            masked.append(auth.scrub(f"<{token}>") == f"<{MASK}>")
            return whole(owner, field, value, **more)

        vars(vault)["write"] = write
        await auth.sign(None, URL)
        desk.clock.pass_by(LIFETIME + 1)
        await auth.sign(None, URL)
        assert masked == [True, True]  # the mark, and the new grant

    async def test_what_another_process_stored_is_renewed_if_that_is_due_by_now(
        self, desk: Desk
    ) -> None:
        """It is found while the lock is waited for, after a night of sleep, say."""
        latch = latches(desk.home)("paris")
        stale = (await desk.post.grant(desk.clock)).model_copy(
            update={"expires_at": desk.clock() + 10}
        )
        waited: list[float] = []

        async def pause(seconds: float) -> None:
            waited.append(seconds)
            Accounts(again(desk.home)).add(Account(name="paris", credential=stale), replace=True)
            latch.release()

        auth = desk.auth(pause=pause)
        desk.clock.pass_by(LIFETIME + 1)
        assert latch.take()
        signature = await auth.sign(None, URL)
        assert len(waited) == 1
        assert signature.credential != stale
        assert desk.post.accepts(signature, desk.clock())
        assert desk.post.sandbox.oauth.refreshes == 1

    async def test_the_jitter_differs(self, desk: Desk) -> None:
        early, late = desk.auth(leeway=60, jitter=1000), desk.auth(leeway=60, jitter=0)
        desk.clock.pass_by(LIFETIME - 100)
        first = await late.sign(None, URL)
        assert desk.post.sandbox.oauth.refreshes == 0
        assert await early.sign(None, URL) != first
        assert await late.sign(None, URL) != first
        assert desk.post.sandbox.oauth.refreshes == 1

    async def test_a_short_life_is_not_all_leeway(self, desk: Desk) -> None:
        grant = desk.stored().credential.model_copy(update={"expires_at": desk.clock() + 10})
        Accounts(again(desk.home)).add(Account(name="paris", credential=grant), replace=True)
        auth = desk.auth()
        await auth.sign(None, URL)
        assert desk.post.sandbox.oauth.refreshes == 0

    async def test_many_tasks_and_two_of_us_renew_once(self, desk: Desk) -> None:
        here, there = desk.auth(), desk.auth()
        desk.clock.pass_by(LIFETIME + 1)
        signatures = await asyncio.gather(
            *(auth.sign(None, URL) for auth in (here, there) for _ in range(20))
        )
        assert len({signature.headers["Authorization"] for signature in signatures}) == 1
        assert desk.post.accepts(signatures[0], desk.clock())
        assert desk.post.sandbox.oauth.refreshes == 1
        assert desk.post.sandbox.oauth.reuses == 0

    async def test_it_goes_on_when_everybody_has_left(self, desk: Desk) -> None:
        auth = desk.auth()
        desk.clock.pass_by(LIFETIME + 1)
        desk.post.gate.clear()
        waiting = [asyncio.create_task(auth.sign(None, URL)) for _ in range(3)]
        await desk.post.arrived.wait()
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert desk.stored().state == "renewing"
        desk.post.gate.set()
        await auth.aclose()
        assert desk.stored().state == "ready"
        assert desk.post.accepts(await desk.auth().sign(None, URL), desk.clock())
        assert desk.post.sandbox.oauth.refreshes == 1

    async def test_a_refusal_is_marked_and_nothing_is_deleted(self, desk: Desk) -> None:
        desk.post.sandbox.oauth.families[0].revoked = True
        auth = desk.auth()
        desk.clock.pass_by(LIFETIME + 1)
        before = desk.stored().credential
        for _ in range(3):
            with pytest.raises(CredentialError, match="was refused") as caught:
                await auth.sign(None, URL)
            assert caught.value.hint == "A person must run `aircall-mcp accounts login paris`."
        assert desk.stored().state == "reauth_required"
        assert desk.stored().credential == before
        asked = [one for one in desk.post.sandbox.arrivals if one.path == "/v1/oauth/token"]
        assert len(asked) == 2  # the first grant, and one renewal

    async def test_a_login_heals_it_without_a_restart(self, desk: Desk) -> None:
        desk.post.sandbox.oauth.families[0].revoked = True
        auth = desk.auth()
        desk.clock.pass_by(LIFETIME + 1)
        with pytest.raises(CredentialError):
            await auth.sign(None, URL)
        grant = await desk.post.grant(desk.clock)
        Accounts(again(desk.home)).add(Account(name="paris", credential=grant), replace=True)
        assert desk.post.accepts(await auth.sign(None, URL), desk.clock())

    async def test_what_still_works_is_used_when_a_renewal_fails(self, desk: Desk) -> None:
        auth = desk.auth()
        before = await auth.sign(None, URL)
        desk.clock.pass_by(LIFETIME - 20)
        asked: list[int] = []

        def busy(_request: httpx2.Request) -> httpx2.Response:
            asked.append(1)
            return httpx2.Response(503)

        desk.post.instead = busy
        for _ in range(5):
            assert await auth.sign(None, URL) == before
        assert len(asked) == 1
        desk.clock.pass_by(6)
        assert await auth.sign(None, URL) == before
        assert len(asked) == 2
        desk.clock.pass_by(20)
        with pytest.raises(Unreachable, match="503"):
            await auth.sign(None, URL)
        desk.post.instead = None
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
    async def test_no_answer_harms_nothing(self, desk: Desk, error: Exception) -> None:
        auth = desk.auth()
        desk.clock.pass_by(LIFETIME + 1)

        def fail(_request: httpx2.Request) -> httpx2.Response:
            raise error

        desk.post.instead = fail
        with pytest.raises(Unreachable, match="no answer"):
            await auth.sign(None, URL)
        desk.post.instead = None
        assert desk.post.accepts(await auth.sign(None, URL), desk.clock())

    async def test_an_answer_that_never_ends(self, desk: Desk) -> None:
        auth = desk.auth()
        desk.clock.pass_by(LIFETIME + 1)
        desk.post.instead = lambda _request: httpx2.Response(200, content=b" " * 1_000_000)
        with pytest.raises(Unreachable):
            await auth.sign(None, URL)

    async def test_an_answer_that_does_not_come(self, desk: Desk) -> None:
        auth = desk.auth(patience=0.05)
        desk.clock.pass_by(LIFETIME + 1)
        desk.post.gate.clear()
        with pytest.raises(Unreachable, match="TimeoutError"):
            await auth.sign(None, URL)
        assert desk.stored().state == "renewing"

    async def test_somebody_else_holds_the_lock_for_too_long(self, desk: Desk) -> None:
        auth = desk.auth(patience=0.05)
        desk.clock.pass_by(LIFETIME + 1)
        with (
            latches(desk.home)("paris").held(),
            pytest.raises(Unreachable, match="Another process"),
        ):
            await auth.sign(None, URL)

    async def test_what_somebody_stored_without_the_lock_is_adopted(self, desk: Desk) -> None:
        """As on a disk whose locks do not work."""
        auth = desk.auth()
        desk.clock.pass_by(LIFETIME + 1)
        other = await desk.post.grant(desk.clock)

        def too_late(_request: httpx2.Request) -> httpx2.Response:
            Accounts(again(desk.home)).add(Account(name="paris", credential=other), replace=True)
            return httpx2.Response(400, json={"error": "invalid_grant"})

        desk.post.instead = too_late
        assert desk.post.accepts(await auth.sign(None, URL), desk.clock())
        assert desk.stored().state == "ready"

    async def test_an_expired_grant_without_a_refresh_token(self) -> None:
        clock = Clock()
        grant = Grant(access_token=Secret("short-1234"), issued_at=clock(), expires_at=clock() + 60)
        auth = in_memory(Account(name="rome", credential=grant), clock=clock)
        clock.pass_by(55)
        assert await auth.sign(None, URL)
        clock.pass_by(5)
        with pytest.raises(CredentialError, match="expired") as caught:
            await auth.sign(None, URL)
        assert "accounts login rome" in caught.value.hint

    async def test_in_memory_it_works_the_same(self, post: Post, clock: Clock) -> None:
        account = Account(name="rome", credential=await post.grant(clock))
        auth = in_memory(account, clock=clock, client=post.client)
        clock.pass_by(LIFETIME + 1)
        signatures = await asyncio.gather(*(auth.sign(None, URL) for _ in range(8)))
        assert len({signature.headers["Authorization"] for signature in signatures}) == 1
        assert post.sandbox.oauth.refreshes == 1


@pytest.mark.anyio
class TestDisk:
    """The token URL has spent the old token; the new one must not be lost."""

    def vault(self, desk: Desk, disk: FailingModes) -> Vault:
        store = FailingStore(desk.home / "vault.db", disk)
        lock = Lock(desk.home / "vault.lock")
        return Vault(store, {"file": lambda: KeyFileHolder(desk.home)}, lock)

    async def test_a_disk_that_is_full_before_it_asks(self, desk: Desk) -> None:
        disk = FailingModes(after=0)
        auth = desk.auth(self.vault(desk, disk))
        desk.clock.pass_by(LIFETIME + 1)
        with pytest.raises(StoreError, match="No room"):
            await auth.sign(None, URL)
        assert desk.post.sandbox.oauth.refreshes == 0
        disk.left = 10**9
        assert desk.post.accepts(await auth.sign(None, URL), desk.clock())

    async def test_a_disk_that_is_full_when_the_answer_comes(self, desk: Desk) -> None:
        disk = FailingModes(after=1)
        turns = asyncio.Event()

        async def pause(seconds: float) -> None:
            if seconds >= 1:
                await turns.wait()
            await asyncio.sleep(0)

        auth = desk.auth(self.vault(desk, disk), pause=pause)
        desk.clock.pass_by(LIFETIME + 1)
        signature = await auth.sign(None, URL)
        assert desk.post.accepts(signature, desk.clock())
        assert await auth.sign(None, URL) == signature
        assert desk.stored().state == "renewing"
        other = desk.auth(patience=0.05)
        with pytest.raises(Unreachable, match="Another process"):
            await other.sign(None, URL)
        disk.left = 10**9
        turns.set()
        await auth.aclose()
        assert desk.stored().state == "ready"
        assert await other.sign(None, URL) == signature
        assert desk.post.sandbox.oauth.refreshes == 1
        assert desk.post.sandbox.oauth.reuses == 0

    async def test_closing_waits_for_what_a_renewal_leaves_to_be_stored(self, desk: Desk) -> None:
        disk, tries = FailingModes(after=1), 0

        async def pause(seconds: float) -> None:
            nonlocal tries
            tries += seconds >= 1
            if tries == 3:
                disk.left = 10**9  # there is room again, a moment after the answer
            await asyncio.sleep(0)

        auth = desk.auth(self.vault(desk, disk), pause=pause)
        desk.clock.pass_by(LIFETIME + 1)
        desk.post.gate.clear()
        caller = asyncio.create_task(auth.sign(None, URL))
        await desk.post.arrived.wait()
        closing = asyncio.create_task(auth.aclose())
        await asyncio.sleep(0)
        desk.post.gate.set()
        await closing
        assert desk.stored().state == "ready"
        assert desk.post.accepts(await caller, desk.clock())

    async def test_at_the_end_of_its_patience_it_tries_once_more(self, desk: Desk) -> None:
        disk = FailingModes(after=1)

        async def pause(seconds: float) -> None:
            await asyncio.sleep(0 if seconds < 1 else 60)

        auth = desk.auth(self.vault(desk, disk), pause=pause, patience=0.2)
        desk.clock.pass_by(LIFETIME + 1)
        signature = await auth.sign(None, URL)
        disk.left = 10**9
        await auth.aclose()
        assert desk.stored().state == "ready"
        assert await desk.auth().sign(None, URL) == signature

    async def test_when_everything_is_cancelled_it_tries_once_more(self, desk: Desk) -> None:
        """As at the end of a program that closed nothing."""
        disk = FailingModes(after=1)
        auth = desk.auth(self.vault(desk, disk))
        desk.clock.pass_by(LIFETIME + 1)
        before = asyncio.all_tasks()
        signature = await auth.sign(None, URL)
        disk.left = 10**9
        savings = asyncio.all_tasks() - before
        await asyncio.sleep(0)
        for saving in savings:
            saving.cancel()
        await asyncio.wait(savings)
        assert desk.stored().state == "ready"
        assert await desk.auth().sign(None, URL) == signature

    async def test_while_it_closes_no_renewal_begins(self, desk: Desk) -> None:
        auth, lock = desk.auth(), latches(desk.home)("paris")
        desk.clock.pass_by(LIFETIME + 1)
        with lock.held():
            waiting = asyncio.create_task(auth.sign(None, URL))
            await asyncio.sleep(0)
            await auth.aclose()
        with pytest.raises(Unreachable, match="is ending"):
            await waiting
        assert desk.post.sandbox.oauth.refreshes == 0
        assert desk.stored().state == "ready"


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


@pytest.mark.anyio
class TestRejection:
    async def test_a_401_renews_once_for_all(self, desk: Desk) -> None:
        auth = desk.auth()
        signature = await auth.sign(None, URL)
        desk.clock.pass_by(100)
        again_ = await asyncio.gather(*(auth.rejected(signature, 401) for _ in range(10)))
        assert again_ == [True] * 10
        assert desk.post.sandbox.oauth.refreshes == 1
        assert await auth.sign(None, URL) != signature
        assert await auth.rejected(signature, 401)
        assert desk.post.sandbox.oauth.refreshes == 1

    async def test_a_fresh_grant_is_not_renewed_for_it(self, desk: Desk) -> None:
        auth = desk.auth()
        assert not await auth.rejected(await auth.sign(None, URL), 401)
        assert desk.post.sandbox.oauth.refreshes == 0

    async def test_a_grant_of_a_clock_that_was_ahead_is_renewed_for_it(self, desk: Desk) -> None:
        auth = desk.auth()
        signature = await auth.sign(None, URL)
        desk.clock.pass_by(-86_400)
        assert await auth.rejected(signature, 401)
        assert desk.post.sandbox.oauth.refreshes == 1
        assert not await auth.rejected(await auth.sign(None, URL), 401)

    @pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
    async def test_nothing_else_harms_a_credential(self, desk: Desk, status: int) -> None:
        auth = desk.auth()
        signature = await auth.sign(None, URL)
        desk.clock.pass_by(1000)
        before = desk.stored()
        assert not await auth.rejected(signature, status)
        assert desk.stored() == before
        assert desk.post.sandbox.oauth.refreshes == 0

    async def test_somebody_has_changed_it_meanwhile(self, desk: Desk) -> None:
        auth = desk.auth()
        signature = await auth.sign(None, URL)
        Accounts(again(desk.home)).add(Account(name="paris", credential=KEY), replace=True)
        assert await auth.rejected(signature, 403)
        assert (await auth.sign(None, URL)).headers["Authorization"].startswith("Basic ")

    async def test_a_key_cannot_be_renewed(self) -> None:
        auth = in_memory(Account(name="rome", credential=KEY))
        assert not await auth.rejected(await auth.sign(None, URL), 401)


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, aircall_mcp.accounts.accounts, aircall_mcp.accounts.auth,"
        " aircall_mcp.accounts.login, aircall_mcp.vault, aircall_mcp.cli.accounts, json;"
        "print(json.dumps([m for m in ('cryptography', 'keyring', 'authlib')"
        " if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
