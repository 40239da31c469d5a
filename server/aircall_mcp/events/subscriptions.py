"""Our webhooks at Aircall: made, compared with what Aircall says, repaired, renewed, removed.

The token of a webhook goes to the vault; the event log learns its digest, by which the receiver
knows it. A webhook that failed too often is disabled by Aircall; bringing it back repeats its list
of events, since an update without one would subscribe it to all there are.

One that somebody changed at Aircall has sent its token elsewhere, so it is replaced: a new webhook
under a new name, the old token refused from then on, the old webhook deleted. Each step is written
down before the next one, and whoever comes after a process that was killed goes on from there.
"""

from __future__ import annotations

import logging
import secrets as chance
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from ..accounts import Shelf
from ..errors import AircallMCPError, ArgumentError, StoreError, quoted
from ..gateway.gateway import Gateway
from ..ground.clock import Clock
from ..ground.operation import Operation
from ..storage.lock import Alone, Latch
from .log import EventLog
from .opening import Opening, address
from .receiver import PREFIX
from .registrations import (
    CALLBACK,
    Registrations,
    Subscription,
    is_callback,
    number_of,
    same_address,
)
from .replacements import Replacements
from .webhooks import Untrusted, Webhook

log = logging.getLogger(__name__)

T = TypeVar("T")
Json = dict[str, Any]

