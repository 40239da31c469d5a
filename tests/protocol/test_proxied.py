"""A reverse proxy as docs/clients.md shows it: what it passes on is what this server wants."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest

from ..harness import Harness
from ..journeys.test_http import HELLO, JSON, PING, PORT, client_of

pytestmark = pytest.mark.anyio

DOCS = Path(__file__).parents[2] / "docs" / "clients.md"
KEY = "k" * 43
LOGIN = {"Host": "aircall.example.com", "Authorization": "Bearer what-the-company-gave-its-user"}


def passed_on() -> dict[str, str]:
    """The headers that the example sets, with the key in its place."""
    text = DOCS.read_text("utf-8").split("```nginx")[1].split("```")[0]
    set_by_it = re.findall(r'proxy_set_header (\S+) "?([^";]+)"?;', text)
    return {name: value.replace("KEY", KEY) for name, value in set_by_it}


class Proxy(httpx2.AsyncBaseTransport):
    """Sets `headers` whatever a client says, and passes everything else on."""

    def __init__(self, then: httpx2.AsyncClient, headers: dict[str, str]) -> None:
        self._then, self._headers = then, headers

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = httpx2.Headers(request.headers)
        for name, value in self._headers.items():
            headers[name] = value
        body, path = await request.aread(), request.url.path
        answer = await self._then.request(request.method, path, content=body, headers=headers)
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.mark.parametrize(
    ("left_out", "status"), [("", 200), ("Host", 421), ("Authorization", 401)]
)  # fmt: skip
async def test_the_proxy_of_the_documentation_passes_on_what_is_wanted(
    harness: Harness, left_out: str, status: int
) -> None:
    headers = {name: value for name, value in passed_on().items() if name != left_out}
    async with (
        client_of(harness, key=sha256(KEY.encode()).digest()) as behind,
        httpx2.AsyncClient(
            transport=Proxy(behind, headers), base_url="https://aircall.example.com", headers=LOGIN
        ) as client,
    ):
        hello = await client.post("/mcp", json=HELLO, headers=JSON)
        assert hello.status_code == status
        ping = await client.post("/mcp", **PING)
        assert (ping.status_code, "pong" in ping.text) == (status, status == 200)


async def test_whoever_passes_another_host_on_hears_which(harness: Harness) -> None:
    async with client_of(harness) as client:
        refused = await client.post("/mcp", json=HELLO, headers={**JSON, "Host": "evil.example"})
    assert refused.status_code == 421
    assert f"passes `Host: 127.0.0.1:{PORT}` on" in refused.text
    assert "evil" not in refused.text
