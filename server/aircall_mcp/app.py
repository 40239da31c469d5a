"""Put all together from Settings, and take it apart again: the only place where that is done.

One exit stack holds what was opened. Whoever opens something closes it, and nobody closes what was
handed to them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, closing
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from . import spec
from .accounts import Account, Accounts, ApiKey, Memory
from .accounts.auth import Auth
from .desk import Desk
from .errors import CredentialError, StoreError
from .events.guard import Guard
from .events.tools import EventTools
from .gateway import budget, journal
from .gateway.budget import Budget
from .gateway.gateway import Gateway
from .gateway.journal import Journal
from .ground import logs
from .ground.caller import Caller
from .ground.clock import Clock
from .ground.config import AIRCALL, Settings
from .ground.operation import EVERYTHING, Allowance, Bound, Operation
from .ground.performs import hold_against, performers_of
from .ground.secrets import Secret, scrubber_for
from .offer import Offers, Registry, Selection
from .storage.sandboxes import Sandboxes
from .vault import vault_at

if TYPE_CHECKING:
    import httpx2

    from .events.forwarding import Forwarder, Rules
    from .events.log import EventLog
    from .events.receiver import Receiver
    from .events.resources import Resources
    from .events.retention import Retention
    from .events.subscriptions import Subscriptions
    from .storage.state import State
    from .vault import Vault
    from .vault.keys import Ask

log = logging.getLogger(__name__)

UNASKED: frozenset[Allowance] = frozenset({"read", "write"})
"""What the real host may be asked to do without the owner's --allow: nothing else is at stake."""

START_PATIENCE = 0.5
"""Seconds that a start waits for the names of the accounts."""

SANDBOX_PACE = 120
"""Requests a minute that the sandbox allows, as Aircall does today."""


@dataclass(frozen=True, slots=True)
class App:
    """Everything, ready to answer: `desk` for all ways in, `auth` for what speaks of accounts,
    `events` for what hears of events. Left with `async with`, or earlier by `aclose`.
    """

    settings: Settings
    desk: Desk
    auth: Auth
    events: Events
    _gateway: Gateway
    _opened: AsyncExitStack

    async def aclose(self, patience: float | None = None) -> None:
        """Let go of everything that was opened here: first the effects that were sent are finished
        and journaled, for at most `patience` seconds, and grants that are being renewed are stored.

        To do it twice is to do it once.
        """
        import anyio

        with anyio.move_on_after(patience):
            await self._gateway.aclose()
        await self._opened.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def news(self) -> Resources | None:
        """The resources about events, where the owner's selection leaves events on offer."""
        read = self.desk.registry.ids["read_events"]
        return self.events.resources if read in self.desk.offer() else None


def offers_for(settings: Settings, accounts: Sequence[str] = ()) -> Offers:
    """What is on offer; calls may name these accounts. Raises `SpecError`, `SettingsError`."""
    selection = Selection(
        toolsets=settings.toolsets,
        tools=settings.tools,
        exclude_tools=settings.exclude_tools,
        read_only=settings.read_only,
        include_deprecated=settings.include_deprecated,
        surface=settings.surface,
    )
    return Offers(Registry.of(spec.load()).with_accounts(accounts), selection)


