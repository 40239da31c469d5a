from __future__ import annotations

import ast
import asyncio
import base64
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx2
import pytest

import aircall_mcp
from aircall_mcp.accounts import Account, Accounts, ApiKey, Memory
from aircall_mcp.accounts.auth import Auth
from aircall_mcp.errors import ArgumentError, NotAllowed, OutcomeUnknown, Refused, StoreError
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.receiver import _belongs, webhook_for  # pyright: ignore[reportPrivateUsage]
from aircall_mcp.events.subscriptions import Subscriptions
from aircall_mcp.events.webhooks import Webhook, Webhooks
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import AIRCALL
from aircall_mcp.ground.secrets import Secret, inside
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.lock import Alone

from ..harness import Clock, gateway_to, refusing, sandbox_with
from ..mail import log_in, mailbox
from ..waiting import until

pytestmark = pytest.mark.anyio

URL = "https://events.example.com"


class Registered:
    """Subscriptions of a sandbox that stands for Aircall."""

    def __init__(self, home: Path, sandbox: Sandbox, registry: Registry, clock: Clock) -> None:
        self.world = sandbox.world
        self.arrivals = sandbox.arrivals
        self.log: EventLog = log_in(home, clock)
        self.log.webhooks.shut("front-door")
        self.vault = Memory()
        self.operations = registry.ids
        self.gateway = gateway_to(sandbox, allowed=frozenset({"read"}))
        names = iter(("one", "two", "three"))
        self.ours = Subscriptions(
            self.log, self.vault, self.gateway, registry.ids,
            mailbox=lambda: mailbox().public, clock=clock.handed(), name=lambda: next(names),
        )  # fmt: skip

    def webhook(self, name: str) -> Any:
        [found] = [one for one in self.world.webhooks.values() if one.url.endswith(f"/{name}")]
        return found


