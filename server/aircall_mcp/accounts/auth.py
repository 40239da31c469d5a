"""Sign requests, and renew the grants they are signed with.

A grant with a one-time refresh token must be renewed exactly once, by whichever of many tasks and
processes comes first, and what comes back must be stored before it is used, also when the caller
is gone by then. So a renewal is a task of its own that nobody's cancellation reaches; it holds a
lock between processes, reads the vault again inside it, and leaves a mark before it asks.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import random as chance
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256

import httpx2

from ..errors import AircallMCPError, CredentialError, StoreError, Unreachable
from ..ground.addresses import one_host
from ..ground.caller import AccountName, Whose
from ..ground.clients import Clients
from ..ground.clock import Clock
from ..ground.config import Settings
from ..ground.secrets import Scrubbed, Scrubber, Secret, inside, reveal, scrubber_for
from ..storage.lock import Alone, Latch, latches
from .account import Account, ApiKey, Credential, Grant
from .accounts import Accounts, Held

log = logging.getLogger(__name__)

_POLL = 0.015
"""Seconds between two looks at a lock that another process holds."""
_RETRY = 5.0
"""Seconds before a renewal that failed is tried again while the old token still works."""
_AGAIN = 1.0
"""Seconds between two tries to store what could not be stored."""
_SETTLED = 30.0
"""Seconds in which a fresh grant is not renewed for being rejected: the fault is elsewhere."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The headers that sign one request, and what they were made of."""

    headers: Mapping[str, str] = field(repr=False)
    account: str
    credential: Credential = field(repr=False)


