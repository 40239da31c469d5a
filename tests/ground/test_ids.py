"""An id has one spelling of its kind, or is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aircall_mcp.errors import ArgumentError
from aircall_mcp.ground.ids import Kind, spelled
from aircall_mcp.ground.operation import Operation
from aircall_mcp.offer import Registry

ULID = "01K6G5ZB3Q8N4T7W2X9Y0V1RSD"
UUID = "6d0f4f0e-5c0b-4b0e-9a55-2f7f1f6a8c31"


@pytest.mark.parametrize(
    ("kind", "said", "id_"),
    [
        ("id", "7", "7"), ("id", " 007\n", "7"), ("id", "agent-7f3c ", "agent-7f3c"),
        ("id", UUID.upper(), UUID), ("id", ULID.lower(), ULID),
        ("uuid", UUID.replace("-", ""), UUID), ("uuid", f"{{{UUID.upper()}}}", UUID),
        ("uuid", f"urn:uuid:{UUID}", UUID), ("uuid", "0088", "88"),
        ("id_or_email", "Ana.B@Example.com", "ana.b@example.com"), ("id_or_email", "0012", "12"),
    ],
)  # fmt: skip
def test_it_has_one_spelling(kind: Kind, said: str, id_: str) -> None:
    assert spelled("id", said, kind) == id_


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("id", "0"), ("id", "\uff17"), ("id", "\u0667"), ("id", "7\u200b"), ("id", "7 8"),
        ("id", "ana@example.com"), ("uuid", "ana@example.com"), ("id_or_email", "a@b@c"),
        ("id_or_email", "ana @example.com"), ("id", "agent\u00e9"), ("id", " "),
    ],
)  # fmt: skip
def test_or_is_refused_with_what_to_give(kind: Kind, said: str) -> None:
    with pytest.raises(ArgumentError, match="`webhook_id` is not an id") as refused:
        spelled("webhook_id", said, kind)
    assert "exactly as Aircall's lists show it" in refused.value.hint
    assert ("e-mail" in refused.value.hint) is (kind == "id_or_email")


@given(st.text(max_size=40), st.sampled_from(("id", "uuid", "id_or_email")))
def test_what_is_taken_is_in_its_own_spelling_already(said: str, kind: Kind) -> None:
    try:
        once = spelled("id", said, kind)
    except ArgumentError:
        return
    assert spelled("id", once, kind) == once
    assert once.isascii()
    assert once.isprintable()


def operations_by_email(registry: Registry) -> list[Operation]:
    return [
        operation
        for operation in registry.ids.values()
        if any(parameter.form == "id_or_email" for parameter in operation.parameters)
    ]


def test_an_email_is_an_id_only_where_that_is_documented(registry: Registry) -> None:
    assert {one.id for one in operations_by_email(registry)} == {"get_user_v1", "get_user_v2"}
    bound = registry.ids["get_user_v2"].bind({"user_id": "Ana@Example.com"})
    assert bound.path == "/v2/users/ana@example%2Ecom"
    for name in ("start_outbound_call", "get_webhook"):
        needed = {"number_id": 1, "to": "+33612345678"} if name == "start_outbound_call" else {}
        key = "user_id" if needed else "webhook_id"
        with pytest.raises(ArgumentError):
            registry.ids[name].bind({key: "ana@example.com", **needed})


def test_the_path_is_one_whichever_way_the_id_was_written(registry: Registry) -> None:
    webhook = registry.ids["delete_webhook"]
    paths = {webhook.bind({"webhook_id": said}).path for said in (UUID, UUID.upper(), f" {UUID}")}
    assert paths == {f"/v1/webhooks/{UUID}"}
    user = registry.ids["delete_user"]
    assert len({user.bind({"user_id": said}).path for said in (7, "7", "007", 7.0, " 7 ")}) == 1