def open_app(
    settings: Settings,
    environment: Mapping[str, str] | None = None,
    *,
    ask: Ask | None = None,
    vault: Vault | None = None,
    clock: Clock | None = None,
) -> App:
    """Put all together: `async with open_app(settings) as app`. Nothing is sent, decrypted or
    written before the first call; of a vault that is there, the names of the accounts are read.

    What is opened here is closed here, in reverse. `ask` gets a passphrase from a person, where one
    is there: then the keyring may take its time. `vault` is one that somebody else has opened, and
    closes. Raises `SpecError`, `SettingsError`.
    """
    environment = os.environ if environment is None else environment
    clock = clock or Clock()
    opened = AsyncExitStack()
    if vault is None and not settings.sandbox:
        vault = (
            vault_at(settings.home, environment)
            if ask is None
            else (vault_for(settings, environment, ask))
        )
        opened.callback(vault.close)
    accounts = _accounts(settings, environment, vault)
    auth = auth_for(settings, accounts, environment, clock=clock)
    opened.push_async_callback(auth.aclose)
    paces = Budget(
        lambda: _paces(settings, clock),
        longest_wait=settings.longest_wait,
        clock=clock.monotonic,
        wall=clock.wall,
        sleep=clock.sleep,
    )
    opened.push_async_callback(paces.aclose)
    intents = Journal(
        lambda: _intents(settings), boot=_boot, clock=clock.monotonic, wall=clock.wall
    )
    opened.callback(intents.close)
    offers = offers_for(settings, _names(settings, environment))
    registry = offers.registry

    async def guard(bound: Bound, caller: Caller) -> None:
        await events.guard(bound, caller)

    gateway = Gateway(
        base_url=AIRCALL if settings.sandbox else settings.base_url,
        auth=auth,
        sandbox=settings.sandbox,
        allowed=_allowed(settings),
        guard=guard,
        proof_at=Sandboxes(settings.home).proof_at,
        company=auth.company,
        budget=paces,
        journal=intents,
        operations=registry.ids,
        transport=_sandbox_transport() if settings.sandbox else None,
        proxy=settings.proxy,
        ca_bundle=settings.ca_bundle,
        clock=clock.monotonic,
        wall=clock.wall,
        sleep=clock.sleep,
    )
    events = Events(
        settings,
        environment,
        gateway,
        registry.ids,
        vault=vault,
        resolve=lambda name: accounts.aside(lambda: accounts.resolve(name)),
        learn=auth.learn,
        scrub=auth.scrub_json,
        offered=lambda operation_id: registry.ids[operation_id] in offers.to(),
    )
    opened.callback(events.close)
    desk = Desk(
        offers,
        gateway,
        time_zone=settings.time_zone,
        zone_of=auth.time_zone,
        scrub=auth.scrub_json,
        crowded=lambda: auth.crowded,
        performers=performers_of(EventTools, lambda: events.tools),
    )
    hold_against(registry.ids.values(), desk.performers)
    return App(settings, desk, auth, events, gateway, opened)


def vault_for(settings: Settings, environment: Mapping[str, str], ask: Ask) -> Vault:
    """The vault for a person who is there: the keyring may take its time, and `ask` gets a
    passphrase. Whoever asks for it closes it."""
    return vault_at(settings.home, environment, patience=None, ask=ask)


async def ping(settings: Settings, account: Account) -> None:
    """Ask Aircall whether it knows the credential of `account`, with nothing stored. Raises what
    Aircall or the way there says."""
    accounts = Accounts(Memory())
    accounts.add(account)
    await ping_as(settings, accounts, account.name, shared=False)


async def ping_as(
    settings: Settings, accounts: Accounts, name: str, *, shared: bool = True
) -> None:
    """The same as the account `name`; one that is `shared` with others is renewed by one alone."""
    async with AsyncExitStack() as opened:
        auth = auth_for(settings, accounts, {}, shared=shared)
        opened.push_async_callback(auth.aclose)
        gateway = Gateway(
            base_url=settings.base_url,
            auth=auth,
            proxy=settings.proxy,
            ca_bundle=settings.ca_bundle,
        )
        opened.push_async_callback(gateway.aclose)
        bound = Registry.of(spec.load()).ids["ping"].bind({})
        await gateway.send(bound, Caller(account=name))


def log_to_file(app: App) -> str:
    """Start logging to the file of the settings; why that failed, or an empty string."""
    return logs.write_to(app.settings.log_file, app.settings.log_level, app.auth.scrub)


def _allowed(settings: Settings) -> frozenset[Allowance]:
    return EVERYTHING if settings.sandbox else UNASKED | frozenset(settings.allow)


