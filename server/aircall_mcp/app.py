"""Put everything together from Settings, and close it again: the only place where that is done.

One exit stack holds what was opened. Whoever opens something closes it, and nobody closes what was
handed to them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from . import spec
from .accounts import Account, Accounts, ApiKey, Memory
from .accounts.auth import Auth, auth_for
from .desk import Desk
from .drift.overheard import Overheard
from .errors import CredentialError, StoreError
from .events.events import Events
from .gateway import journal, ledger
from .gateway.ask import Aircall
from .gateway.budget import Budget
from .gateway.gateway import Gateway
from .gateway.journal import Journal
from .ground import logs
from .ground.caller import Caller
from .ground.clock import Clock
from .ground.config import AIRCALL, Settings
from .ground.operation import Bound
from .ground.performs import hold_against, performer_of
from .ground.secrets import Secret
from .offer import Offers, Registry, offers_for
from .safety import Brake
from .safety.circumstances import circumstances_of
from .safety.company import Company
from .safety.judge import Judge
from .safety.plans import Plans
from .safety.policy_file import PolicyFile
from .safety.safety import Safety
from .safety.usage import BY_TEXT
from .storage import state
from .storage.lock import Alone, plan_latches
from .storage.sandboxes import Sandboxes
from .vault import vault_at
from .workflows import Workflows
from .workflows.choices import Choices

if TYPE_CHECKING:
    import httpx2

    from .drift.survey import Survey, Tell
    from .events.log import EventLog
    from .events.resources import Resources
    from .sandbox import Sandbox
    from .scripts import Interpreter, Scripts
    from .vault import Vault
    from .vault.keys import Ask
    from .workflows.kit import Kit

log = logging.getLogger(__name__)

START_PATIENCE = 0.5
"""Seconds that a start waits for the names of the accounts."""

SANDBOX_PACE = 120
"""Requests a minute that the sandbox allows, as Aircall does today."""


@dataclass(frozen=True, slots=True)
class App:
    """Everything, ready to answer: `desk` for all ways in, `auth` for what speaks of accounts,
    `events` for what hears of events, `choices` for what completes an argument, `workflows` for
    who is meant, `safety` for who asks a person, `company` for what a policy is held against. Left
    with `async with`, or earlier by `aclose`."""

    settings: Settings
    desk: Desk
    auth: Auth
    events: Events
    choices: Choices
    workflows: Workflows
    safety: Safety
    company: Company
    _gateway: Gateway
    _overheard: Overheard
    _opened: AsyncExitStack

    async def aclose(self, patience: float | None = None) -> None:
        """Close everything that was opened here: first the effects that were sent are finished
        and journaled, for at most `patience` seconds, and grants that are being renewed are stored.

        To do it twice is to do it once.
        """
        import anyio

        with anyio.move_on_after(patience):
            await self._gateway.drained()
        await self._opened.aclose()

    async def survey(self, tell: Tell = lambda _done, _of, _what: None) -> Survey:
        """How Aircall's answers differ from our description, found out by reads alone: behind
        everybody else, and within the limit, so that it may take minutes. `tell` hears how far it
        is. Raises `CredentialError`, or `Refused` where Aircall does not take the credential.
        """
        from .drift.survey import survey

        known = self.desk.registry.ids
        return await survey(self._gateway, known, spec.document(), self._overheard, tell=tell)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def news(self) -> Callable[[], Resources] | None:
        """Finds the resources about events, where the owner's selection leaves events on offer."""
        read = self.desk.registry.ids["read_events"]
        return (lambda: self.events.resources) if read in self.desk.offer() else None


