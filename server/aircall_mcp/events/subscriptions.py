"""Our webhooks at Aircall: made, compared with what Aircall says of them, mended, renewed, removed.

The token of a webhook goes to the vault; the event log learns its digest, by which the receiver
knows it. A webhook that failed too often is disabled by Aircall; bringing it back repeats its list
of events, since an update without one would subscribe it to all there are.

One that somebody changed at Aircall has sent its token elsewhere, so it is replaced: a new webhook
under a new name, the old token refused from then on, the old webhook deleted. Each step is written
down before the next one, and whoever comes after a process that was killed goes on from there.
"""

from __future__ import annotations

import asyncio
import logging
import secrets as chance
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ..accounts.accounts import Shelf
from ..errors import AircallMCPError, ArgumentError, OutcomeUnknown, StoreError, ToolError
from ..gateway.gateway import Gateway
from ..ground.operation import Operation
from ..ground.secrets import Secret, inside
from ..storage.lock import Alone, Latch
from .log import EventLog
from .receiver import PREFIX, door_for
from .registrations import LINE, Made, Registrations, Subscription, is_line, number_of
from .webhooks import Door, Doubt

log = logging.getLogger(__name__)

T = TypeVar("T")
Json = dict[str, Any]

WATCH = 300.0
"""Seconds between two looks of the watchdog."""
SETTLED = 120.0
"""Seconds after which what was being made when its maker died has been made, or never will be."""
PATIENCE = 60.0
"""Seconds that one process waits for another to be done with a webhook."""
_FIELD = "webhook"
_TEXTS = ("message.received", "message.updated")


async def _as_given(account: str | None) -> str:
    return account or ""


