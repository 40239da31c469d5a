"""All that deals with events, put together: log, rules, tools, receiver, forwarder and webhooks."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import cached_property
from typing import TYPE_CHECKING, Final

from ..errors import AircallMCPError
from ..gateway.gateway import Gateway
from ..ground.clock import Clock
from ..ground.config import Settings
from ..ground.operation import Operation
from ..ground.performs import Performer, performer_of
from ..ground.secrets import Scrubber, Secret
from ..vault import vault_at
from .guard import Guard

if TYPE_CHECKING:
    from ..vault import Vault
    from .forwarding import Forwarder, Rules
    from .log import EventLog
    from .polled import Polling
    from .poller import Poller
    from .receiver import LeaveAlone, Receiver
    from .resources import Resources
    from .retention import Retention
    from .subscriptions import Subscriptions
    from .tools import EventTools

log = logging.getLogger(__name__)

TOOLS: Final = ("read_events", "wait_for_event", "list_messages", "forward_events")
"""Performed by `EventTools`, which the first call of one of them loads."""


async def _nobody() -> Sequence[str]:
    return ()


async def _alone(_number: str) -> None:
    return


class Events:
    """What hears of events, of one home or of `account` where the server is pinned to it. Each is
    made when it is first asked for: a server that is never asked about events opens none of them.

    `vault` is that of the app; the built-in sandbox makes one of its own. `resolve` finds the
    account that is meant by a name or by none, `names` all there are; `learn` hears of secrets
    that are masked from then on; `scrubber` and `offered` are as in `Resources`, `held` as in
    `Forwarder`, `leave_alone` as in `Receiver`. Close it with `close`.
    """

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        gateway: Gateway,
        operations: Mapping[str, Operation],
        *,
        vault: Vault | None = None,
        resolve: Callable[[str | None], Awaitable[str]],
        names: Callable[[], Awaitable[Sequence[str]]] = _nobody,
        learn: Callable[[Secret], None] = lambda _: None,
        scrubber: Scrubber | None = None,
        offered: Callable[[str], bool] = lambda _: True,
        held: Callable[[], bool] = lambda: False,
        leave_alone: LeaveAlone = _alone,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._gateway = gateway
        self._operations = operations
        self._resolve = resolve
        self._names = names
        self._learn = learn
        self._scrubber = scrubber or Scrubber()
        self._offered = offered
        self._held = held
        self._leave_alone = leave_alone
        self._clock = clock or Clock()
        self.account = None if settings.sandbox else settings.account
        # The built-in sandbox shares nothing with a company: not even what it was told.
        self._home = settings.home / "sandbox" if settings.sandbox else settings.home
        self._opened = ExitStack()
        self.guard = Guard(lambda: self.log, gateway, operations)
        self.performers: dict[str, Performer] = {
            tool: performer_of(tool, lambda: self.tools) for tool in TOOLS
        }
        if vault is not None:
            self.vault = vault

    def close(self) -> None:
        """Close the stores that were opened here. The vault belongs to the app, which closes it."""
        self._opened.close()

    @cached_property
    def vault(self) -> Vault:
        return self._opened.enter_context(closing(vault_at(self._home, self._environment)))

    @cached_property
    def log(self) -> EventLog:
        from ..storage.sqlite import Database
        from ..vault.mailbox import Sealer, mailbox_of
        from .log import EventLog
        from .tables import MIGRATIONS

        store = Database(self._home / "events.db", MIGRATIONS, durability="vault")
        events = EventLog(
            store, sealer=Sealer, mailbox=lambda: mailbox_of(self.vault), clock=self._clock
        )
        return self._opened.enter_context(closing(events))

    @cached_property
    def rules(self) -> Rules:
        from ..storage.sqlite import Database
        from .forwarding.destinations import Destination
        from .forwarding.rules import MIGRATIONS, Rules

        store = Database(self._home / "forwarding.db", MIGRATIONS, durability="vault")
        support = Destination("slack:support", "slack", "hooks.brightleaf.example")
        invented = (support,) if self._settings.sandbox else ()
        rules = Rules(store, self.log, clock=self._clock, invented=invented)
        return self._opened.enter_context(closing(rules))

    @cached_property
    def tools(self) -> EventTools:
        from .tools import EventTools

        return EventTools(
            self.log,
            self._gateway,
            self._operations,
            lambda: self.rules,
            clock=self._clock,
            account=self.account,
            resolve=self._resolve,
            scrubber=self._scrubber,
        )

    @cached_property
    def resources(self) -> Resources:
        from .resources import Resources

        return Resources(
            self.tools,
            self.log,
            self._gateway,
            self._operations,
            account=self.account,
            scrubber=self._scrubber,
            offered=self._offered,
        )

    @property
    def retention(self) -> Retention:
        from .retention import Retention

        return Retention(
            days=self._settings.events_days,
            message_days=self._settings.messages_days,
            largest=self._settings.events_megabytes * 2**20,
        )

    def receiver(self) -> Receiver:
        from .receiver import Receiver

        return Receiver(
            self.log,
            retention=self.retention,
            clock=self._clock,
            leave_alone=self._leave_alone,
        )

    def forwarder(self) -> Forwarder:
        from ..ground.clients import Clients
        from ..storage.lock import Lock
        from .forwarding import Forwarder

        return Forwarder(
            self.rules,
            self.log,
            self.vault,
            learn=self._learn,
            scrubber=self._scrubber,
            held=self._held,
            latch=Lock(self._home / "forwarding.lock"),
            clock=self._clock,
            clients=Clients(self._settings.proxy, self._settings.ca_bundle),
        )

    def subscriptions(self, account: str | None = None) -> Subscriptions:
        """The webhooks of `account`, or all there are."""
        from ..storage.lock import Lock
        from .subscriptions import Subscriptions

        return Subscriptions(
            self.log,
            self.vault,
            self._gateway,
            self._operations,
            account=account,
            resolve=self._resolve,
            mailbox=self._public,
            latch=Lock(self._home / "webhooks.lock"),
            clock=self._clock,
        )

    async def poll(self) -> None:
        """Look at the lists of calls wherever no webhook tells of them, and pass on what the rules
        name, until cancelled."""
        import asyncio

        from .poller import REST

        running: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                for name in await self._polled_names():
                    if not running:
                        tasks.create_task(self.forwarder().run(poll=2.0))
                    if name not in running:
                        running[name] = tasks.create_task(self.poller(name).run())
                await self._clock.sleep(REST)

    async def _polled_names(self) -> Sequence[str]:
        try:
            # What is heard is kept sealed; without a vault nothing is, and nothing is made for it.
            if not await self.vault.aside(lambda: self.vault.made):
                return ()
            return [self.account] if self.account else await self._names()
        except AircallMCPError as error:
            log.info("the accounts cannot be read, so no calls are polled: %s", error.message)
            return ()

    def polling(self) -> list[Polling]:
        """The accounts whose calls somebody polls at this moment. May wait for a disk."""
        return self.log.polled.alive(self.account, self._clock.wall())

    def poller(self, account: str) -> Poller:
        """What looks at the list of calls of one account."""
        from hashlib import sha256

        from ..storage.lock import Lock
        from .poller import Poller

        name = sha256(account.encode()).hexdigest()[:16]
        return Poller(
            account,
            self._gateway,
            self._operations,
            self.log,
            install=lambda: self.log.install(self._public()),
            latch=Lock(self._home / f"polling-{name}.lock"),
            retention=self.retention,
            clock=self._clock,
        )

    def _public(self) -> bytes:
        """The public key of the mailbox, which is made where there is none."""
        from ..vault.mailbox import mailbox_of

        mailbox = mailbox_of(self.vault, make=True)
        if mailbox is None:
            raise RuntimeError("a mailbox that was made is there")
        return mailbox.public

    async def serve(
        self, host: str, port: int, *, ready: Callable[[], None] = lambda: None
    ) -> None:
        """Receive, pass on and look after our webhooks, until cancelled; `ready` hears when the
        port is ours.

        Raises `SettingsError` where the port is taken, and `StoreError`.
        """
        import asyncio

        from ..ground import asgi

        async with self.receiver() as receiver:
            # First of all: nothing is passed on by one who cannot take anything in.
            listening = asgi.listen(host, port)
            ready()
            beside = [
                asyncio.create_task(self.forwarder().run()),
                asyncio.create_task(self.subscriptions().watch()),
            ]
            try:
                await asgi.serve(receiver, listening, lifespan="off")
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
