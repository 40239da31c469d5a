"""A webhook of ours being made: its name noted, requested at Aircall, verified, opened.

Each step is written down before the next one, for whoever comes after a process that was killed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from ..accounts import Shelf
from ..errors import AircallMCPError, ArgumentError, OutcomeUnknown, ToolError
from ..ground.clock import Clock
from ..ground.secrets import Secret, inside
from .log import EventLog
from .receiver import PREFIX, webhook_for
from .registrations import CALLBACK, Made, Registrations, same_address
from .webhooks import Webhook

_FIELD = "webhook"
_TEXTS = ("message.received", "message.updated")


class Opening:
    """Makes webhooks there and opens them here. `mailbox` gives the public key that the event log
    seals to; `name` a webhook's name. All methods raise what the gateway raises, and `StoreError`.
    """

    def __init__(
        self,
        events: EventLog,
        vault: Shelf,
        there: Registrations,
        *,
        mailbox: Callable[[], bytes],
        name: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._events = events
        self._vault = vault
        self._there = there
        self._mailbox = mailbox
        self._name = name
        self._clock = clock

    async def webhook(
        self,
        account: str,
        public_url: str,
        kinds: Sequence[str],
        *,
        succeeds: Webhook | None = None,
    ) -> Webhook:
        name, url = await self._reserve(account, public_url)
        async with self._unless_refused(name):
            made = await self._there.webhook(account, url, kinds)
            await self._as_asked(account, name, url, made)
        return await self._open(account, name, url, made, kinds, succeeds=succeeds)

    async def callback(
        self, account: str, public_url: str, number_id: int, *, succeeds: Webhook | None = None
    ) -> Webhook:
        name, url = await self._reserve(account, public_url, f"{CALLBACK}{number_id}")
        async with self._unless_refused(name):
            made = await self._there.callback(account, url, number_id)
            await self._as_asked(account, name, url, made)
        return await self._open(account, name, url, made, _TEXTS, succeeds=succeeds)

    async def _reserve(
        self, account: str, public_url: str, aircall_id: str = ""
    ) -> tuple[str, str]:
        """A name and its address, written down before anything is made under them. What could
        keep the token from being kept is found out here."""
        name = self._name()
        url = address(public_url, name)
        public = await self._events.aside(self._mailbox)

        def reserve() -> None:
            self._events.install(public)
            self._events.webhooks.reserve(name, account, url, aircall_id)

        await self._events.aside(reserve)
        record, owner = {"id": aircall_id}, _owner(name)
        try:
            await self._vault.aside(lambda: self._vault.write(owner, _FIELD, record))
        except AircallMCPError:
            await self._events.aside(lambda: self._events.webhooks.gone(name))
            raise
        return name, url

    @asynccontextmanager
    async def _unless_refused(self, name: str) -> AsyncGenerator[None]:
        """Nothing stays reserved for what was certainly not made."""
        try:
            yield
        except OutcomeUnknown:
            raise
        except ToolError:
            await self.clear(name)
            raise

    async def _as_asked(self, account: str, name: str, url: str, made: Made) -> None:
        """Delete at Aircall what leads elsewhere than was asked for, and raise `NotAsAsked`."""
        if same_address(made.url, url):
            return
        known = self._events.webhooks
        await self._events.aside(lambda: known.stands(name, made.aircall_id))
        await self._there.take_back(Webhook(name, account, made.aircall_id, b"", url, (), 0.0))

    async def _open(
        self,
        account: str,
        name: str,
        url: str,
        made: Made,
        kinds: Sequence[str],
        *,
        succeeds: Webhook | None,
    ) -> Webhook:
        secret, now = Secret(made.token), self._clock.wall()
        webhook = inside(
            secret,
            lambda raw: webhook_for(
                name, raw, account=account, aircall_id=made.aircall_id, url=url,
                kinds=kinds, now=now,
            ),
        )  # fmt: skip
        if succeeds is not None:
            # What both tell is kept once, unless somebody else could have told the first.
            family = "" if succeeds.untrusted else succeeds.family or succeeds.name
            webhook = replace(webhook, succeeds=succeeds.name, family=family)
        record = {"token": secret, "id": made.aircall_id}
        try:
            await self._vault.aside(lambda: self._vault.write(_owner(name), _FIELD, record))
            await self._events.aside(lambda: self._events.webhooks.open(webhook))
        except AircallMCPError as error:
            raise OutcomeUnknown(
                f"The webhook {made.aircall_id} exists at Aircall, but its token could"
                f" not be stored: {error.message}",
                hint="`aircall-mcp webhooks status` deletes it again; then register again."
                f" {error.hint}".rstrip(),
            ) from None
        return webhook

    async def clear(self, name: str) -> None:
        """It does not stand at Aircall: its token is of no use any more."""
        await self._vault.aside(lambda: self._vault.remove(_owner(name)))
        await self._events.aside(lambda: self._events.webhooks.gone(name))


def _owner(name: str) -> str:
    return f"webhook {name}"


def address(public_url: str, name: str) -> str:
    """Where Aircall is to call the webhook `name`. Raises `ArgumentError`."""
    there = urlsplit(public_url.strip())
    if there.scheme != "https" or not there.hostname or there.query or there.fragment:
        raise ArgumentError(
            "The public URL must be https://HOST, as Aircall will see it.",
            hint="docs/events.md shows a tunnel and a reverse proxy.",
        )
    return public_url.strip().rstrip("/") + PREFIX + name
