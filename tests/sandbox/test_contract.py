from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from urllib.parse import quote

import jsonschema_rs
import pytest

from aircall_mcp.errors import SpecError
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.sandbox.entities import Export
from aircall_mcp.spec import document

from .api import SandboxApi

pytestmark = pytest.mark.anyio

VERBS = ("get", "post", "put", "delete")
HERE = "urn:test:description"
DOCUMENT = document()


@dataclass(frozen=True)
class Described:
    """One operation of the description, with its own example of a request."""

    name: str
    method: str
    path: str
    operation: dict[str, Any]
    example: dict[str, Any]
    query: dict[str, Any]
    body: Any


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/")]
        node = found
    return node


@cache
def described() -> tuple[Described, ...]:
    return tuple(_described())


def _described() -> Iterator[Described]:
    for path, item in DOCUMENT["paths"].items():
        for verb in VERBS:
            if verb not in item:
                continue
            operation = item[verb]
            parameters = [
                resolved(one)
                for one in (*item.get("parameters", ()), *operation.get("parameters", ()))
            ]
            places: dict[str, dict[str, Any]] = {"path": {}, "query": {}}
            for one in parameters:
                if "example" in one:
                    places[one["in"]][one["name"]] = one["example"]
            content = operation.get("requestBody", {}).get("content", {})
            body = content.get("application/json", {}).get("example")
            yield Described(
                operation["operationId"],
                verb.upper(),
                path,
                operation,
                places["path"],
                places["query"],
                body,
            )


OPERATIONS = [pytest.param(one, id=one.name) for one in described()]


@cache
def _registry() -> Any:
    return jsonschema_rs.Registry([(HERE, DOCUMENT)])


def check_answer(one: Described, status: int, content: bytes) -> None:
    """The status is documented and the body fits what is documented for it."""
    assert str(status) in one.operation["responses"], (one.name, status, content)
    response = one.operation["responses"][str(status)]
    pointer = f"/paths/{one.path.replace('/', '~1')}/{one.method.lower()}/responses/{status}"
    if "$ref" in response:
        pointer = response["$ref"].removeprefix("#")
        response = resolved(response)
    if "content" not in response:
        assert content == b"", (one.name, content)
        return
    uri = f"{HERE}#{quote(pointer + '/content/application~1json/schema', safe='/~')}"
    rules = jsonschema_rs.Draft202012Validator({"$ref": uri}, registry=_registry())
    problems = [
        f"{list(error.instance_path)}: {error.message}"
        for error in rules.iter_errors(json.loads(content))
    ]
    assert not problems, (one.name, problems)


async def ask(
    api: SandboxApi, one: Described, path: dict[str, Any], query: dict[str, Any], body: Any
) -> tuple[int, bytes]:
    text = one.path
    for name, value in path.items():
        text = text.replace(f"{{{name}}}", quote(str(value), safe="@"))
    answer = await api.ask(
        one.method,
        text,
        params=query or None,
        content=None if body is None else json.dumps(body),
        headers={"Content-Type": "application/json"},
    )
    return answer.status_code, answer.content


@pytest.mark.parametrize("one", OPERATIONS)
async def test_the_documented_example_gets_a_documented_answer(one: Described) -> None:
    api = SandboxApi(users_v1=True)
    status, content = await ask(api, one, one.example, one.query, one.body)
    check_answer(one, status, content)


@pytest.mark.parametrize("one", OPERATIONS)
async def test_asked_about_what_exists_every_operation_succeeds_as_documented(
    one: Described,
) -> None:
    api = SandboxApi(users_v1=True)
    path, query, body = living(api, one)
    status, content = await ask(api, one, path, query, body)
    assert 200 <= status < 300, (one.name, status, content)
    check_answer(one, status, content)