def _accounts(settings: Settings, environment: Mapping[str, str], vault: Vault | None) -> Accounts:
    """Those of the vault and of the environment; of the sandbox, its own."""
    if settings.sandbox:
        from .sandbox.edge import Keys

        keys = Keys()
        accounts = Accounts(Memory())
        credential = ApiKey(api_id=Secret(keys.api_id), api_token=Secret(keys.api_token))
        accounts.add(
            Account(name="sandbox", credential=credential, requests_per_minute=SANDBOX_PACE)
        )
        return accounts
    return Accounts(
        vault or vault_at(settings.home, environment),
        environment,
        host=urlsplit(settings.base_url).hostname or "",
        requests_per_minute=settings.requests_per_minute,
        time_zone=settings.time_zone,
        chosen=settings.account,
    )


def _names(settings: Settings, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The accounts a call may name. Where they cannot be read at once, each call says why instead.

    Names need no key, and a vault that is busy holds up no start.
    """
    if settings.sandbox or settings.account:
        return ()
    vault = vault_at(settings.home, environment, busy_seconds=START_PATIENCE)
    try:
        return Accounts(vault, environment).names()
    except (CredentialError, StoreError) as error:
        log.warning("The accounts cannot be read: %s", error.message)
        return ()
    finally:
        vault.close()


def clients_of(settings: Settings) -> Callable[[], httpx2.AsyncClient]:
    """Makes the client of one token request: by the owner's proxy and certificates, if any."""

    def client() -> httpx2.AsyncClient:
        from .ground.clients import Clients

        return Clients(settings.proxy, settings.ca_bundle).client()

    return client


def auth_for(
    settings: Settings,
    accounts: Accounts,
    environment: Mapping[str, str],
    *,
    shared: bool = True,
    clock: Clock | None = None,
) -> Auth:
    """What signs for `accounts`; of several processes one renews, where they are `shared`."""
    from .storage.lock import Alone, latches

    clock = clock or Clock()
    return Auth(
        accounts,
        latch=latches(settings.home) if shared else lambda _: Alone(),
        client=clients_of(settings),
        scrubber=scrubber_for(environment),
        clock=clock.wall,
        pause=clock.sleep,
    )


def _paces(settings: Settings, clock: Clock) -> State:
    """Where the budget is counted: for all processes of the machine, but in the sandbox."""
    from .storage import state

    if settings.sandbox:
        return state.InMemory(budget.MIGRATIONS)
    return state.until_reboot(settings.home, "state", budget.MIGRATIONS, state.boot(), clock)


def _intents(settings: Settings) -> State:
    """Where effects are journaled: durably, but in the sandbox."""
    from .storage import state

    if settings.sandbox:
        return state.InMemory(journal.MIGRATIONS)
    return state.durable(settings.home / "journal.db", journal.MIGRATIONS)


def _boot() -> str:
    from .storage import state

    return state.boot()


def _sandbox_transport() -> httpx2.AsyncBaseTransport:
    """The sandbox as a transport, furnished at the first request, so that no start waits."""
    import httpx2

    furnished: list[Any] = []

    async def sandbox(scope: Any, receive: Any, send: Any) -> None:
        if not furnished:
            from .sandbox import Sandbox

            furnished.append(Sandbox(spec.document()))
        await furnished[0](scope, receive, send)

    return httpx2.ASGITransport(app=sandbox)


class Events:
    """What hears of events, of one home or of `account` where the server is pinned to it. Each is
    made when it is first asked for: a server that is never asked about events opens none of them.

    `vault` is that of the house; the built-in sandbox makes one of its own. `resolve` finds the
    account that is meant by a name or by none; `learn` hears of secrets that are masked from then
    on; `scrub` and `offered` are as in `Resources`. Close it with `close`.
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
        learn: Callable[[Secret], None] = lambda _: None,
        scrub: Callable[[Any], Any] = lambda value: value,
        offered: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._gateway = gateway
        self._operations = operations
        self._resolve = resolve
        self._learn = learn
        self._scrub = scrub
        self._offered = offered
        self.account = None if settings.sandbox else settings.account
        # The built-in sandbox shares nothing with a company: not even what it was told.
        self._home = settings.home / "sandbox" if settings.sandbox else settings.home
        self._opened = ExitStack()
        self.guard = Guard(lambda: self.log, gateway, operations)
        if vault is not None:
            self.vault = vault

    def close(self) -> None:
        """Let go of the stores that were opened here. The vault of the house is closed there."""
        self._opened.close()

    @cached_property
    def vault(self) -> Vault:
        from .vault import vault_at

        return self._opened.enter_context(closing(vault_at(self._home, self._environment)))

    @cached_property
    def log(self) -> EventLog:
        from .events.log import EventLog
        from .events.tables import MIGRATIONS
        from .storage.sqlite import Database
        from .vault.mailbox import Sealer, mailbox_of

        store = Database(self._home / "events.db", MIGRATIONS, durability="vault")
        events = EventLog(store, sealer=Sealer, mailbox=lambda: mailbox_of(self.vault))
        return self._opened.enter_context(closing(events))

    @cached_property
    def rules(self) -> Rules:
        from .events.forwarding.rules import MIGRATIONS, Rules
        from .storage.sqlite import Database

        store = Database(self._home / "forwarding.db", MIGRATIONS, durability="vault")
        return self._opened.enter_context(closing(Rules(store, self.log)))

    @cached_property
    def tools(self) -> EventTools:
        return EventTools(
            self.log, self._gateway, self._operations, lambda: self.rules, account=self.account
        )

    @cached_property
    def resources(self) -> Resources:
        from .events.resources import Resources

        return Resources(
            self.tools,
            self.log,
            self._gateway,
            self._operations,
            account=self.account,
            scrub=self._scrub,
            offered=self._offered,
        )

    @property
    def retention(self) -> Retention:
        from .events.retention import Retention

        return Retention(
            days=self._settings.events_days,
            message_days=self._settings.messages_days,
            largest=self._settings.events_megabytes * 2**20,
        )

    def receiver(self) -> Receiver:
        from .events.receiver import Receiver

        return Receiver(self.log, retention=self.retention)

    def forwarder(self) -> Forwarder:
        from .events.forwarding import Forwarder
        from .ground.clients import Clients
        from .storage.lock import Lock

        return Forwarder(
            self.rules,
            self.log,
            self.vault,
            learn=self._learn,
            latch=Lock(self._home / "forwarding.lock"),
            clients=Clients(self._settings.proxy, self._settings.ca_bundle),
        )

    def subscriptions(self, account: str | None = None) -> Subscriptions:
        """The webhooks of `account`, or all there are."""
        from .events.subscriptions import Subscriptions
        from .storage.lock import Lock
        from .vault.mailbox import mailbox_of

        def public() -> bytes:
            mailbox = mailbox_of(self.vault, make=True)
            if mailbox is None:
                raise RuntimeError("a mailbox that was made is there")
            return mailbox.public

        return Subscriptions(
            self.log,
            self.vault,
            self._gateway,
            self._operations,
            account=account,
            resolve=self._resolve,
            mailbox=public,
            latch=Lock(self._home / "webhooks.lock"),
        )

    async def serve(self, host: str, port: int) -> None:
        """Receive, pass on and look after our webhooks, until cancelled.

        Raises `SettingsError` where the port is taken, and `StoreError`.
        """
        import asyncio

        from .events.receiver import serve

        async with self.receiver() as receiver:
            beside = [
                asyncio.create_task(self.forwarder().run()),
                asyncio.create_task(self.subscriptions().watch()),
            ]
            try:
                await serve(receiver, host, port)
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
