"""Our webhooks at Aircall: made, compared with what Aircall says of them, mended, removed.

Aircall tells the token of a webhook once. It goes to the vault; the event log learns its digest,
by which the receiver knows it. A webhook that failed too often is disabled by Aircall; bringing it
back repeats its list of events, since an update without one would subscribe it to all there are.
"""

from __future__ import annotations

import asyncio
import logging
import secrets as chance
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, cast
from urllib.parse import urlsplit

from .errors import AircallMCPError, ArgumentError, OutcomeUnknown, Refused
from .events import Door, EventLog
from .gateway import Caller, Gateway
from .operation import Operation
from .receiver import PREFIX, door_for
from .secrets import Secret, inside

log = logging.getLogger(__name__)

Json = dict[str, Any]
State: TypeAlias = Literal["active", "disabled", "missing", "changed"]

NAME = "aircall-mcp"
WATCH = 300.0
"""Seconds between two looks of the watchdog."""
_FIELD = "webhook"


class Records(Protocol):
    """What of the vault is needed here."""

    def read(self, owner: str, field: str) -> Any: ...
    def write(
        self, owner: str, field: str, value: Any, *, expected: int | None = None
    ) -> int | None: ...
    def remove(self, owner: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Subscription:
    """One webhook of ours and how it stands at Aircall. `kinds` are those Aircall tells of."""

    door: Door
    state: State
    kinds: tuple[str, ...] = ()
    fault: str = ""


class Subscriptions:
    """The webhooks of one account. All methods raise what the gateway raises."""

    def __init__(
        self,
        events: EventLog,
        vault: Records,
        gateway: Gateway,
        operations: Mapping[str, Operation],
        *,
        account: str = "",
        mailbox: Callable[[], bytes],
        clock: Callable[[], float] = time.time,
        name: Callable[[], str] = lambda: chance.token_hex(8),
    ) -> None:
        """`mailbox` gives the public key that the event log seals to; `name` a webhook's name."""
        self._events = events
        self._vault = vault
        self._gateway = gateway
        self._operations = operations
        self._account = account
        self._mailbox = mailbox
        self._clock = clock
        self._name = name
        self._caller = Caller(door="webhooks", account=account or None)

    async def register(self, public_url: str, kinds: Sequence[str] = ()) -> Subscription:
        """Subscribe `public_url` to `kinds` (all, if none is named), and verify it."""
        webhook = self._name()
        url = _address(public_url, webhook)
        public = await self._events.aside(self._mailbox)
        await self._events.aside(lambda: self._events.install(public))
        asked: Json = {"url": url, "custom_name": NAME}
        if kinds:
            asked["events"] = list(kinds)
        made = _webhook(await self._ask("create_webhook", asked))
        await self._open(webhook, made["webhook_id"], made["token"], url, kinds)
        [subscription] = [one for one in await self.status() if one.door.webhook == webhook]
        return subscription

    async def register_line(self, public_url: str, number_id: int) -> Door:
        """Have the texts of a number in proxy mode called back here."""
        webhook = self._name()
        url = _address(public_url, webhook)
        public = await self._events.aside(self._mailbox)
        await self._events.aside(lambda: self._events.install(public))
        asked = {"number_id": number_id, "callbackUrl": url}
        made = cast("Json", await self._ask("create_message_configuration", asked))
        kinds = ("message.received", "message.updated")
        return await self._open(webhook, f"number {number_id}", made["token"], url, kinds)

    async def status(self) -> list[Subscription]:
        """Every webhook of ours, compared with Aircall's."""
        doors = [door for door in await self._doors() if not _is_line(door)]
        return [await self._look(door) for door in doors]

    async def mend(self) -> list[Subscription]:
        """Bring back those that Aircall disabled; which ones that were."""
        mended: list[Subscription] = []
        for subscription in await self.status():
            if subscription.state == "disabled":
                await self._revive(subscription)
                mended.append(await self._look(subscription.door))
        return mended

    async def remove(self, webhook: str | None = None) -> list[str]:
        """Delete one webhook of ours, or all, at Aircall and here; the names of those gone."""
        gone: list[str] = []
        for door in await self._doors():
            if webhook is not None and door.webhook != webhook:
                continue
            try:
                if _is_line(door):
                    number = int(door.aircall_id.removeprefix("number "))
                    await self._ask("delete_message_configuration", {"number_id": number})
                else:
                    await self._ask("delete_webhook", {"webhook_id": door.aircall_id})
            except Refused as error:
                if error.status != 404:
                    raise
            await self._events.aside(lambda door=door: self._forget(door))
            gone.append(door.webhook)
        if webhook is not None and not gone:
            raise ArgumentError(
                f"There is no webhook `{webhook[:60]}` of ours.",
                hint="Run `aircall-mcp webhooks status`.",
            )
        return gone

    async def watch(self, *, every: float = WATCH) -> None:
        """Mend until cancelled. What goes wrong is logged and tried again."""
        while True:
            try:
                for subscription in await self.mend():
                    log.warning("webhook %s was disabled; brought back", subscription.door.webhook)
            except AircallMCPError as error:
                log.warning("the webhooks could not be looked after: %s", error.message)
            await asyncio.sleep(every)

    async def _open(
        self, webhook: str, aircall_id: str, token: str, url: str, kinds: Sequence[str]
    ) -> Door:
        secret, now = Secret(token), self._clock()
        door = inside(
            secret,
            lambda raw: door_for(
                webhook, raw, account=self._account, aircall_id=aircall_id, url=url,
                kinds=kinds, now=now,
            ),
        )  # fmt: skip

        def keep() -> None:
            self._vault.write(f"webhook {webhook}", _FIELD, {"token": secret, "id": aircall_id})
            self._events.open_door(door)

        try:
            await self._events.aside(keep)
        except AircallMCPError as error:
            raise OutcomeUnknown(
                f"The webhook {aircall_id} stands at Aircall, but its token could not be kept:"
                f" {error.message}",
                hint=f"Delete it (aircall_delete_webhook) and register anew. {error.hint}",
            ) from None
        return door

    async def _doors(self) -> list[Door]:
        doors = await self._events.aside(self._events.doors)
        return [door for door in doors if door.account == self._account]

    def _forget(self, door: Door) -> None:
        self._events.shut_door(door.webhook)
        self._vault.remove(f"webhook {door.webhook}")

    async def _look(self, door: Door) -> Subscription:
        try:
            found = _webhook(await self._ask("get_webhook", {"webhook_id": door.aircall_id}))
        except Refused as error:
            if error.status != 404:
                raise
            return Subscription(door, "missing", fault="Aircall no longer has it; register anew")
        kinds = tuple(found.get("events") or ())
        if not found.get("active", True):
            return Subscription(door, "disabled", kinds, "Aircall disabled it after failures")
        if found.get("url") != door.url:
            return Subscription(door, "changed", kinds, "it leads elsewhere now")
        if door.kinds and set(kinds) != set(door.kinds):
            return Subscription(door, "changed", kinds, "it tells of other events now")
        return Subscription(door, "active", kinds)

    async def _revive(self, subscription: Subscription) -> None:
        door = subscription.door
        kinds = list(door.kinds or subscription.kinds)
        if not kinds:
            raise ArgumentError(f"Which events {door.webhook} tells of is not known.")
        asked: Json = {"webhook_id": door.aircall_id, "active": True, "events": kinds}
        await self._ask("update_webhook", asked)

    async def _ask(self, operation: str, arguments: Json) -> Any:
        bound = self._operations[operation].bind(arguments)
        return (await self._gateway.send(bound, self._caller)).body


def _webhook(body: Any) -> Json:
    found: Any = cast("Json", body).get("webhook") if isinstance(body, Mapping) else None
    if not isinstance(found, dict):
        raise OutcomeUnknown(
            "Aircall's answer names no webhook.", hint="Look with aircall_list_webhooks."
        )
    return cast("Json", found)


def _is_line(door: Door) -> bool:
    return door.aircall_id.startswith("number ")


def _address(public_url: str, webhook: str) -> str:
    there = urlsplit(public_url.strip())
    if there.scheme != "https" or not there.hostname or there.query or there.fragment:
        raise ArgumentError(
            "The public URL must be https://HOST, as Aircall will see it.",
            hint="docs/events.md shows a tunnel and a reverse proxy.",
        )
    return public_url.strip().rstrip("/") + PREFIX + webhook