def living(api: SandboxApi, one: Described) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """The example, about things that are there."""
    world, name = api.world, one.name
    path, query, body = dict(one.example), dict(one.query), _copied(one.body)
    maya, american = api.user("Maya"), api.number("US")
    said = next(call for call in world.calls if call.talk >= 0)
    contact = next(c for c in world.contacts.values() if c.emails)
    live = world.dial(world.users[maya], world.numbers[american], "+14155550143", api.clock())
    by_name: dict[str, Any] = {
        "user_id": maya,
        "team_id": next(iter(world.teams)),
        "webhook_id": next(iter(world.webhooks)),
        "campaign_id": next(iter(world.campaigns)),
        "call_id": said.id,
        "agent_id": "agent-reminders",
    }
    path = {key: by_name.get(key, value) for key, value in path.items()}
    query.pop("token", None)
    if "/calls/{id}" in one.path:
        steering = ("transfer_call", "push_insight_card")
        path["id"] = live.id if name in steering or "_recording" in name else said.id
    elif "/users/{id}" in one.path:
        path["id"] = api.user("Ana")
    elif "/numbers/{id}" in one.path:
        path["id"] = _line(api, name)
    elif "/contacts/{id}" in one.path:
        path["id"] = contact.id
        rows = contact.phones if "phone" in name else contact.emails
        path["detail_id"] = rows[0].id
    elif "/teams/{id}" in one.path:
        path["id"] = by_name["team_id"]
    elif "/tags/{id}" in one.path:
        path["id"] = next(iter(world.tags))
    elif name == "delete_dialer_campaign_number":
        path["id"] = world.dialers[maya].queue[-1].id
    if name == "remove_user_from_team":
        path["user_id"] = world.teams[path["team_id"]].users[0]
    elif name == "add_user_to_team":
        path["user_id"] = api.user("Nora")
    elif name == "start_outbound_call":
        body["number_id"] = api.number("GB")
    elif name == "transfer_call":
        body["team_id"] = by_name["team_id"]
    elif name == "add_call_tags":
        body["tags"] = [next(iter(world.tags))]
    elif name in ("create_dialer_campaign", "add_dialer_campaign_numbers"):
        body["phone_numbers"] = ["+14155550101", "+14155550102"]
    elif name == "send_whatsapp_in_conversation":
        line, known = next(iter(world.whatsapp_windows))
        body |= {"lineId": line, "externalNumber": known}
    elif name == "send_whatsapp_message":
        line = world.numbers[api.number("FR")]
        line.configurations["whatsapp"] = world.numbers[api.number("GB")].configurations["sms"]
        body |= {"lineId": line.id, "templateParams": {"id": "1180"}}
    elif name == "trigger_ai_voice_agent_call":
        body["context"] |= {"visit_at": "2026-12-04T08:30:00Z"}
    elif name == "get_analytics_export":
        path["export_id"] = _export(api)
    elif name == "exchange_oauth_code":
        body |= _grant(api)
    elif name == "create_campaign":
        body.pop("aiva_agent_id", None)
    return path, query, body


def _copied(body: Any) -> Any:
    return json.loads(json.dumps(body))


def _line(api: SandboxApi, name: str) -> int:
    if name in ("list_whatsapp_templates", "get_whatsapp_status"):
        return api.number("FR")
    if "native" in name or "in_conversation" in name or name == "create_message_configuration":
        return api.number("US")
    return api.number("GB")


def _export(api: SandboxApi) -> str:
    export = Export("2f1c9b5e-84d7-4f0e-9c7b-6f3a0d1b7e45", "calls", api.clock(), False)
    api.world.exports[export.id] = export
    api.clock.pass_by(60)
    return export.id


def _grant(api: SandboxApi) -> dict[str, str]:
    sandbox = api.sandbox
    query = {
        "client_id": sandbox.client_id,
        "redirect_uri": "https://app.example.com/back",
        "response_type": "code",
    }
    location = sandbox.oauth.authorize(query, api.clock()).headers["Location"]
    return {
        "code": location.split("code=")[1],
        "redirect_uri": query["redirect_uri"],
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
    }


def body_schema(one: Described) -> dict[str, Any]:
    content = resolved(one.operation.get("requestBody", {})).get("content", {})
    return resolved(content.get("application/json", {}).get("schema", {}))


BODIED = [
    pytest.param(one, id=one.name)
    for one in described()
    if "properties" in body_schema(one) and one.name != "exchange_oauth_code"
]


