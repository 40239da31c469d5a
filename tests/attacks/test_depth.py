"""JSON nested deeper than anybody means it, wherever a message has room for it: told by its id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ..journeys.test_http import HELLO, JSON, served
from ..processes import META, Spoken, spoken, started

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(600)]

PLACES = (
    '{"jsonrpc":"2.0","id":@,"method":"tools/call","params":{"name":"aircall_ping","arguments":{"x":$}}}',
    '{"jsonrpc":"2.0","id":@,"method":"tools/call","params":{"name":"aircall_ping","arguments":$}}',
    '{"jsonrpc":"2.0","id":@,"method":"tools/call","params":{"name":"aircall_ping","_meta":{"x":$}}}',
    '{"jsonrpc":"2.0","id":@,"method":"tools/call","params":{"name":$,"arguments":{}}}',
    '{"jsonrpc":"2.0","id":@,"method":"tools/list","params":{"cursor":$}}',
    '{"jsonrpc":"2.0","id":@,"method":"resources/read","params":{"uri":$}}',
    '{"jsonrpc":"2.0","id":@,"method":"no/such","params":{"x":$}}',
    '{"jsonrpc":"2.0","id":@,"method":"ping","params":$}',
    '{"jsonrpc":"2.0","id":@,"method":"ping","beside":$}',
    '{"jsonrpc":"2.0","id":@,"method":$}',
    '{"jsonrpc":$,"id":@,"method":"ping"}',
    '{"before":$,"jsonrpc":"2.0","id":@,"method":"ping"}',
)  # fmt: skip
"""Where `$` stands in the message of id `@`."""

SHORT = (126, 250, 20_000)
FULL = (*range(1, 12), *range(56, 70), *range(120, 136), *range(190, 270), 1_000, 5_000, 20_000)


def nested(depth: int) -> Iterator[str]:
    yield "[" * depth + "]" * depth
    yield '{"a":' * depth + "1" + "}" * depth
    yield '[{"a":' * (depth // 2) + "1" + "}]" * (depth // 2)


def messages(depths: tuple[int, ...]) -> Iterator[tuple[str, int, str, int]]:
    """Each with its id, its place and its depth."""
    number = 1_000
    for place in PLACES:
        for depth in depths:
            for value in nested(depth):
                number += 1
                text = place.replace("@", str(number)).replace("$", value)
                yield text, number, place, depth


async def test_over_stdio_every_one_is_answered_by_its_id(full: bool) -> None:
    asked = 0
    async with spoken("--sandbox") as legacy, started("serve", "--sandbox") as process:
        modern = Spoken(process)
        await modern.ask("server/discover", {"_meta": META})
        for server in (legacy, modern):
            for text, number, place, depth in messages(FULL if full else SHORT):
                await server.send(text)
                answer = await server.hear()
                assert answer["id"] == number, (place, depth)
                assert "error" in answer or answer["result"] is not None
                asked += 1
        assert "result" in await legacy.ask("tools/list")
        assert "result" in await modern.ask("tools/list", {"_meta": META})
    print(f"stdio: {asked} messages, {asked} answered by their id")


async def test_over_http_too(full: bool) -> None:
    asked = 0
    async with served("--sandbox") as (_, client):
        hello = await client.post("/mcp", json=HELLO, headers=JSON)
        legacy = {**JSON, "Mcp-Session-Id": hello.headers["mcp-session-id"]}
        modern = {**JSON, "MCP-Protocol-Version": "2026-07-28"}
        for headers in (legacy, modern):
            for text, number, place, depth in messages(FULL if full else SHORT):
                answer = await client.post("/mcp", content=text, headers=headers)
                assert answer_in(answer.text)["id"] == number, (place, depth)
                asked += 1
    print(f"HTTP: {asked} messages, {asked} answered by their id")


def answer_in(text: str) -> Any:
    """What is answered, as JSON or as an event."""
    return json.JSONDecoder().raw_decode(text, text.index("{"))[0]
