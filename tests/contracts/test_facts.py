"""The facts about Aircall's API, as data of their own, against the document and the sandbox.

Document and sandbox could be wrong together; `tests/facts/operations.json` says one by one what
the API is known to do.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox

from ..harness import Clock, Harness, desk_over, sandbox_with
from .document import DOCUMENT, resolved

pytestmark = pytest.mark.anyio

FACTS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "facts" / "operations.json").read_text("utf-8")
)
KNOWN: list[dict[str, Any]] = FACTS["operations"]
NOT: list[dict[str, str]] = FACTS["not_operations"]
WORDS = {"integer", "string", "boolean", "number", "object", "array"}

every_fact = pytest.mark.parametrize("fact", KNOWN, ids=lambda fact: fact["id"])
every_fiction = pytest.mark.parametrize("fiction", NOT, ids=lambda f: f"{f['method']} {f['path']}")


def described(fact: dict[str, Any]) -> dict[str, Any]:
    return DOCUMENT["paths"][fact["path"]][fact["method"].lower()]


def parameters(fact: dict[str, Any], place: str) -> dict[str, Any]:
    item = DOCUMENT["paths"][fact["path"]]
    listed = [*item.get("parameters", []), *described(fact).get("parameters", [])]
    return {one["name"]: one for one in map(resolved, listed) if one["in"] == place}


def body(fact: dict[str, Any]) -> dict[str, Any]:
    content = resolved(described(fact).get("requestBody", {})).get("content", {})
    return resolved(content["application/json"]["schema"]) if content else {}


def kinds(schema: Any) -> set[str]:
    kind = resolved(schema).get("type", [])
    return {kind} if isinstance(kind, str) else set(kind)


def agrees(fact: dict[str, Any], schema: Any) -> None:
    """The type, the limits, the enum and the default of one parameter or field."""
    schema = resolved(schema)
    word = fact.get("type", "").split("<")[0]
    if word in WORDS:
        assert word in kinds(schema), fact
    for fact_key, key in (
        ("minimum", "minimum"),
        ("maximum", "maximum"),
        ("maxLength", "maxLength"),
        ("minLength", "minLength"),
        ("maxItems", "maxItems"),
        ("pattern", "pattern"),
        ("default", "default"),
    ):
        if fact.get(fact_key) is not None:
            assert schema.get(key) == fact[fact_key], (fact, key)
    if "enum" in fact:
        choices = [
            schema,
            resolved(schema.get("items", {})),
            *map(resolved, schema.get("oneOf", ())),
        ]
        options = {word for one in choices for word in one.get("enum", ())}
        assert options - {None} == set(fact["enum"]) - {None}, fact


@every_fact
def test_the_document_knows_it_under_this_route(fact: dict[str, Any]) -> None:
    assert described(fact)["operationId"] == fact["id"]


@every_fact
def test_the_document_has_its_parameters_and_no_others(fact: dict[str, Any]) -> None:
    for place, key in (("path", "path_parameters"), ("query", "query_parameters")):
        written = parameters(fact, place)
        assert {name.removesuffix("[]") for name in written} == {
            one["name"].removesuffix("[]") for one in fact[key]
        }
        for one in fact[key]:
            parameter = written.get(one["name"]) or written[f"{one['name']}[]"]
            assert parameter.get("required", False) == one["required"]
            agrees(one, parameter["schema"])


@every_fact
def test_the_document_has_its_body_fields_and_no_others(fact: dict[str, Any]) -> None:
    schema = body(fact)
    assert set(schema.get("properties", {})) == {one["name"] for one in fact["body_fields"]}
    assert set(schema.get("required", ())) == {
        one["name"] for one in fact["body_fields"] if one["required"]
    }
    for one in fact["body_fields"]:
        agrees(one, schema["properties"][one["name"]])


@every_fact
def test_the_document_has_its_statuses_and_says_which_are_only_inferred(
    fact: dict[str, Any],
) -> None:
    responses = {
        int(status): resolved(response) for status, response in described(fact)["responses"].items()
    }
    assert set(fact["success_statuses"]) <= set(responses)
    for status in fact["errors_attested"]:
        assert not responses[status].get("x-inferred"), status
    for status in fact["errors_inferred"]:
        marked = responses[status].get("x-inferred") or "x-inferred" in json.dumps(
            described(fact)["responses"][str(status)]
        )
        assert marked, status


@every_fact
def test_the_document_has_the_keys_of_its_answer(fact: dict[str, Any]) -> None:
    response = resolved(described(fact)["responses"][str(fact["success_statuses"][0])])
    content = response.get("content", {})
    if not fact["response_keys"]:
        return
    assert set(fact["response_keys"]) <= keys(content["application/json"]["schema"])


def keys(schema: Any) -> set[str]:
    """The names that may stand at the top, whichever of the alternatives it is."""
    schema = resolved(schema)
    found = set(schema.get("properties", {}))
    for combinator in ("oneOf", "anyOf", "allOf"):
        found.update(*(keys(part) for part in schema.get(combinator, ())))
    return found | (keys(schema["items"]) if "items" in schema else set())


@every_fact
def test_the_document_says_whether_it_is_retired_until_when_and_what_comes_instead(
    fact: dict[str, Any],
) -> None:
    operation = described(fact)
    assert bool(operation.get("deprecated")) == bool(fact["deprecated"])
    if fact["deprecated"]:
        assert (str(operation.get("x-sunset") or "") or None) == fact["deprecated"]["sunset"]
        assert (operation.get("x-replacement") or None) == fact["deprecated"]["replacement"]


@every_fact
async def test_the_sandbox_answers_it_with_the_status_and_the_keys_that_are_known(
    fact: dict[str, Any], registry: Registry, clock: Clock
) -> None:
    sandbox = sandbox_with(clock=clock, requests_per_minute=None, users_v1=True)
    harness = Harness(desk_over(sandbox, registry), sandbox)
    if fact["id"] == "get_api_root":
        answer = await raw(sandbox, "GET", "/")
    elif fact["id"] == "exchange_oauth_code":
        answer = await exchange(sandbox)
    else:
        operation = registry.ids[fact["id"]]
        bound = operation.bind(dict(operation.example))
        holes = fact["path"].split("/")
        filled = [
            segment if hole.startswith("{") else hole
            for hole, segment in zip(holes, bound.path.split("/"), strict=True)
        ]
        known = {one["name"] for one in fact["query_parameters"]}
        assert {name.removesuffix("[]") for name, _ in bound.query} <= known
        answer = await raw(
            sandbox, fact["method"], "/".join(filled), params=list(bound.query), json=bound.body
        )
    assert answer.status_code in fact["success_statuses"], answer.text
    if answer.status_code == 204:
        assert answer.content == b""
    if fact["response_keys"]:
        assert set(fact["response_keys"]) <= set(answer.json())
    await harness.desk.aclose()


def required_in(fact: dict[str, Any]) -> list[str]:
    return [one["name"] for one in fact["body_fields"] if one["required"]]


@pytest.mark.parametrize(
    "fact",
    [one for one in KNOWN if required_in(one) and one["id"] != "exchange_oauth_code"],
    ids=lambda fact: fact["id"],
)
async def test_the_sandbox_refuses_a_body_without_a_required_field(
    fact: dict[str, Any], registry: Registry, clock: Clock
) -> None:
    required = required_in(fact)
    sandbox = sandbox_with(clock=clock, requests_per_minute=None, users_v1=True)
    harness = Harness(desk_over(sandbox, registry), sandbox)
    operation = registry.ids[fact["id"]]
    bound = operation.bind(dict(operation.example))
    assert bound.body is not None
    assert set(required) <= bound.body.keys()
    for name in required:
        without = {key: value for key, value in bound.body.items() if key != name}
        answer = await raw(sandbox, fact["method"], bound.path, json=without)
        assert answer.status_code in (400, 422), (name, answer.text)
    await harness.desk.aclose()


@every_fiction
def test_the_document_does_not_have_what_does_not_exist(fiction: dict[str, str]) -> None:
    if fiction["path"] == "*":
        assert not any(fiction["method"].lower() in item for item in DOCUMENT["paths"].values())
        return
    item = DOCUMENT["paths"].get(fiction["path"], {})
    methods = {"get", "post", "put", "patch", "delete"}
    wanted = methods if fiction["method"] == "*" else {fiction["method"].lower()}
    assert not wanted & set(item)


@every_fiction
async def test_the_sandbox_answers_404_to_what_does_not_exist(
    fiction: dict[str, str], sandbox: Sandbox
) -> None:
    call = sandbox.world.calls[0].id
    contact = next(iter(sandbox.world.contacts))
    user = next(iter(sandbox.world.users))
    number = next(iter(sandbox.world.numbers))
    path = "/v1/calls/{id}" if fiction["path"] == "*" else fiction["path"]
    real = {"/calls/": call, "/contacts/": contact, "/users/": user, "/numbers/": number}
    for prefix, known in real.items():
        path = path.replace(prefix + "{id}", f"{prefix}{known}")
    path = path.replace("{comment_id}", "1").replace("{tag_id}", "1")
    path = path.replace("{campaign_id}", next(iter(sandbox.world.campaigns)))
    methods = ("GET", "POST", "PUT", "DELETE") if fiction["method"] == "*" else (fiction["method"],)
    for method in methods:
        answer = await raw(sandbox, method, path, json=None if method == "GET" else {})
        assert answer.status_code == 404, (method, path, answer.text)


async def raw(sandbox: Sandbox, method: str, path: str, **more: Any) -> httpx2.Response:
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=sandbox),
        base_url="https://api.aircall.io",
        auth=(sandbox.api_id, sandbox.api_token),
        headers={"Content-Type": "application/json"},
    ) as client:
        return await client.request(method, path, **more)


async def exchange(sandbox: Sandbox) -> httpx2.Response:
    """The OAuth dance: a code from the authorize page, then the token."""
    landing = "https://partner.example/callback"
    asked = {"client_id": sandbox.client_id, "redirect_uri": landing, "response_type": "code",
             "scope": "public_api", "state": "s"}  # fmt: skip
    page = await raw(sandbox, "GET", "/oauth/authorize", params=asked)
    code = httpx2.URL(page.headers["location"]).params["code"]
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": landing,
             "client_id": sandbox.client_id, "client_secret": sandbox.client_secret}  # fmt: skip
    return await raw(sandbox, "POST", "/v1/oauth/token", json=grant)
