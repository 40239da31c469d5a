"""What we listen on is not changed through operations, whoever asks and however it is spelled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.accounts import Memory
from aircall_mcp.desk import Desk
from aircall_mcp.events.guard import Guard
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.subscriptions import Subscriptions
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.operation import Bound, Operation
from aircall_mcp.offer import Offers, Registry, Selection
from aircall_mcp.sandbox import Sandbox

from ..canaries import CANARIES
from ..forked import forked
from ..harness import Clock, gateway_to
from ..mail import log_in, mailbox
from ..processes import started
from ..proxy import Fault
from ..upstream import Upstream, upstream
from ..waiting import until

pytestmark = pytest.mark.anyio

URL = "https://events.example.com"
STOLEN = "https://elsewhere.example.com/in"
EVERY_WORD = "reach,delete,exposes,administers"


class Guarded:
    """A sandbox that stands for Aircall, with a webhook and a number of ours among others."""

    def __init__(self, home: Path, sandbox: Sandbox, registry: Registry, clock: Clock) -> None:
        self.sandbox = sandbox
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self.registry = registry
        self.log: EventLog = log_in(home, clock)
        self.log.webhooks.shut("front-door")

        async def guard(bound: Bound, caller: Caller) -> None:
            await self.guard(bound, caller)

        self.gateway = gateway_to(self.aircall, guard=guard)  # all is allowed here
        self.guard = Guard(lambda: self.log, self.gateway, registry.ids)
        names = iter(("one", "two", "three", "four"))
        self.ours = Subscriptions(
            self.log, Memory(), self.gateway, registry.ids, mailbox=lambda: mailbox().public,
            clock=clock.handed(), name=lambda: next(names),
        )  # fmt: skip

    async def aircall(self, scope: Any, receive: Any, send: Any) -> None:
        """Takes its time to say that something was made."""
        said: list[Any] = []

        async def hold(message: Any) -> None:
            said.append(message)

        await self.sandbox(scope, receive, hold)
        if self.meanwhile is not None and scope["method"] == "POST":
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        for message in said:
            await send(message)

    async def register(self) -> None:
        await self.ours.register(URL)
        [self.number] = [n for n in self.sandbox.world.numbers.values() if n.country == "FR"]
        await self.ours.register_number(URL, self.number.id)
        [self.webhook] = [one for one in self._webhooks() if one.url.startswith(URL)]
        [self.other, *_] = [one for one in self._webhooks() if not one.url.startswith(URL)]

    def _webhooks(self) -> list[Any]:
        return list(self.sandbox.world.webhooks.values())

    def effects(self) -> list[str]:
        """What arrived that was no reading."""
        return [one.operation or one.path for one in self.sandbox.arrivals if one.method != "GET"]

    def desk(self, surface: str = "full", **aliases: str) -> Desk:
        known = self.registry
        registry = Registry(known.known, toolsets=known.toolsets, aliases=aliases)
        return Desk(Offers(registry, Selection(surface=surface)), self.gateway)  # type: ignore[arg-type]


@pytest.fixture
async def guarded(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> AsyncGenerator[Guarded]:
    made = Guarded(home, sandbox, registry, clock)
    await made.register()
    yield made
    await made.gateway.aclose()
    made.log.close()


def spellings(webhook: Any) -> dict[str, str]:
    """Ways to name it, of which Aircall takes the first three."""
    uuid: str = webhook.uuid
    return {
        "as told": uuid,
        "in capitals": uuid.upper(),
        "of older days": str(webhook.id),
        "of older days, with zeros": f"000{webhook.id}",
        "mixed": uuid[:9].upper() + uuid[9:],
        "without dashes": uuid.replace("-", ""),
        "in braces": f"{{{uuid}}}",
        "with spaces": f" {uuid} ",
        "as a URN": f"urn:uuid:{uuid}",
        "percent-encoded": uuid.replace("-", "%2D"),
    }


async def attempts(guarded: Guarded, spelled: str) -> list[tuple[str, str, dict[str, Any]]]:
    """(effect, operation, arguments) of everything that could touch a webhook of ours."""
    webhook, number = {"webhook_id": spelled}, {"number_id": guarded.number.id}
    return [
        ("write", "update_webhook", {**webhook, "url": STOLEN}),
        ("write", "update_webhook", {**webhook, "events": ["call.ended"], "events_action": "add"}),
        ("write", "update_webhook", {**webhook, "active": False}),
        ("write", "update_webhook", {**webhook, "custom_name": "mine"}),
        ("delete", "delete_webhook", webhook),
        ("write", "create_message_configuration", {**number, "callbackUrl": STOLEN}),
        ("write", "create_message_configuration",
         {**number, "callbackUrl": STOLEN, "type": "whatsapp"}),
        ("delete", "delete_message_configuration", number),
    ]  # fmt: skip


@pytest.mark.parametrize("spelling", spellings(type("W", (), {"uuid": "a-b", "id": 1})))
async def test_no_tool_and_no_surface_changes_what_we_listen_on(
    guarded: Guarded, spelling: str
) -> None:
    spelled = spellings(guarded.webhook)[spelling]
    before = guarded.effects()
    stands = (guarded.webhook.url, list(guarded.webhook.events), guarded.webhook.active)
    full, small = guarded.desk(), guarded.desk("search")
    aliased = guarded.desk(aircall_move_webhook="aircall_update_webhook")
    for effect, name, arguments in await attempts(guarded, spelled):
        operation: Operation = guarded.registry.ids[name]
        refused = [await full.call(operation.tool, arguments, Caller())]
        for spoken in (operation.tool, name, operation.route):
            asked = {"operation": spoken, "arguments": arguments}
            refused.append(await small.call(f"aircall_{effect}", asked, Caller(interface="mcp")))
        if name == "update_webhook":
            refused.append(await aliased.call("aircall_move_webhook", arguments, Caller()))
        for result in refused:
            assert result.is_error, (name, spelled)
            known = spelling in ("as told", "in capitals", "mixed", "of older days")
            if known or "configuration" in name:
                hint = result.payload["error"]["hint"]
                assert "aircall-mcp webhooks rotate" in hint
                assert "aircall-mcp webhooks remove" in hint
                assert "aircall-mcp webhooks register" in hint
    assert guarded.effects() == before
    assert (guarded.webhook.url, guarded.webhook.events, guarded.webhook.active) == stands
    assert (guarded.number.configurations["sms"].callback_url or "").startswith(URL)


@pytest.mark.parametrize("way", ["register", "rotate", "replaced"])
@pytest.mark.parametrize("spelling", ["as told", "in capitals", "of older days"])
async def test_one_that_is_being_made_cannot_be_changed_either(
    guarded: Guarded, way: str, spelling: str
) -> None:
    """It stands at Aircall, which has not answered yet: nobody here knows its id."""
    desk = guarded.desk()
    known = set(guarded.sandbox.world.webhooks)
    refused: list[Any] = []

    async def meanwhile() -> None:
        [new] = [one for key, one in guarded.sandbox.world.webhooks.items() if key not in known]
        spelled = {"webhook_id": spellings(new)[spelling]}
        for tool, more in (
            ("update", {"url": STOLEN}), ("update", {"active": False}), ("delete", {}),
        ):  # fmt: skip
            asked = {**spelled, **more}
            refused.append(await desk.call(f"aircall_{tool}_webhook", asked, Caller()))
        asked = {"webhook_id": guarded.other.uuid, "url": "https://others.example.com/in"}
        others = await desk.call("aircall_update_webhook", asked, Caller())
        assert not others.is_error, others.payload

    guarded.meanwhile = meanwhile
    if way == "register":
        found = await guarded.ours.register(URL)
    elif way == "rotate":
        [found, *_] = await guarded.ours.rotate("one")
    else:
        guarded.webhook.url = STOLEN
        [found, *_] = await guarded.ours.mend()
    assert found.state == "active"
    assert [result.payload["error"]["kind"] for result in refused] == ["not_allowed"] * 3
    new = guarded.sandbox.world.webhooks[found.webhook.aircall_id]
    assert (new.url, new.active) == (found.webhook.url, True)
    changed = [one for one in guarded.sandbox.arrivals if one.operation == "update_webhook"]
    assert len(changed) == 1


async def test_a_number_that_is_being_registered_cannot_be_registered_elsewhere(
    guarded: Guarded,
) -> None:
    [number] = [n for n in guarded.sandbox.world.numbers.values() if n.country == "FR"]
    await guarded.ours.remove("two")
    desk, refused = guarded.desk(), list[Any]()

    async def meanwhile() -> None:
        for tool, more in (("create", {"callbackUrl": STOLEN}), ("delete", {})):
            asked = {"number_id": number.id, **more}
            tool = f"aircall_{tool}_message_configuration"
            refused.append(await desk.call(tool, asked, Caller()))

    guarded.meanwhile = meanwhile
    await guarded.ours.register_number(URL, number.id)
    assert [result.payload["error"]["kind"] for result in refused] == ["not_allowed"] * 2
    assert (number.configurations["sms"].callback_url or "").startswith(URL)


@pytest.mark.slow
async def test_the_commands_say_that_a_webhook_was_replaced_too_often(home: Path) -> None:
    async with upstream() as there:
        code, _, err = await ran(there, home, ("webhooks", "register", "--public-url", URL))
        assert code == 0, err
        status: Any = None
        for _ in range(4):
            [webhook] = [
                one for one in there.sandbox.world.webhooks.values() if one.name == "aircall-mcp"
            ]
            webhook.url = STOLEN
            code, status, _ = await ran(there, home, ("webhooks", "status"))
        assert code == 1
        [one] = status["webhooks"]
        assert "replaced 3 times within a day" in one["fault"]
        assert there.arrivals("create_webhook") == 4
        _, looked, _ = await ran(there, home, ("doctor",))
        [found] = [one for one in looked["findings"] if one["what"] == "webhooks"]
        assert found["state"] == "bad"
        assert "replaced 3 times within a day" in found["said"]
        assert "webhooks rotate" in found["next"]


async def test_reading_stays_and_shows_no_token(guarded: Guarded) -> None:
    desk = guarded.desk()
    token = guarded.webhook.token
    line = guarded.number.configurations["sms"].token
    for tool, arguments in (
        ("aircall_get_webhook", {"webhook_id": guarded.webhook.uuid, "detail": "full"}),
        ("aircall_list_webhooks", {"detail": "full"}),
        ("aircall_get_message_configuration", {"number_id": guarded.number.id, "detail": "full"}),
    ):
        result = await desk.call(tool, arguments, Caller())
        assert not result.is_error, result.payload
        text = json.dumps(result.payload)
        assert token not in text
        assert line not in text
        assert URL in text


async def test_the_webhooks_of_others_are_changed_as_before(guarded: Guarded) -> None:
    desk = guarded.desk()
    other = guarded.other
    reads = len(guarded.sandbox.arrivals)
    for spelled in (other.uuid, other.uuid.upper(), str(other.id)):
        asked = {"webhook_id": spelled, "url": STOLEN, "events": ["call.ended"]}
        result = await desk.call("aircall_update_webhook", asked, Caller())
        assert not result.is_error, result.payload
    arrived = [one.operation for one in list(guarded.sandbox.arrivals)[reads:]]
    assert arrived == ["update_webhook", "update_webhook", "get_webhook", "update_webhook"]
    result = await desk.call("aircall_delete_webhook", {"webhook_id": other.uuid}, Caller())
    assert not result.is_error, result.payload
    [london] = [n for n in guarded.sandbox.world.numbers.values() if n.configurations
                and n.id != guarded.number.id]  # fmt: skip
    asked = {"number_id": london.id}
    result = await desk.call("aircall_delete_message_configuration", asked, Caller())
    assert not result.is_error, result.payload


async def test_where_the_log_cannot_be_read_nothing_of_the_kind_is_sent(
    guarded: Guarded, home: Path
) -> None:
    guarded.log.close()
    before = len(guarded.sandbox.arrivals)
    (home / "events.db").write_bytes(b"no database at all" * 300)
    desk = guarded.desk()
    for _, name, arguments in await attempts(guarded, guarded.other.uuid):
        result = await desk.call(f"aircall_{name}", arguments, Caller())
        assert result.is_error
        error = result.payload["error"]
        assert error["kind"] == "not_allowed"
        assert "could not be checked" in error["message"]
        assert "webhooks status" in error["hint"]
    assert len(guarded.sandbox.arrivals) == before
    result = await desk.call("aircall_create_tag", {"name": "new", "color": "#AA0000"}, Caller())
    assert not result.is_error, result.payload


async def test_what_touches_no_webhook_asks_no_log(
    home: Path, sandbox: Sandbox, registry: Registry
) -> None:
    def never() -> EventLog:
        raise AssertionError("the log was asked")

    gateway = gateway_to(sandbox)
    guard = Guard(never, gateway, registry.ids)
    asked: list[str] = []
    for operation in registry.known:
        if operation.ours:
            continue
        bound = operation.bind(operation.example)
        try:
            await guard(bound, Caller())
        except AssertionError:
            asked.append(operation.id)
    assert sorted(asked) == [
        "create_message_configuration", "delete_message_configuration", "delete_webhook",
        "update_webhook",
    ]  # fmt: skip
    await gateway.aclose()


async def test_a_home_that_never_registered_anything_is_not_made_for_the_question(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> None:
    from aircall_mcp.app import open_app
    from aircall_mcp.ground.config import settings_from

    app = open_app(settings_from({"sandbox": True}))
    listed = await app.desk.call("aircall_list_webhooks", {}, Caller())
    identity = listed.payload["data"]["webhooks"][0]["webhook_id"]
    result = await app.desk.call("aircall_delete_webhook", {"webhook_id": identity}, Caller())
    assert not result.is_error, result.payload
    assert not (home / "sandbox" / "events.db").exists()
    await app.aclose()


def environment(home: Path, base_url: str) -> dict[str, str]:
    return {
        "AIRCALL_MCP_BASE_URL": base_url,
        "AIRCALL_API_ID": "sandbox-api-id",
        "AIRCALL_API_TOKEN": "sandbox-api-token",
        "AIRCALL_MCP_HOME": str(home),
        "AIRCALL_MCP_VAULT_KEY": CANARIES["vault key"],
    }


async def ran(there: Upstream, home: Path, words: Sequence[str]) -> tuple[int, Any, str]:
    """A command of ours in a process of its own: exit code, JSON, stderr."""
    known = environment(home, f"http://127.0.0.1:{there.port}")
    async with started(*words, "--json", pipe=False, **known) as process:
        out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, json.loads(out) if out.strip() else None, err.decode()


@pytest.mark.slow
async def test_the_commands_keep_to_it_and_those_of_a_person_go_through(home: Path) -> None:
    """Registered, guarded against `run`, changed by somebody at Aircall, replaced, renewed."""
    async with upstream() as there:
        code, made, err = await ran(there, home, ("webhooks", "register", "--public-url", URL))
        assert code == 0, err
        [webhook] = [
            one for one in there.sandbox.world.webhooks.values() if one.url.startswith(URL)
        ]
        first = webhook.token
        changes = {"delete_webhook": {}, "DELETE /v1/webhooks/{webhook_id}": {},
                   "update_webhook": {"url": STOLEN}}  # fmt: skip
        refused = [
            ("run", operation, "--json", "--allow", EVERY_WORD,
             "--args", json.dumps({"webhook_id": identity, **more}))
            for identity in (webhook.uuid, webhook.uuid.upper(), str(webhook.id))
            for operation, more in changes.items()
        ]  # fmt: skip
        known = environment(home, f"http://127.0.0.1:{there.port}")
        for done in await asyncio.to_thread(lambda: forked(*refused, **known)):
            error = json.loads(done.stdout)["error"]
            assert (done.returncode, error["kind"]) == (1, "not_allowed"), done.args
            assert f"webhooks remove {made['webhook']}" in error["hint"]
        assert there.arrivals("update_webhook") == there.arrivals("delete_webhook") == 0
        webhook.url = STOLEN  # by another way than ours
        code, looked, _ = await ran(there, home, ("doctor",))
        found = [one for one in looked["findings"] if one["what"] in ("webhooks", "events")]
        assert [one["state"] for one in found] == ["bad", "attention"]
        assert "not to be trusted" in found[1]["said"]
        assert code == 1
        assert there.arrivals("delete_webhook") == 0  # a doctor looks
        code, status, err = await ran(there, home, ("webhooks", "status"))
        assert code == 0, err
        [stands] = status["webhooks"]
        assert stands["state"] == "active"
        [lost] = status["not_trusted"]
        assert (lost["webhook"], lost["replaced_by"]) == (made["webhook"], stands["webhook"])
        [second] = [one for one in there.sandbox.world.webhooks.values() if one.url.startswith(URL)]
        assert webhook.uuid not in there.sandbox.world.webhooks
        assert second.token != first
        code, looked, _ = await ran(there, home, ("doctor",))
        found = [one for one in looked["findings"] if one["what"] in ("webhooks", "events")]
        assert [one["state"] for one in found] == ["good", "attention"]
        code, renewed, err = await ran(there, home, ("webhooks", "rotate", stands["webhook"]))
        assert code == 0, err
        [rotated] = renewed["webhooks"]
        assert (rotated["replaces"], rotated["state"]) == (stands["webhook"], "active")
        [third] = [one for one in there.sandbox.world.webhooks.values() if one.url.startswith(URL)]
        assert third.token not in (first, second.token)
        code, status, _ = await ran(there, home, ("webhooks", "status"))
        assert len(status["not_trusted"]) == 1  # of the change alone, not of the renewal
        del there.sandbox.world.webhooks[third.uuid]
        code, status, _ = await ran(there, home, ("webhooks", "status"))
        [stands] = status["webhooks"]
        assert (code, stands["state"]) == (1, "missing")
        assert f"webhooks rotate {stands['webhook']}" in stands["next"]
        code, gone, err = await ran(there, home, ("webhooks", "remove"))
        assert (code, gone) == (0, {"removed": [rotated["webhook"]]}), err


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["create_webhook", "delete_webhook"])
async def test_a_watchdog_that_is_killed_waiting_for_an_answer_leaves_one_webhook_in_the_end(
    home: Path, operation: str
) -> None:
    """SIGKILL, when Aircall had done what it was asked and before we heard of it."""
    async with upstream() as there:
        await ran(there, home, ("webhooks", "register", "--public-url", URL))
        world = there.sandbox.world
        many = len(world.webhooks)
        [webhook] = [one for one in world.webhooks.values() if one.url.startswith(URL)]
        webhook.url = STOLEN
        before = there.arrivals(operation)
        silent = {"create_webhook": 1, "delete_webhook": 2}[operation]
        there.proxy.plan = lambda: (
            Fault("silence", after=True) if there.proxy.requests >= silent else None
        )
        known = environment(home, there.proxy.base_url)
        async with started("webhooks", "status", pipe=False, **known) as process:
            await until(lambda: there.performed(operation) != before)
            process.kill()
            await process.wait()
        code, status, err = await ran(there, home, ("webhooks", "status"))
        assert code == 0, err
        [stands] = status["webhooks"]
        [left] = [one for one in world.webhooks.values() if one.name == "aircall-mcp"]
        assert (left.uuid, left.url) == (stands["aircall_id"], stands["url"])
        assert len(world.webhooks) == many
        assert left.uuid != webhook.uuid
        [lost] = status["not_trusted"]
        assert lost["replaced_by"] == stands["webhook"]
