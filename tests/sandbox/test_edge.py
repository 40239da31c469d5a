from __future__ import annotations

import base64
import json

import anyio
import pytest

from aircall_mcp.errors import SettingsError

from ..harness import sandbox_with
from .api import SandboxApi

pytestmark = pytest.mark.anyio


async def test_the_edge_refuses_before_the_application_looks() -> None:
    api = SandboxApi()
    async with api.client(signed=False) as client:
        nobody = await client.get("/v1/calls/1")
        unknown = await client.get("/v1/nothing")
        wrong = await client.get("/v1/calls/1", auth=("sandbox-api-id", "no"))
        bearer = await client.get("/v1/calls/1", headers={"Authorization": "Bearer no"})
        broken = await client.get("/v1/calls/1", headers={"Authorization": "Basic %%%"})
        odd = await client.get("/v1/calls/1", headers={"Authorization": "Digest x"})
        root = await client.get("/")
    assert (nobody.status_code, nobody.json()) == (401, {"message": "Unauthorized"})
    assert (unknown.status_code, unknown.json()) == (404, {"message": "Not Found"})
    for answer in (wrong, bearer, broken, odd):
        assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    assert root.json()["resource"] == "Aircall Documentation"


async def test_the_application_says_what_is_missing() -> None:
    api = SandboxApi()
    assert await api.refused("GET", "/v1/calls/1") == (404, "Call not found")
    answer = await api.ask("GET", "/v1/calls/1")
    assert answer.json()["error"] == "Not Found"
    assert answer.headers["x-aircall-sandbox"] == "true"


async def test_a_verb_no_route_has_is_an_unknown_route() -> None:
    api = SandboxApi()
    for method, path in (
        ("PATCH", "/v1/contacts/1"),
        ("PUT", "/v1/contacts/1"),
        ("HEAD", "/v1/ping"),
    ):
        assert await api.status(method, path) == 404


async def test_the_user_routes_that_were_shut_down_can_be_brought_back() -> None:
    closed, open_ = SandboxApi(), SandboxApi(users_v1=True)
    answer = await closed.ask("GET", "/v1/users")
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})
    assert await closed.status("GET", f"/v1/users/{closed.user('Ana')}/availability") == 200
    users = (await open_.get("/v1/users"))["users"]
    assert "numbers" not in users[2]  # the reference names them, and nobody has seen them


async def test_two_reads_insist_on_a_content_type() -> None:
    api = SandboxApi()
    for path in ("registration_status", "messages/configuration"):
        url = f"/v1/numbers/{api.number('GB')}/{path}"
        answer = await api.ask("GET", url)
        assert (answer.status_code, answer.json()["error"]) == (400, "InvalidContentType")
        kind = {"Content-Type": "application/json; charset=utf-8"}
        assert await api.status("GET", url, headers=kind) == 200


async def test_a_write_with_a_body_of_another_kind_is_refused() -> None:
    api = SandboxApi()
    form = await api.ask("POST", "/v1/tags", data={"name": "x", "color": "#fff"})
    assert (form.status_code, form.json()["error"]) == (400, "InvalidContentType")
    empty = await api.refused("POST", "/v1/tags")
    assert empty == (400, "a JSON body is required")


async def test_what_does_not_fit_is_named() -> None:
    api = SandboxApi()
    status, why = await api.refused("POST", "/v1/tags", json={"name": "x"})
    assert (status, "color" in why) == (400, True)
    status, why = await api.refused("POST", "/v1/tags", json={"name": 7, "color": "#fff"})
    assert (status, why.startswith("name: ")) == (400, True)
    status, why = await api.refused("GET", "/v1/calls", params={"page": "two"})
    assert (status, why) == (400, "page must be an integer")
    status, why = await api.refused("GET", "/v1/calls", params={"order": "up"})
    assert (status, why.startswith("order: ")) == (400, True)


