"""Every request is answered by its id, whatever else stands in it."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from aircall_mcp.ground.weight import MOST_ASKED
from aircall_mcp.protocol.frames import (
    DEEPEST,
    PARSE_ERROR,
    Refusal,
    id_in,
    message_aside,
    parsed,
)

from ..harness import Harness
from ..processes import META, Spoken, spoken, started
from .test_http import HELLO, JSON, client_of

pytestmark = pytest.mark.anyio

HALF = '"\\ud83d"'
DIGITS = "9" * 4_400
DEEP = "[" * 250 + "]" * 250
UNHELD = {
    "half a pair": HALF,
    "the other half": '"a\\udc00b"',
    "4,400 digits": DIGITS,
    "250 deep": DEEP,
    "5,000 deep": '{"a":' * 5_000 + "1" + "}" * 5_000,
    "no UTF-8": "\udcff",
}


def request(held: str, number: object, params: str = "{}") -> bytes:
    """A call with `held` in an argument, as bytes that Python's json would not write."""
    given_ = json.loads(params)
    inner = json.dumps({**given_, "name": "aircall_get_call", "arguments": {"call_id": "@"}})
    inner = inner.replace('"@"', '"\udcff"' if held == "\udcff" else held)
    text = f'{{"jsonrpc": "2.0", "method": "tools/call", "params": {inner}, "id": {number}}}'
    return text.encode("utf-8", "surrogateescape")


def told(answer: Any) -> Any:
    assert answer["result"]["isError"] is True
    return answer["result"]["structuredContent"]["error"]


@pytest.mark.slow
async def test_over_stdio_a_wrong_argument_is_told_of_whatever_it_holds() -> None:
    async with spoken("--sandbox") as server:
        await each_is_told(server, {})
    async with started("serve", "--sandbox") as process:
        modern = Spoken(process)
        await modern.ask("server/discover", {"_meta": META})
        await each_is_told(modern, {"_meta": META})


async def each_is_told(server: Spoken, params: dict[str, Any]) -> None:
    for number, (what, held) in enumerate(UNHELD.items(), 1_000):
        await server.send(request(held, number, json.dumps(params)))
        answer = await server.hear()
        assert answer["id"] == number, what
        error = told(answer)
        assert error["kind"] == "argument", what
        assert error["hint"]
    await server.send(request("7", '"a\\u0301"', json.dumps(params)))
    assert (await server.hear())["id"] == "a\u0301"


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_over_http_too(harness: Harness, era: str) -> None:
    async with client_of(harness) as client:
        if era == "legacy":
            hello = await client.post("/mcp", json=HELLO, headers=JSON)
            headers = {**JSON, "Mcp-Session-Id": hello.headers["mcp-session-id"]}
            params = "{}"
        else:
            params = json.dumps({"_meta": META})
            headers = {**JSON, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call",
                       "Mcp-Name": "aircall_get_call"}  # fmt: skip
        for number, (what, held) in enumerate(UNHELD.items(), 1_000):
            sent = request(held, number, params)
            answer = await client.post("/mcp", content=sent, headers=headers)
            text = answer.text.partition("data: {")
            body = json.loads(text[1][-1:] + text[2] if text[1] else answer.text)
            assert body["id"] == number, what
            assert told(body)["kind"] == "argument", what
        broken = await client.post("/mcp", content=b"{" * 99, headers=headers)
        assert (broken.status_code, broken.json()["id"]) == (400, None)
        broken = await client.post(
            "/mcp", content=b'{"id": 7, "method": "ping", "params": {"a": tru}}', headers=headers
        )
        assert (broken.status_code, broken.json()["id"]) == (400, 7)
        assert broken.json()["error"]["code"] == PARSE_ERROR
    assert harness.arrivals() == []


LISTS = ("tools/list", "resources/list", "resources/templates/list", "prompts/list")


