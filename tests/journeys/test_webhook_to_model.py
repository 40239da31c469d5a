"""From the small Aircall's webhook to the model: four real processes, and both protocol eras."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.subscriptions import ResourceUpdated
from mcp_types import (
    EmptyResult,
    ResourceTemplateReference,
    SubscribeRequest,
    SubscribeRequestParams,
)

from ..canaries import CANARIES
from ..chaos.burst import ReceiverProcess
from ..processes import free_port, small_aircall, started

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(300)]

PERSON = "+33199001234"


@dataclass
class EndToEnd:
    """The whole way: `act` is what the outside does to the sandbox."""

    environment: dict[str, str]
    outside: httpx2.AsyncClient
    number: int

    async def act(self, path: str, **fields: Any) -> Any:
        asked = {"number_id": self.number, "from": PERSON, **fields}
        answer = await self.outside.post(f"/sandbox/{path}", json=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def server(self) -> StdioServerParameters:
        return StdioServerParameters(
            command=sys.executable,
            args=["-m", "aircall_mcp", "serve"],
            env={**os.environ, **self.environment},
        )


@asynccontextmanager
async def end_to_end(home: Path) -> AsyncGenerator[EndToEnd]:
    """Sandbox, receiver, and a webhook that leads from one to the other."""
    port = free_port()
    deliver = f"http://127.0.0.1:{port}"
    async with small_aircall("--deliver-to", deliver, "--requests-per-minute", "100000") as known:
        environment = {
            **known,
            "AIRCALL_MCP_HOME": str(home),
            "AIRCALL_MCP_VAULT_KEY": CANARIES["vault key"],
            "AIRCALL_MCP_REQUESTS_PER_MINUTE": "100000",
        }
        await ran(environment, "webhooks", "register", "--public-url", "https://events.example.com")
        receiver = ReceiverProcess(home, port, environment)
        await receiver.start()
        numbers = await ran(environment, "run", "list_numbers")
        async with httpx2.AsyncClient(
            base_url=environment["AIRCALL_MCP_BASE_URL"], trust_env=False
        ) as outside:
            yield EndToEnd(environment, outside, numbers["data"]["numbers"][0]["id"])
        assert await receiver.stop() == 0


async def ran(environment: dict[str, str], *arguments: str) -> Any:
    async with started(*arguments, "--json", pipe=False, **environment) as process:
        out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, err.decode()
    return json.loads(out)


async def called(client: Client, tool: str, **arguments: Any) -> Any:
    result = await client.call_tool(f"aircall_{tool}", arguments)
    assert not result.is_error, result.structured_content
    return result.structured_content


@pytest.fixture
async def whole(home: Path) -> AsyncGenerator[EndToEnd]:
    async with end_to_end(home) as made:
        yield made


async def test_a_model_hears_what_happens_reads_it_back_and_is_told_of_changes(
    whole: EndToEnd, full: bool
) -> None:
    hang_ups = 100 if full else 5
    async with Client(whole.server(), mode="2026-07-28") as client:
        latest = (await called(client, "read_events"))["data"]["latest"]
        wanted = {"kinds": ["message.received"], "after": latest}
        waiting = asyncio.create_task(
            called(client, "wait_for_event", **wanted, timeout_seconds=30)
        )
        async with client.listen(resource_subscriptions=["aircall://events"]) as changes:
            await whole.act("texts", body="Is Thursday fine?")
            heard = await waiting
            async with asyncio.timeout(10):
                change = await anext(aiter(changes))
            assert isinstance(change, ResourceUpdated)
            assert str(change.uri) == "aircall://events"
        event = heard["data"]["event"]
        assert (event["event"], event["data"]["body"]) == ("message.received", "Is Thursday fine?")
        texts = await called(client, "list_messages", number=PERSON)
        assert [text["data"]["body"] for text in texts["data"]["messages"]] == ["Is Thursday fine?"]
        assert texts["data"]["listening"]["gaps"] == []
        call = (await whole.act("calls"))["id"]
        latencies = [await hang_up_latency(whole, client, call)]
        for _ in range(hang_ups - 1):
            call = (await whole.act("calls"))["id"]
            latencies.append(await hang_up_latency(whole, client, call))
        latencies.sort()
        p99 = latencies[int(len(latencies) * 0.99) - 1]
        print(f"hang-up to answer: p50 {1000 * latencies[len(latencies) // 2]:.0f} ms,"
              f" p99 {1000 * p99:.0f} ms over {hang_ups}")  # fmt: skip
        assert p99 < (0.15 if full else 2.0)
        found = await client.read_resource(f"aircall://calls/{call}")
        told = json.loads(found.contents[0].text)["data"]  # type: ignore[union-attr]
        assert told["call"]["id"] == call
        assert "call.hungup" in {one["event"] for one in told["events"]}


async def hang_up_latency(whole: EndToEnd, client: Client, call: int) -> float:
    """Seconds from the moment the phone is put down to the answer of the tool."""
    wanted = {"kinds": ["call.hungup"], "match": {"call_id": call}, "after": 0}
    waiting = asyncio.create_task(called(client, "wait_for_event", **wanted, timeout_seconds=30))
    await called(client, "read_events", limit=1)  # whose answer comes when the wait has begun
    began = time.perf_counter()
    await whole.act(f"calls/{call}/hangup")
    heard = await waiting
    assert heard["data"]["event"]["data"]["id"] == call
    return time.perf_counter() - began


async def test_the_legacy_era_subscribes_and_completes(whole: EndToEnd) -> None:
    changed = asyncio.Event()

    async def hear(message: Any) -> None:
        if getattr(message, "method", "") == "notifications/resources/updated":
            assert str(message.params.uri) == "aircall://events"
            changed.set()

    async with Client(whole.server(), mode="legacy", message_handler=hear) as client:
        await client.session.send_request(
            SubscribeRequest(params=SubscribeRequestParams(uri="aircall://events")), EmptyResult
        )
        call = (await whole.act("calls"))["id"]
        async with asyncio.timeout(10):
            await changed.wait()
        ref = ResourceTemplateReference(type="ref/resource", uri="aircall://calls/{id}")
        offered = await client.complete(ref, {"name": "id", "value": str(call)[:4]})
        assert str(call) in offered.completion.values
        listed = await client.list_resources()
        assert [str(one.uri) for one in listed.resources] == ["aircall://events"]


async def test_the_demo_tells_it_end_to_end() -> None:
    async with started("demo", "sms", pipe=False) as process:
        out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, err.decode()
    text = out.decode()
    assert "from: +14155551234" in text
    assert "on: num_555" in text
    assert "text: Perfect, talk to you at three." in text
    assert "secret" not in text
