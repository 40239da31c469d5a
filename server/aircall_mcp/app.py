"""Put the house together from Settings, and take it apart again."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import logs, spec
from .config import AIRCALL, Settings
from .desk import Desk
from .errors import CredentialError
from .gateway import Gateway
from .operation import EFFECTS, Effect
from .registry import Registry, Selection
from .secrets import Scrubber, Secret, reveal

if TYPE_CHECKING:
    import httpx2

UNASKED: frozenset[Effect] = frozenset({"read", "write"})
"""Effects that the real host may see without the owner's --allow."""


class Auth:
    """Signs with the credential of the environment, or with the sandbox's own."""

    def __init__(self, base_url: str, key: tuple[Secret, Secret] | Secret | None) -> None:
        self._host = urlsplit(base_url).hostname or ""
        self._key = key
        self._scrubber = Scrubber()
        if isinstance(key, tuple):
            self._scrubber.learn(key[1], pair=key[0])
        elif key is not None:
            self._scrubber.learn(key)

    @classmethod
    def for_settings(cls, settings: Settings, environment: Mapping[str, str]) -> Auth:
        if settings.sandbox:
            from .sandbox.edge import Keys

            keys = Keys()
            return cls(AIRCALL, (Secret(keys.api_id), Secret(keys.api_token)))
        token = environment.get("AIRCALL_ACCESS_TOKEN", "")
        api_id = environment.get("AIRCALL_API_ID", "")
        api_token = environment.get("AIRCALL_API_TOKEN", "")
        if token:
            return cls(settings.base_url, Secret(token))
        both = (Secret(api_id), Secret(api_token)) if api_id and api_token else None
        return cls(settings.base_url, both)

    async def sign(self, account: str | None, url: str) -> Mapping[str, str]:
        del account
        if self._key is None:
            raise CredentialError(
                "No Aircall credential is set up.",
                hint="A person sets AIRCALL_API_ID and AIRCALL_API_TOKEN for this server, or starts"
                " it with --sandbox to try everything without an account.",
            )
        if isinstance(self._key, Secret):
            text = reveal(self._key, "sign a request", url, host=self._host)
            return {"Authorization": f"Bearer {text}"}
        api_id, api_token = (
            reveal(part, "sign a request", url, host=self._host) for part in self._key
        )
        encoded = base64.b64encode(f"{api_id}:{api_token}".encode()).decode()
        return {"Authorization": f"Basic {encoded}"}

    async def rejected(self, account: str | None, status: int) -> bool:
        del account, status
        return False

    def scrub(self, text: str) -> str:
        return self._scrubber.text(text)

    def scrub_json(self, value: Any) -> Any:
        return self._scrubber.json(value)


@dataclass(frozen=True, slots=True)
class House:
    """Everything, ready to answer: `desk` for all doors, `auth` for what speaks of accounts."""

    settings: Settings
    desk: Desk
    auth: Auth


def registry_for(settings: Settings) -> Registry:
    """The operations on offer. Raises `SpecError`, `SettingsError`."""
    selection = Selection(
        toolsets=settings.toolsets,
        tools=settings.tools,
        exclude_tools=settings.exclude_tools,
        read_only=settings.read_only,
        include_deprecated=settings.include_deprecated,
        surface=settings.surface,
    )
    return Registry.of(spec.load()).select(selection)


def open_house(settings: Settings, environment: Mapping[str, str] | None = None) -> House:
    """Build the house. Nothing is sent, read from a vault or written before the first call."""
    environment = os.environ if environment is None else environment
    auth = Auth.for_settings(settings, environment)
    gateway = Gateway(
        base_url=AIRCALL if settings.sandbox else settings.base_url,
        auth=auth,
        sandbox=settings.sandbox,
        allowed=_allowed(settings),
        transport=_sandbox_transport() if settings.sandbox else None,
        proxy=settings.proxy,
        ca_bundle=settings.ca_bundle,
    )
    desk = Desk(
        registry_for(settings), gateway, time_zone=settings.time_zone, scrub=auth.scrub_json
    )
    return House(settings, desk, auth)


def log_to_file(house: House) -> str:
    """Start logging to the house's file; why that failed, or an empty string."""
    return logs.write_to(house.settings.log_file, house.settings.log_level, house.auth.scrub)


def _allowed(settings: Settings) -> frozenset[Effect]:
    on_loopback = settings.base_url.startswith("http://")
    if settings.sandbox or on_loopback:
        return frozenset(EFFECTS)
    return UNASKED | frozenset(settings.allow)


def _sandbox_transport() -> httpx2.AsyncBaseTransport:
    """The sandbox as a transport, furnished at the first request: the start does not wait for it."""
    import httpx2

    furnished: list[Any] = []

    async def sandbox(scope: Any, receive: Any, send: Any) -> None:
        if not furnished:
            from .sandbox import Sandbox

            furnished.append(Sandbox())
        await furnished[0](scope, receive, send)

    return httpx2.ASGITransport(app=sandbox)