@pytest.mark.slow
async def test_params_and_what_stands_in_them_may_be_null() -> None:
    """As if they were not there: in the newer era that is still no request of it."""
    async with spoken("--sandbox") as server:
        for method in (*LISTS, "ping"):
            absent = await asked(server, method, ...)
            for params in (None, {"cursor": None}, {"_meta": None}):
                answer = await asked(server, method, params)
                assert answer == absent, method
            assert "result" in absent
        arguments = await asked(server, "tools/call", {"name": "aircall_ping", "arguments": None})
        assert arguments["result"]["structuredContent"]["data"] == {"ping": "pong"}
        await server.send({"jsonrpc": "2.0", "method": "notifications/unheard_of", "params": None})
        assert (await server.ask("ping"))["result"] == {}
    async with started("serve", "--sandbox") as process:
        server = Spoken(process)
        await server.ask("server/discover", {"_meta": META})
        for method in LISTS:
            listed = await asked(server, method, {"_meta": META})
            assert listed["result"]
            assert await asked(server, method, {"_meta": META, "cursor": None}) == listed
            assert await asked(server, method, None) == await asked(server, method, ...)


async def asked(server: Spoken, method: str, params: Any) -> Any:
    """The answer without its id. An Ellipsis is left out."""
    message = {"jsonrpc": "2.0", "id": 77, "method": method, "params": params}
    await server.send({name: part for name, part in message.items() if part is not ...})
    answer = await server.hear()
    assert answer.pop("id") == 77
    return answer


async def test_over_http_params_may_be_null_too(harness: Harness) -> None:
    async with client_of(harness) as client:
        hello = await client.post("/mcp", json=HELLO, headers=JSON)
        headers = {**JSON, "Mcp-Session-Id": hello.headers["mcp-session-id"]}
        for params in (None, {"cursor": None}):
            body = {"jsonrpc": "2.0", "id": 5, "method": "tools/list", "params": params}
            answer = await client.post("/mcp", json=body, headers=headers)
            assert '"name":"aircall_list_calls"' in answer.text
        now = {**JSON, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}
        body = {"jsonrpc": "2.0", "id": 5, "method": "tools/list",
                "params": {"_meta": META, "cursor": None}}  # fmt: skip
        assert (await client.post("/mcp", json=body, headers=now)).json()["result"]["tools"]
        missing = await client.post("/mcp", json={**body, "params": None}, headers=now)
        assert (missing.json()["id"], missing.json()["error"]["code"]) == (5, -32602)


@pytest.mark.slow
async def test_an_id_of_any_size_is_answered() -> None:
    async with spoken("--sandbox") as server:
        for number in (2**63, 2**70, 10**400, -(2**80), 0):
            await server.send({"jsonrpc": "2.0", "id": number, "method": "ping"})
            assert await server.hear() == {"jsonrpc": "2.0", "id": number, "result": {}}
            answer = await server.call("aircall_get_call", call_id=number)
            assert answer["error"]["kind"] == "argument"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"id": 7, "method": "a"}', 7),
        ('{"method": "a", "params": {"id": 1, "method": "b"}, "id": "x"}', "x"),
        ('{"method": "a", "params": [{"id": 1}], "id": 8', 8),
        ('{"id": 7, "method": "a", "params": "' + "x" * 99, 7),
        ('{"id": 7, "id": 8, "method": "a"}', 8),
        ('{"\\u0069d": 7, "m\\u0065thod": "a"}', 7),
        ('\ufeff{"id": 7, "method": "a"}', 7),
        ('{"id": 7, "result": {"method": "a"}}', None),
        ('{"id": 7}', None),
        ('[{"id": 7, "method": "a"}]', None),
        ('{"id": {"id": 7}, "method": "a"}', None),
        ('{"id": true, "method": "a"}', None),
        ('{"id": 7.5, "method": "a"}', None),
        ('{"id": null, "method": "a"}', None),
        (f'{{"id": {DIGITS}, "method": "a"}}', None),
        ('{"id": "\\ud800", "method": "a"}', None),
        ('{"a": "\\"id\\": 7", "method": "id", "id": 9}', 9),
        ("", None),
        ("7", None),
    ],
)
def test_the_id_is_found_without_parsing(text: str, expected: object) -> None:
    assert id_in(text.encode()) == expected


VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=8) | some.floats(0, 9),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=4), inner),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(params=VALUES, number=some.integers() | some.text(), plain=some.booleans())
def test_what_can_be_parsed_is_handed_on_as_it_came(params: Any, number: Any, plain: bool) -> None:
    message = {"jsonrpc": "2.0", "params": params, "id": number, "method": "m"}
    text = json.dumps(message, ensure_ascii=plain).encode("utf-8", "replace")
    assert parsed(text) == (message, text)
    assert id_in(text) == number
    cut, held = text[:-1], b', "more": ["\\ud800", {"b": 1}]}'
    read, handed = parsed(cut + held)
    assert handed != cut + held
    assert read == {**message, "more": [float("inf"), {"b": 1}]}


