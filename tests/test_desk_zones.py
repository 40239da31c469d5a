"""In which zone the desk reads a time that names none."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aircall_mcp.accounts import Accounts, ApiKey, Memory, account_from
from aircall_mcp.accounts.auth import Auth
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import AIRCALL
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.lock import Alone

from .gateway.budgets import Budgets
from .harness import (
    Harness,
    OwnDesk,
    OwnGateway,
    answering,
    desk_over,
    gateway_to,
)

pytestmark = pytest.mark.anyio


async def test_a_time_without_offset_is_read_in_the_configured_zone(
    registry: Registry, sandbox: Sandbox
) -> None:
    harness = Harness(desk_over(sandbox, registry, time_zone="Asia/Tokyo"), sandbox)
    answer = await harness.call("list_calls", **{"from": "2026-11-18T09:00:00"})
    assert answer["window"]["from"] == "2026-11-18T00:00:00Z"
    assert len(harness.arrivals()) == 1


async def test_else_in_the_zone_that_most_users_have_asked_for_once(harness: Harness) -> None:
    one, *others, two = harness.world.users.values()
    one.time_zone = two.time_zone = "Asia/Tokyo"  # whichever end a list begins at
    for user in others:
        user.time_zone = "America/New_York"
    assert len(others) > 2
    first = await harness.call("list_calls", **{"from": "2026-11-18T09:00:00"})
    assert first["window"]["from"] == "2026-11-18T14:00:00Z"
    await harness.call("list_calls", **{"from": "2026-11-18T09:00:00"})
    asked = [path for _, path in harness.arrivals()]
    assert asked == ["/v2/users", "/v1/calls", "/v1/calls"]


async def test_a_zone_of_an_account_that_is_not_known_here_is_utc_and_said_so(
    registry: Registry, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    async def zone_of(_account: str | None) -> str:
        return "Mars/Base"

    desk = OwnDesk(Offers(registry), gateway_to(sandbox), zone_of=zone_of)
    result = await desk.call("aircall_list_calls", {"from": "2026-11-18T09:00:00"}, Caller())
    assert result.payload["window"]["from"] == "2026-11-18T09:00:00Z"
    assert "Mars/Base" in caplog.text
    await desk.aclose()


def zoned(registry: Registry, **zones: str | None) -> tuple[OwnDesk, list[tuple[str, str]]]:
    """A desk over accounts with these zones, and who asked for which path. Most users of the
    company of rome are in New York, those of any other in Sydney."""
    arrived: list[tuple[str, str]] = []

    async def aircall(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        sent = dict(scope["headers"])[b"authorization"].decode()
        who = base64.b64decode(sent.removeprefix("Basic ")).decode().split(":")[0]
        arrived.append((who, scope["path"]))
        zone = "America/New_York" if who == "id-of-rome" else "Australia/Sydney"
        body: dict[str, Any] = {"users": [{"id": 1, "time_zone": zone}], "calls": [], "meta": {}}
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    accounts = Accounts(Memory())
    for name, zone in zones.items():
        key = ApiKey(api_id=Secret(f"id-of-{name}"), api_token=Secret(f"token-of-{name}"))
        accounts.add(account_from(name=name, credential=key, time_zone=zone))
    auth = Auth(accounts, latch=lambda _: Alone())
    gateway = OwnGateway(base_url=AIRCALL, auth=auth, transport=httpx2.ASGITransport(app=aircall))
    registry = registry.with_accounts(accounts.names())
    desk = OwnDesk(Offers(registry), gateway, zone_of=auth.time_zone, whose=auth.whose)
    desk.accounts = accounts
    return desk, arrived


async def read_from(desk: OwnDesk, account: str | None, caller: Caller | None = None) -> str:
    """What nine o'clock is to a call that names `account`, if any."""
    named = {"account": account} if account else {}
    asked = {"from": "2026-11-18T09:00:00", **named}
    result = await desk.call("aircall_list_calls", asked, caller or Caller())
    assert not result.is_error, result.payload
    return result.payload["window"]["from"]


async def test_a_time_is_read_in_the_zone_of_the_account_that_the_call_names(
    registry: Registry,
) -> None:
    desk, arrived = zoned(registry, paris="Europe/Paris", tokyo="Asia/Tokyo")
    for _ in range(2):
        assert await read_from(desk, "tokyo") == "2026-11-18T00:00:00Z"
        assert await read_from(desk, "paris") == "2026-11-18T08:00:00Z"
        assert await read_from(desk, None) == "2026-11-18T08:00:00Z"  # the default's
        assert await read_from(desk, None, Caller(account="tokyo")) == "2026-11-18T00:00:00Z"
        assert await read_from(desk, "paris", Caller(account="tokyo")) == "2026-11-18T08:00:00Z"
    assert {path for _, path in arrived} == {"/v1/calls"}
    await desk.aclose()


async def test_whose_zone_is_meant_by_no_name_changes_with_the_default(registry: Registry) -> None:
    """Oslo's company is in Sydney, rome's in New York, and which of them is meant may change."""
    desk, _ = zoned(registry, oslo=None, rome=None, tokyo="Asia/Tokyo")
    accounts = desk.accounts
    hours = {"oslo": "2026-11-17T22", "rome": "2026-11-18T14", "tokyo": "2026-11-18T00"}
    for name, at in (*hours.items(), ("oslo", hours["oslo"])):
        accounts.make_default(name)
        assert await read_from(desk, None) == f"{at}:00:00Z"
    await desk.aclose()


