"""The sandbox asked for what the facts speak of."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from aircall_mcp.sandbox.deliveries import Deliveries

from ..sandbox.api import SandboxApi

HOOK = {"url": "https://example.com/webhook"}


def named(api: SandboxApi) -> dict[str, Any]:
    """What stands in braces in a request: things that are there."""
    world, maya, nora = api.world, api.user("Maya"), api.user("Nora")
    team = next(iter(world.teams.values())) if world.teams else None
    dialer = world.dialers.get(maya)
    return {
        "user": api.user("Ana"),
        "offline": nora,
        "offline_number": api.number("DE"),
        "team": team.id if team else 0,
        "member": team.users[0] if team else 0,
        "tag": next(iter(world.tags)),
        "contact": next(iter(world.contacts)),
        "webhook": next(iter(world.webhooks)),
        "dialer": maya,
        "queued": next(one.number for one in dialer.queue if not one.called) if dialer else "",
        "call": next(call.id for call in world.calls if call.comments and call.tags),
        "now-365d": int(api.clock()) - 365 * 86_400,
        "now-190d": int(api.clock()) - 190 * 86_400,
    }


REQUESTS: dict[str, tuple[str, str, Any]] = {
    "get_user_v2": ("GET", "/v2/users/{user}", None),
    "create_user_v2": (
        "POST", "/v2/users",
        {"email": "zoe@example.com", "first_name": "Zoé", "last_name": "Lund"},
    ),
    "list_users_v2": ("GET", "/v2/users", None),
    "list_users_v1": ("GET", "/v1/users", None),
    "list_user_availabilities": ("GET", "/v1/users/availabilities", None),
    "list_teams": ("GET", "/v1/teams", None),
    "get_team": ("GET", "/v1/teams/{team}", None),
    "add_user_to_team": ("POST", "/v1/teams/{team}/users/{offline}", None),
    "list_calls": ("GET", "/v1/calls?per_page=50", None),
    "get_call": ("GET", "/v1/calls/{call}", None),
    "create_contact": (
        "POST", "/v1/contacts",
        {"first_name": "Gary", "information": "external_custom_id:87123",
         "phone_numbers": [{"label": "Work", "value": "+19001112222"}]},
    ),
    "list_contacts": ("GET", "/v1/contacts", None),
    "list_numbers": ("GET", "/v1/numbers", None),
    "list_tags": ("GET", "/v1/tags", None),
    "create_tag": ("POST", "/v1/tags", {"name": "Upsell", "color": "#FF5733"}),
    "get_company": ("GET", "/v1/company", None),
    "create_webhook": ("POST", "/v1/webhooks", HOOK),
    "update_webhook": ("PUT", "/v1/webhooks/{webhook}", {"active": True}),
    "get_webhook": ("GET", "/v1/webhooks/{webhook}", None),
    "list_webhooks": ("GET", "/v1/webhooks", None),
}  # fmt: skip


async def answer_to(operation: str) -> Any:
    """The JSON of one answer, in a company of its own."""
    api = SandboxApi(users_v1=True)
    method, path, body = REQUESTS[operation]
    answer = await api.ask(method, path.format(**named(api)), json=body)
    assert answer.status_code < 300, answer.text
    return answer.json()


async def in_no_time(_seconds: float) -> None:
    """Others have a turn between two looks, and that is all."""
    await asyncio.sleep(0)


async def events() -> dict[str, Any]:
    """What a webhook hears of a call, its notes and tags, a contact and a user: one of each."""
    api = SandboxApi()
    heard: dict[str, Any] = {}

    async def ear(request: httpx2.Request) -> httpx2.Response:
        told = httpx2.Response(200, content=request.content).json()
        heard[told["event"]] = told
        return httpx2.Response(200)

    deliveries = Deliveries(
        api.sandbox, clock=api.clock, pause=in_no_time,
        client=lambda: httpx2.AsyncClient(transport=httpx2.MockTransport(ear)),
    )  # fmt: skip
    known = named(api)
    async with deliveries:
        await done(api, "POST", "/v1/webhooks", HOOK)
        number = api.number("US")
        call = {"number_id": number, "to": "+14155550143"}
        await done(api, "POST", f"/v1/users/{api.user('Maya')}/calls", call)
        live = api.world.calls[-1].id
        await done(api, "POST", f"/v1/calls/{live}/tags", {"tags": [known["tag"]]})
        await done(api, "POST", f"/v1/calls/{live}/comments", {"content": "Left a message"})
        api.clock.pass_by(5)
        await done(api, "DELETE", f"/v1/contacts/{known['contact']}")
        await done(api, "POST", *REQUESTS["create_user_v2"][1:])
        await deliveries.settled()
    return heard


async def done(api: SandboxApi, method: str, path: str, body: Any = None) -> Any:
    answer = await api.ask(method, path, json=body)
    assert answer.status_code < 300, (method, path, answer.text)
    return answer.json() if answer.content else None
