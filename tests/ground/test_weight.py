from __future__ import annotations

import json
import threading
from concurrent.futures import Executor, Future
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as some

from aircall_mcp.errors import ArgumentError, ToolError
from aircall_mcp.gateway.body import LARGEST_ERROR
from aircall_mcp.gateway.connections import LARGEST_ANSWER
from aircall_mcp.gateway.journal import MIGRATIONS, Journal
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.secrets import Scrubber, Secret
from aircall_mcp.ground.weight import (
    LIGHT,
    MOST_ASKED,
    MOST_VALUES,
    Aside,
    deeper_than,
    values_in,
    weight_in,
    weight_of,
)
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.offer.shape import LARGEST
from aircall_mcp.protocol.http import mcp_app
from aircall_mcp.protocol.mcp_server import AircallServer
from aircall_mcp.storage.state import InMemory

from ..harness import AIRCALL, OwnDesk, OwnGateway, answering, auth_for, gateway_to

pytestmark = pytest.mark.anyio

Tree = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
)


class Bench(Executor):
    """Does what it is given at once, and counts it."""

    def __init__(self) -> None:
        self.pieces = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.pieces += 1
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


@pytest.mark.parametrize("levels", [1, 2, 7, 100])
def test_how_deep_is_counted_in_objects_and_arrays(levels: int) -> None:
    arrays = json.loads("[" * levels + "1" + "]" * levels)
    objects = json.loads('{"a": ' * levels + "1" + "}" * levels)
    for value in (arrays, objects):
        assert not deeper_than(levels, value)
        assert deeper_than(levels - 1, value)
    assert not deeper_than(0, "text")


def count(value: Any) -> int:
    if isinstance(value, list):
        return 1 + sum(map(count, value))  # pyright: ignore[reportUnknownArgumentType]
    return 1 + sum(map(count, value.values())) if isinstance(value, dict) else 1  # pyright: ignore[reportUnknownArgumentType]