def open_app(
    settings: Settings,
    environment: Mapping[str, str] | None = None,
    *,
    ask: Ask | None = None,
    vault: Vault | None = None,
    clock: Clock | None = None,
    offers: Offers | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
    interpreter: Interpreter | None = None,
) -> App:
    """Put all together: `async with open_app(settings) as app`. Nothing is sent, decrypted or
    written before the first call; of a vault that is there, the names of the accounts are read.

    What is opened here is closed here, in reverse; where this raises, nothing is open yet. `ask`
    gets a passphrase from a person, where one is there: then the keyring may take its time. `vault`
    is one that somebody else has opened, and closes; `offers` others than the settings make;
    `transport` leads to another sandbox than the one that is built in; `interpreter` runs scripts
    by other limits. Raises `SpecError`, `SettingsError`.
    """
    environment = os.environ if environment is None else environment
    clock = clock or Clock()
    opened = AsyncExitStack()
    if settings.sandbox:
        accounts = _accounts_of_sandbox(built_in=transport is None)
    else:
        if vault is None:
            vault = opened.enter_context(open_vault(settings, environment, ask=ask))
        accounts = accounts_of(settings, vault, environment)
    auth = auth_for(settings, accounts, environment, clock=clock)
    opened.push_async_callback(auth.aclose)
    paces = Budget(lambda: _paces(settings, clock), longest_wait=settings.longest_wait, clock=clock)
    opened.push_async_callback(paces.aclose)
    intents = Journal(lambda: _intents(settings), boot=state.boot, clock=clock)
    opened.callback(intents.close)
    offers = offers or offers_for(settings, names_of(settings, environment))
    registry = offers.registry

    safety = Safety.of(settings.home, clock=clock, fleeting=settings.sandbox and not settings.ask)
    opened.callback(safety.close)

    async def guard(bound: Bound, caller: Caller) -> None:
        await events.guard(bound, caller)

    brake, overheard = Brake(settings.home), Overheard()

    async def resolve(name: str | None) -> str:
        return await accounts.aside(lambda: accounts.resolve(name))

    def asking(account: str) -> Aircall:
        return Aircall(gateway, registry.ids, Caller(interface="policy", account=account))

    company = Company(
        asking, resolve, lambda: gateway.listens(), clock, safety.usage.introduced,
        loopback=settings.loopback, asks=settings.ask,
    )  # fmt: skip
    judge = Judge(
        PolicyFile(settings.home, registry.judged, [one.name for one in registry.toolsets]),
        company,
        safety,
        standing=frozenset(settings.allow),
        everything=settings.sandbox and not settings.ask,
        clock=clock,
    )

    gateway = Gateway(
        base_url=AIRCALL if settings.sandbox else settings.base_url,
        auth=auth,
        sandbox=settings.sandbox,
        brake=brake,
        heard=overheard,
        guard=guard,
        judges=(judge,),
        proof_at=Sandboxes(settings.home).proof_at,
        company=auth.company,
        acting=auth.acting,
        budget=paces,
        journal=intents,
        operations=registry.ids,
        transport=(transport or _sandbox_transport()) if settings.sandbox else None,
        proxy=settings.proxy,
        ca_bundle=settings.ca_bundle,
        clock=clock,
    )
    opened.push_async_callback(gateway.aclose, 0)  # what it waits for has been waited for
    events = Events(
        settings,
        environment,
        gateway,
        registry.ids,
        vault=vault,
        resolve=resolve,
        names=lambda: accounts.aside(accounts.names),
        learn=auth.learn,
        scrubber=auth.scrubber,
        offered=lambda operation_id: registry.ids[operation_id] in offers.to(),
        held=brake.holds,
        leave_alone=lambda number: safety.usage.suppress(number, BY_TEXT),
        clock=clock,
    )
    opened.callback(events.close)

    def kit() -> Kit:
        from .workflows.cards import Keeps, Nowhere, cards_in
        from .workflows.contacts import Contacts
        from .workflows.kit import Habits, Kit

        def cards() -> Keeps:
            if settings.sandbox or vault is None or not vault.made:
                return Nowhere()
            kept = cards_in(settings.home, vault)
            opened.callback(kept.close)
            return kept

        def told() -> EventLog:
            return events.log

        async def owner(account: str | None) -> Habits:
            return Habits(*await auth.owner(account))

        ids = registry.ids
        names = Contacts(gateway, ids, cards=cards, events=told, whose=resolve, clock=clock)
        opened.push_async_callback(names.aclose)
        return Kit(
            gateway,
            ids,
            log=told,
            zone=lambda caller: desk.zones.of(caller),
            whose=auth.whose,
            owner=owner,
            index=names,
            account=events.account,
            scrubber=auth.scrubber,
            clock=clock,
            plans=plans,
        )

    workflows = Workflows(kit)

    plans = Plans(
        registry.ids["plan"],
        judge,
        safety,
        gateway.send,
        intents.of_part,
        latch=(lambda _: Alone()) if settings.sandbox else plan_latches(settings.home),
        brake=brake,
        clock=clock,
    )

    @cache
    def scripts() -> Scripts:
        from .scripts import Scripts

        made = Scripts(lambda: desk, plans.drafts, interpreter)
        opened.push_async_callback(made.aclose)
        return made

    desk = Desk(
        offers,
        gateway,
        time_zone=settings.time_zone,
        zone_of=auth.time_zone,
        whose=auth.whose,
        scrubber=auth.scrubber,
        performers={
            **events.performers,
            **workflows.performers,
            "run_script": performer_of("run_script", scripts),
        },
        approvals=safety.approvals,
        look=judge.look,
        plans=plans,
        circumstances=lambda bound: circumstances_of(bound, clock.wall()),
        names=company.names,
    )
    hold_against(registry.ids.values(), desk.performers)
    choices = Choices(
        gateway, registry.ids, lambda operation, principal: operation in offers.to(principal)
    )
    opened.push_async_callback(choices.aclose)
    found = settings, desk, auth, events, choices, workflows, safety, company
    return App(*found, gateway, overheard, opened)