async def test_fields_nobody_knows_are_ignored() -> None:
    api = SandboxApi()
    body = {"name": "fresh", "color": "#abc", "shiny": True}
    assert await api.status("POST", "/v1/tags", json=body) == 201
    assert await api.status("GET", "/v1/tags", params={"shiny": "1"}) == 200


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"name": NaN, "color": "#fff"}',
        b'{"name": "\\ud800", "color": "#fff"}',
        b'{"name": ' + b"9" * 6_000 + b', "color": "#fff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
async def test_whatever_is_sent_the_sandbox_stays_on_its_feet(content: bytes) -> None:
    api = SandboxApi()
    kind = {"Content-Type": "application/json"}
    for method, path in (("POST", "/v1/tags"), ("POST", "/v1/contacts"), ("POST", "/v1/webhooks")):
        assert await api.status(method, path, content=content, headers=kind) == 400


@pytest.mark.parametrize(
    "path",
    [
        "/v1/calls/99999999999999999999999999",
        "/v1/calls/-1",
        "/v1/calls/%ff%fe",
        "/v1/calls/1%2f2",
        "/v1/calls/%00",
        "/v2/users/%F0%9F%98%80",
        "/v1/webhooks/99999999999999999999999",
        "/v1/calls?page=99999999999999999999",
        "/v1/calls?page=9999999999999999999",
        "/v1/calls?from=abc",
        "/v1/calls?tags[]=1&page=%ff",
        "/v1/calls/search?tags[]=a",
        "/v1/campaigns/%ff/contacts",
        "/v1/calls/" + "1" * 5_000,
    ],
)
async def test_strange_addresses_are_refused_and_no_more(path: str) -> None:
    api = SandboxApi()
    assert await api.status("GET", path) in (400, 404)


async def test_too_many_query_fields_and_too_large_a_body_are_refused() -> None:
    api = SandboxApi()
    many = await api.ask("GET", "/v1/calls?" + "&".join(["a=1"] * 500))
    assert (many.status_code, many.json()) == (414, {"message": "URI Too Long"})
    kind = {"Content-Type": "application/json"}
    large = b" " * (10 * 1024 * 1024 + 1)
    answer = await api.ask("POST", "/v1/tags", content=large, headers=kind)
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Too Long"})


async def test_the_limit_is_a_fixed_window_and_speaks_only_when_reached() -> None:
    api = SandboxApi(requests_per_minute=3)
    for _ in range(3):
        answer = await api.ask("GET", "/v1/ping")
        assert answer.status_code == 200
        assert "x-aircallapi-limit" not in answer.headers
        api.clock.pass_by(10)
    refused = await api.ask("GET", "/v1/ping")
    assert (refused.status_code, refused.json()["error"]) == (429, "Too Many Requests")
    assert refused.headers["x-aircallapi-limit"] == "3"
    assert refused.headers["x-aircallapi-remaining"] == "0"
    assert float(refused.headers["x-aircallapi-reset"]) == api.clock() + 30
    api.clock.pass_by(29)
    assert await api.status("GET", "/v1/ping") == 429
    api.clock.pass_by(1)
    assert await api.status("GET", "/v1/ping") == 200


async def test_the_edge_does_not_count_whom_it_turns_away() -> None:
    api = SandboxApi(requests_per_minute=1)
    async with api.client(signed=False) as client:
        assert (await client.get("/v1/ping")).status_code == 401
    assert await api.status("GET", "/v1/nothing") == 404
    assert await api.status("GET", "/v1/ping") == 200


async def test_the_headers_can_be_asked_for_always() -> None:
    api = SandboxApi(requests_per_minute=5, rate_headers="always")
    answer = await api.ask("GET", "/v1/ping")
    assert answer.headers["x-aircallapi-remaining"] == "4"


async def test_an_add_on_the_plan_lacks_is_forbidden_in_the_words_of_the_application() -> None:
    api = SandboxApi(add_ons=frozenset({"AI Assist"}))
    said = next(one for one in api.world.calls if one.talk >= 0)
    assert await api.status("GET", f"/v1/calls/{said.id}/summary") == 200
    status, why = await api.refused("GET", f"/v1/calls/{said.id}/playbook_result")
    assert (status, "AI Assist Pro" in why) == (403, True)
    assert await api.status("GET", f"/v1/users/{api.user('Maya')}/dialer_campaign") == 403


