"""Somebody has the token of our webhook, and posts what should hide, break or bury the genuine.

At a real receiver; what became of it is read by a real server over stdio and by a command. Whoever
has the token can say what Aircall says, until it is renewed: what is tried here is all that can be
told apart from that, by its time, its id or its form.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ..chaos.burst import ReceiverProcess
from ..processes import free_port, spoken
from .test_own_webhooks import URL, registered

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(600)]

DAY = 86_400
NUMBER = {"id": 3, "name": "Paris Sales", "digits": "+33 1 99 00 10 01"}


def said(token: str, kind: str, identity: Any, *, at: float = 0.0, **data: Any) -> bytes:
    told = {
        "resource": kind.partition(".")[0], "event": kind, "timestamp": at or int(time.time()),
        "token": token, "data": {"id": identity, **data},
    }  # fmt: skip
    return json.dumps(told).encode()


def genuine(token: str, number: int) -> bytes:
    return said(token, "message.received", f"SM{number}", body=f"genuine {number}", number=NUMBER,
                direction="inbound", raw_digits="+33199001234", contact=None)  # fmt: skip


def forged(token: str, number: int) -> Iterator[bytes]:
    """What is aimed at the text `number`, by its id, its time, its kind and its form."""
    now, known = time.time(), f"SM{number}"
    for identity in (known, [known], {known: 1}, f"{known} ", known.lower(), True, None, 1e300):
        for kind in ("message.received", "message.status_updated", "group_message.sent"):
            for at in (now, now + 20 * 3600, now - DAY):
                if identity != known or at != now:  # that would be Aircall's own word
                    yield said(token, kind, identity, at=at, body="forged", status="read")
    raw = said(token, "message.received", f"{known}x", body="@").decode()
    deep = "[" * 900 + "]" * 900
    for odd in (deep, "1e400", "-1e400", "9" * 4000, '"\\ud800"', '{"":{"":{}}}', "NaN"):
        yield raw.replace('"@"', odd).encode()
    for written, odd in (
        (f'"{known}"', deep),
        (f'"{known}"', "1e400"),
        ('"data"', '"data\\u0000"'),
    ):
        yield raw.replace(written, odd).encode()
    yield raw.replace('"message.received"', json.dumps("message.\u202e\ufeffreceived")).encode()
    yield raw.replace('"message.received"', '["message.received"]').encode()
    yield raw.encode()[:-2]


@pytest.mark.usefixtures("at_length")
async def test_each_genuine_text_is_shown_whatever_was_posted_beside_it(home: Path) -> None:
    texts = range(1, 21)
    async with registered(home) as made:
        token, path, port = made.webhook.token, made.webhook.url.removeprefix(URL), free_port()
        receiver = ReceiverProcess(home, port, made.environment)
        await receiver.start()
        posted, taken = 0, 0
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            for number in texts:
                wanted, true = [*forged(token, number)], genuine(token, number)
                for body in [*wanted[::2], true, *wanted[1::2], true]:  # again, as Aircall does
                    answer = await client.post(path, content=body)
                    assert answer.status_code < 500, body
                    posted, taken = posted + 1, taken + (answer.status_code == 200)
        await receiver.stop()
        async with spoken(**made.environment) as server:
            shown = [
                one["data"]["body"]
                for one in await everything(server, "list_messages", "messages")
                if str(one["data"].get("body", "")).startswith("genuine")
            ]
            events = await everything(server, "read_events", "events")
        code, listed = await made.ran("events", "list", "--limit", "1000")
        assert code == 0
        assert sorted(shown) == sorted(f"genuine {number}" for number in texts)
        assert len(events) == len(listed["events"]) or len(listed["events"]) == 1000
        bodies = [one["data"].get("body") for one in events if isinstance(one.get("data"), dict)]
        assert all(bodies.count(f"genuine {number}") == 1 for number in texts)
        print(f"forged events: {posted} posted, {taken} stored, {len(shown)} genuine ones shown")


async def everything(server: Any, tool: str, key: str) -> list[Any]:
    """All pages."""
    found: list[Any] = []
    more: Any = {}
    while True:
        answer = await server.call(f"aircall_{tool}", **more)
        assert "error" not in answer, answer
        found += answer["data"][key]
        more = answer.get("page", {}).get("next")
        if not more:
            return found
