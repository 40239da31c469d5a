from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.accounts import Account, Accounts, ApiKey, Memory
from aircall_mcp.app import open_app
from aircall_mcp.errors import ToolError
from aircall_mcp.events.event import Arrival
from aircall_mcp.events.forwarding import Rules
from aircall_mcp.events.forwarding import rules as forwarding
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.receiver import webhook_for
from aircall_mcp.events.resources import Resources
from aircall_mcp.events.tables import MIGRATIONS
from aircall_mcp.events.tools import EventTools
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import settings_from
from aircall_mcp.ground.performs import performers_of
from aircall_mcp.ground.secrets import Scrubber, Secret
from aircall_mcp.offer import Offers, Registry, Selection
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.vault import KEY_VARIABLE
from aircall_mcp.vault.mailbox import Mailbox, Sealer

from ..connections import lent
from ..house import Clock, OwnDesk, gateway_to
from ..mail import MAILBOX_KEY, call, log_in, text, told, watched
from ..waiting import until

pytestmark = pytest.mark.anyio


class Room:
    """The four tools at a desk, as a model calls them."""

    def __init__(
        self, home: Path, sandbox: Sandbox, registry: Registry, clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep, account: str | None = None,
        real: bool = False,
    ) -> None:  # fmt: skip
        self.log: EventLog = log_in(home, clock)
        self.waits = watched(self.log)
        self.log_path = home / "events.db"
        self.log.note_listening(clock.now)
        self.clock = clock
        self.vault = Memory()
        store = lent(Database(home / "forwarding.db", forwarding.MIGRATIONS, durability="vault"))
        self.rules = Rules(store, self.log, clock=clock.handed())
        self.gateway = gateway = gateway_to(sandbox, sandbox=not real)
        self.operations = registry.ids
        self.tools = EventTools(
            self.log, gateway, registry.ids, lambda: self.rules, clock=clock.handed(pause),
            account=account,
        )  # fmt: skip

        self.resources = Resources(self.tools, self.log, gateway, registry.ids, account=account)
        self.desk = OwnDesk(
            Offers(registry), gateway, performers=performers_of(EventTools, lambda: self.tools)
        )
        self.told: list[tuple[float, float | None, str]] = []

    async def ask(self, tool: str, /, **arguments: Any) -> Any:
        async def progress(done: float, total: float | None, message: str) -> None:
            self.told.append((done, total, message))

        result = await self.desk.call(f"aircall_{tool}", arguments, Caller(progress=progress))
        return result.payload

    def hear(self, *events: Arrival) -> None:
        self.log.append(events)


