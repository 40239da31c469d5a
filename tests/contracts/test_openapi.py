"""What holds for the API description, beyond what the linters see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import jsonschema_rs
import pytest

from aircall_mcp.offer import Registry

from .document import DOCUMENT, resolved

METHODS = ("get", "post", "put", "patch", "delete")
OPERATIONS = {
    item[method]["operationId"]: item[method]
    for item in DOCUMENT["paths"].values()
    for method in METHODS
    if method in item
}


def is_phone(value: str) -> bool:
    return re.fullmatch(r"\+[1-9]\d{6,14}", value) is not None


every_operation = pytest.mark.parametrize("name", OPERATIONS)


def nodes(part: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(part, dict):
        fields = cast("dict[str, Any]", part)
        yield where, fields
        for key, value in fields.items():
            yield from nodes(value, f"{where}/{key}")
    elif isinstance(part, list):
        for index, value in enumerate(cast("list[Any]", part)):
            yield from nodes(value, f"{where}/{index}")


def fits(example: Any, schema: Any, where: str) -> None:
    """`example` is what `schema` says, references followed within the document."""
    whole = {"components": DOCUMENT["components"], "allOf": [schema]}
    validator = jsonschema_rs.Draft202012Validator(
        whole, validate_formats=True, formats={"e164": is_phone}
    )
    faults = [error.message for error in validator.iter_errors(example)]
    assert not faults, (where, faults)


def media(holder: Any) -> Any:
    return resolved(holder).get("content", {}).get("application/json", {})


def examples(part: Any) -> list[Any]:
    several = [resolved(one)["value"] for one in part.get("examples", {}).values()]
    return several + ([part["example"]] if "example" in part else [])


def test_every_reference_leads_somewhere_inside_the_document() -> None:
    references = [(at, part) for at, part in nodes(DOCUMENT) if isinstance(part.get("$ref"), str)]
    assert len(references) > 100
    for where, part in references:
        assert part["$ref"].startswith("#/"), where
        assert "$ref" not in resolved(part), where


@every_operation
def test_every_request_example_fits_its_schema_and_there_is_one(name: str) -> None:
    operation = OPERATIONS[name]
    if "requestBody" in operation:
        body = media(operation["requestBody"])
        assert examples(body)
        for example in examples(body):
            fits(example, body["schema"], name)


@every_operation
def test_every_answer_example_fits_its_schema_and_a_success_has_one(name: str) -> None:
    assert any(status.startswith("2") for status in OPERATIONS[name]["responses"])
    for status, response in OPERATIONS[name]["responses"].items():
        body = media(response)
        if not body:
            continue
        given = examples(body)
        if status.startswith("2"):
            assert given, (name, status)
        for example in given:
            fits(example, body["schema"], f"{name} {status}")


@pytest.mark.parametrize(
    "name", [name for name in OPERATIONS if OPERATIONS[name].get("parameters")]
)
def test_every_parameter_says_what_it_is_and_its_example_fits(name: str) -> None:
    for reference in OPERATIONS[name]["parameters"]:
        parameter = resolved(reference)
        assert parameter["description"]
        for holder in (parameter, parameter["schema"]):
            if "example" in holder:
                fits(holder["example"], parameter["schema"], f"{name} {parameter['name']}")


BODIES = {
    media(holder).get("schema", {}).get("$ref", "").rpartition("/")[2]
    for operation in OPERATIONS.values()
    for holder in (*operation["responses"].values(), operation.get("requestBody", {}))
}


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_object_of_aircall_has_an_example_that_fits(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    if schema.get("type") == "object" and name not in BODIES:  # theirs stand where they are sent
        assert "example" in schema or "examples" in schema, name
    for example in [schema["example"]] if "example" in schema else schema.get("examples", []):
        fits(example, schema, name)


@pytest.mark.parametrize("name", DOCUMENT["webhooks"])
def test_every_webhook_event_has_an_envelope_and_an_example_that_fits(name: str) -> None:
    body = media(DOCUMENT["webhooks"][name]["post"]["requestBody"])
    assert examples(body)
    for example in examples(body):
        fits(example, body["schema"], name)
        named: set[str] = set() if name.startswith("callback:") else {"event"}
        assert {"token", "data"} | named <= set(example)


@every_operation
def test_what_is_deprecated_says_until_when_or_why_and_what_comes_instead(name: str) -> None:
    operation = OPERATIONS[name]
    if operation.get("deprecated"):
        assert "x-sunset" in operation or "Legacy" in operation["description"]
        replacement = operation.get("x-replacement")
        assert replacement is None or replacement in OPERATIONS
        assert not replacement or not OPERATIONS[replacement].get("deprecated")


def test_what_is_only_inferred_is_marked_and_what_is_attested_is_not() -> None:
    marked = [
        (name, status)
        for name, operation in OPERATIONS.items()
        for status, response in operation["responses"].items()
        if response.get("x-inferred") or resolved(response).get("x-inferred")
    ]
    plain = [
        (name, status)
        for name, operation in OPERATIONS.items()
        for status in operation["responses"]
        if (name, status) not in marked
    ]
    assert len(marked) > 50
    assert len(plain) > 150
    assert ("start_outbound_call", "405") in plain


def test_every_token_that_comes_as_data_is_marked_as_a_secret() -> None:
    secrets = 0
    for where, part in nodes(DOCUMENT):
        properties: dict[str, Any] = part.get("properties", {})
        if any(not schema.keys() & {"description", "$ref"} for schema in properties.values()):
            continue  # an example of somebody's data, not a schema
        for name, schema in properties.items():
            if re.fullmatch(r"(access_|refresh_|api_)?token|client_secret|password", name):
                secrets += 1
                assert resolved(schema).get("x-secret") or schema.get("x-secret"), f"{where}.{name}"
    assert secrets >= 4


def test_both_ways_to_sign_in_are_described() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"].values()
    assert {(one["type"], one.get("scheme")) for one in schemes} >= {("http", "basic")}
    assert any(one["type"] == "oauth2" or one.get("scheme") == "bearer" for one in schemes)


def test_the_example_that_a_model_sees_is_the_one_of_the_document(registry: Registry) -> None:
    with_body = [o for o in registry.known if not o.ours and "requestBody" in OPERATIONS[o.id]]
    assert {"create_tag", "send_message"} <= {operation.id for operation in with_body}
    for operation in with_body:
        body = media(OPERATIONS[operation.id]["requestBody"])["example"]
        assert body.items() <= dict(operation.example).items()


# What generators make of it.


@every_operation
def test_every_body_has_a_name(name: str) -> None:
    operation = OPERATIONS[name]
    for holder in (*operation["responses"].values(), operation.get("requestBody", {})):
        if body := media(holder):
            assert "$ref" in body["schema"], name


def test_a_page_and_a_record_are_called_so() -> None:
    for name, body in (("list_calls", "CallPage"), ("search_calls", "CallPage"),
                       ("get_call", "CallEnvelope"), ("create_tag", "TagEnvelope")):  # fmt: skip
        responses = OPERATIONS[name]["responses"]
        good = next(media(responses[status]) for status in responses if status.startswith("2"))
        assert good["schema"] == {"$ref": f"#/components/schemas/{body}"}


UNSETTLED = {
    "create_dialer_campaign", "add_dialer_campaign_numbers", "delete_message_configuration",
    "create_analytics_export",
}  # fmt: skip
"""Nobody has said which status they are answered with."""


@every_operation
def test_there_is_one_success_where_it_is_known_which(name: str) -> None:
    responses = OPERATIONS[name]["responses"]
    good = [status for status in responses if status.startswith("2")]
    assert (len(good) > 1) is (name in UNSETTLED), good
    assert [one for one in good if not responses[one].get("x-inferred")] == good[:1]


def test_null_stands_beside_a_list_of_words_and_not_in_it() -> None:
    schemas = [(at, part) for at, part in nodes(DOCUMENT) if isinstance(part.get("enum"), list)]
    assert len(schemas) > 30
    for where, part in schemas:
        assert None not in part["enum"], where
        assert isinstance(part["type"], str), where


def test_an_object_has_a_shape_or_says_that_it_has_none() -> None:
    shapeless = [
        where
        for where, part in nodes(DOCUMENT)
        if part.get("type") == "object"
        and not part.keys() & {"properties", "additionalProperties", "maxProperties"}
        and not part.keys() & {"allOf", "anyOf", "oneOf"}
    ]
    assert shapeless == []
