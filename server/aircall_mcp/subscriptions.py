"""Our webhooks at Aircall: made, compared with what Aircall says of them, mended, removed.

Aircall tells the token of a webhook once. It goes to the vault; the event log learns its digest,
by which the receiver knows it. A webhook that failed too often is disabled by Aircall; bringing it
back repeats its list of events, since an update without one would subscribe it to all there are.

A person registered them, and that is the yes for what is asked here: it makes webhooks, and speaks
of those it made.
"""

from __future__ import annotations

import asyncio
import logging
import secrets as chance
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar, cast
from urllib.parse import urlsplit

from .accounts import Shelf
from .errors import AircallMCPError, ArgumentError, OutcomeUnknown, Refused
from .events import Door, EventLog
from .gateway import Caller, Gateway
from .operation import Operation
from .receiver import PREFIX, door_for
from .secrets import Secret, inside

log = logging.getLogger(__name__)

T = TypeVar("T")
Json = dict[str, Any]
State: TypeAlias = Literal["active", "disabled", "missing", "changed"]

NAME = "aircall-mcp"
WATCH = 300.0
"""Seconds between two looks of the watchdog."""
_FIELD = "webhook"
_LINE = "number "
_Making: TypeAlias = Literal["create_webhook", "create_message_configuration"]
_Asking: TypeAlias = Literal[
    "get_webhook", "update_webhook", "delete_webhook", "delete_message_configuration"
]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One webhook of ours and how it stands at Aircall. `kinds` are those Aircall tells of."""

    door: Door
    state: State
    kinds: tuple[str, ...] = ()
    fault: str = ""


async def _as_given(account: str | None) -> str:
    return account or ""


class Subscriptions:
    """The webhooks of `account`, or those of every account: each is spoken of by its own.

    All methods raise what the gateway raises, and what `resolve` raises, which finds the account
    that is meant by a name or by none.
    """

    def __init__(
        self,
        events: EventLog,
        vault: Shelf,
        gateway: Gateway,
        operations: Mapping[str, Operation],
        *,
        account: str | None = None,
        resolve: Callable[[str | None], Awaitable[str]] = _as_given,
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
        self._resolve = resolve
        self._mailbox = mailbox
        self._clock = clock
        self._name = name

    async def register(self, public_url: str, kinds: Sequence[str] = ()) -> Subscription:
        """Subscribe `public_url` to `kinds` (all, if none is named), and verify it."""
        webhook = self._name()
        url = _address(public_url, webhook)
        public = await self._events.aside(self._mailbox)
        await self._events.aside(lambda: self._events.install(public))
        asked: Json = {"url": url, "custom_name": NAME}
        if kinds:
            asked["events"] = list(kinds)
        account = await self._resolve(self._account)
        made = _webhook(await self._make(account, "create_webhook", asked))
        door = await self._open(
            account, webhook, made["webhook_id"], made["token"], url=url, kinds=kinds
        )
        return await self._look(door)

    async def register_line(self, public_url: str, number_id: int) -> Door:
        """Have the texts of a number in proxy mode called back here."""
        webhook = self._name()
        url = _address(public_url, webhook)
        public = await self._events.aside(self._mailbox)
        await self._events.aside(lambda: self._events.install(public))
        asked = {"number_id": number_id, "callbackUrl": url}
        account = await self._resolve(self._account)
        made = cast("Json", await self._make(account, "create_message_configuration", asked))
        kinds = ("message.received", "message.updated")
        return await self._open(
            account, webhook, f"{_LINE}{number_id}", made["token"], url=url, kinds=kinds
        )

    async def status(self) -> list[Subscription]:
        """Every webhook of ours, compared with Aircall's."""
        return [await self._look(door) for door in await self._doors() if not _is_line(door)]

    async def mend(self) -> list[Subscription]:
        """Bring back those that Aircall disabled; which ones that were."""
        return [one for door in await self._doors() if (one := await self._mend(door))]

    async def remove(self, webhook: str | None = None) -> list[str]:
        """Delete one webhook of ours, or all, at Aircall and here; the names of those gone."""
        gone: list[str] = []
        for door in await self._doors():
            if webhook is not None and door.webhook != webhook:
                continue
            try:
                await self._ask(
                    door, "delete_message_configuration" if _is_line(door) else "delete_webhook"
                )
            except Refused as error:
                if error.status != 404:
                    raise
            await self._forget(door)
            gone.append(door.webhook)
        if webhook is not None and not gone:
            raise ArgumentError(
                f"There is no webhook `{webhook[:60]}` of ours.",
                hint="Run `aircall-mcp webhooks status`.",
            )
        return gone

    async def watch(self, *, every: float = WATCH) -> None:
        """Mend until cancelled. What goes wrong with one is logged, tried again, and no matter to
        the others.
        """
        while True:
            doors: list[Door] = []
            try:
                doors = await self._doors()
            except AircallMCPError as error:
                log.warning("the webhooks could not be looked after: %s", error.message)
            for door in doors:
                try:
                    if await self._mend(door):
                        log.warning("webhook %s was disabled; brought back", door.webhook)
                except AircallMCPError as error:
                    log.warning("webhook %s was not looked after: %s", door.webhook, error.message)
            await asyncio.sleep(every)

    async def _open(
        self, account: str, webhook: str, aircall_id: str, token: str,
        *, url: str, kinds: Sequence[str],
    ) -> Door:  # fmt: skip
        secret, now = Secret(token), self._clock()
        door = inside(
            secret,
            lambda raw: door_for(
                webhook, raw, account=account, aircall_id=aircall_id, url=url,
                kinds=kinds, now=now,
            ),
        )  # fmt: skip

        record = {"token": secret, "id": aircall_id}
        try:
            await self._vault.aside(lambda: self._vault.write(f"webhook {webhook}", _FIELD, record))
            await self._events.aside(lambda: self._events.open_door(door))
        except AircallMCPError as error:
            raise OutcomeUnknown(
                f"The webhook {aircall_id} stands at Aircall, but its token could not be kept:"
                f" {error.message}",
                hint=f"Delete it (aircall_delete_webhook) and register anew. {error.hint}",
            ) from None
        return door

    async def _doors(self) -> list[Door]:
        doors = await self._events.aside(self._events.doors)
        return [door for door in doors if self._account in (None, door.account)]

    async def _forget(self, door: Door) -> None:
        await self._events.aside(lambda: self._events.shut_door(door.webhook))
        await self._vault.aside(lambda: self._vault.remove(f"webhook {door.webhook}"))

    async def _mend(self, door: Door) -> Subscription | None:
        """Bring it back if Aircall disabled it."""
        found = None if _is_line(door) else await self._look(door)
        if found is None or found.state != "disabled":
            return None
        await self._revive(found)
        return await self._look(door)

    async def _look(self, door: Door) -> Subscription:
        try:
            found = _webhook(await self._ask(door, "get_webhook"))
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
        await self._ask(door, "update_webhook", {"active": True, "events": kinds})

    async def _make(self, account: str, operation: _Making, asked: Json) -> Any:
        return await self._send(account, operation, asked)

    async def _ask(self, door: Door, operation: _Asking, change: Json | None = None) -> Any:
        """About a webhook of ours: no caller names another."""
        whose: Json = {"webhook_id": door.aircall_id}
        if _is_line(door):
            whose = {"number_id": int(door.aircall_id.removeprefix(_LINE))}
        return await self._send(door.account, operation, {**(change or {}), **whose})

    async def _send(self, account: str, operation: str, arguments: Json) -> Any:
        bound = self._operations[operation].bind(arguments)
        caller = Caller(door="webhooks", account=account or None, person=True)
        return (await self._gateway.send(bound, caller)).body


def _webhook(body: Any) -> Json:
    found: Any = cast("Json", body).get("webhook") if isinstance(body, Mapping) else None
    if not isinstance(found, dict):
        raise OutcomeUnknown(
            "Aircall's answer names no webhook.", hint="Look with aircall_list_webhooks."
        )
    return cast("Json", found)


def _is_line(door: Door) -> bool:
    return door.aircall_id.startswith(_LINE)


def _address(public_url: str, webhook: str) -> str:
    there = urlsplit(public_url.strip())
    if there.scheme != "https" or not there.hostname or there.query or there.fragment:
        raise ArgumentError(
            "The public URL must be https://HOST, as Aircall will see it.",
            hint="docs/events.md shows a tunnel and a reverse proxy.",
        )
    return public_url.strip().rstrip("/") + PREFIX + webhook
