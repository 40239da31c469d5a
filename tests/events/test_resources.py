from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.accounts import Account, Accounts, ApiKey
from aircall_mcp.app import open_app
from aircall_mcp.errors import ToolError
from aircall_mcp.events.receiver import webhook_for
from aircall_mcp.events.resources import Resources
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import settings_from
from aircall_mcp.ground.secrets import Scrubber, Secret
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.vault import KEY_VARIABLE

from ..harness import Clock, gateway_to
from ..mail import call, told
from ..waiting import until
from .harness import EventHarness

pytestmark = pytest.mark.anyio


async def test_a_call_is_a_resource_with_its_events(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    known = sandbox.world.calls[-1].id
    harness.hear(call("created", known), call("ended", known), call("ended", 77))
    caller = Caller()
    found = await harness.resources.resource(f"aircall://calls/{known}", caller)
    assert found is not None
    assert found["data"]["call"]["id"] == known
    assert [one["event"] for one in found["data"]["events"]] == ["call.ended", "call.created"]
    gone = await harness.resources.resource("aircall://calls/77", caller)
    assert gone is not None
    assert len(gone["data"]["events"]) == 1
    for odd in ("aircall://calls/", "aircall://calls/x", "aircall://calls/1/2", "file:///etc"):
        assert await harness.resources.resource(odd, caller) is None


async def test_a_resource_masks_secrets_and_reads_no_call_that_is_not_on_offer(
    harness: EventHarness, sandbox: Sandbox, registry: Registry
) -> None:
    known = sandbox.world.calls[-1].id
    scrubber = Scrubber()
    scrubber.learn(Secret("a-token-somebody-said"))
    harness.hear(told("call.commented", known, comments="it is a-token-somebody-said"))

    def resources(*offered: str) -> Resources:
        return Resources(
            harness.tools, harness.log, gateway_to(sandbox), registry.ids,
            scrubber=scrubber, offered=offered.__contains__,
        )  # fmt: skip

    for uri in ("aircall://events", f"aircall://calls/{known}"):
        found = await resources("read_events").resource(uri, Caller())
        assert found is not None
        assert found["data"]["events"][0]["data"]["comments"] == "it is [secret]"
        assert "call" not in found["data"]
    assert not sandbox.arrivals
    whole = await resources("get_call").resource(f"aircall://calls/{known}", Caller())
    assert whole is not None
    assert whole["data"]["call"]["id"] == known


async def test_one_who_is_pinned_to_an_account_hears_nothing_of_others(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> None:
    harness = EventHarness(home, sandbox, registry, clock, account="lyon")
    assert "No webhook is registered" in (await harness.ask("read_events"))["notes"][0]
    for account in ("lyon", "paris"):
        webhook = webhook_for(
            account, account.encode(), account=account, aircall_id="u", url="", kinds=(), now=1
        )
        harness.log.webhooks.open(webhook)
    changes = harness.resources.changes()
    assert await anext(changes) == []  # it looks from here on
    first = asyncio.create_task(anext(changes))
    waiting = asyncio.create_task(harness.ask("wait_for_event", kinds=["message.*"], after=0))
    await until(lambda: harness.waits)
    for number, account in enumerate(("paris", "lyon")):
        harness.hear(
            told("call.ended", 41 + number, webhook=account),
            told("message.received", f"SM{account}", webhook=account, body="Hello"),
        )
        if account == "paris":
            await until(lambda: harness.waits.count(2) == 2)  # both have read it, and wait on
    heard = await asyncio.wait_for(waiting, 5)
    assert heard["data"]["event"]["data"]["id"] == "SMlyon"
    # What Paris was told came first, and is no news here.
    assert await asyncio.wait_for(first, 5) == ["aircall://events", "aircall://calls/42"]
    await changes.aclose()
    events = (await harness.ask("read_events"))["data"]["events"]
    assert [event["sequence"] for event in events] == [4, 3]
    texts = (await harness.ask("list_messages"))["data"]["messages"]
    assert [one["data"]["id"] for one in texts] == ["SMlyon"]
    assert await harness.resources.call_ids("4") == ["42"]
    with pytest.raises(ToolError):
        await harness.resources.resource("aircall://calls/41", Caller())
    found = await harness.resources.resource("aircall://events", Caller())
    assert found is not None
    assert len(found["data"]["events"]) == 2
    await harness.desk.aclose()
    harness.log.close()


async def test_an_app_hands_its_own_vault_to_its_events_and_the_account_it_is_pinned_to(
    home: Path,
) -> None:
    settings = settings_from({"account": "lyon"})
    app = open_app(settings, {KEY_VARIABLE: base64.b64encode(bytes(32)).decode()})
    assert app.events.account == "lyon"
    app.events.vault.create("environment")
    accounts = Accounts(app.events.vault)
    accounts.add(Account(name="lyon", credential=ApiKey(api_id=Secret("a"), api_token=Secret("b"))))
    name, _ = await app.auth.company(None)
    assert name
    shelf = app.auth._accounts._shelf  # pyright: ignore[reportPrivateUsage]
    assert shelf is app.events.vault
    small = open_app(settings_from({"sandbox": True, "account": "lyon"}), {})
    assert small.events.account is None
    assert small.events.vault is not app.events.vault
    app.events.vault.close()


@pytest.fixture
def denying(home: Path) -> Path:
    home.mkdir(exist_ok=True)
    (home / "policy.toml").write_text('[operations]\nread_events = "deny"\n')
    return home


async def test_what_the_policy_does_not_let_a_tool_read_is_no_resource_either(
    denying: Path,
) -> None:
    async with open_app(settings_from({"sandbox": True, "ask": True, "home": denying}), {}) as app:
        assert app.news is not None
        for uri in ("aircall://events", "aircall://calls/77"):
            with pytest.raises(ToolError, match="not allowed by the policy"):
                await app.news().resource(uri, Caller())


async def test_changes_name_the_calls_they_are_about(harness: EventHarness) -> None:
    changes = harness.resources.changes()
    assert await anext(changes) == []  # it looks from here on
    harness.hear(call("created", 5), told("user.opened", 7))
    assert await asyncio.wait_for(anext(changes), 5) == ["aircall://events", "aircall://calls/5"]
    await changes.aclose()


async def test_one_large_event_of_a_call_hides_neither_the_others_nor_the_list(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    known = sandbox.world.calls[-1].id
    huge: dict[str, Any] = {"a": {"b": {"c": {f"f{n}": "w" * 100 for n in range(1000)}}}}
    harness.hear(call("created", known), told("call.ended", known, **huge))
    found = await harness.resources.resource(f"aircall://calls/{known}", Caller())
    assert found is not None
    assert found["data"]["call"]["id"] == known
    first = found["data"]["events"][0]
    assert (first["event"], first["cut_off"], first["data"]["id"]) == ("call.ended", True, known)
    assert found["notes"]
