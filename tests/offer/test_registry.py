from __future__ import annotations

import pytest

from aircall_mcp.errors import NotOffered
from aircall_mcp.offer import Registry


@pytest.mark.parametrize(
    "name",
    ["aircall_start_outbound_call", "start_outbound_call", "POST /v1/users/{id}/calls",
     "post /v1/users/:id/calls", "POST /v1/users/<user_id>/calls/",
     " POST /v1/users/{x}/calls?a=1"],
)  # fmt: skip
def test_an_operation_is_found_by_tool_name_id_or_route(registry: Registry, name: str) -> None:
    assert registry.find(name).id == "start_outbound_call"


def test_what_is_no_operation_is_not_found(registry: Registry) -> None:
    for name in ("", "POST", "POST /v1/calls", "DELETE /v1/users/{id}/calls", "calls"):
        with pytest.raises(NotOffered):
            registry.find(name)


def test_one_account_needs_no_argument_and_several_do(registry: Registry) -> None:
    assert registry.with_accounts(["main"]) is registry
    both = registry.with_accounts(["paris", "boston"])
    tag = both.ids["get_tag"]
    assert tag.input_schema["properties"]["account"]["enum"] == ["paris", "boston"]
    assert tag.bind({"tag_id": 1, "account": "boston"}).account == "boston"
    assert "account" not in both.ids["search"].input_schema["properties"]
    assert "account" not in registry.ids["get_tag"].input_schema["properties"]
    assert [o.id for o in both.known] == [o.id for o in registry.known]