class Subscriptions:
    """The webhooks of `account`, or those of every account: each is spoken of by its own.

    All methods raise what the gateway raises, and what `resolve` raises, which finds the account
    that is meant by a name or by none. `latch` keeps processes from changing one at the same time.
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
        latch: Latch | None = None,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        name: Callable[[], str] = lambda: chance.token_hex(8),
    ) -> None:
        """`mailbox` gives the public key that the event log seals to; `name` a webhook's name."""
        self._events = events
        self._vault = vault
        self._there = Registrations(gateway, operations)
        self._account = account
        self._resolve = resolve
        self._mailbox = mailbox
        self._latch = latch or Alone()
        self._clock = clock
        self._pause = pause
        self._name = name

    # what a person asks for

    async def register(self, public_url: str, kinds: Sequence[str] = ()) -> Subscription:
        """Subscribe `public_url` to `kinds` (all, if none is named), and verify it."""
        _address(public_url, "")
        account = await self._resolve(self._account)
        async with self._alone():
            door = await self._webhook(account, public_url, kinds)
            return await self._look(door)

    async def register_line(self, public_url: str, number_id: int) -> Door:
        """Have the texts of a number in proxy mode called back here."""
        _address(public_url, "")
        account = await self._resolve(self._account)
        async with self._alone():
            return await self._line(account, public_url, number_id)

    async def rotate(self, webhook: str | None = None) -> list[Subscription]:
        """Renew the token of one webhook of ours, or of all: a new webhook, then the old one gone.

        Both are taken in until the old one is deleted. A number in proxy mode has one registration
        at a time: it is ended and made anew, and texts of that moment go to the agents' inbox.
        """
        renewed: list[Subscription] = []
        for name in await self._named(webhook):
            async with self._alone():
                door = await self._still(name)
                if door is None:
                    continue
                heir = await self._heir(door)
                if heir is None:
                    await self._look(door)  # what was changed meanwhile is doubted first
                    door = await self._still(name) or door
                heir = await self._succeed(door) if heir is None else await self._end(door, heir)
                renewed.append(await self._look(heir))
        return renewed

    async def remove(self, webhook: str | None = None) -> list[str]:
        """Delete one webhook of ours, or all, at Aircall and here; the names of those gone."""
        gone: list[str] = []
        for name in await self._named(webhook):
            async with self._alone():
                if (door := await self._still(name)) is not None:
                    # A number that calls back elsewhere is somebody else's by now.
                    if not is_line(door) or await self._there.calls_back(door) == door.url:
                        await self._there.delete(door)
                    await self._forget(door)
                    gone.append(name)
        return gone

    # looking after them

    async def status(self) -> list[Subscription]:
        """Every webhook of ours, compared with Aircall's. What was changed is doubted from here."""
        return [await self._look(door) for door in await self._doors()]

    async def doubts(self) -> list[Doubt]:
        """What came in by webhooks that somebody changed or deleted, and is not to be trusted."""
        return await self._events.aside(lambda: self._events.known.doubts(account=self._account))

    async def mend(self) -> list[Subscription]:
        """Bring back those that Aircall disabled, replace those that somebody changed, and delete
        what a process that died has left behind; the webhooks that came of it. What went wrong with
        one is raised when the others are done.
        """
        mended, troubles = await self._round()
        if troubles:
            raise troubles[0][1]
        return mended

    async def watch(self, *, every: float = WATCH) -> None:
        """Mend until cancelled. What goes wrong is logged, and tried again."""
        while True:
            try:
                _, troubles = await self._round()
            except AircallMCPError as error:
                troubles = [("", error)]
            for webhook, error in troubles:
                log.warning("webhook %s was not looked after: %s", webhook, error.message)
            await self._pause(every)

    async def _round(self) -> tuple[list[Subscription], list[tuple[str, AircallMCPError]]]:
        mended: list[Subscription] = []
        troubles: list[tuple[str, AircallMCPError]] = []
        for door in await self._doors():
            try:
                if (one := await self._mend(door.webhook)) is not None:
                    mended.append(one)
            except AircallMCPError as error:
                troubles.append((door.webhook, error))
        for door in await self._standing():
            try:
                await self._sweep(door)
            except AircallMCPError as error:
                troubles.append((door.webhook, error))
        return mended, troubles

    async def _mend(self, webhook: str) -> Subscription | None:
        """The webhook that came of it, where there was something to do."""
        async with self._alone():
            door = await self._still(webhook)
            if door is None:
                return None
            if (heir := await self._heir(door)) is not None:
                return replace(await self._look(await self._end(door, heir)), done="replaced")
            found = await self._look(door)
            if found.state == "missing" or (is_line(door) and found.state != "active"):
                log.error("webhook %s: %s. Run `%s`.", webhook, found.fault, found.next)
                return None
            # Once changed, its token is out, even where somebody has changed it back.
            if found.state == "changed" or door.doubted:
                log.error("webhook %s was changed by somebody; it is replaced", webhook)
                heir = await self._succeed(replace(door, doubted=True))
                return replace(await self._look(heir), done="replaced")
            if found.state == "disabled":
                await self._there.revive(found)
                log.warning("webhook %s was disabled; brought back", webhook)
                return replace(await self._look(door), done="brought back")
        return None

    async def _sweep(self, door: Door) -> None:
        """Delete at Aircall what is shut here, or was being made by a process that died."""
        async with self._alone():
            if door.webhook not in {one.webhook for one in await self._standing()}:
                return
            if is_line(door):
                if await self._there.calls_back(door) == door.url:
                    await self._there.delete(door)
            elif not door.made:
                for stray in await self._there.under_the_address_of(door):
                    await self._there.delete(stray)
                    log.warning("webhook %s, left behind unfinished, was deleted", door.webhook)
            else:
                await self._there.delete(door)
            if door.made or self._clock() - door.opened > SETTLED:
                await self._clear(door.webhook)

    # one in the place of another

    async def _succeed(self, door: Door) -> Door:
        """A new webhook in the place of `door`, which ends."""
        public_url = door.url.rpartition(PREFIX)[0]
        if is_line(door):
            await self._there.delete(door)  # a number has one registration at a time
            heir = await self._line(door.account, public_url, number_of(door), succeeds=door)
        else:
            heir = await self._webhook(door.account, public_url, door.kinds, succeeds=door)
        return await self._end(door, heir)

    async def _end(self, door: Door, heir: Door) -> Door:
        """Let `heir` be the only one. A token that is out is refused at once; else everything that
        comes is taken in until Aircall has nothing more to send by it."""
        if door.doubted:
            await self._shut(door)
        if not is_line(door):
            await self._there.delete(door)
        await self._forget(door)
        return heir

    async def _heir(self, door: Door) -> Door | None:
        """The one that took the place of `door`, where that was not finished."""
        doors = await self._events.aside(self._events.doors)
        return next((one for one in doors if one.succeeds == door.webhook), None)

    # making

    async def _webhook(
        self, account: str, public_url: str, kinds: Sequence[str], *, succeeds: Door | None = None
    ) -> Door:
        webhook, url = await self._reserve(account, public_url)
        async with self._unless_refused(webhook):
            made = await self._there.webhook(account, url, kinds)
        return await self._open(account, webhook, made, kinds, succeeds=succeeds)

    async def _line(
        self, account: str, public_url: str, number_id: int, *, succeeds: Door | None = None
    ) -> Door:
        webhook, url = await self._reserve(account, public_url, f"{LINE}{number_id}")
        async with self._unless_refused(webhook):
            made = await self._there.line(account, url, number_id)
        return await self._open(account, webhook, made, _TEXTS, succeeds=succeeds)

    async def _reserve(
        self, account: str, public_url: str, aircall_id: str = ""
    ) -> tuple[str, str]:
        """A name and its address, written down before anything is made under them. What could
        keep the token from being kept is found out here."""
        webhook = self._name()
        url = _address(public_url, webhook)
        public = await self._events.aside(self._mailbox)

        def reserve() -> None:
            self._events.install(public)
            self._events.known.reserve(webhook, account, url, aircall_id)

        await self._events.aside(reserve)
        record, owner = {"id": aircall_id}, _owner(webhook)
        try:
            await self._vault.aside(lambda: self._vault.write(owner, _FIELD, record))
        except AircallMCPError:
            await self._events.aside(lambda: self._events.known.gone(webhook))
            raise
        return webhook, url

    @asynccontextmanager
    async def _unless_refused(self, webhook: str) -> AsyncGenerator[None]:
        """Nothing stays reserved for what was certainly not made."""
        try:
            yield
        except OutcomeUnknown:
            raise
        except ToolError:
            await self._clear(webhook)
            raise

    async def _open(
        self, account: str, webhook: str, made: Made, kinds: Sequence[str], *, succeeds: Door | None
    ) -> Door:
        secret, now = Secret(made.token), self._clock()
        door = inside(
            secret,
            lambda raw: door_for(
                webhook, raw, account=account, aircall_id=made.aircall_id, url=made.url,
                kinds=kinds, now=now,
            ),
        )  # fmt: skip
        door = replace(door, granted=made.kinds)
        if succeeds is not None:
            # What both tell is kept once, unless somebody else could have told the first.
            family = "" if succeeds.doubted else succeeds.family or succeeds.webhook
            door = replace(door, succeeds=succeeds.webhook, family=family)
        record = {"token": secret, "id": made.aircall_id}
        try:
            await self._vault.aside(lambda: self._vault.write(_owner(webhook), _FIELD, record))
            await self._events.aside(lambda: self._events.open_door(door))
        except AircallMCPError as error:
            raise OutcomeUnknown(
                f"The webhook {made.aircall_id} stands at Aircall, but its token could not be kept:"
                f" {error.message}",
                hint="`aircall-mcp webhooks status` deletes it again; then register anew."
                f" {error.hint}".rstrip(),
            ) from None
        return door

    # here

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[None]:
        """While no other process changes one of ours. Raises `StoreError`."""
        waited = 0.0
        while not self._latch.take():
            if waited >= PATIENCE:
                raise StoreError(
                    "Another aircall-mcp is busy with the webhooks.", hint="Try again in a minute."
                )
            await self._pause(0.1)
            waited += 0.1
        try:
            yield
        finally:
            self._latch.release()

    async def _doors(self) -> list[Door]:
        doors = await self._events.aside(self._events.doors)
        return [door for door in doors if self._account in (None, door.account)]

    async def _standing(self) -> list[Door]:
        doors = await self._events.aside(self._events.known.standing)
        return [door for door in doors if self._account in (None, door.account)]

    async def _still(self, webhook: str) -> Door | None:
        """It as it is now: another process may have been quicker."""
        doors = await self._events.aside(self._events.doors)
        return next((door for door in doors if door.webhook == webhook), None)

    async def _named(self, webhook: str | None) -> list[str]:
        names = [door.webhook for door in await self._doors() if webhook in (None, door.webhook)]
        if webhook is not None and not names:
            raise ArgumentError(
                f"There is no webhook `{webhook[:60]}` of ours.",
                hint="Run `aircall-mcp webhooks status`.",
            )
        return names

    async def _forget(self, door: Door) -> None:
        await self._shut(door)
        await self._clear(door.webhook)

    async def _shut(self, door: Door) -> None:
        await self._events.aside(lambda: self._events.known.shut(door.webhook, standing=True))

    async def _clear(self, webhook: str) -> None:
        """It does not stand at Aircall: its token is of no use any more."""
        await self._vault.aside(lambda: self._vault.remove(_owner(webhook)))
        await self._events.aside(lambda: self._events.known.gone(webhook))

    async def _look(self, door: Door) -> Subscription:
        """How it stands. That it was seen unchanged, or was not, is written down."""
        upto = await self._events.aside(self._events.latest)
        found = await self._there.look(door)
        known = self._events.known
        if found.state in ("active", "disabled"):
            await self._events.aside(lambda: known.seen(door.webhook, upto, found.kinds))
        else:
            await self._events.aside(lambda: known.doubt(door.webhook))
        return found


def _owner(webhook: str) -> str:
    return f"webhook {webhook}"


def _address(public_url: str, webhook: str) -> str:
    there = urlsplit(public_url.strip())
    if there.scheme != "https" or not there.hostname or there.query or there.fragment:
        raise ArgumentError(
            "The public URL must be https://HOST, as Aircall will see it.",
            hint="docs/events.md shows a tunnel and a reverse proxy.",
        )
    return public_url.strip().rstrip("/") + PREFIX + webhook
