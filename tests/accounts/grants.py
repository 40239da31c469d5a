"""Grants that expire, in a vault, and a token URL that renews them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2

from aircall_mcp.accounts import Account, Accounts, ApiKey, Grant, Memory
from aircall_mcp.accounts.auth import Auth, Signature
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.storage.lock import latches
from aircall_mcp.vault import Vault

from ..canaries import CANARIES
from ..harness import Clock, sandbox_with
from ..vaults import again

URL = "https://api.aircall.io/v1/company"
API_ID, API_TOKEN = CANARIES["api id"], CANARIES["api token"]
KEY = ApiKey(api_id=Secret(API_ID), api_token=Secret(API_TOKEN))
Pause = Callable[[float], Awaitable[None]]

LIFETIME = 3600


class TokenUrl:
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


class Grants:
    """A vault with a grant in it, and as many of us as a test needs."""

    def __init__(self, home: Path, clock: Clock, token_url: TokenUrl) -> None:
        self.home, self.clock, self.token_url = home, clock, token_url
        self.open: list[tuple[Auth, Vault]] = []

    def auth(
        self, vault: Vault | None = None, *, pause: Pause = asyncio.sleep, **choices: Any
    ) -> Auth:
        vault = vault or again(self.home)
        auth = Auth(
            Accounts(vault), latch=latches(self.home), client=self.token_url.client,
            clock=self.clock.handed(pause), random=lambda: 0.5, **choices,
        )  # fmt: skip
        self.open.append((auth, vault))
        return auth

    def stored(self) -> Account:
        return Accounts(again(self.home)).load("paris").account

    async def aclose(self) -> None:
        self.token_url.gate.set()
        for auth, vault in self.open:
            await auth.aclose()
            vault.close()


def in_memory(account: Account, **choices: Any) -> Auth:
    shelf = Memory()
    accounts = Accounts(shelf)
    accounts.add(account)
    return Auth(accounts, latch=latches(Path("/nonexistent")), **choices)