@pytest.mark.parametrize("one", BODIED)
async def test_nothing_optional_is_demanded_and_nothing_required_is_done_without(
    one: Described,
) -> None:
    api = SandboxApi(users_v1=True)
    path, query, body = living(api, one)
    if one.name == "trigger_ai_voice_agent_call":
        path["agent_id"] = "agent-night-desk"  # who asks for no words of his own
    schema = body_schema(one)
    required: list[str] = schema.get("required", [])
    groups: list[list[str]] = [
        option["required"] for word in ("oneOf", "anyOf") for option in schema.get(word, ())
    ]
    chosen = next((group for group in groups if body.keys() >= set(group)), list[str]())
    least: dict[str, Any] = {key: body[key] for key in (*required, *chosen)}
    for name in (*required, *(chosen if "oneOf" in schema else ())):
        without = {key: value for key, value in least.items() if key != name}
        status, content = await ask(api, one, path, query, without)
        assert status == 400, (name, status, content)
    status, content = await ask(api, one, path, query, least)
    assert status < 300, (least, status, content)


async def test_every_list_of_everything_fits_its_description() -> None:
    api = SandboxApi(users_v1=True)
    choices = dict.fromkeys(
        ("fetch_contact", "fetch_short_urls", "fetch_call_timeline", "fetch_aiva_conv"), "true"
    )
    lists = [
        one for one in described() if one.operation.get("x-paging") == "page" and not one.example
    ]
    assert {"list_calls", "list_contacts", "list_tags"} <= {one.name for one in lists}
    for one in lists:
        more = choices if one.name == "list_calls" else {}
        for page in range(1, 8):
            status, content = await ask(api, one, {}, {"page": page, "per_page": 50, **more}, None)
            check_answer(one, status, content)


async def test_every_transcribed_call_has_insights_that_fit_their_description() -> None:
    api = SandboxApi()
    insights = [one for one in described() if one.path.startswith("/v1/calls/{call_id}/")]
    assert len(insights) == 10
    for call in api.world.calls[:-1]:
        if call.talk < 0:
            continue
        for one in insights:
            status, content = await ask(api, one, {"call_id": call.id}, {}, None)
            assert status == 200
            check_answer(one, status, content)
            assert b"{agent}" not in content
            assert b"{first}" not in content


ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    10**30,
    1e308,
    "",
    " ",
    "\x00",
    "x" * 5_000,
    "\U0001f600",
    [],
    {},
    [None],
    [[]],
    {"": None},
)


@pytest.mark.parametrize("one", OPERATIONS)
async def test_no_odd_value_in_any_place_gets_an_answer_that_is_not_described(
    one: Described,
) -> None:
    api = SandboxApi(users_v1=True)
    chance = random.Random(one.name)
    path, query, body = living(api, one)
    stated = {int(status) for status in one.operation["responses"]}
    for odd in ODD:
        for name in path:
            text = str(odd) or "x"
            status, _ = await ask(api, one, {**path, name: text}, query, body)
            assert status in stated
        for name in query:
            status, _ = await ask(api, one, path, {**query, name: odd}, body)
            assert status in stated
        for changed in _variants(body, odd, chance):
            status, _ = await ask(api, one, path, query, changed)
            assert status in stated


def _variants(body: Any, odd: Any, chance: random.Random) -> Iterator[Any]:
    """The body with one value replaced, at each depth; one of several in long lists."""
    yield odd
    if isinstance(body, dict):
        known = cast("dict[str, Any]", body)
        for key, value in known.items():
            yield {k: v for k, v in known.items() if k != key}
            for changed in _variants(value, odd, chance):
                yield {**known, key: changed}
    elif isinstance(body, list) and body:
        rows = cast("list[Any]", body)
        place = chance.randrange(len(rows))
        for changed in _variants(rows[place], odd, chance):
            yield [*rows[:place], changed, *rows[place + 1 :]]


def test_a_document_that_the_sandbox_does_not_perform_whole_is_refused() -> None:
    described = document()
    described["paths"]["/v1/ping"]["post"] = {"operationId": "ping_twice", "responses": {}}
    with pytest.raises(SpecError, match="ping_twice"):
        Sandbox(described)
    del described["paths"]["/v1/ping"]
    with pytest.raises(SpecError, match="ping"):
        Sandbox(described)


def test_events_are_those_of_the_document() -> None:
    described = document()
    described["webhooks"] = {"call.created": described["webhooks"]["call.created"]}
    assert Sandbox(described).world.events == ("call.created",)
