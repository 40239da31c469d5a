from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aircall_mcp.accounts import Account, Accounts, Grant, Memory
from aircall_mcp.accounts.auth import Auth
from aircall_mcp.desk import Desk
from aircall_mcp.errors import CredentialError
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import AIRCALL
from aircall_mcp.ground.secrets import MASK, Secret
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.storage.lock import latches

from ..canaries import CANARIES
from ..vaults import again, vault_at
from .grants import API_ID, API_TOKEN, KEY, URL, Grants, in_memory

pytestmark = pytest.mark.anyio


async def test_a_key_signs_by_basic_authentication() -> None:
    signature = await in_memory(Account(name="rome", credential=KEY)).sign(None, URL)
    pair = base64.b64encode(f"{API_ID}:{API_TOKEN}".encode()).decode()
    assert signature.headers == {"Authorization": f"Basic {pair}"}
    assert pair not in repr(signature)


async def test_a_permanent_token_signs_as_a_bearer() -> None:
    grant = Grant(access_token=Secret("for-ever-1234"))
    auth = in_memory(Account(name="rome", credential=grant))
    signature = await auth.sign("rome", URL)
    assert signature.headers == {"Authorization": "Bearer for-ever-1234"}


@pytest.mark.parametrize(
    "url", ["http://api.aircall.io/", "https://evil.example/", "http://127.0.0.1/"]
)
async def test_nothing_is_signed_for_another_host_than_the_account_s_own(url: str) -> None:
    with pytest.raises(CredentialError, match="Refused"):
        await in_memory(Account(name="rome", credential=KEY)).sign(None, url)


async def test_a_company_is_known_by_its_key_and_not_by_the_name_it_has_here() -> None:
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


async def test_the_same_key_at_another_host_is_another_company() -> None:
    """A rehearsal against a sandbox takes nothing from the budget of the real one."""
    names = [
        (await in_memory(Account(name="rome", host=host, credential=KEY)).company(None))[0]
        for host in ("api.aircall.io", "127.0.0.1")
    ]
    assert len(set(names)) == 2


async def test_everything_signed_with_is_scrubbed() -> None:
    auth = in_memory(Account(name="rome", credential=KEY))
    signature = await auth.sign(None, URL)
    said = f"{signature.headers['Authorization']} {API_TOKEN} {API_ID}"
    assert auth.scrub(said) == f"Basic {MASK} {MASK} {MASK}"
    assert auth.scrubber.json({"a": [said]}) == {"a": [f"Basic {MASK} {MASK} {MASK}"]}


async def test_however_many_accounts_there_are_the_token_of_each_is_scrubbed() -> None:
    accounts = Accounts(Memory())
    for number in range(300):
        grant = Grant(access_token=Secret(f"token-of-company-{number:03}"))
        accounts.add(Account(name=f"company-{number:03}", credential=grant))
    auth = Auth(accounts, latch=latches(Path("/nonexistent")))
    signed = [await auth.sign(name, URL) for name in accounts.names()]
    said = [signature.headers["Authorization"] for signature in signed]
    assert auth.scrubber.json(said) == [f"Bearer {MASK}"] * 300


async def test_a_change_by_another_process_is_seen(grants: Grants) -> None:
    auth = grants.auth()
    await auth.sign("paris", URL)
    Accounts(again(grants.home)).add(Account(name="paris", credential=KEY), replace=True)
    assert (await auth.sign("paris", URL)).headers["Authorization"].startswith("Basic ")
    Accounts(again(grants.home)).remove("paris")
    with pytest.raises(CredentialError):
        await auth.sign("paris", URL)


async def test_accounts_are_never_mixed() -> None:
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
    desk = Desk(Offers(registry.with_accounts(accounts.names())), gateway, scrubber=auth.scrubber)

    async def call(name: str, number: int) -> tuple[str, int, Any]:
        arguments = {"tag_id": number, "account": name}
        return name, number, (await desk.call("aircall_get_tag", arguments, Caller())).payload

    wanted = [(name, number) for number in range(1, 501) for name in bearers]
    answers = await asyncio.gather(*(call(name, number) for name, number in wanted))
    await gateway.aclose()
    await auth.aclose()
    vault.close()
    assert arrived == {(name, f"/v1/tags/{number}"): 1 for name, number in wanted}
    for name, number, payload in answers:
        assert payload["data"]["tag"] == {"id": number, "name": name}


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, aircall_mcp.accounts.accounts, aircall_mcp.accounts.auth,"
        " aircall_mcp.accounts.login, aircall_mcp.vault, aircall_mcp.cli.accounts, json;"
        "print(json.dumps([m for m in ('cryptography', 'keyring', 'authlib')"
        " if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