@settings(max_examples=300, deadline=None)
@given(
    text=some.binary(max_size=60)
    | some.lists(some.sampled_from(['"', "\\", "{", "}", "[", "]", ":", ",", "1", "tru", " ", "e",
                                    '"id"', '"method"', "\\ud800", "\udcff"]), max_size=25)
    .map(lambda parts: "".join(parts).encode("utf-8", "surrogateescape"))
)  # fmt: skip
def test_no_text_breaks_the_reading(text: bytes) -> None:
    with suppress(Refusal):
        _, handed = parsed(text)
        assert parsed(handed)[1] == handed


def test_what_is_not_json_does_not_become_json() -> None:
    for text in ('{"a": tru e}', '{"a": "\\ud800" "b"}', '{"a": 1 1}', "{" * 300, "[1,]" * 2):
        with pytest.raises(Refusal):
            parsed(text.encode())


def test_a_name_that_cannot_be_read_is_not_changed() -> None:
    with pytest.raises(Refusal) as refused:
        parsed(b'{"id": 7, "method": "a", "params": {"\\ud800": 1}}')
    assert refused.value.answer["id"] == 7


def test_what_is_cut_is_deeper_than_any_argument_may_be() -> None:
    from aircall_mcp.ground.fitting import DEEPEST as OF_ARGUMENTS

    assert 2 * OF_ARGUMENTS <= DEEPEST


def test_what_is_too_long_to_be_looked_at_is_refused_by_an_id_at_its_beginning_or_end() -> None:
    for letters in ("x" * 2**20, "\\ud800" * 2**18):
        for text, number in (
            (f'{{"id": 7, "method": "a", "params": {{"a": "{letters}\\ud800"}}}}', 7),
            (f'{{"params": {{"a": "{letters}\\ud800"}}, "id": 7, "method": "a"}}', 7),
            (f'{{"params": {{"a": "{letters}\\ud800", "method": "a", "id": 7}}}}', None),
            (f'{{"params": {{"a": "{letters}\\ud800"}}, "id": 7, "result": "a"}}', None),
        ):
            with pytest.raises(Refusal) as refused:
                parsed(text.encode())
            assert refused.value.answer["id"] == number


@pytest.mark.slow
async def test_a_message_that_is_too_large_is_answered_by_the_id_behind_it() -> None:
    """Where the SDK for TypeScript writes it."""
    values, letters = "[" + "1," * 200_000 + "1]", "x" * (5 * 2**20)
    async with spoken("--sandbox") as server:
        for number, held in enumerate((values, f'"{letters}"'), 71):
            params = f'{{"name": "aircall_ping", "arguments": {{"id": {held}}}}}'
            await server.send(
                f'{{"method": "tools/call", "params": {params}, "jsonrpc": "2.0", "id": {number}}}'
            )
            answer = await server.hear()
            assert (answer["id"], answer["error"]["code"]) == (number, PARSE_ERROR)


@pytest.mark.anyio
async def test_the_loop_goes_on_while_a_body_is_looked_at() -> None:
    hostile = b'{"id": 7, "method": "a", "params": ' + b'"\\ud800"' * 100_000
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    at_once = asyncio.create_task(others())
    with pytest.raises(Refusal):
        await message_aside(hostile)
    at_once.cancel()
    assert turns > 3


@pytest.mark.parametrize("letter", ["[", "{", '"', '\\"', ":", "1 ", ",", "\\ud800"])
def test_nothing_is_looked_at_for_long(letter: str) -> None:
    hostile = b'{"id": 7, "method": "a", "params": "' + letter.encode() * (2**20 // len(letter))
    started_at = time.process_time()
    with pytest.raises(Refusal):
        parsed(hostile)
    assert time.process_time() - started_at < 1.0


def test_too_many_values_are_refused_by_the_id() -> None:
    many = b'{"id": 7, "method": "a", "params": [' + b"0," * MOST_ASKED + b"0]}"
    with pytest.raises(Refusal) as refused:
        parsed(many)
    assert refused.value.answer["id"] == 7