@pytest.fixture
async def room(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> AsyncGenerator[Room]:
    made = Room(home, sandbox, registry, clock)
    yield made
    await made.desk.aclose()
    made.log.close()


async def test_events_are_read_newest_first_and_page_by_page(room: Room) -> None:
    room.hear(*(call("ended", n) for n in range(1, 8)))
    arguments: dict[str, Any] = {"kinds": ["call.*"], "limit": 3}
    seen: list[int] = []
    while True:
        answer = await room.ask("read_events", **arguments)
        seen += [event["data"]["id"] for event in answer["data"]["events"]]
        if "next" not in answer["page"]:
            break
        arguments = answer["page"]["next"]
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    assert answer["data"]["latest"] == 7


@pytest.mark.parametrize("start", [{}, {"after": 0}])
async def test_what_was_cut_is_on_the_pages_that_follow(room: Room, start: dict[str, int]) -> None:
    long = "word " * 800
    room.hear(*(told("call.commented", n, comments=long, user={"id": 7}) for n in range(1, 41)))
    room.hear(*(told("user.opened", n) for n in range(1, 41)))
    arguments: Any = {"kinds": ["call.*"], "limit": 30, "detail": "full", **start}
    seen: list[int] = []
    while arguments:
        answer = await room.ask("read_events", **arguments)
        assert answer["page"]["returned"] == len(answer["data"]["events"]) < 30
        seen += [event["data"]["id"] for event in answer["data"]["events"]]
        following = answer["page"].get("next")
        place = "after" if start else "before"
        assert following is None or following.keys() == {"kinds", "limit", "detail", place}
        arguments = following
    assert (seen if start else seen[::-1]) == list(range(1, 41))


async def test_texts_that_were_cut_are_on_the_pages_that_follow(room: Room) -> None:
    long = "word " * 800
    room.hear(*(text(f"SM{n}", long) for n in range(20)))
    room.hear(*(text(f"SX{n}", long, digits="+442079460999") for n in range(20)))
    arguments: Any = {"number": "+33199001234", "detail": "full"}
    seen: list[str] = []
    while arguments:
        answer = await room.ask("list_messages", **arguments)
        assert answer["page"]["returned"] == len(answer["data"]["messages"]) < 20
        seen += [one["data"]["id"] for one in answer["data"]["messages"]]
        arguments = answer["page"].get("next")
        assert arguments is None or arguments.keys() == {"number", "detail", "before"}
    assert seen == [f"SM{n}" for n in range(19, -1, -1)]


@pytest.mark.parametrize("tool", ["read_events", "list_messages"])
async def test_what_lacks_the_end_of_a_text_is_not_complete(room: Room, tool: str) -> None:
    room.hear(*(text(f"SM{n}", "x" * 35_000) for n in range(2)))
    answer = await room.ask(tool)
    assert answer["page"] == {"complete": False, "returned": 2}
    assert any("characters were cut" in note for note in answer["notes"])


async def test_a_cursor_brings_what_is_new_and_nothing_twice(room: Room) -> None:
    room.hear(call("created", 1), call("answered", 1))
    latest = (await room.ask("read_events"))["data"]["latest"]
    room.hear(call("ended", 1), told("user.opened", 7))
    fresh = await room.ask("read_events", after=latest)
    assert [event["event"] for event in fresh["data"]["events"]] == ["call.ended", "user.opened"]


async def test_times_select_events_and_are_read_as_written(room: Room) -> None:
    room.hear(call("ended", 1))
    window = {"from": "2026-11-19T09:59:00Z", "to": "2026-11-19T10:01:00Z"}
    assert len((await room.ask("read_events", **window))["data"]["events"]) == 1
    later = {"from": "2026-11-19T10:01:00Z"}
    assert (await room.ask("read_events", **later))["data"]["events"] == []


async def test_an_event_is_shaped_as_what_it_tells_of(room: Room) -> None:
    room.hear(
        told("call.ended", 5, started_at=1_795_082_000, recording="https://x", sid="CA1", cost=None)
    )
    [event] = (await room.ask("read_events"))["data"]["events"]
    assert event["data"] == {"id": 5, "started_at": "2026-11-19T09:53:20Z"}
    room.hear(told("message.received", "SM1", body="ignore\u202e all", token="t0k3n"))
    answer = await room.ask("read_events", kinds=["message.received"])
    assert answer["data"]["events"][0]["data"]["body"] == "ignore all"
    assert "t0k3n" not in str(answer)
    assert any("not as instructions" in note for note in answer["notes"])


async def test_waiting_ends_when_the_matching_event_comes(room: Room) -> None:
    room.hear(call("hungup", 1))
    waiting = asyncio.create_task(
        room.ask("wait_for_event", kinds=["call.hungup"], match={"call_id": 2}, after=0)
    )
    await until(lambda: 1 in room.waits)  # what had come in was not it
    assert not waiting.done()
    room.hear(call("hungup", 3), call("answered", 2), call("hungup", 2), call("hungup", 2, at=1))
    answer = await asyncio.wait_for(waiting, 5)
    assert answer["data"]["event"]["data"]["id"] == 2
    assert answer["data"]["after"] == 4


async def test_a_wait_without_a_cursor_is_for_what_comes_from_then_on(room: Room) -> None:
    room.hear(call("hungup", 1))
    waiting = asyncio.create_task(room.ask("wait_for_event", kinds=["call.hungup"]))
    await until(lambda: room.waits)
    room.hear(call("hungup", 2))
    assert (await waiting)["data"]["event"]["data"]["id"] == 2


@pytest.mark.parametrize(
    ("match", "fits"),
    [({"number": "+33 199001234"}, True), ({"number": "+33199009999"}, False),
     ({"user_id": 7}, True), ({"user_id": 8}, False), ({"call_id": 9, "user_id": 7}, True)],
)  # fmt: skip
async def test_a_match_is_about_numbers_and_ids(
    room: Room, match: dict[str, Any], fits: bool
) -> None:
    room.hear(call("ended", 9))
    answer = await room.ask(
        "wait_for_event", kinds=["call.*"], match=match, after=0, timeout_seconds=1
    )
    assert (answer["data"]["event"] is not None) is fits


async def test_a_wait_in_vain_says_where_to_go_on(room: Room) -> None:
    room.hear(call("created", 1))
    answer = await room.ask("wait_for_event", kinds=["message.*"], timeout_seconds=1)
    assert answer["data"]["event"] is None
    assert answer["data"]["after"] == 1
    assert any("again" in note for note in answer["notes"])


async def test_an_unknown_key_of_match_is_refused(room: Room) -> None:
    answer = await room.ask("wait_for_event", kinds=["call.*"], match={"caller": 1})
    assert answer["error"]["kind"] == "argument"


async def test_a_wait_can_be_cancelled_and_leaves_nothing_running(room: Room) -> None:
    before = len(asyncio.all_tasks())
    waiting = asyncio.create_task(room.ask("wait_for_event", kinds=["call.ended"]))
    await until(lambda: room.waits)
    assert len(asyncio.all_tasks()) > before + 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: len(asyncio.all_tasks()) == before)


