"""Addresses that lead inward, in every notation, named by a model whose owner allows all.

Aircall would go there with the company's words, from its own network: none of them is sent to it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest

from ..foreign import foreign_server
from ..gateway.test_stakes import KEY
from ..ground.test_addresses import BAD_HOSTS, NOT_HTTPS, spellings
from ..ground.test_registries import CLOSED, url_of
from ..processes import spoken

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(900)]

ALLOW = "reach,delete,exposes,administers"
SMS = {"number_id": 2, "to": "+33199001234", "body": "hello"}


def ways(url: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each argument that is a URL, or may be one."""
    yield "create_webhook", {"url": url}
    yield "update_webhook", {"webhook_id": "1", "url": url}
    yield "create_message_configuration", {"number_id": 2, "callbackUrl": url}
    yield "send_message", {**SMS, "mediaUrl": ["https://hooks.example.com/a.png", url]}
    yield "update_number", {"number_id": 2, "messages": {"welcome": url}}
    card = [{"type": "title", "text": "x"}, {"type": "shortText", "text": "y", "link": url}]
    yield "push_insight_card", {"call_id": 1, "contents": card}
    yield "trigger_ai_voice_agent_call", {
        "agent_id": "a", "contact_phone": "+33199001234", "idempotency_key": "k",
        "context": {"site": {"a": [url]}},
    }  # fmt: skip


def addresses() -> Iterator[str]:
    for host in BAD_HOSTS:
        yield f"https://{host}/in"
    yield from NOT_HTTPS
    for row in CLOSED:
        first, last = row.block[0], row.block[-1]
        for address in {first, last}:
            yield url_of(address)
            if isinstance(address, ipaddress.IPv4Address):
                yield from (f"https://{spelled}/in" for spelled in spellings(int(address)))


def free_text(url: str) -> bool:
    """What no reader takes for a URL may stand in a text that is none."""
    return not url.lower().startswith(("http://", "https://"))


@pytest.mark.usefixtures("at_length")
async def test_none_of_them_is_sent() -> None:
    urls = sorted(set(addresses()), key=lambda url: (len(url), url))
    assert len(urls) > 1_000
    tried = 0
    with foreign_server() as there:
        known = {"AIRCALL_MCP_BASE_URL": there.url, **KEY}
        async with spoken("--allow", ALLOW, **known) as server:
            turn = cycle(range(len([*ways("")])))
            for url in urls:
                if not url:
                    continue  # says nothing, and is left out
                tool, arguments = [*ways(url)][next(turn)]
                if tool.startswith("trigger") and free_text(url):
                    continue
                said = await server.call(f"aircall_{tool}", **arguments)
                assert said.get("error", {}).get("kind") == "argument", (tool, url, said)
                tried += 1
            assert there.arrivals == []
            good = await server.call("aircall_create_webhook", url="https://hooks.example.com/in")
            assert "error" not in good
        assert there.arrivals == ["POST /v1/webhooks"]
    print(f"inward: {tried} addresses, 0 sent")
