"""Over HTTP the ready answers are the SDK's: status, headers and every letter."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from aircall_mcp.protocol.opening import MODERN

from ..harness import Harness
from ..journeys.test_http import JSON, client_of
from .test_opening import frame, mutated, spelt

pytestmark = pytest.mark.anyio

ODD = {
    "Host": ["127.0.0.1:8000", "evil.example", ""],
    "Origin": ["http://127.0.0.1:8000", "http://evil.example", "null"],
    "Accept": ["application/json", "text/event-stream", "*/*", ""],
    "Content-Type": ["text/plain", "application/json; charset=utf-8", ""],
    "MCP-Protocol-Version": ["2025-11-25", "1999-01-01", ""],
    "Mcp-Method": ["tools/call", "tools/list", ""],
    "Mcp-Name": ["x"],
    "Mcp-Session-Id": ["x"],
}


def asked(chance: Random, number: int) -> tuple[bytes, list[tuple[str, str]]]:
    message = frame(chance, number, era="modern", first=False)
    headers = {**JSON, "MCP-Protocol-Version": MODERN, "Mcp-Method": message["method"]}
    if chance.random() < 0.4:
        message = mutated(chance, message)
    if chance.random() < 0.4:
        name = chance.choice(list(ODD))
        headers[name] = chance.choice(ODD[name])
    more = [("Mcp-Method", message.get("method"))] if chance.random() < 0.03 else []
    text = spelt(chance, message) if chance.random() < 0.5 else spelt(Random(1), message)
    return text, [*headers.items(), *((name, str(value)) for name, value in more)]


async def test_what_is_ready_is_answered_as_the_sdk_answers(
    harness: Harness, request: pytest.FixtureRequest
) -> None:
    full = request.config.getoption("--attacks") == "full"
    chance, outcome = Random(28), Counter[int]()
    async with client_of(harness) as ours, client_of(harness, instant=False) as sdk:
        for number in range(20_000 if full else 120):
            text, headers = asked(chance, number)
            answers: list[Any] = []
            for client in (ours, sdk):
                answer = await client.post("/mcp", content=text, headers=headers)
                told = {**answer.headers, "mcp-session-id": "mcp-session-id" in answer.headers}
                answers.append((answer.status_code, told, answer.content))
            assert answers[0] == answers[1], (text, headers)
            outcome[answers[0][0]] += 1
    assert outcome[200] > 25, outcome
    assert len(outcome) > 3, outcome