@given(Tree, some.sampled_from([None, 1]), some.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_the_cheap_count_never_falls_short_of_what_a_parser_finds(
    tree: Any, indent: int | None, encoding: str
) -> None:
    text = json.dumps(tree, indent=indent, ensure_ascii=False)
    assert values_in(text) >= count(tree)
    assert values_in(text.encode(encoding, "surrogatepass")) >= count(tree)


def test_what_is_light_by_its_bytes_may_weigh_by_its_values() -> None:
    assert weight_of(LIGHT, 5_000) == LIGHT
    assert weight_of(20_000, 10_000) > LIGHT
    assert weight_of(17, 2) < 200


async def test_what_is_heavy_is_done_on_another_thread_and_what_is_light_is_not() -> None:
    aside = Aside()
    here = threading.get_ident()
    assert await aside(threading.get_ident, weight=LIGHT) == here
    assert await aside(threading.get_ident, weight=LIGHT + 1) != here
    assert aside.done == 1
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 // 0, weight=LIGHT + 1)
    aside.close()


def answered_with(
    body: bytes, status: int = 200, *, key: str = "get_call", registry: Registry
) -> tuple[OwnDesk, Bench, list[dict[str, Any]]]:
    app, asked = answering(status, body)
    bench = Bench()
    return OwnDesk(Offers(registry), gateway_to(app, aside=Aside(bench))), bench, asked


async def test_a_large_answer_is_parsed_shaped_and_cut_beside_the_loop(registry: Registry) -> None:
    call = {"id": 1, "a": [{"b": n} for n in range(20_000)]}
    desk, bench, asked = answered_with(json.dumps({"call": call}).encode(), registry=registry)
    result = await desk.call("aircall_get_call", {"call_id": 1}, Caller())
    assert not result.is_error
    assert len(json.dumps(result.payload["data"], separators=(",", ":"))) <= LARGEST
    assert len(asked) == 1
    assert bench.pieces == 2  # once parsed, once worded
    await desk.aclose()


async def test_an_answer_of_usual_size_stays_on_the_loop(registry: Registry) -> None:
    calls = [{"id": n, "direct_link": "x" * 60, "raw_digits": "+33" * 4} for n in range(1000)]
    body = json.dumps({"calls": calls, "meta": {}}).encode()
    assert len(body) > 100_000
    desk, bench, _ = answered_with(body, registry=registry)
    assert not (await desk.call("aircall_list_calls", {}, Caller())).is_error
    assert bench.pieces == 0
    await desk.aclose()


@pytest.mark.parametrize("item", [b"0", b"[]", b"{}", b'""', b"1e400", b"null"])
async def test_an_answer_of_too_many_values_is_not_parsed_and_says_what_to_do(
    registry: Registry, item: bytes
) -> None:
    body = b'{"call":[' + b",".join([item] * (MOST_VALUES + 1)) + b"]}"
    desk, _, asked = answered_with(body, registry=registry)
    result = await desk.call("aircall_get_call", {"call_id": 1}, Caller())
    error = result.payload["error"]
    assert error["kind"] == "unreachable"
    assert f"over {MOST_VALUES} values" in error["message"]
    assert error["hint"] == "Ask for less, such as a narrower from/to."
    assert len(asked) == 1  # it would be as large another time
    await desk.aclose()


async def test_as_many_values_as_may_be_are_an_answer(registry: Registry) -> None:
    body = b'{"call":[' + b",".join([b"0"] * (MOST_VALUES - 5)) + b"]}"
    desk, _, _ = answered_with(body, registry=registry)
    assert not (await desk.call("aircall_get_call", {"call_id": 1}, Caller())).is_error
    await desk.aclose()


async def test_an_error_of_any_size_is_told_in_few_words(registry: Registry) -> None:
    for body in (
        b'{"error":"x","troubleshoot":"' + b"y" * LARGEST_ERROR + b'"}',
        b'{"error":[' + b"0," * MOST_VALUES + b"0]}",
        b'{"error":' + b"[" * 20_000,
    ):
        desk, bench, _ = answered_with(body, 422, registry=registry)
        result = await desk.call("aircall_get_call", {"call_id": 1}, Caller())
        assert result.payload["error"]["status"] == 422
        assert len(json.dumps(result.payload)) < 1000
        assert bench.pieces <= 1
        await desk.aclose()


async def test_a_large_request_is_told_apart_and_written_beside_the_loop(
    registry: Registry,
) -> None:
    for letters, pieces in ((LIGHT - 1000, 0), (LIGHT, 2)):
        app, asked = answering(200, {"call": {"id": 1}})
        bench = Bench()
        journal = Journal(lambda: InMemory(MIGRATIONS))
        desk = OwnDesk(Offers(registry), gateway_to(app, aside=Aside(bench), journal=journal))
        arguments = {"call_id": 1, "content": "a" * letters}
        result = await desk.call("aircall_add_call_comment", arguments, Caller())
        assert not result.is_error, result.payload
        assert json.loads(asked[0]["body"]) == {"content": "a" * letters}
        assert bench.pieces == pieces
        await desk.aclose()


@given(Tree)
def test_what_is_not_written_yet_weighs_about_what_it_will(tree: Any) -> None:
    text = json.dumps(tree, ensure_ascii=False)
    assert weight_in(tree) >= 32 * count(tree)
    assert 6 * weight_in(tree) >= len(text.replace(" ", ""))


async def test_pages_that_never_end_are_not_gathered_for_ever(registry: Registry) -> None:
    item = '{"id":%d,"cost":[' + "0," * 900 + "0]}"  # which takes no room in the answer

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        query = scope["query_string"].decode()
        page = int(query.rpartition("&page=")[2].partition("&")[0] or query.partition("page=")[2])
        items = ",".join(item % (50 * page + n) for n in range(50))
        body = ('{"calls":[' + items + '],"meta":{"next_page_link":"x"}}').encode()
        padding = b" " * (LARGEST_ANSWER - len(body) - 10)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body + padding})

    desk = OwnDesk(Offers(registry), gateway_to(app))
    asked = {"max_items": 2000}
    result = await desk.call("aircall_list_calls", asked, Caller(deadline=300))
    assert not result.is_error
    assert any("More is not read at once" in note for note in result.payload["notes"])
    assert result.payload["page"]["next"]
    await desk.aclose()


# what a model asks


async def test_many_unknown_arguments_are_named_by_a_few(registry: Registry) -> None:
    operation = registry.ids["get_call"]
    with pytest.raises(ArgumentError) as caught:
        operation.bind({"call_id": 1, **{f"unknown_{n}": n for n in range(100)}})
    assert "and 95 more" in caught.value.message
    assert len(caught.value.message) < 300
    with pytest.raises(ArgumentError, match="too many arguments"):
        operation.bind({f"unknown_{n}": n for n in range(20_000)})
    with pytest.raises(ArgumentError) as caught:
        operation.bind({"call_id": 1, "x" * 100_000: {}})
    assert len(caught.value.message) < 300


