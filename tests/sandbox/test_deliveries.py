"""The sandbox speaks as Aircall does: what it posts, how it repeats, when it gives up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from aircall_mcp.sandbox.deliveries import Deliveries
from aircall_mcp.sandbox.entities import Webhook

from .api import SandboxApi

pytestmark = pytest.mark.anyio

URL = "https://events.example.com/hook"


class Receiver:
    """Takes what is posted, or says what it is told to."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.tried = 0
        self.status = 200

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.tried += 1
        if self.status == 200:
            self.got.append({**json.loads(request.content), "url": str(request.url)})
        return httpx2.Response(self.status)

    def kinds(self) -> list[str]:
        return [one.get("event") or one["event_name"] for one in self.got]


class Delivering:
    def __init__(self, api: SandboxApi, receiver: Receiver, deliveries: Deliveries) -> None:
        self.api, self.receiver, self.deliveries = api, receiver, deliveries

    def client(self) -> httpx2.AsyncClient:
        sandbox = self.api.sandbox
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.deliveries),
            base_url="https://api.aircall.io",
            auth=(sandbox.api_id, sandbox.api_token),
        )

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        async with self.client() as client:
            answer = await client.request(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def heard(self, count: int) -> list[str]:
        async with asyncio.timeout(5):
            while len(self.receiver.got) < count:  # noqa: ASYNC110 - it posts by itself
                await asyncio.sleep(0)
        return self.receiver.kinds()


async def in_no_time(_seconds: float) -> None:
    """Others have a turn, and that is all."""
    await asyncio.sleep(0)


@asynccontextmanager
async def delivering(events: list[str] | None = None, **choices: Any) -> AsyncGenerator[Delivering]:
    api, receiver = SandboxApi(), Receiver()
    transport = httpx2.MockTransport(receiver)
    deliveries = Deliveries(
        api.sandbox, clock=api.clock, pause=in_no_time,
        client=lambda: httpx2.AsyncClient(transport=transport), **choices,
    )  # fmt: skip
    async with deliveries:
        made = Delivering(api, receiver, deliveries)
        await made.ask("POST", "/v1/webhooks", {"url": URL, "events": events or []})
        yield made


async def test_a_call_is_told_step_by_step_as_time_goes_by() -> None:
    async with delivering(["call.created", "call.answered", "call.hungup", "call.ended"]) as it:
        call = await it.ask(
            "POST", "/sandbox/calls", {"number_id": it.api.number("FR"), "from": "+33199001234"}
        )
        assert await it.heard(1) == ["call.created"]
        it.api.clock.pass_by(5)
        assert await it.heard(2) == ["call.created", "call.answered"]
        await it.ask("POST", f"/sandbox/calls/{call['id']}/hangup")
        assert (await it.heard(3))[2] == "call.hungup"
        it.api.clock.pass_by(40)
        assert (await it.heard(4))[3] == "call.ended"
        first = it.receiver.got[0]
        assert first["url"] == URL
        assert first["resource"] == "call"
        assert first["timestamp"] == int(it.api.clock.now) - 45
        assert first["token"] == next(
            w.token for w in it.api.world.webhooks.values() if w.url == URL
        )
        assert first["data"]["number"]["e164_digits"].startswith("+33")


async def test_a_text_comes_in_as_an_event_or_as_a_callback_of_a_proxy_number() -> None:
    async with delivering(["message.received"]) as it:
        number = it.api.number("FR")
        asked = {"number_id": number, "from": "+33199001234", "body": "hello"}
        await it.ask("POST", "/sandbox/texts", asked)
        await it.heard(1)
        assert it.receiver.got[0]["data"]["body"] == "hello"
        made = await it.ask(
            "POST", f"/v1/numbers/{number}/messages/configuration",
            {"callbackUrl": "https://events.example.com/texts"},
        )  # fmt: skip
        await it.ask("POST", "/sandbox/texts", asked)
        await it.heard(2)
        callback = it.receiver.got[1]
        assert callback["event_name"] == "message.received"
        assert callback["timestamp"] == int(it.api.clock.now * 1000)
        assert callback["token"] == made["token"]


async def test_what_the_api_did_is_told() -> None:
    wanted = ["contact.created", "contact.updated", "contact.deleted", "call.tagged"]
    async with delivering(wanted) as it:
        made = await it.ask(
            "POST", "/v1/contacts",
            {"first_name": "Zoe", "phone_numbers": [{"label": "Work", "value": "+33199007777"}]},
        )  # fmt: skip
        contact = made["contact"]["id"]
        await it.ask("POST", f"/v1/contacts/{contact}", {"last_name": "Petit"})
        await it.ask("DELETE", f"/v1/contacts/{contact}")
        call = it.api.world.calls[-10].id
        tag = next(iter(it.api.world.tags))
        await it.ask("POST", f"/v1/calls/{call}/tags", {"tags": [tag]})
        assert await it.heard(4) == wanted
        assert isinstance(it.receiver.got[0]["data"]["created_at"], str)
        assert it.receiver.got[2]["data"]["id"] == contact


async def test_each_of_many_at_once_is_told_as_itself() -> None:
    api, receiver = SandboxApi(latency=0.001, data="empty"), Receiver()
    deliveries = Deliveries(
        api.sandbox, clock=api.clock, pause=in_no_time,
        client=lambda: httpx2.AsyncClient(transport=httpx2.MockTransport(receiver)),
    )  # fmt: skip
    async with deliveries:
        it = Delivering(api, receiver, deliveries)
        kinds = ["contact.created", "contact.updated", "contact.deleted", "user.created.v2"]
        await it.ask("POST", "/v1/webhooks", {"url": URL, "events": kinds})

        def contact(n: int) -> dict[str, Any]:
            row = {"label": "Work", "value": f"+3319900{n:04d}"}
            return {"first_name": f"N{n}", "phone_numbers": [row]}

        made = await asyncio.gather(*(
            it.ask("POST", "/v1/contacts", contact(n)) for n in range(12)
        ), *(
            it.ask("POST", "/v2/users",
                   {"email": f"n{n}@example.com", "first_name": "N", "last_name": str(n)})
            for n in range(12)
        ))  # fmt: skip
        contacts = {one["contact"]["id"]: one["contact"] for one in made[:12]}
        await it.heard(24)
        told = [one["data"] for one in receiver.got if one["event"] == "contact.created"]
        assert {one["id"]: one["first_name"] for one in told} == {
            key: one["first_name"] for key, one in contacts.items()
        }
        users = [one["data"] for one in receiver.got if one["event"] == "user.created.v2"]
        assert sorted(one["id"] for one in users) == sorted(one["user"]["id"] for one in made[12:])
        receiver.got.clear()
        ids = list(contacts)
        await asyncio.gather(
            *(it.ask("POST", f"/v1/contacts/{key}", {"last_name": str(key)}) for key in ids[:6]),
            *(it.ask("DELETE", f"/v1/contacts/{key}") for key in ids[6:]),
        )
        await it.heard(12)
        changed = [one["data"] for one in receiver.got if one["event"] == "contact.updated"]
        assert {one["id"]: one["last_name"] for one in changed} == {k: str(k) for k in ids[:6]}
        gone = [one["data"] for one in receiver.got if one["event"] == "contact.deleted"]
        assert {one["id"]: one["first_name"] for one in gone} == {
            key: contacts[key]["first_name"] for key in ids[6:]
        }


async def test_what_was_done_is_told_though_its_answer_was_lost_and_what_was_not_is_not() -> None:
    api, receiver = SandboxApi(faults={"http-503": 1.0}), Receiver()
    deliveries = Deliveries(
        api.sandbox, clock=api.clock, pause=in_no_time,
        client=lambda: httpx2.AsyncClient(transport=httpx2.MockTransport(receiver)),
    )  # fmt: skip
    api.world.webhooks["mine"] = Webhook(
        "mine", 1, URL, "", "token", ["contact.created"], api.clock(), "basic"
    )
    before = len(api.world.contacts)
    async with deliveries:
        it = Delivering(api, receiver, deliveries)
        body = {"phone_numbers": [{"label": "Work", "value": "+33199007777"}]}
        async with it.client() as client:
            for _ in range(10):
                assert (await client.post("/v1/contacts", json=body)).status_code == 503
        done = len(api.world.contacts) - before
        assert 0 < done < 10
        assert len(await it.heard(done)) == done
        await deliveries.settled()
        assert len(receiver.got) == done


async def test_people_and_teams_that_come_and_go_are_told() -> None:
    wanted = [
        "user.created", "user.created.v2", "team.created", "team.destroyed", "user.deleted",
        "user.deleted.v2",
    ]  # fmt: skip
    async with delivering(wanted) as it:
        body = {"email": "zoe@example.com", "first_name": "Zoé", "last_name": "Lund"}
        user = (await it.ask("POST", "/v2/users", body))["user"]["id"]
        team = (await it.ask("POST", "/v1/teams", {"name": "Night"}))["team"]["id"]
        await it.ask("DELETE", f"/v1/teams/{team}")
        await it.ask("DELETE", f"/v1/users/{user}")
        assert await it.heard(6) == wanted
        assert [one["data"]["id"] for one in it.receiver.got] == [
            user,
            user,
            team,
            team,
            user,
            user,
        ]
        assert ["numbers" in one["data"] for one in it.receiver.got] == [
            True, False, False, False, True, False
        ]  # fmt: skip


async def test_a_call_is_told_with_its_notes_and_tags_as_events_have_them() -> None:
    async with delivering(["call.tagged", "call.commented"]) as it:
        call = it.api.world.calls[-10].id
        tag = next(iter(it.api.world.tags))
        now = int(it.api.clock.now)
        await it.ask("POST", f"/v1/calls/{call}/tags", {"tags": [tag]})
        await it.ask("POST", f"/v1/calls/{call}/comments", {"content": "hello"})
        assert await it.heard(2) == ["call.tagged", "call.commented"]
        told = it.receiver.got[1]["data"]
        mine = next(one for one in told["tags"] if one["id"] == tag)
        assert (mine["tagged_at"], mine["tagged_by"], "created_at" in mine) == (now, {}, False)
        note = told["comments"][-1]
        assert (note["posted_at"], note["posted_by"]) == (now, None)


async def test_a_post_that_fails_is_repeated_until_it_is_taken() -> None:
    async with delivering(["message.received"]) as it:
        it.receiver.status = 503
        asked = {"number_id": it.api.number("FR"), "from": "+33199001234", "body": "hello"}
        await it.ask("POST", "/sandbox/texts", asked)
        async with asyncio.timeout(5):
            while it.receiver.tried < 3:  # noqa: ASYNC110 - it posts by itself
                await asyncio.sleep(0)
        it.receiver.status = 200
        assert await it.heard(1) == ["message.received"]
        await it.deliveries.settled()
        assert [one.repetition for one in it.deliveries.log] == list(range(it.receiver.tried))


async def test_too_many_failures_disable_it_and_a_success_brings_it_back() -> None:
    async with delivering(["message.received"], failures=3) as it:
        [webhook] = [w for w in it.api.world.webhooks.values() if w.url == URL]
        it.receiver.status = 500
        asked = {"number_id": it.api.number("FR"), "from": "+33199001234", "body": "hello"}
        await it.ask("POST", "/sandbox/texts", asked)
        async with asyncio.timeout(5):
            while webhook.active:  # noqa: ASYNC110 - it posts by itself
                await asyncio.sleep(0)
        assert it.receiver.tried == 3
        it.receiver.status = 200
        await it.heard(1)
        await it.deliveries.settled()
        assert webhook.active


async def test_duplicates_and_disorder_come_by_option() -> None:
    async with delivering(["message.received"], duplicates=0.5, disorder=0.5) as it:
        number = it.api.number("FR")
        for n in range(30):
            asked = {"number_id": number, "from": "+33199001234", "body": str(n)}
            await it.ask("POST", "/sandbox/texts", asked)
        await it.deliveries.settled()
        bodies = [int(one["data"]["body"]) for one in it.receiver.got]
        assert len(bodies) > len(set(bodies)) >= 29
        assert list(dict.fromkeys(bodies)) != sorted(set(bodies))


async def test_a_route_leads_the_posts_as_a_tunnel_would() -> None:
    async with delivering(["message.received"], route="http://127.0.0.1:9/") as it:
        asked = {"number_id": it.api.number("FR"), "from": "+33199001234", "body": "hello"}
        await it.ask("POST", "/sandbox/texts", asked)
        await it.heard(1)
        assert it.receiver.got[0]["url"] == "http://127.0.0.1:9/hook"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [("GET", "/sandbox/texts", None, 404), ("POST", "/sandbox/nothing", {}, 404),
     ("POST", "/sandbox/texts", {}, 400), ("POST", "/sandbox/texts", [], 400),
     ("POST", "/sandbox/calls/1/hangup", None, 404)],
)  # fmt: skip
async def test_what_the_outside_cannot_do_is_refused(
    method: str, path: str, body: Any, status: int
) -> None:
    async with delivering() as it, it.client() as client:
        assert (await client.request(method, path, json=body)).status_code == status