class Auth:
    """The only one who shows a credential to anybody, and then to its own host.

    `latch` makes the lock of an account between processes, `client` the client of one renewal.
    Before a token expires it is renewed:
    `leeway` to `leeway + jitter` seconds ahead, less for a token that lives shortly. A renewal
    takes at most `patience` seconds, for the lock and for the answer each. Close with `aclose`,
    after which no renewal begins.
    """

    def __init__(
        self,
        accounts: Accounts,
        *,
        latch: Callable[[str], Latch],
        client: Callable[[], httpx2.AsyncClient] | None = None,
        scrubber: Scrubber | None = None,
        clock: Clock | None = None,
        random: Callable[[], float] = chance.random,
        leeway: float = 60.0,
        jitter: float = 30.0,
        patience: float = 10.0,
    ) -> None:
        self._accounts = accounts
        self._latch = latch
        self.scrubber = scrubber or Scrubber()
        self._client = client
        self._clock = clock or Clock()
        self._ahead = leeway + jitter * random()
        self._patience = patience
        self._seen: dict[AccountName | None, tuple[object, Held]] = {}
        self._unsaved: dict[AccountName, Held] = {}
        self._renewals: dict[AccountName, asyncio.Task[Held]] = {}
        self._savings: set[asyncio.Task[None]] = set()
        self._not_before: dict[AccountName, float] = {}
        self._closing = False

    async def sign(self, account: str | None, url: str) -> Signature:
        """What to send along for exactly this url.

        Raises `CredentialError`, and `StoreError` or `Unreachable` where a renewal fails on these.
        """
        held = await self._held(account)
        if self._due(held.account.credential):
            held = await self._renewed_in_time(held)
        return Signature(
            _authorization(held.account, url), held.account.name, held.account.credential
        )

    async def rejected(self, signature: Signature, status: int) -> bool:
        """Whether to sign and send once more, after Aircall answered `status` to this signature.

        A 401 renews what can be renewed. Anything else, a 403 above all, harms no credential: it is
        only worth another try if somebody else has changed the credential meanwhile.
        """
        name, refused = signature.account, signature.credential
        held = await self._held(name, anew=True)
        if held.account.credential != refused:
            return True
        if status != 401 or not isinstance(refused, Grant) or not refused.renewable:
            return False
        # A clock that was ahead and was put right leaves a grant issued in the future.
        if 0 <= self._clock.wall() - refused.issued_at < _SETTLED:
            return False
        await self._renew(held)
        return True

    async def company(self, account: str | None) -> tuple[str, int]:
        """Whose request limit an account shares, as a one-way hash, and the requests a minute."""
        there = (await self._held(account)).account
        credential, start = there.credential, f"{one_host(there.host)}|".encode()
        if isinstance(credential, ApiKey):
            name = inside(credential.api_id, lambda text: sha256(start + text).hexdigest())
        else:
            name = sha256(start + there.name.encode()).hexdigest()
        return name, there.requests_per_minute

    async def acting(self, account: str | None) -> str:
        """The name of the account that acts where this one is named, or none. Raises
        `CredentialError`."""
        return (await self._held(account)).account.name

    async def whose(self, account: str | None) -> Whose:
        """Whose it is what is had by an account, or by the one that is meant by naming none."""
        company, _ = await self.company(account)
        return Whose(company, (await self._held(account)).account.name)

    async def time_zone(self, account: str | None) -> str | None:
        """The IANA zone that the owner gave to the account."""
        return (await self._held(account)).account.time_zone

    async def owner(self, account: str | None) -> tuple[int | None, int | None]:
        """The Aircall user that the account's owner is, and the number they call from, by id."""
        there = (await self._held(account)).account
        return there.default_user, there.default_number

    def learn(self, secret: Secret) -> None:
        """Mask what arrived as data by value, too, from now on."""
        self.scrubber.learn(secret, arrived=True)

    def scrub(self, text: str) -> Scrubbed:
        """`text` as it may leave: every known secret masked by value."""
        return self.scrubber.text(text)

    async def aclose(self) -> None:
        """Let renewals under way end: what was granted must be stored.

        At once where there are none; else after at most twice `patience` seconds, at the end of
        which what is not stored yet is tried once more.
        """
        self._closing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * self._patience):
                while under_way := [*self._renewals.values(), *self._savings]:
                    await asyncio.wait(under_way)
        if self._savings:
            for saving in self._savings:
                saving.cancel()
            await asyncio.wait(self._savings)

    async def _held(self, name: str | None, *, anew: bool = False) -> Held:
        stamp = self._accounts.stamp()
        if not anew and name in self._seen and self._seen[name][0] == stamp:
            held = self._seen[name][1]
        else:
            held = await self._accounts.aside(lambda: self._accounts.load(name))
            self._learn(held.account)
            self._seen[name] = stamp, held
        return self._unsaved.get(held.account.name, held)

    def _due(self, credential: Credential, *, now: bool = False) -> bool:
        """Whether the credential should be renewed by now; with `now`, whether it must be."""
        if not isinstance(credential, Grant) or credential.expires_at is None:
            return False
        ahead = min(self._ahead, 0.2 * (credential.expires_at - credential.issued_at))
        return self._clock.wall() >= credential.expires_at - (0 if now else ahead)

    async def _renewed_in_time(self, held: Held) -> Held:
        """A renewal of what is due; what still works is used on if that fails."""
        name, credential = held.account.name, held.account.credential
        works = not self._due(credential, now=True)
        if works and self._clock.monotonic() < self._not_before.get(name, 0.0):
            return held
        if not isinstance(credential, Grant) or not credential.renewable:
            if works:
                return held
            raise _log_in(name, "has expired")
        try:
            return await self._renew(held)
        except AircallMCPError as error:
            if not works:
                raise
            log.warning("The grant of %s was not renewed: %s", name, error.message)
            self._not_before[name] = self._clock.monotonic() + _RETRY
            return held

    async def _renew(self, held: Held) -> Held:
        """Join the renewal of this account, or begin it. Cancelling this cancels only the wait."""
        name = held.account.name
        task = self._renewals.get(name)
        if task is None:
            task = asyncio.create_task(self._renewal(held), name=f"renew {name}")
            self._renewals[name] = task
            task.add_done_callback(lambda done: self._over(name, done))
        await asyncio.wait({task})
        return task.result()

    def _over(self, name: str, task: asyncio.Task[Held]) -> None:
        del self._renewals[name]
        if not task.cancelled():
            task.exception()  # it may be that nobody waits any more to hear of it

    async def _renewal(self, seen: Held) -> Held:
        """One renewal, in the order that loses nothing: lock, read, mark, ask, store."""
        from .oauth import Denied

        name = seen.account.name
        latch = self._latch(name) if self._accounts.persistent(name) else Alone()
        await self._take(name, latch)
        unsaved = False
        try:
            held = await self._held(name, anew=True)
            grant = held.account.credential
            if grant != seen.account.credential and not self._due(grant):
                return held  # somebody else was quicker
            if held.account.state == "reauth_required":
                raise _log_in(name, "was refused")
            if not isinstance(grant, Grant) or not grant.renewable:
                raise _log_in(name, "cannot be renewed")
            # The mark says that the refresh token may be spent, and proves that we can still write.
            marked = await self._store(held.account.model_copy(update={"state": "renewing"}), held)
            if marked is None:
                return await self._held(name, anew=True)
            try:
                grant = await self._asked(grant)
            except Denied as denied:
                return await self._refused(marked, denied.reason)
            account = marked.account.model_copy(update={"credential": grant, "state": "ready"})
            self._learn(account)
            try:
                stored = await self._store(account, marked)
            except (StoreError, CredentialError) as error:
                log.warning("The new grant of %s is not stored yet: %s", name, error.message)
                unsaved = True
                return self._keep(Held(account, marked.generation), latch)
            return stored or await self._held(name, anew=True)
        finally:
            if not unsaved:
                latch.release()

    async def _take(self, name: str, latch: Latch) -> None:
        for _ in range(int(3 * self._patience / _POLL)):
            if self._closing:
                raise Unreachable(f"The grant of `{name}` is not renewed: this process is ending.")
            if latch.take():
                return
            await self._clock.sleep(_POLL)
        raise Unreachable(
            f"Another process is still renewing the grant of `{name}`.",
            hint="Try again in a moment.",
        )

    async def _store(self, account: Account, expected: Held) -> Held | None:
        """Store by generation; None where somebody else has changed the account."""
        return await self._accounts.aside(
            lambda: self._accounts.store(account, expected.generation)
        )

    async def _asked(self, grant: Grant) -> Grant:
        from .oauth import renewal, renewed_grant
        from .token_url import plain_client, send

        client = self._client or plain_client
        status, content = await send(renewal(grant), client, patience=self._patience)
        return renewed_grant(grant, status, content, self._clock.wall())

    async def _refused(self, marked: Held, reason: str) -> Held:
        """What somebody else stored in spite of the lock; else mark the account, and say so."""
        name = marked.account.name
        for pause in (0.0, 0.25):
            await self._clock.sleep(pause)
            held = await self._held(name, anew=True)
            if held.account.credential != marked.account.credential:
                return held
        try:
            await self._store(
                marked.account.model_copy(update={"state": "reauth_required"}), marked
            )
        except StoreError as error:
            log.warning("The account %s could not be marked: %s", name, error.message)
        raise _log_in(name, f"was refused ({reason})")

    def _keep(self, held: Held, latch: Latch) -> Held:
        """Serve `held` from memory until it is stored; nobody else may renew before that."""
        self._unsaved[held.account.name] = held
        task = asyncio.create_task(self._stored_at_last(held, latch))
        self._savings.add(task)
        task.add_done_callback(self._savings.discard)
        return held

    async def _stored_at_last(self, held: Held, latch: Latch) -> None:
        stored = False
        try:
            while not stored:
                await self._clock.sleep(_AGAIN)
                stored = await self._stored(held)
        except asyncio.CancelledError:
            if not await self._stored(held):  # now or never: the process ends
                log.error("The new grant of %s is lost.", held.account.name)  # noqa: TRY400
            raise
        finally:
            del self._unsaved[held.account.name]
            latch.release()

    async def _stored(self, held: Held) -> bool:
        try:
            await self._store(held.account, held)
        except (StoreError, CredentialError) as error:
            log.debug("The grant of %s is not stored: %s", held.account.name, error.message)
            return False
        return True

    def _learn(self, account: Account) -> None:
        credential, owner = account.credential, account.name
        if isinstance(credential, ApiKey):
            self.scrubber.learn(credential.api_id, owner=owner)
            self.scrubber.learn(credential.api_token, owner=owner, pair=credential.api_id)
            return
        for secret in (
            credential.access_token, credential.refresh_token, credential.client_secret
        ):  # fmt: skip
            if secret is not None:
                self.scrubber.learn(secret, owner=owner)


def _authorization(account: Account, url: str) -> Mapping[str, str]:
    credential, host = account.credential, account.host
    if isinstance(credential, Grant):
        token = reveal(credential.access_token, "sign a request", url, host=host)
        return {"Authorization": f"Bearer {token}"}
    api_id = reveal(credential.api_id, "sign a request", url, host=host)
    token = reveal(credential.api_token, "sign a request", url, host=host)
    pair = base64.b64encode(f"{api_id}:{token}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def _log_in(name: str, what: str) -> CredentialError:
    return CredentialError(
        f"The grant of the account `{name}` {what}.",
        hint=f"A person must run `aircall-mcp accounts login {name}`.",
    )


def clients_of(settings: Settings) -> Callable[[], httpx2.AsyncClient]:
    """Makes the client of one token request: by the owner's proxy and certificates, if any."""

    def client() -> httpx2.AsyncClient:
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
    return Auth(
        accounts,
        latch=latches(settings.home) if shared else lambda _: Alone(),
        client=clients_of(settings),
        scrubber=scrubber_for(environment),
        clock=clock,
    )