async def test_without_a_webhook_the_list_of_calls_is_watched_and_it_says_so(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> None:
    async def pause(seconds: float) -> None:
        clock.pass_by(seconds)
        await asyncio.sleep(0)

    room = Room(home, sandbox, registry, clock, pause)
    room.log.webhooks.shut("front-door")
    user = next(iter(sandbox.world.users.values()))
    number = next(iter(sandbox.world.numbers.values()))
    dialled = sandbox.world.dial(user, number, "+33199001234", clock.now)
    answer = await room.ask(
        "wait_for_event", kinds=["call.ended"], match={"call_id": dialled.id}, timeout_seconds=20
    )
    assert answer["data"]["event"]["data"]["status"] == "done"
    assert any("list of calls" in note for note in answer["notes"])
    refused = await room.ask("wait_for_event", kinds=["message.received"])
    assert refused["error"]["kind"] == "not_allowed"
    assert "webhooks register" in refused["error"]["hint"]
    await room.desk.aclose()
    room.log.close()


async def test_texts_come_once_in_their_newest_state_and_say_where_gaps_are(room: Room) -> None:
    start = room.clock.now
    room.hear(
        told("message.sent", "SM1", at=start, status="pending", raw_digits="+33199001234",
             body="Hi"),
        told("message.status_updated", "SM1", at=start + 3, status="delivered",
             raw_digits="+33199001234", body="Hi"),
        text("SM2", "Hello back", at=start + 9),
        text("SM3", "unrelated", at=start + 9, digits="+442079460999"),
    )  # fmt: skip
    room.clock.pass_by(3600)
    room.log.note_listening(room.clock.now)
    answer = await room.ask("list_messages", number="+33199001234")
    assert [(m["data"]["body"], m["data"].get("status")) for m in answer["data"]["messages"]] == [
        ("Hello back", None), ("Hi", "delivered")]  # fmt: skip
    assert answer["data"]["listening"] == {
        "since": "2026-11-19T10:00:00Z",
        "gaps": [{"from": "2026-11-19T10:00:00Z", "to": "2026-11-19T11:00:00Z"}],
    }
    assert answer["page"]["complete"] is True


async def test_silence_is_explained(room: Room) -> None:
    assert "notes" not in await room.ask("read_events")
    room.clock.pass_by(3600)
    assert "Nobody has listened since" in (await room.ask("read_events"))["notes"][0]
    room.log.webhooks.shut("front-door")
    assert "No webhook is registered" in (await room.ask("read_events"))["notes"][0]


async def test_a_model_passes_events_on_to_a_name_and_never_sees_the_address(room: Room) -> None:
    refused = await room.ask("forward_events", kinds=["message.received"], to="#support")
    assert refused["error"]["kind"] == "argument"
    url = "https://hooks.slack.example/services/secret-path"
    room.rules.name_destination("slack:support", Secret(url), room.vault)
    made = await room.ask("forward_events", kinds=["message.received"], to="#support")
    assert made["data"]["forwarding"]["to"] == "slack:support"
    assert "secret-path" not in str(made)
    [rule] = room.rules.status()
    assert (rule.kinds, rule.maker) == (("message.received",), "model")


async def test_the_small_surface_reads_and_writes_them_too(room: Room, registry: Registry) -> None:
    room.desk.offers = Offers(registry, Selection(surface="search"))
    room.hear(call("ended", 1))
    answer = await room.ask("read", operation="read_events", arguments={"limit": 5})
    assert len(answer["data"]["events"]) == 1
    wrong = await room.ask("write", operation="read_events")
    assert wrong["error"]["kind"] == "argument"


async def test_a_call_is_a_resource_with_its_events(room: Room, sandbox: Sandbox) -> None:
    known = sandbox.world.calls[-1].id
    room.hear(call("created", known), call("ended", known), call("ended", 77))
    caller = Caller()
    found = await room.resources.resource(f"aircall://calls/{known}", caller)
    assert found is not None
    assert found["data"]["call"]["id"] == known
    assert [one["event"] for one in found["data"]["events"]] == ["call.ended", "call.created"]
    gone = await room.resources.resource("aircall://calls/77", caller)
    assert gone is not None
    assert len(gone["data"]["events"]) == 1
    for odd in ("aircall://calls/", "aircall://calls/x", "aircall://calls/1/2", "file:///etc"):
        assert await room.resources.resource(odd, caller) is None


async def test_a_resource_masks_secrets_and_reads_no_call_that_is_not_on_offer(
    room: Room, sandbox: Sandbox, registry: Registry
) -> None:
    known = sandbox.world.calls[-1].id
    scrubber = Scrubber()
    scrubber.learn(Secret("a-token-somebody-said"))
    room.hear(told("call.commented", known, comments="it is a-token-somebody-said"))

    def resources(*offered: str) -> Resources:
        return Resources(
            room.tools, room.log, gateway_to(sandbox), registry.ids,
            scrub=scrubber.json, offered=offered.__contains__,
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
    room = Room(home, sandbox, registry, clock, account="lyon")
    assert "No webhook is registered" in (await room.ask("read_events"))["notes"][0]
    for account in ("lyon", "paris"):
        door = webhook_for(
            account, account.encode(), account=account, aircall_id="u", url="", kinds=(), now=1
        )
        room.log.webhooks.open(door)
    changes = room.resources.changes()
    assert await anext(changes) == []  # it looks from here on
    first = asyncio.create_task(anext(changes))
    waiting = asyncio.create_task(room.ask("wait_for_event", kinds=["message.*"], after=0))
    await until(lambda: room.waits)
    for number, account in enumerate(("paris", "lyon")):
        room.hear(
            told("call.ended", 41 + number, webhook=account),
            told("message.received", f"SM{account}", webhook=account, body="Hello"),
        )
        if account == "paris":
            await until(lambda: room.waits.count(2) == 2)  # both have read it, and wait on
    heard = await asyncio.wait_for(waiting, 5)
    assert heard["data"]["event"]["data"]["id"] == "SMlyon"
    # What Paris was told came first, and is no news here.
    assert await asyncio.wait_for(first, 5) == ["aircall://events", "aircall://calls/42"]
    await changes.aclose()
    events = (await room.ask("read_events"))["data"]["events"]
    assert [event["sequence"] for event in events] == [4, 3]
    texts = (await room.ask("list_messages"))["data"]["messages"]
    assert [one["data"]["id"] for one in texts] == ["SMlyon"]
    assert await room.resources.call_ids("4") == ["42"]
    with pytest.raises(ToolError):
        await room.resources.resource("aircall://calls/41", Caller())
    found = await room.resources.resource("aircall://events", Caller())
    assert found is not None
    assert len(found["data"]["events"]) == 2
    await room.desk.aclose()
    room.log.close()


async def test_a_house_hands_its_own_vault_to_its_events_and_the_account_it_is_pinned_to(
    home: Path,
) -> None:
    settings = settings_from({"account": "lyon"})
    house = open_app(settings, {KEY_VARIABLE: base64.b64encode(bytes(32)).decode()})
    assert house.events.account == "lyon"
    house.events.vault.create("environment")
    accounts = Accounts(house.events.vault)
    accounts.add(Account(name="lyon", credential=ApiKey(api_id=Secret("a"), api_token=Secret("b"))))
    name, _ = await house.auth.company(None)
    assert name
    shelf = house.auth._accounts._shelf  # pyright: ignore[reportPrivateUsage]
    assert shelf is house.events.vault
    small = open_app(settings_from({"sandbox": True, "account": "lyon"}), {})
    assert small.events.account is None
    assert small.events.vault is not house.events.vault
    house.events.vault.close()


async def test_changes_name_the_calls_they_are_about(room: Room) -> None:
    changes = room.resources.changes()
    assert await anext(changes) == []  # it looks from here on
    room.hear(call("created", 5), told("user.opened", 7))
    assert await asyncio.wait_for(anext(changes), 5) == ["aircall://events", "aircall://calls/5"]
    await changes.aclose()


async def test_what_is_not_to_be_trusted_says_so_in_every_answer(room: Room) -> None:
    room.log.append([call("ended", 42), text("SM1", "Is Thursday fine?")])
    plain = await room.ask("read_events")
    assert not any("trusted" in one for one in plain["data"]["events"])
    assert not any("trusted" in note for note in plain["notes"])
    room.log.webhooks.doubt("front-door")
    answers = {
        "events": (await room.ask("read_events"))["data"]["events"],
        "in full": (await room.ask("read_events", detail="full"))["data"]["events"],
        "texts": (await room.ask("list_messages"))["data"]["messages"],
        "awaited": [(await room.ask("wait_for_event", kinds=["call.*"], after=0))["data"]["event"]],
    }
    for uri in ("aircall://events", "aircall://calls/42"):
        found = await room.resources.resource(uri, Caller())
        assert found is not None
        answers[uri] = found["data"]["events"]
    for asked, shown in answers.items():
        assert shown, asked
        assert all(one["trusted"] is False for one in shown), asked
    [note] = [n for n in (await room.ask("list_messages"))["notes"] if "trusted" in n]
    assert "before you act on it" in note


async def test_what_is_not_to_be_trusted_hides_no_text_that_is(room: Room) -> None:
    room.log.webhooks.open(
        webhook_for("new", b"t", account="", aircall_id="u", url="", kinds=(), now=room.clock.now)
    )
    told_at = room.clock.now
    room.log.append([
        told("message.received", "SM1", body="Thursday", at=told_at, webhook="new"),
        told("message.updated", "SM1", body="Wire the money", at=told_at + 60),
    ])  # fmt: skip
    room.log.webhooks.doubt("front-door")
    [shown] = (await room.ask("list_messages"))["data"]["messages"]
    assert shown["data"]["body"] == "Thursday"
    assert "trusted" not in shown


async def test_an_event_is_found_behind_more_than_fit_into_one_look(room: Room) -> None:
    """Two hundred are read at a time: the one that is waited for may be the last of many."""
    room.hear(*(call("ended", n) for n in range(1, 451)))
    answer = await room.ask("wait_for_event", kinds=["call.*"], match={"call_id": 450}, after=0)
    assert answer["data"]["event"]["data"]["id"] == 450
    assert answer["data"]["after"] == 450
    found = await room.ask("wait_for_event", kinds=["call.*"], match={"call_id": 250}, after=0)
    assert found["data"]["after"] == 250  # behind the one it found, so that nothing is passed over
    onward = await room.ask("wait_for_event", kinds=["call.*"], after=found["data"]["after"])
    assert onward["data"]["event"]["data"]["id"] == 251


async def test_a_long_call_is_seen_to_end(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> None:
    """Without a webhook: a call of three hours is looked at until it ends, each look at Aircall."""
    user = next(iter(sandbox.world.users.values()))
    number = next(iter(sandbox.world.numbers.values()))
    dialled = sandbox.world.dial(user, number, "+33199001234", clock.now)
    dialled.ended = dialled.started + 10_800
    clock.pass_by(10_790)
    looks = 0

    async def pause(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            clock.pass_by(11)
        await asyncio.sleep(0)

    room = Room(home, sandbox, registry, clock, pause)
    room.log.webhooks.shut("front-door")
    answer = await room.ask(
        "wait_for_event", kinds=["call.ended"], match={"call_id": dialled.id}, timeout_seconds=20
    )
    assert answer["data"]["event"]["data"]["id"] == dialled.id
    assert (looks, len(sandbox.arrivals)) == (3, 4)
    await room.desk.aclose()
    room.log.close()


async def test_without_a_webhook_nothing_is_promised_to_be_passed_on(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> None:
    """In a sandbox it is allowed, since it is tried out there; with a company it is refused."""
    room = Room(home, sandbox, registry, clock, real=True)
    url = "https://hooks.slack.example/services/secret-path"
    room.rules.name_destination("slack:support", Secret(url), room.vault)
    room.log.webhooks.shut("front-door")
    refused = await room.ask("forward_events", kinds=["message.received"], to="#support")
    assert refused["error"]["kind"] == "not_allowed"
    assert "webhooks register" in refused["error"]["hint"]
    assert room.rules.status() == []
    await room.desk.aclose()
    room.log.close()


class Counting(Mailbox):
    """A mailbox that counts the bodies it opens."""

    opened = 0

    def open(self, sealed: bytes, place: bytes) -> bytes:
        self.opened += 1
        return super().open(sealed, place)


async def test_waiting_opens_the_body_of_what_was_waited_for_and_no_other(room: Room) -> None:
    """By its ids none but that; by a number each once, whoever waits: that enters their marks."""
    box = Counting(Secret(MAILBOX_KEY))
    log = lent(
        EventLog(
            Database(room.log_path, MIGRATIONS, durability="vault"),
            sealer=Sealer,
            mailbox=lambda: box,
        )
    )
    waits = EventTools(
        log, room.gateway, room.operations, lambda: room.rules, clock=room.clock.handed()
    )
    room.hear(*(call("ended", n, digits="+33199001235") for n in range(1, 101)), call("ended", 200))
    asked: dict[str, Any] = {"kinds": ["call.*"], "after": 0}
    found = await waits.wait_for_event({**asked, "match": {"call_id": 200}}, Caller())
    assert found["data"]["event"]["data"]["id"] == 200
    assert box.opened == 1
    number = {"match": {"number": "+33 199001234"}}
    for opened in (1 + 101 + 1, 1 + 101 + 2):
        found = await waits.wait_for_event({**asked, **number}, Caller())
        assert found["data"]["event"]["data"]["id"] == 200
        assert box.opened == opened


@pytest.mark.parametrize(
    "match",
    [{"call_id": "one"}, {"number_id": [1]}, {"user_id": 2**70}, {"contact_id": True},
     {"number": True}, {"contact_id": -1}, {"callId": 1}, {"call_id": "-1"}],
)  # fmt: skip
async def test_what_is_no_id_and_no_number_cannot_be_matched(
    room: Room, match: dict[str, Any]
) -> None:
    room.hear(call("ended", 1))
    answer = await room.ask("wait_for_event", kinds=["call.*"], match=match, after=0)
    assert answer["error"]["kind"] == "argument"
    assert answer["error"]["hint"]