WATCH = 300.0
"""Seconds between two looks of the watchdog."""
SETTLED = 120.0
"""Seconds after which what was being made when its maker died has been made, or never will be."""
PATIENCE = 60.0
"""Seconds that one process waits for another to be done with a webhook."""


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
        clock: Clock | None = None,
        name: Callable[[], str] = lambda: chance.token_hex(8),
    ) -> None:
        """`mailbox` gives the public key that the event log seals to; `name` a webhook's name."""
        self._events = events
        self._there = Registrations(gateway, operations)
        self._clock = clock or Clock()
        self._replacements = Replacements(events, self._clock)
        self._account = account
        self._resolve = resolve
        self._latch = latch or Alone()
        self._opening = Opening(
            events, vault, self._there, mailbox=mailbox, name=name, clock=self._clock
        )

    # what a person asks for

    async def register(self, public_url: str, kinds: Sequence[str] = ()) -> Subscription:
        """Subscribe `public_url` to `kinds` (all, if none is named), and verify it. It takes the
        place of those of ours that tell of nothing else."""
        address(public_url, "")
        account = await self._resolve(self._account)
        async with self._alone():
            earlier = [one for one in await self._of(account) if _covers(kinds, one.kinds)]
            for one in earlier:
                await self._look(one)  # what was changed meanwhile is distrusted first
            ended = [one for each in earlier if (one := await self._still(each.name))]
            webhook = await self._opening.webhook(
                account, public_url, kinds, succeeds=ended[-1] if ended else None
            )
            for one in ended:
                await self._end(one, webhook)
            beside = [one for one in await self._of(account) if one.name != webhook.name]
            return replace(
                await self._look(webhook),
                replaces=tuple(one.name for one in ended),
                beside=tuple(beside),
            )

    async def register_number(self, public_url: str, number_id: int) -> Webhook:
        """Have the texts of a number in proxy mode called back here. Where it does already, it is
        made anew."""
        address(public_url, "")
        account = await self._resolve(self._account)
        async with self._alone():
            for one in await self._of(account, f"{CALLBACK}{number_id}"):
                if same_address(await self._there.calls_back(one) or "", one.url):
                    return await self._succeed(one, public_url)
                await self._forget(one)  # it is somebody else's by now, or gone
            return await self._opening.callback(account, public_url, number_id)

    async def rotate(self, name: str | None = None) -> list[Subscription]:
        """Renew the token of one webhook of ours, or of all: a new webhook, then the old one gone.

        Both are taken in until the old one is deleted. A number in proxy mode has one registration
        at a time: it is ended and made anew, and texts of that moment go to the agents' inbox.
        """
        renewed: list[Subscription] = []
        for each in await self._named(name):
            async with self._alone():
                webhook = await self._still(each)
                if webhook is None:
                    continue
                heir = await self._heir(webhook)
                if heir is None:
                    await self._look(webhook)  # what was changed meanwhile is distrusted first
                    webhook = await self._still(each) or webhook
                heir = (
                    await self._succeed(webhook) if heir is None else await self._end(webhook, heir)
                )
                renewed.append(await self._look(heir))
        return renewed

    async def remove(self, name: str | None = None) -> list[str]:
        """Delete one webhook of ours, or all, at Aircall and here; the names of those gone."""
        gone: list[str] = []
        for each in await self._named(name):
            async with self._alone():
                if (webhook := await self._still(each)) is not None:
                    # A number that calls back elsewhere is somebody else's by now.
                    if (
                        not is_callback(webhook)
                        or await self._there.calls_back(webhook) == webhook.url
                    ):
                        await self._there.delete(webhook)
                    await self._forget(webhook)
                    gone.append(each)
        return gone

    # looking after them

    async def status(self) -> list[Subscription]:
        """Every webhook of ours, compared with Aircall's; what was changed is distrusted here."""
        return [await self._look(webhook) for webhook in await self._active()]

    async def untrusted(self) -> list[Untrusted]:
        """What came in by webhooks that somebody changed or deleted, and is not to be trusted."""
        return await self._events.aside(
            lambda: self._events.webhooks.untrusted(account=self._account)
        )

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
            except Exception as error:
                # A fault of ours: the next round may meet another Aircall.
                log.error("webhooks were not looked after: %s", type(error).__name__)  # noqa: TRY400 - a traceback would hold addresses
                troubles = list[tuple[str, AircallMCPError]]()
            for name, error in troubles:
                log.warning("webhook %s was not looked after: %s", name, error.message)
            await self._clock.sleep(every)

    async def _round(self) -> tuple[list[Subscription], list[tuple[str, AircallMCPError]]]:
        mended: list[Subscription] = []
        troubles: list[tuple[str, AircallMCPError]] = []
        for webhook in await self._active():
            try:
                if (one := await self._mend(webhook.name)) is not None:
                    mended.append(one)
            except AircallMCPError as error:
                troubles.append((webhook.name, error))
        for webhook in await self._standing():
            try:
                await self._sweep(webhook)
            except AircallMCPError as error:
                troubles.append((webhook.name, error))
        return mended, troubles

    async def _mend(self, name: str) -> Subscription | None:
        """The webhook that came of it, where there was something to do."""
        async with self._alone():
            webhook = await self._still(name)
            if webhook is None:
                return None
            if (heir := await self._heir(webhook)) is not None:
                return replace(await self._look(await self._end(webhook, heir)), done="replaced")
            found = await self._look(webhook)
            if found.state == "missing" or (is_callback(webhook) and found.state != "active"):
                log.error("webhook %s: %s. Run `%s`.", name, found.fault, found.next)
                return None
            # Once changed, its token is out, even where somebody has changed it back.
            if found.state == "changed" or webhook.untrusted:
                if await self._replacements.spent(webhook) is not None:
                    log.error("webhook %s: %s. Run `%s`.", name, found.fault, found.next)
                    return None
                log.error("webhook %s was changed by somebody; it is replaced", name)
                heir = await self._succeed(replace(webhook, untrusted=True))
                return replace(await self._look(heir), done="replaced")
            if found.state == "disabled":
                await self._there.revive(found)
                log.warning("webhook %s was disabled; brought back", name)
                return replace(await self._look(webhook), done="brought back")
        return None

    async def _sweep(self, webhook: Webhook) -> None:
        """Delete at Aircall what is shut here, or was being made by a process that died."""
        async with self._alone():
            if webhook.name not in {one.name for one in await self._standing()}:
                return
            if is_callback(webhook):
                if same_address(await self._there.calls_back(webhook) or "", webhook.url):
                    await self._there.delete(webhook)
            elif not webhook.made:
                if webhook.aircall_id:
                    await self._there.delete(webhook)
                for stray in await self._there.under_the_address_of(webhook):
                    await self._there.delete(stray)
                    log.warning("webhook %s, left behind unfinished, was deleted", webhook.name)
            else:
                await self._there.delete(webhook)
            if webhook.made or self._clock.wall() - webhook.opened > SETTLED:
                await self._opening.clear(webhook.name)

    # one in the place of another

    async def _succeed(self, webhook: Webhook, public_url: str = "") -> Webhook:
        """A new webhook in the place of `webhook`, which ends."""
        public_url = public_url or webhook.url.rpartition(PREFIX)[0]
        if is_callback(webhook):
            await self._there.delete(webhook)  # a number has one registration at a time
            heir = await self._opening.callback(
                webhook.account, public_url, number_of(webhook), succeeds=webhook
            )
        else:
            heir = await self._opening.webhook(
                webhook.account, public_url, webhook.kinds, succeeds=webhook
            )
        return await self._end(webhook, heir)

    async def _end(self, webhook: Webhook, heir: Webhook) -> Webhook:
        """Let `heir` be the only one. A token that is out is refused at once; else everything that
        comes is taken in until Aircall has nothing more to send by it."""
        if webhook.untrusted:
            await self._shut(webhook)
        if not is_callback(webhook):
            await self._there.delete(webhook)
        await self._forget(webhook)
        return heir

    async def _heir(self, webhook: Webhook) -> Webhook | None:
        """The one that took the place of `webhook`, where that was not finished."""
        webhooks = await self._events.aside(self._events.webhooks.active)
        return next((one for one in webhooks if one.succeeds == webhook.name), None)

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
            await self._clock.sleep(0.1)
            waited += 0.1
        try:
            yield
        finally:
            self._latch.release()

    async def _active(self) -> list[Webhook]:
        webhooks = await self._events.aside(self._events.webhooks.active)
        return [webhook for webhook in webhooks if self._account in (None, webhook.account)]

    async def _of(self, account: str, number: str = "") -> list[Webhook]:
        """The open webhooks of an account; or those of one of its numbers, by our id of it."""
        return [
            webhook
            for webhook in await self._active()
            if webhook.account == account
            and (webhook.aircall_id == number if number else not is_callback(webhook))
        ]

    async def _standing(self) -> list[Webhook]:
        webhooks = await self._events.aside(self._events.webhooks.standing)
        return [webhook for webhook in webhooks if self._account in (None, webhook.account)]

    async def _still(self, name: str) -> Webhook | None:
        """It as it is now: another process may have been quicker."""
        webhooks = await self._events.aside(self._events.webhooks.active)
        return next((webhook for webhook in webhooks if webhook.name == name), None)

    async def _named(self, name: str | None) -> list[str]:
        names = [webhook.name for webhook in await self._active() if name in (None, webhook.name)]
        if name is not None and not names:
            raise ArgumentError(
                f"There is no webhook `{quoted(name)}` of ours.",
                hint="Run `aircall-mcp webhooks status`.",
            )
        return names

    async def _forget(self, webhook: Webhook) -> None:
        await self._shut(webhook)
        await self._opening.clear(webhook.name)

    async def _shut(self, webhook: Webhook) -> None:
        await self._events.aside(lambda: self._events.webhooks.shut(webhook.name, standing=True))

    async def _look(self, webhook: Webhook) -> Subscription:
        """How it stands. That it was seen unchanged, or was not, is written down."""
        upto = await self._events.aside(self._events.latest)
        found = await self._there.look(webhook)
        known = self._events.webhooks
        if found.state == "changed" or webhook.untrusted:
            found = await self._replacements.told(found)
        if found.state in ("active", "disabled"):
            await self._events.aside(lambda: known.seen(webhook.name, upto, found.kinds))
        else:
            await self._events.aside(lambda: known.distrust(webhook.name))
        return found


def _covers(kinds: Sequence[str], others: Sequence[str]) -> bool:
    """Whether who is told of `kinds` (none: all there are) is told of `others`, too."""
    return not kinds or (bool(others) and set(others) <= set(kinds))