async def test_an_account_without_a_zone_is_read_in_that_of_its_own_users(
    registry: Registry,
) -> None:
    desk, arrived = zoned(registry, oslo=None, rome=None)
    assert await read_from(desk, "rome", Caller(account="oslo")) == "2026-11-18T14:00:00Z"
    assert arrived == [("id-of-rome", "/v2/users"), ("id-of-rome", "/v1/calls")]
    assert await read_from(desk, "oslo", Caller(account="rome")) == "2026-11-17T22:00:00Z"
    assert arrived[2:] == [("id-of-oslo", "/v2/users"), ("id-of-oslo", "/v1/calls")]
    await desk.aclose()


@pytest.mark.parametrize("more", [{"account": "rome"}, {"account": 7}, {"colour": "red"}])
async def test_what_is_refused_asks_nobody_for_a_zone(
    registry: Registry, more: dict[str, Any]
) -> None:
    """An account least of all that is there and not on offer, as where the owner named one."""
    desk, arrived = zoned(registry, oslo=None, rome=None)
    desk.offers = Offers(registry)
    asked = {"from": "2026-11-18T09:00:00", **more}
    result = await desk.call("aircall_list_calls", asked, Caller(account="oslo"))
    assert result.payload["error"]["kind"] == "argument"
    assert arrived == []
    await desk.aclose()


async def test_a_time_with_an_offset_asks_nobody(harness: Harness) -> None:
    await harness.call("list_calls", **{"from": "2026-11-18T09:00:00+01:00", "to": 1795082400})
    assert [path for _, path in harness.arrivals()] == ["/v1/calls"]


@pytest.mark.parametrize(
    "users", [{}, {"users": None}, {"users": [1, {"time_zone": 7}]},
              {"users": [{"time_zone": "Mars/Olympus"}]}, None, [1]]
)  # fmt: skip
async def test_where_no_zone_can_be_learnt_times_are_read_in_utc(
    registry: Registry, users: Any
) -> None:
    app, _ = answering(200, users)
    desk = desk_over(app, registry)
    result = await desk.call("aircall_list_calls", {"from": "2026-11-18T09:00:00"}, Caller())
    assert result.payload["window"]["from"] == "2026-11-18T09:00:00Z"
    await desk.aclose()


def without_users(status: int, wait: int | None = None) -> tuple[Any, list[str]]:
    """An Aircall that lists calls and, of its users, says only this; and the paths it was asked."""
    asked: list[str] = []

    async def aircall(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        asked.append(scope["path"])
        users = scope["path"] == "/v2/users"
        body: dict[str, Any] = {"error": "no"} if users else {"calls": [], "meta": {"total": 0}}
        await send({"type": "http.response.start", "status": status if users else 200,
                    "headers": waiting if users else []})  # fmt: skip
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    waiting = [] if wait is None else [(b"retry-after", str(wait).encode())]
    return aircall, asked


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 451])
async def test_a_look_for_the_zone_that_fails_costs_no_read_and_says_so(
    registry: Registry, status: int
) -> None:
    app, asked = without_users(status)
    desk = desk_over(app, registry)
    for _ in range(2):  # what failed is looked up again
        result = await desk.call("aircall_list_calls", {"from": "2026-11-18T09:00:00"}, Caller())
        assert not result.is_error, result.payload
        assert result.payload["window"]["from"] == "2026-11-18T09:00:00Z"
        assert any("UTC" in note and "+01:00" in note for note in result.payload["notes"])
    assert [path for path in asked if path == "/v1/calls"] == ["/v1/calls"] * 2
    assert len([path for path in asked if path == "/v2/users"]) >= 2
    await desk.aclose()


@pytest.mark.parametrize(
    ("wait", "read"), [(1, True), (8, True), (19, True), (60, False), (None, False)]
)
async def test_a_look_for_the_zone_that_is_throttled_costs_the_read_its_wait_alone(
    registry: Registry, home: Path, wait: int | None, read: bool
) -> None:
    """A 429 holds for the company: the read waits it out as it would its own, or says how long."""
    app, asked = without_users(429, wait)
    budgets = Budgets(home)
    budget = budgets.another()
    desk = desk_over(app, registry, budget=budget)
    result = await desk.call("aircall_list_calls", {"from": "2026-11-18T09:00:00"}, Caller())
    assert asked.count("/v1/calls") == read
    if read:
        assert result.payload["window"]["from"] == "2026-11-18T09:00:00Z"
        assert "UTC" in result.payload["notes"][0]
    else:
        assert result.payload["error"]["kind"] == "budget"
        assert result.payload["error"]["retry_after_seconds"] >= 60
        assert asked == ["/v2/users"]
        budgets.clock.pass_by(61)
        again = await desk.call("aircall_list_calls", {"from": "2026-11-18T09:00:00Z"}, Caller())
        assert not again.is_error
    await desk.aclose()


async def test_a_zone_that_is_not_known_is_said_and_one_that_is_is_not(
    registry: Registry, sandbox: Sandbox
) -> None:
    asked = {"from": "2026-11-18T09:00:00"}
    app, _ = answering(200, {"users": [], "calls": [], "meta": {}})
    blind = desk_over(app, registry)
    for _ in range(2):
        result = await blind.call("aircall_list_calls", asked, Caller())
        assert "UTC" in result.payload["notes"][0]
    await blind.aclose()
    seeing = desk_over(sandbox, registry)
    for given in (asked, {"from": "2026-11-18T09:00:00Z"}):
        result = await seeing.call("aircall_list_calls", given, Caller())
        assert not any("UTC" in note for note in result.payload.get("notes", ()))
    await seeing.aclose()