@contextmanager
def open_vault(
    settings: Settings, environment: Mapping[str, str] | None = None, *, ask: Ask | None = None
) -> Generator[Vault]:
    """The vault alone, for who sets it up; `ask` as for `open_app`."""
    environment = os.environ if environment is None else environment
    if ask is None:
        vault = vault_at(settings.home, environment)
    else:
        vault = vault_at(settings.home, environment, patience=None, ask=ask)
    with closing(vault):
        yield vault


@contextmanager
def open_journal(home: Path, clock: Clock | None = None) -> Generator[Journal | None]:
    """The effects that were begun in this home, None where none ever was. To look makes nothing."""
    clock = clock or Clock()
    path = home / "journal.db"
    if not os.path.lexists(path):
        yield None
        return
    kept = Journal(
        lambda: state.durable(path, journal.MIGRATIONS),
        boot=state.boot,
        clock=clock,
    )
    with closing(kept):
        yield kept


def accounts_of(
    settings: Settings, vault: Vault, environment: Mapping[str, str] | None = None
) -> Accounts:
    """Those of the vault and of the environment."""
    return Accounts(
        vault,
        os.environ if environment is None else environment,
        host=host_of(settings),
        requests_per_minute=settings.requests_per_minute,
        time_zone=settings.time_zone,
        chosen=settings.account,
    )


def names_of(settings: Settings, environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The accounts a call may name. Where they cannot be read at once, each call says why instead.

    Names need no key, and a vault that is busy holds up no start.
    """
    if settings.sandbox or settings.account:
        return ()
    environment = os.environ if environment is None else environment
    vault = vault_at(settings.home, environment, busy_seconds=START_PATIENCE)
    try:
        return Accounts(vault, environment).names()
    except (CredentialError, StoreError) as error:
        log.warning("The accounts cannot be read: %s", error.message)
        return ()
    finally:
        vault.close()


def host_of(settings: Settings) -> str:
    """Where the credentials of new accounts may go."""
    return urlsplit(settings.base_url).hostname or ""


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


def _accounts_of_sandbox(*, built_in: bool) -> Accounts:
    from .sandbox import company, edge

    keys, accounts = edge.Keys(), Accounts(Memory())
    credential = ApiKey(api_id=Secret(keys.api_id), api_token=Secret(keys.api_token))
    one = Account(name="sandbox", credential=credential, requests_per_minute=SANDBOX_PACE)
    accounts.add(one.model_copy(update={"default_user": company.ME}) if built_in else one)
    return accounts


def _paces(settings: Settings, clock: Clock) -> state.State:
    """Where the budget is counted: for all processes of the machine, but in the sandbox."""
    if settings.sandbox:
        return state.InMemory(ledger.MIGRATIONS)
    return state.until_reboot(settings.home, "state", ledger.MIGRATIONS, state.boot(), clock)


def _intents(settings: Settings) -> state.State:
    """Where effects are journaled: durably, but in the sandbox."""
    if settings.sandbox:
        return state.InMemory(journal.MIGRATIONS)
    return state.durable(settings.home / "journal.db", journal.MIGRATIONS)


def _sandbox_transport() -> httpx2.AsyncBaseTransport:
    """The sandbox as a transport, furnished at the first request, so that no start waits."""
    import httpx2

    @cache
    def furnished() -> Sandbox:
        from .sandbox import Sandbox

        return Sandbox(spec.document())

    async def sandbox(scope: Any, receive: Any, send: Any) -> None:
        await furnished()(scope, receive, send)

    return httpx2.ASGITransport(app=sandbox)