async def test_a_text_of_too_many_values_is_not_parsed_where_a_list_is_due(
    registry: Registry,
) -> None:
    operation = registry.ids["search_calls"]
    assert operation.bind({"tags": "[1, 2]"}).arguments["tags"] == [1, 2]
    with pytest.raises(ArgumentError, match="must be an array"):
        operation.bind({"tags": "[" + "1," * MOST_ASKED + "1]"})


async def test_a_query_that_no_url_can_hold_is_refused_before_it_is_written(
    registry: Registry,
) -> None:
    desk, _, asked = answered_with(b"{}", registry=registry)
    tags = {"tags": list(range(1, 15_000))}
    result = await desk.call("aircall_search_calls", tags, Caller())
    assert result.payload["error"]["kind"] == "argument"
    assert asked == []
    await desk.aclose()


async def test_a_request_over_http_of_too_many_values_is_turned_away(registry: Registry) -> None:
    desk, _, asked = answered_with(b"{}", registry=registry)
    app = mcp_app(AircallServer(desk), "127.0.0.1", 8000, key=None)
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client,
    ):
        for body, status in ((b"[" + b"0," * MOST_ASKED + b"0]", 413), (b"[0]", 400)):
            answer = await client.post(
                "/mcp",
                content=body,
                headers={
                    "Content-Type": "application/json",
                    "Accept": "application/json, text/event-stream",
                },
            )
            assert answer.status_code == status
        assert (await client.get("/healthz")).status_code == 200
    assert asked == []
    await desk.aclose()


def test_of_what_arrived_as_a_secret_only_so_much_is_remembered() -> None:
    scrubber = Scrubber()
    token = "k" * 3_000_000
    scrubber.learn(Secret(token), arrived=True)
    assert token[:1000] not in scrubber.text(f"it was {token[:1500]}")
    own = "".join(chr(97 + n % 26) for n in range(3000))
    scrubber.learn(Secret(own), owner="lyon")
    assert scrubber.text(own) == "[secret]"


async def test_where_many_secrets_are_known_they_are_looked_for_beside_the_loop(
    registry: Registry,
) -> None:
    scrubber, bench = Scrubber(), Bench()
    app, _ = answering(200, {"call": {"id": 1, "name": "token number 7 of many"}})
    desk = OwnDesk(
        Offers(registry), gateway_to(app, aside=Aside(bench)),
        scrubber=scrubber,
    )  # fmt: skip
    for pieces, known in ((0, 3), (1, 300)):
        for n in range(known):
            scrubber.learn(Secret(f"token number {n} of many"), arrived=True)
        result = await desk.call("aircall_get_call", {"call_id": 1}, Caller())
        assert result.payload["data"]["call"]["name"] == (
            "token number 7 of many" if known < 7 else "[secret]"
        )
        assert bench.pieces == pieces
    await desk.aclose()


async def test_a_gateway_that_is_closed_lets_go_of_its_thread(registry: Registry) -> None:
    app, _ = answering(200, b'{"call":{"a":"' + b"x" * LIGHT + b'"}}')
    gateway = OwnGateway(
        base_url=AIRCALL,
        auth=auth_for(AIRCALL, ("a", "b")),
        transport=httpx2.ASGITransport(app=app),
    )
    await gateway.send(registry.ids["get_call"].bind({"call_id": 1}), Caller())
    assert gateway.aside.done == 1
    await gateway.aclose()
    for thread in threading.enumerate():
        if thread.name.startswith("aside"):
            thread.join(5)
            assert not thread.is_alive()


async def test_an_unreadable_answer_to_an_effect_is_an_unknown_outcome(registry: Registry) -> None:
    body = b"[" + b"0," * MOST_VALUES + b"0]"
    app, asked = answering(201, body)
    gateway = gateway_to(app)
    with pytest.raises(ToolError) as caught:
        await gateway.send(
            registry.ids["create_tag"].bind({"name": "VIP", "color": "#00B388"}), Caller()
        )
    assert caught.value.kind == "outcome_unknown"
    assert len([one for one in asked if one["method"] == "POST"]) == 1
    await gateway.aclose()
