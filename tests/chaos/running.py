"""A sandbox on a real port, under a clock that other processes read too."""

from __future__ import annotations

import asyncio
import mmap
import struct
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from aircall_mcp.accounts import Account, Accounts, Grant
from aircall_mcp.accounts.auth import Auth
from aircall_mcp.ground.clock import Clock
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.lock import latches
from aircall_mcp.vault import Vault, vault_at

from ..harness import App, sandbox_with
from ..served import served

LIFETIME = 3600


class SharedClock:
    """Seconds in a file that every process maps."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(struct.pack("d", 1_795_082_400.0))
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), 8)

    def __call__(self) -> float:
        return struct.unpack("d", self._memory[:8])[0]

    def pass_by(self, seconds: float) -> None:
        self._memory[:8] = struct.pack("d", self() + seconds)


class RunningSandbox:
    """The sandbox at `url`; `sandbox` is there to be looked at, never called here."""

    def __init__(self, sandbox: Sandbox, url: str) -> None:
        self.sandbox = sandbox
        self.url = url

    def grant(self, now: float) -> Grant:
        """A consent and its tokens, over the wire."""
        back = "http://127.0.0.1:1/callback"
        asked = {"client_id": self.sandbox.client_id, "redirect_uri": back, "response_type": "code"}
        with httpx2.Client(base_url=self.url, trust_env=False) as client:
            location = client.get("/oauth/authorize", params=asked).headers["location"]
            body = {
                "grant_type": "authorization_code",
                "code": parse_qs(urlsplit(location).query)["code"][0],
                "redirect_uri": back,
                "client_id": self.sandbox.client_id,
                "client_secret": self.sandbox.client_secret,
            }
            tokens = client.post("/v1/oauth/token", json=body).json()
        return Grant(
            access_token=Secret(tokens["access_token"]),
            refresh_token=Secret(tokens["refresh_token"]),
            issued_at=now,
            expires_at=now + tokens["expires_in"],
            token_url=f"{self.url}/v1/oauth/token",
            client_id=Secret(self.sandbox.client_id),
            client_secret=Secret(self.sandbox.client_secret),
        )

    def settle(self, home: Path, now: float) -> None:
        """A vault in `home` with a fresh grant for `paris`."""
        vault = vault_at(home, {})
        if not vault.exists:
            vault.create("file")
        account = Account(name="paris", host="127.0.0.1", credential=self.grant(now))
        Accounts(vault).add(account, replace=True)
        vault.close()


class Gate:
    """Keeps whoever renews a grant waiting for the answer until it is opened."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.opened = threading.Event()

    def before(self, app: App) -> App:
        async def answer(scope: Any, receive: Any, send: Any) -> None:
            async def said(message: Any) -> None:
                await asyncio.to_thread(self.opened.wait)
                await send(message)

            if scope["path"] == "/v1/oauth/token":
                self.asked.set()
                await app(scope, receive, said)
            else:
                await app(scope, receive, send)

        return answer


@contextmanager
def running_sandbox(
    clock: Callable[[], float], edge: Callable[[App], App] = lambda app: app
) -> Generator[RunningSandbox]:
    """`edge` puts something before the sandbox."""
    sandbox = sandbox_with(
        clock=clock, oauth="expiring", token_lifetime=LIFETIME, requests_per_minute=None
    )
    with served(edge(sandbox)) as url:
        yield RunningSandbox(sandbox, url)


def auth_in(home: Path, clock: Callable[[], float]) -> tuple[Auth, Vault]:
    """What signs with the vault in `home`, and that vault."""
    vault = vault_at(home, {})
    auth = Auth(
        Accounts(vault),
        latch=latches(home),
        clock=Clock(wall=clock),
        client=lambda: httpx2.AsyncClient(trust_env=False, verify=False),
    )
    return auth, vault