@pytest.fixture
async def registered(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> AsyncGenerator[Registered]:
    made = Registered(home, sandbox, registry, clock)
    yield made
    await made.gateway.aclose()
    made.log.close()


async def test_registering_subscribes_keeps_the_token_and_verifies(registered: Registered) -> None:
    subscription = await registered.ours.register(URL + "/", ["call.ended", "message.received"])
    webhook = registered.webhook("one")
    assert (webhook.url, webhook.name) == (f"{URL}/webhooks/aircall/one", "aircall-mcp")
    assert sorted(webhook.events) == ["call.ended", "message.received"]
    assert (subscription.state, set(subscription.kinds)) == ("active", set(webhook.events))
    record = registered.vault.read("webhook one", "webhook")
    assert record is not None
    assert inside(record.value["token"], bytes.decode) == webhook.token
    [ours] = registered.log.webhooks.active()
    from hashlib import sha256

    assert _belongs("one", sha256(webhook.token.encode()).digest(), {ours.name: ours.digest})


async def test_the_token_is_in_no_file_but_the_vault(registered: Registered, home: Path) -> None:
    await registered.ours.register(URL)
    token: str = registered.webhook("one").token
    registered.log.close()
    assert token.encode() not in (home / "events.db").read_bytes()


@pytest.mark.parametrize(
    "url",
    ["http://events.example.com", "events.example.com", "https://", f"{URL}/?a=1", f"{URL}/#a"],
)  # fmt: skip
async def test_only_an_https_url_can_be_registered(registered: Registered, url: str) -> None:
    with pytest.raises(ArgumentError):
        await registered.ours.register(url)
    assert not registered.arrivals


async def test_what_aircall_refuses_leaves_nothing_behind(registered: Registered) -> None:
    with pytest.raises((Refused, ArgumentError)):
        await registered.ours.register(URL, ["no.such.event"])
    assert registered.log.webhooks.active() == []


async def test_status_tells_what_aircall_did_to_it(registered: Registered) -> None:
    await registered.ours.register(URL, ["call.ended"])
    webhook = registered.webhook("one")
    for change, state in (
        ({"active": False}, "disabled"),
        ({"active": True, "url": "https://elsewhere.example"}, "changed"),
        ({"url": f"{URL}/webhooks/aircall/one", "events": ["user.opened"]}, "changed"),
        ({"events": ["call.ended"]}, "active"),
    ):
        for name, value in change.items():
            setattr(webhook, name, value)
        [subscription] = await registered.ours.status()
        assert subscription.state == state
    del registered.world.webhooks[webhook.uuid]
    [subscription] = await registered.ours.status()
    assert subscription.state == "missing"


@pytest.mark.parametrize("kinds", [["call.ended", "message.received"], []])
async def test_bringing_one_back_subscribes_it_to_what_it_was_and_no_more(
    registered: Registered, kinds: Sequence[str]
) -> None:
    await registered.ours.register(URL, kinds)
    webhook = registered.webhook("one")
    before = sorted(webhook.events)
    webhook.active = False
    [mended] = await registered.ours.mend()
    assert mended.state == "active"
    assert webhook.active
    assert sorted(webhook.events) == before
    assert await registered.ours.mend() == []


async def test_the_watchdog_brings_back_what_was_disabled(registered: Registered) -> None:
    await registered.ours.register(URL)
    watching = asyncio.create_task(registered.ours.watch(every=0.01))
    webhook = registered.webhook("one")
    for _ in range(2):
        webhook.active = False
        await until(lambda: webhook.active)
    assert not watching.done()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_removing_deletes_it_at_aircall_and_forgets_its_token(
    registered: Registered,
) -> None:
    await registered.ours.register(URL)
    await registered.ours.register(URL, ["call.ended"])
    others = len(registered.world.webhooks) - 2
    assert await registered.ours.remove("one") == ["one"]
    assert [webhook.name for webhook in registered.log.webhooks.active()] == ["two"]
    assert registered.vault.read("webhook one", "webhook") is None
    del registered.world.webhooks[registered.webhook("two").uuid]
    assert await registered.ours.remove() == ["two"]
    assert len(registered.world.webhooks) == others
    with pytest.raises(ArgumentError):
        await registered.ours.remove("one")


async def test_a_number_in_proxy_mode_calls_back(registered: Registered) -> None:
    [number] = [n for n in registered.world.numbers.values() if n.country == "FR"]
    webhook = await registered.ours.register_number(URL, number.id)
    configuration = number.configurations["sms"]
    assert configuration.callback_url == f"{URL}/webhooks/aircall/one"
    assert registered.log.webhooks.active() == [webhook]
    assert [one.state for one in await registered.ours.status()] == ["active"]
    assert await registered.ours.remove() == ["one"]
    assert number.configurations == {}


def _basic(api_id: str, api_token: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{api_id}:{api_token}".encode())


class Companies:
    """Two Aircalls behind one address, told apart by the key that a request is signed with."""

    def __init__(self, clock: Clock) -> None:
        self.accounts = Accounts(Memory())
        self.sandboxes: dict[str, Sandbox] = {}
        self._signed: dict[bytes, Sandbox] = {}
        for name in ("lyon", "paris"):
            sandbox = sandbox_with(clock=clock, requests_per_minute=None)
            credential = ApiKey(api_id=Secret(name), api_token=Secret("of the dashboard"))
            self.accounts.add(Account(name=name, credential=credential))
            self.sandboxes[name] = self._signed[_basic(name, "of the dashboard")] = sandbox

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        sandbox = self._signed[headers[b"authorization"]]
        headers[b"authorization"] = _basic(sandbox.api_id, sandbox.api_token)
        await sandbox({**scope, "headers": list(headers.items())}, receive, send)

    async def resolve(self, name: str | None) -> str:
        return self.accounts.resolve(name)


async def test_each_webhook_is_looked_after_and_removed_by_its_own_account(
    home: Path, registry: Registry, clock: Clock
) -> None:
    companies, vault, log = Companies(clock), Memory(), log_in(home, clock)
    names = iter(("one", "two"))
    log.webhooks.shut("front-door")
    gateway = Gateway(
        base_url=AIRCALL, auth=Auth(companies.accounts, latch=lambda _: Alone()), sandbox=True,
        judges=(refusing(frozenset({"read"})),), transport=httpx2.ASGITransport(app=companies),
    )  # fmt: skip

    def ours(account: str | None = None) -> Subscriptions:
        return Subscriptions(
            log, vault, gateway, registry.ids, account=account, resolve=companies.resolve,
            mailbox=lambda: mailbox().public, clock=clock.handed(), name=lambda: next(names),
        )  # fmt: skip

    def standing(account: str) -> list[Any]:
        webhooks = companies.sandboxes[account].world.webhooks.values()
        return [one for one in webhooks if one.url.startswith(URL)]

    await ours().register(URL)  # by the default account
    await ours("paris").register(URL)
    assert [webhook.account for webhook in log.webhooks.active()] == ["lyon", "paris"]
    companies.accounts.make_default("paris")
    webhooks = [*standing("lyon"), *standing("paris")]
    assert len(webhooks) == 2
    assert [one.state for one in await ours().status()] == ["active", "active"]
    for one in webhooks:
        one.active = False
    watching = asyncio.create_task(ours().watch(every=0.01))
    await until(lambda: all(one.active for one in webhooks))
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    [lyon, paris] = [webhook.name for webhook in log.webhooks.active()]
    with pytest.raises(ArgumentError):
        await ours("paris").remove(lyon)
    assert await ours("paris").remove() == [paris]
    assert (len(standing("lyon")), len(standing("paris"))) == (1, 0)
    assert await ours().remove() == [lyon]
    assert standing("lyon") == []
    await gateway.aclose()
    log.close()


async def test_an_account_that_is_gone_does_not_keep_others_from_being_looked_after(
    registered: Registered,
) -> None:
    registered.log.webhooks.open(
        webhook_for("gone", b"t", account="nobody", aircall_id="u", url="", kinds=(), now=0)
    )
    await registered.ours.register(URL)
    webhook = registered.webhook("one")
    webhook.active = False
    watching = asyncio.create_task(registered.ours.watch(every=0.01))
    await until(lambda: webhook.active)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


class Full(Webhooks):
    def open(self, webhook: Webhook) -> None:
        raise StoreError(f"No room to write {webhook.name}.")


async def test_a_token_that_cannot_be_kept_says_what_stands_at_aircall(
    registered: Registered,
) -> None:
    registered.log.webhooks.__class__ = Full
    with pytest.raises(OutcomeUnknown) as caught:
        await registered.ours.register(URL)
    webhook = registered.webhook("one")
    assert webhook.uuid in caught.value.message
    assert webhook.token not in caught.value.message + caught.value.hint


async def test_a_person_is_let_through_where_a_model_is_not(registered: Registered) -> None:
    """The gateway of these tests allows reading alone, and all of the above went through."""
    await registered.ours.register(URL)
    webhook = registered.webhook("one")
    arrived = len(registered.arrivals)
    for name, asked in (
        ("create_webhook", {"url": URL}),
        ("update_webhook", {"webhook_id": webhook.uuid, "active": False}),
        ("delete_webhook", {"webhook_id": webhook.uuid}),
    ):
        bound = registered.operations[name].bind(asked)
        for caller in (
            Caller(),
            Caller(interface="mcp", client="webhooks"),
            Caller(interface="webhooks"),
        ):
            with pytest.raises(NotAllowed):
                await registered.gateway.send(bound, caller)
    assert len(registered.arrivals) == arrived
    assert webhook.active


async def test_the_webhooks_of_others_are_never_asked_about(registered: Registered) -> None:
    foreign = set(registered.world.webhooks)
    before = {uuid: asdict(registered.world.webhooks[uuid]) for uuid in foreign}
    assert foreign
    await registered.ours.register(URL)
    await registered.ours.register(URL, ["call.ended"])
    registered.webhook("one").active = False
    await registered.ours.status()
    await registered.ours.mend()
    await registered.ours.remove("one")
    await registered.ours.remove()
    told = [
        arrival.path for arrival in registered.arrivals if arrival.operation != "create_webhook"
    ]
    assert told
    assert not any(uuid in path for uuid in foreign for path in told)
    assert {uuid: asdict(one) for uuid, one in registered.world.webhooks.items()} == before


def test_only_our_webhooks_speak_for_a_person() -> None:
    """Whoever else would say that a person is there stands here to be argued for."""
    package = Path(aircall_mcp.__file__).parent
    named = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if (keyword.arg == "person" and ast.unparse(keyword.value) != "False")
        or (keyword.arg is None and ast.unparse(call.func) == "Caller")
    }
    assert named == {"events/registrations.py"}
