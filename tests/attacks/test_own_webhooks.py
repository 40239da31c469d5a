"""A model with every word of the owner tries to turn our webhook, and a stranger to speak by it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ..chaos.burst import ReceiverProcess
from ..events.test_guard import EVERY_WORD, STOLEN, environment, spellings
from ..processes import free_port, spoken, started
from ..upstream import Upstream, upstream
from ..waiting import PATIENCE

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(600)]

URL = "https://events.example.com"
SHORT = ("of older days",)


@dataclass
class Registered:
    """An Aircall on a real port, and what our command registered there."""

    there: Upstream
    webhook: Any
    environment: dict[str, str]

    def effects(self) -> list[str]:
        return [one.operation or one.path for one in self.there.sandbox.arrivals
                if one.method != "GET"]  # fmt: skip

    async def ran(self, *words: str) -> tuple[int, Any]:
        async with started(*words, "--json", pipe=False, **self.environment) as process:
            out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert b"Traceback" not in err
        return process.returncode or 0, json.loads(out) if out.strip() else None


@asynccontextmanager
async def registered(home: Path) -> AsyncGenerator[Registered]:
    async with upstream() as there:
        known = environment(home, f"http://127.0.0.1:{there.port}")
        made = Registered(there, None, known)
        code, _ = await made.ran("webhooks", "register", "--public-url", URL)
        assert code == 0
        webhooks = there.sandbox.world.webhooks.values()
        [made.webhook] = [one for one in webhooks if one.url.startswith(URL)]
        yield made


def wishes(spelled: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(effect, operation, arguments) of all that would turn, silence or end it."""
    changes: tuple[dict[str, Any], ...] = (
        {"url": STOLEN}, {"active": False}, {"custom_name": "mine"},
        {"events": ["call.ended"], "events_action": "add"}, {"url": STOLEN, "events": []},
    )  # fmt: skip
    for more in changes:
        yield "write", "update_webhook", {"webhook_id": spelled, **more}
    yield "delete", "delete_webhook", {"webhook_id": spelled}


async def test_no_way_of_a_model_changes_it(home: Path, full: bool) -> None:
    async with registered(home) as made:
        token, before, tried = made.webhook.token, made.effects(), 0
        ways = spellings(made.webhook)
        chosen = ways if full else {name: ways[name] for name in SHORT}
        for surface in ("full", "search") if full else ("full",):
            options = ("--allow", EVERY_WORD, "--surface", surface)
            async with spoken(*options, **made.environment) as server:
                for spelled in chosen.values():
                    for effect, operation, arguments in wishes(spelled):
                        asked: tuple[str, dict[str, Any]] = (f"aircall_{operation}", arguments)
                        if surface == "search":
                            given = {"operation": operation, "arguments": arguments}
                            asked = f"aircall_{effect}", given
                        said = await server.call(asked[0], **asked[1])
                        assert "error" in said, (spelled, operation, said)
                        assert token not in json.dumps(said)
                        tried += 1
        identity = {"webhook_id": made.webhook.uuid}
        commands = (
            ("DELETE /v1/webhooks/{webhook_id}", identity),
            ("update_webhook", {**identity, "url": STOLEN}),
        )
        for operation, given in commands if full else ():
            words = ("run", operation, "--allow", EVERY_WORD, "--args", json.dumps(given))
            code, refused = await made.ran(*words)
            assert (code, refused["error"]["kind"]) == (1, "not_allowed")
            tried += 1
        assert made.effects() == before
        assert (made.webhook.url.startswith(URL), made.webhook.active) == (True, True)
        print(f"own webhooks: {tried} tried, 0 changes arrived")


def event(identity: int, token: object) -> bytes:
    told = {"resource": "call", "event": "call.ended", "timestamp": int(time.time()),
            "token": token, "data": {"id": identity, "direction": "inbound"}}  # fmt: skip
    return json.dumps(told).encode()


@pytest.mark.usefixtures("at_length")
@pytest.mark.plants_canaries  # tokens in other places of a body than where they belong
async def test_what_a_stranger_says_by_it_is_not_stored(home: Path) -> None:
    """By guesses, by the token of another of the company, and by the one that was renewed."""
    async with registered(home) as made:
        world = made.there.sandbox.world.webhooks.values()
        old = made.webhook.token
        [other, *_] = [one.token for one in world if one is not made.webhook]
        code, _ = await made.ran("webhooks", "rotate")
        assert code == 0
        [new] = [one for one in world if one.url.startswith(URL) and one.active]
        assert new.token != old
        port = free_port()
        receiver = ReceiverProcess(home, port, made.environment)
        await receiver.start()
        path = new.url.removeprefix(URL)
        right = new.token
        guesses = [old, other, "", None, [], [right], {"a": right}, right[:-1], right.upper() + "x",
                   f" {right}", f"{right}\x00", True, 0]  # fmt: skip
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            statuses = [
                (await client.post(path, content=event(number, guess))).status_code
                for number, guess in enumerate(guesses, 100)
            ]
            genuine = (await client.post(path, content=event(7, new.token))).status_code
        await receiver.stop()
        assert genuine == 200
        assert 200 not in statuses, dict(zip(map(repr, guesses), statuses, strict=True))
        code, events = await made.ran("events", "list")
        stored = {one["data"]["id"] if "data" in one else one["call_id"]
                  for one in events["events"] if one["kind"] == "call.ended"}  # fmt: skip
        assert stored == {7}
        print(f"own webhooks: {len(guesses)} forged, 0 stored")
