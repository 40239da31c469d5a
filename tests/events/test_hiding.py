"""One event never hides another, whoever wrote it and however it is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from aircall_mcp.errors import ArgumentError
from aircall_mcp.events.envelope import envelope_of
from aircall_mcp.events.event import Arrival
from aircall_mcp.events.kinds import KINDS, MOST, check_kinds
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.query import Query
from aircall_mcp.events.receiver import PREFIX, webhook_for

from ..forwarding import Forwarding
from ..harness import THURSDAY
from ..mail import PATH, TOKEN, call, receiving, text, told
from .harness import EventHarness

pytestmark = pytest.mark.anyio


def another(log: EventLog, name: str, account: str) -> None:
    log.webhooks.open(
        webhook_for(
            name, name.encode() * 8, account=account, aircall_id=name, kinds=(), now=THURSDAY,
            url=f"https://events.example.com{PREFIX}{name}",
        )
    )  # fmt: skip


def newer(identity: object, body: str, **more: Any) -> Arrival:
    return told("message.status_updated", identity, body=body, status="read", **more)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "forged",
    [
        newer("SM1", "forged", at=THURSDAY + 20 * 3600),
        newer("SM1", "forged", webhook="globex"),
        told("group_message.sent", "SM1", body="forged", status="read"),
        newer(["SM1"], "forged"),
        newer({"SM1": 1}, "forged"),
        newer("SM1 ", "forged"),
        newer(True, "forged"),
    ],
    ids=["future", "other company", "group", "list", "object", "space", "true"],
)
async def test_a_text_stays_shown_as_it_was_told(
    harness: EventHarness, forged: Arrival, first: bool
) -> None:
    another(harness.log, "globex", "globex")
    genuine = text("SM1", "genuine")
    harness.hear(*((forged, genuine) if first else (genuine, forged)))
    answer = await harness.ask("list_messages")
    assert "genuine" in [one["data"]["body"] for one in answer["data"]["messages"]]


async def test_what_two_told_is_what_the_genuine_one_told(harness: EventHarness) -> None:
    """Whoever took a token was quicker by a second, and the change at Aircall is found later."""
    for name in ("one", "two"):
        another(harness.log, name, "acme")
    stolen = told("message.received", "SM1", body="Is Thursday fine?", webhook="one")
    genuine = told("message.received", "SM1", body="Is Thursday fine?", webhook="two")
    harness.hear(stolen, told("message.received", "SM2", body="Wire the money", webhook="one"))
    harness.hear(genuine)
    assert harness.log.webhooks.distrust("one")
    answer = await harness.ask("list_messages")
    trust = {one["data"]["body"]: one.get("trusted") for one in answer["data"]["messages"]}
    assert trust == {"Is Thursday fine?": None, "Wire the money": False}
    harness.log.webhooks.distrust("two")
    answer = await harness.ask("list_messages")
    assert [one.get("trusted") for one in answer["data"]["messages"]] == [False, False]


@pytest.mark.parametrize("many", [150, 600, 40_000])
async def test_made_up_kinds_hide_no_event_from_anybody(harness: EventHarness, many: int) -> None:
    """Each is remembered, and a database joins 500 walks at most, and knows 32,000 values."""
    harness.hear(call("ended", 42), text("SM1", "genuine"))
    with_kinds(harness.log, [f"call.x{n}" for n in range(many)] + ["message.x"] * (many > 1000))
    harness.hear(told("call.x1", 7), told("call.x2", 8))
    for kinds in (["call.*"], ["call.ended"], ["*"], ["call.*", "message.*"], ["call.x1"]):
        answer = await harness.ask("read_events", kinds=kinds)
        seen = {one["event"] for one in answer["data"]["events"]}
        assert seen == {
            kind
            for kind in ("call.ended", "message.received", "call.x1", "call.x2")
            if any(kind == one or one == "*" or kind.startswith(one[:-1]) for one in kinds
                   if one == kind or one.endswith("*"))
        }  # fmt: skip
    found = await harness.ask("wait_for_event", kinds=["call.*"], after=0, timeout_seconds=5)
    assert found["data"]["event"]["event"] == "call.ended"
    texts = await harness.ask("list_messages")
    assert [one["data"]["body"] for one in texts["data"]["messages"]] == ["genuine"]


async def test_nor_do_they_keep_anything_from_being_passed_on(forwarding: Forwarding) -> None:
    forwarding.destination()
    forwarding.rules.add(["call.*"], "crm")
    with_kinds(forwarding.log, [f"call.x{n}" for n in range(600)])
    forwarding.log.append([call("ended", 42), told("message.x", 1)])
    await forwarding.settle()
    assert forwarding.receiver.sequences() == [1]


def with_kinds(log: EventLog, kinds: list[str]) -> None:
    """As if an event of each had come in; that takes long."""
    sql = "INSERT INTO kind (name) VALUES (:kind) ON CONFLICT DO NOTHING"
    log._store.write(lambda tx: [tx.run(sql, kind=kind) for kind in kinds])  # pyright: ignore[reportPrivateUsage]


async def test_the_same_is_found_however_many_kinds_there_are(harness: EventHarness) -> None:
    """One walk and many: by each time, side and order, over events that came late as well."""
    for n in range(1, 60):
        late = 400 if n % 7 == 0 else 0
        harness.hear(call(("ended", "created", "answered")[n % 3], n, at=THURSDAY + 10 * n - late))
        harness.hear(text(f"SM{n}", "x", at=THURSDAY + 10 * n))
        harness.clock.pass_by(10)
    asked = [
        Query(kinds=kinds, after=after, before=before, since=since, until=until, limit=limit)
        for kinds in (["call.*"], ["call.ended", "message.*"], ["call.created"])
        for after in (None, 20)
        for before in (None, 90)
        for since in (None, THURSDAY + 100)
        for until in (None, THURSDAY + 400)
        for limit in (5, 500)
    ]
    few = [[event.sequence for event in harness.log.read(query)] for query in asked]
    with_kinds(harness.log, [f"{of}.x{n}" for of in ("call", "message") for n in range(300)])
    many = [[event.sequence for event in harness.log.read(query)] for query in asked]
    assert few == many
    assert sum(map(len, few)) > 500


def test_more_kinds_than_there_are_cannot_be_asked_for() -> None:
    assert len(KINDS) <= MOST
    check_kinds(KINDS)
    with pytest.raises(ArgumentError, match="100 kinds"):
        check_kinds(["call.ended"] * (MOST + 1))


def body(data: str, timestamp: object = int(THURSDAY), kind: str = "call.ended") -> bytes:
    return (
        f'{{"resource":"call","event":"{kind}","timestamp":{json.dumps(timestamp)},'
        f'"token":"{TOKEN}","data":{data}}}'
    ).encode()


def nested(levels: int) -> str:
    return '{"id":1,"a":' + '{"a":' * (levels - 1) + "1" + "}" * levels


ODD: dict[str, Callable[[], bytes]] = {
    "an id that is a list": lambda: body('{"id":[42]}'),
    "an id that is an object": lambda: body('{"id":{"a":42}}'),
    "an id that is true": lambda: body('{"id":true}'),
    "an id that is a fraction": lambda: body('{"id":4.2}'),
    "an id beyond all ids": lambda: body('{"id":99999999999999999999}'),
    "a call id that is a list": lambda: body('{"id":"x","call_id":[1]}', kind="summary.created"),
    "a call within whose id is a list": lambda: body('{"id":1,"call":{"id":[]}}'),
    "nested 900 deep": lambda: body(nested(900)),
    "nested 90,000 deep": lambda: body(nested(90_000)),
    "1e400": lambda: body('{"id":1,"cost":1e400}'),
    "-1e400": lambda: body('{"id":1,"a":[-1e400]}'),
    "an id of 1e400": lambda: body('{"id":1e400}'),
    "a time of 1e400": lambda: body('{"id":1}').replace(b"1795082400", b"1e400"),
    "a number of 5,000 digits": lambda: body(f'{{"id":1,"n":{"9" * 5_000}}}'),
    "a time in the future": lambda: body('{"id":1}', THURSDAY + 90_000),
    "a time in a year that never comes": lambda: body('{"id":1}', 10**14),
    "a time before all calls": lambda: body('{"id":1}', -5),
}


@pytest.mark.parametrize("odd", ODD)
async def test_what_cannot_be_read_is_stored_marked_and_shown(
    harness: EventHarness, odd: str
) -> None:
    async with receiving(harness.log, harness.clock.handed()) as client:
        for content in (body('{"id":42,"name":"before"}'), ODD[odd](), body('{"id":43}')):
            assert (await client.post(PATH, content=content)).status_code == 200
    answer = await harness.ask("read_events", limit=10)
    json.dumps(answer, allow_nan=False).encode()
    events = {one["sequence"]: one for one in answer["data"]["events"]}
    assert list(events) == [3, 2, 1]
    assert [events[n]["data"]["id"] for n in (1, 3)] == [42, 43]
    assert events[2]["unrecognised"]
    assert not any({"unrecognised", "unreadable"} & events[n].keys() for n in (1, 3))
    kept = harness.log.get(2)
    assert kept is not None
    assert kept.raw  # all of it, as it came
    assert TOKEN not in kept.raw
    # Beside it the others are found by what they are about.
    by_call = await harness.ask("read_events", call_id=42)
    assert [one["sequence"] for one in by_call["data"]["events"]] == [1]


@pytest.mark.parametrize("identity", ["42", '"SM1"', '"0b3c"', "null", '""'])
def test_an_id_as_aircall_writes_them_is_not_marked(identity: str) -> None:
    assert envelope_of(body(f'{{"id":{identity}}}')).read().unrecognised == ""
