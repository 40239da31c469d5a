from __future__ import annotations

import base64
import json
from typing import Any

import anyio
import httpx2
import pytest

from aircall_mcp.accounts import Accounts, ApiKey, Memory, account_from
from aircall_mcp.accounts.auth import Auth
from aircall_mcp.desk import Failure, Question
from aircall_mcp.errors import NeedsConfirmation, NotOffered
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import AIRCALL
from aircall_mcp.ground.operation import EFFECTS, Bound
from aircall_mcp.ground.secrets import MASK, Secret
from aircall_mcp.offer import Offers, Registry, Selection
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.lock import Alone

from .house import (
    Office,
    OwnDesk,
    OwnGateway,
    answering,
    auth_for,
    desk_over,
    gateway_to,
    sandbox_with,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def small(registry: Registry, sandbox: Sandbox) -> Office:
    """The house with the small surface."""
    return Office(desk_over(sandbox, Offers(registry, Selection(surface="search"))), sandbox)


async def test_a_name_that_is_no_tool_is_for_the_protocol_to_refuse(office: Office) -> None:
    with pytest.raises(NotOffered):
        await office.desk.call("aircall_nothing", {}, Caller())


async def test_bad_arguments_never_reach_aircall(office: Office) -> None:
    error = await office.refused("get_call", call_id="one")
    assert error["kind"] == "argument"
    assert office.arrivals() == []


@pytest.mark.parametrize(
    "written", [{"per_page": "1", "order": None}, '{"per_page": 1.0, "from": ""}', {"per_page": 1}]
)
async def test_what_is_performed_is_mended_like_what_is_called_itself(
    small: Office, written: Any
) -> None:
    answer = await small.call("read", operation="list_tags", arguments=written)
    assert answer["page"]["returned"] == 1
    sent = small.sandbox.arrivals[-1].path
    everything = await small.call("read", operation="list_tags", arguments=None)
    assert everything["page"]["complete"] is True
    assert small.sandbox.arrivals[-1].path == sent
    error = await small.refused("read", operation="get_call", arguments={"call_id": 2**64})
    assert error["kind"] == "argument"


async def test_search_gives_the_right_tool_with_its_schema_and_an_example(office: Office) -> None:
    found = await office.call("search", query="place an outbound call")
    assert found["confident"] is True
    first, *others = found["matches"]
    operation = office.desk.registry.ids["start_outbound_call"]
    assert first["tool"] == operation.tool
    assert first["operation"] == "POST /v1/users/{id}/calls"
    assert first["effect"] == "reach"
    assert first["because"]
    assert first["input_schema"] == operation.input_schema
    assert operation.bind(first["example"])
    assert all("input_schema" not in match for match in others)
    assert office.arrivals() == []


async def test_search_says_what_the_owner_left_out(registry: Registry, sandbox: Sandbox) -> None:
    narrowed = Office(desk_over(sandbox, Offers(registry, Selection(toolsets=("tags",)))), sandbox)
    found = await narrowed.call("search", query="place an outbound call")
    assert "leaves this tool out" in found["matches"][0]["not_offered"]


async def test_each_of_the_four_performs_its_own_effect_only(small: Office) -> None:
    by_effect = {"read": "list_tags", "write": "create_tag", "reach": "start_outbound_call",
                 "delete": "delete_tag"}  # fmt: skip
    for performer in EFFECTS:
        for effect, name in by_effect.items():
            if performer == effect:
                continue
            error = await small.refused(performer, operation=name, arguments={})
            assert error["kind"] == "argument"
            assert error["hint"] == f"Call it with aircall_{effect}."
    assert small.arrivals() == []


async def test_what_search_finds_is_performed_by_its_name_id_or_route(small: Office) -> None:
    for name in ("aircall_list_tags", "list_tags", "GET /v1/tags"):
        answer = await small.call("read", operation=name)
        assert answer["page"]["complete"] is True
    made = await small.call(
        "write", operation="create_tag", arguments='{"name": "Upsell", "color": "#123456"}'
    )
    tag = made["data"]["tag"]["id"]
    await small.call("delete", operation="delete_tag", arguments={"tag_id": tag})
    assert tag not in small.world.tags


async def test_arguments_given_through_the_small_surface_are_held_to_the_same_schema(
    small: Office,
) -> None:
    error = await small.refused("read", operation="get_call", arguments={"call": 1})
    assert error["kind"] == "argument"
    assert "unknown `call`" in error["message"]
    assert "Did you mean `call_id`?" in error["hint"]


async def test_our_own_tools_are_not_performed_by_way_of_others(small: Office) -> None:
    for name in ("search", "read", "aircall_delete"):
        error = await small.refused("read", operation=name, arguments={"query": "x"})
        assert error["kind"] == "argument"


async def test_what_is_not_known_or_not_on_offer_is_an_argument_error(
    registry: Registry, sandbox: Sandbox
) -> None:
    chosen = Offers(registry, Selection(surface="search", read_only=True))
    office = Office(desk_over(sandbox, chosen), sandbox)
    unknown = await office.refused("read", operation="list_tagz")
    assert "Did you mean" in unknown["hint"]
    assert "aircall_search finds operations" in unknown["hint"]
    left_out = await office.refused("describe", operation="create_tag")
    assert "not on offer" in left_out["message"]
    with pytest.raises(NotOffered):
        await office.desk.call("aircall_write", {"operation": "create_tag"}, Caller())


async def test_describe_tells_what_search_left_out(small: Office) -> None:
    about = await small.call("describe", operation="POST /v1/users/{id}/calls")
    assert about["tool"] == "aircall_start_outbound_call"
    assert about["repeatable"] == "never"
    assert set(about["required"]) == {"user_id", "number_id", "to"}


async def test_a_time_without_offset_is_read_in_the_configured_zone(
    registry: Registry, sandbox: Sandbox
) -> None:
    office = Office(desk_over(sandbox, registry, time_zone="Asia/Tokyo"), sandbox)
    answer = await office.call("list_calls", **{"from": "2026-11-18T09:00:00"})
    assert answer["window"]["from"] == "2026-11-18T00:00:00Z"
    assert len(office.arrivals()) == 1


async def test_else_in_the_zone_that_most_users_have_asked_for_once(office: Office) -> None:
    one, *others, two = office.world.users.values()
    one.time_zone = two.time_zone = "Asia/Tokyo"  # whichever end a list begins at
    for user in others:
        user.time_zone = "America/New_York"
    assert len(others) > 2
    first = await office.call("list_calls", **{"from": "2026-11-18T09:00:00"})
    assert first["window"]["from"] == "2026-11-18T14:00:00Z"
    await office.call("list_calls", **{"from": "2026-11-18T09:00:00"})
    asked = [path for _, path in office.arrivals()]
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
    return OwnDesk(Offers(registry), gateway, zone_of=auth.time_zone), arrived


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


async def test_a_time_with_an_offset_asks_nobody(office: Office) -> None:
    await office.call("list_calls", **{"from": "2026-11-18T09:00:00+01:00", "to": 1795082400})
    assert [path for _, path in office.arrivals()] == ["/v1/calls"]


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


def without_users(status: int) -> tuple[Any, list[str]]:
    """An Aircall that lists calls and, of its users, says only this; and the paths it was asked."""
    asked: list[str] = []

    async def aircall(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        asked.append(scope["path"])
        users = scope["path"] == "/v2/users"
        body: dict[str, Any] = {"error": "no"} if users else {"calls": [], "meta": {"total": 0}}
        await send({"type": "http.response.start", "status": status if users else 200,
                    "headers": []})  # fmt: skip
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

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


@pytest.mark.parametrize("effect", ["read", "write", "reach", "delete"])
async def test_only_an_effect_is_done_by_an_answer_without_content(
    registry: Registry, effect: str
) -> None:
    """Every operation of Aircall's, by its own example."""
    app, _ = answering(200)
    desk = desk_over(app, registry)
    told = 0
    for operation in registry.ids.values():
        if operation.effect != effect or operation.ours:
            continue
        answer = (await desk.call(operation.tool, dict(operation.example), Caller())).payload
        if "error" in answer:
            continue
        told += 1
        if effect == "read":
            key = operation.answer.key
            assert answer["data"] == ({key: []} if operation.answer.is_list else {})
            assert any("nothing at all" in note for note in answer["notes"])
            assert not answer.get("page", {}).get("complete", False)
        else:
            assert answer["data"] == {"done": True}
    assert told >= (5 if effect == "delete" else 10)
    await desk.aclose()


async def test_a_key_of_the_owner_that_aircall_echoes_does_not_leave(registry: Registry) -> None:
    from aircall_mcp.app import open_app
    from aircall_mcp.ground.config import settings_from

    house = open_app(settings_from({"sandbox": True}), {})
    secret = sandbox_with(data="empty").api_token
    made = await house.desk.call(
        "aircall_create_tag", {"name": f"key {secret}", "color": "#123456"}, Caller()
    )
    assert not made.is_error
    assert secret not in str(made.payload)
    await house.aclose()


async def test_a_secret_that_came_as_data_is_masked_wherever_it_turns_up_again(
    registry: Registry, sandbox: Sandbox
) -> None:
    auth = auth_for(AIRCALL, (sandbox.api_id, sandbox.api_token))
    gateway = OwnGateway(base_url=AIRCALL, auth=auth, transport=httpx2.ASGITransport(app=sandbox))
    desk = OwnDesk(Offers(registry), gateway, scrub=auth.scrub_json)
    [webhook, *_] = sandbox.world.webhooks.values()
    tag = next(iter(sandbox.world.tags.values()))
    tag.description = f"<{webhook.token}>"
    asked = "aircall_get_tag", {"tag_id": tag.id, "detail": "full"}, Caller()
    before = await desk.call(*asked)
    assert f"<{webhook.token}>" in str(before.payload)
    listed = await desk.call("aircall_list_webhooks", {}, Caller())
    assert webhook.token not in str(listed.payload)
    tag.color = "#abcdef"
    after = await desk.call(*asked)
    assert f"<{MASK}>" in str(after.payload)
    assert f"<{MASK}>" in auth.scrub(f"<{webhook.token}>")
    await desk.aclose()


async def test_many_calls_share_one_desk(office: Office) -> None:
    answers: list[Any] = []

    async def one() -> None:
        answers.append(await office.call("list_tags"))

    async with anyio.create_task_group() as tasks:
        for _ in range(40):
            tasks.start_soon(one)
    assert len(answers) == 40
    assert all(answer == answers[0] for answer in answers)


async def _asks(bound: Bound, _caller: Caller) -> None:
    if bound.operation.effect != "read":
        raise NeedsConfirmation("effects are looked at", hint="Ask the owner.")


async def test_a_yes_is_to_one_call_and_to_no_other(registry: Registry) -> None:
    app, asked = answering(200, {"tag": {"id": 1}})
    desk = OwnDesk(Offers(registry), gateway_to(app), judge=_asks)
    red, blue = ({"name": "Newest", "color": color} for color in ("#ff0000", "#0000ff"))
    question = await desk.call("aircall_create_tag", red, Caller())
    assert isinstance(question, Question)
    approved = Caller(approved=question.identity)
    assert isinstance(await desk.call("aircall_create_tag", blue, approved), Question)
    assert isinstance(await desk.call("aircall_delete_tag", {"tag_id": 1}, approved), Question)
    elsewhere = Caller(approved=question.identity, account="other")
    assert isinstance(await desk.call("aircall_create_tag", red, elsewhere), Question)
    assert not asked
    assert not (await desk.call("aircall_create_tag", red, approved)).is_error
    assert len(asked) == 1
    await desk.aclose()


async def test_nobody_is_asked_for_what_is_refused_afterwards(registry: Registry) -> None:
    app, asked = answering(200, {})
    shut = gateway_to(app, allowed=frozenset(), sandbox=False)
    desk = OwnDesk(Offers(registry), shut, judge=_asks)
    refused = await desk.call("aircall_delete_tag", {"tag_id": 1}, Caller())
    assert isinstance(refused, Failure)
    assert refused.payload["error"]["kind"] == "not_allowed"
    assert not asked
    await desk.aclose()


async def test_errors_and_questions_pass_the_scrubber_as_answers_do(registry: Registry) -> None:
    app, _ = answering(200, {"tag": {"id": 1}})
    desk = OwnDesk(
        Offers(registry), gateway_to(app), judge=_asks, scrub=lambda value: {"scrubbed": value}
    )
    for tool, arguments in (("get_tag", {"tag_id": 1}), ("get_tag", {}), ("search", {"query": 1})):
        outcome = await desk.call(f"aircall_{tool}", arguments, Caller())
        assert list(outcome.payload) == ["scrubbed"]
    question = await desk.call("aircall_delete_tag", {"tag_id": 1}, Caller())
    assert isinstance(question, Question)
    told: list[Any] = [question.preview, question.why, question.payload]
    assert [list(one) for one in told] == 3 * [["scrubbed"]]
    await desk.aclose()


async def test_a_principal_performs_what_is_on_its_own_offer(
    registry: Registry, sandbox: Sandbox
) -> None:
    offers = Offers(
        registry,
        Selection(surface="search"),
        to_principal=lambda _: Selection(toolsets=("tags",)),
    )
    desk = desk_over(sandbox, offers)
    arguments = {"operation": "list_calls"}
    assert not (await desk.call("aircall_read", arguments, Caller())).is_error
    anna = Caller(principal="anna")
    refused = await desk.call("aircall_read", arguments, anna)
    assert "not on offer" in refused.payload["error"]["message"]
    tags = await desk.call("aircall_read", {"operation": "list_tags"}, anna)
    assert not tags.is_error
    await desk.aclose()