async def test_every_request_is_on_record_without_its_credentials() -> None:
    api = SandboxApi()
    await api.ask("POST", "/v1/tags?a=1", json={"name": "fresh", "color": "#abc"})
    await api.ask("GET", "/v1/nothing")
    made, lost = api.sandbox.arrivals
    assert (made.method, made.path, made.query) == ("POST", "/v1/tags", "a=1")
    assert (made.operation, made.status, made.time) == ("create_tag", 201, api.clock())
    assert made.json() == {"name": "fresh", "color": "#abc"}
    assert "authorization" not in made.headers
    assert (lost.operation, lost.status, lost.performed) == (None, 404, False)


async def test_an_http_fault_strikes_before_or_after_the_deed() -> None:
    api = SandboxApi(faults={"http-502": 1.0})
    for index in range(20):
        tag = {"name": f"fresh {index}", "color": "#abc"}
        answer = await api.ask("POST", "/v1/tags", json=tag)
        assert (answer.status_code, answer.json()) == (502, {"message": "Bad Gateway"})
    performed = [one for one in api.sandbox.arrivals if one.performed]
    made = [tag for tag in api.world.tags.values() if tag.name.startswith("fresh")]
    assert len(made) == len(performed)
    assert 0 < len(performed) < 20


async def test_faults_come_at_their_rate_and_the_same_way_for_a_seed() -> None:
    async def statuses(seed: int) -> list[int]:
        api = SandboxApi(faults={"http-500": 0.2, "http-503": 0.2}, seed=seed)
        return [await api.status("GET", "/v1/ping") for _ in range(60)]

    first = await statuses(4)
    assert set(first) == {200, 500, 503}
    assert first == await statuses(4)
    assert first != await statuses(5)


async def test_garbage_and_cut_answers_are_not_json() -> None:
    for kind in ("garbage", "cut"):
        api = SandboxApi(faults={kind: 1.0})
        answer = await api.ask("GET", "/v1/company")
        assert answer.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            answer.json()


async def test_a_timeout_performs_and_never_answers() -> None:
    api = SandboxApi(faults={"timeout": 1.0})
    with anyio.move_on_after(0.05) as waited:
        await api.ask("POST", "/v1/tags", json={"name": "fresh", "color": "#abc"})
    assert waited.cancelled_caught
    assert [one.status for one in api.sandbox.arrivals] == [None]
    assert any(tag.name == "fresh" for tag in api.world.tags.values())


async def test_who_leaves_while_the_answer_is_held_back_has_asked_all_the_same() -> None:
    api = SandboxApi(latency=60)
    with anyio.move_on_after(0.05) as waited:
        await api.ask("POST", "/v1/tags", json={"name": "fresh", "color": "#abc"})
    assert waited.cancelled_caught
    assert [one.operation for one in api.sandbox.arrivals] == ["create_tag"]


@pytest.mark.parametrize(
    "choice",
    [
        {"faults": {"http-418": 0.1}},
        {"faults": {"cut": 1.5}},
        {"faults": {"cut": 0.6, "garbage": 0.6}},
        {"add_ons": frozenset({"Teleport"})},
    ],
)
async def test_a_choice_that_cannot_be_followed_is_refused(choice: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        sandbox_with(**choice)  # pyright: ignore[reportArgumentType]


async def test_the_key_is_fixed_and_a_bearer_of_it_is_not() -> None:
    api = SandboxApi()
    sandbox = api.sandbox
    assert (sandbox.api_id, sandbox.client_id) == ("sandbox-api-id", "sandbox-client-id")
    pair = base64.b64encode(f"{sandbox.api_id}:{sandbox.api_token}".encode()).decode()
    async with api.client(signed=False) as client:
        good = await client.get("/v1/ping", headers={"Authorization": f"basic {pair}"})
        bad = await client.get("/v1/ping", headers={"Authorization": f"Bearer {pair}"})
    assert (good.json(), bad.status_code) == ({"ping": "pong"}, 403)
