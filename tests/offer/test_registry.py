from __future__ import annotations

from typing import Any

import pytest

from aircall_mcp.errors import NotOffered, SettingsError
from aircall_mcp.ground.operation import Operation
from aircall_mcp.offer.registry import Registry, Selection


def chosen(registry: Registry, **choices: Any) -> list[Operation]:
    return list(registry.select(Selection(**choices)))


def test_all_but_the_retired_are_on_offer_by_default(registry: Registry) -> None:
    offered = {operation.id for operation in chosen(registry)}
    retired = {operation.id for operation in registry.known if operation.retired}
    small = {o.id for o in registry.known if "full" not in o.surfaces}
    assert offered == {o.id for o in registry.known} - retired - small
    assert "search" in offered


def test_the_retired_are_there_for_who_asks_for_them(registry: Registry) -> None:
    offered = {operation.id for operation in chosen(registry, include_deprecated=True)}
    assert {"list_users_v1", "archive_call"} <= offered
    one = {operation.id for operation in chosen(registry, tools=("archive_call",))}
    assert one == {"archive_call", "search"}


def test_toolsets_and_tools_add_up_and_search_stays(registry: Registry) -> None:
    offered = chosen(registry, toolsets=("tags",), tools=("aircall_get_call", "ping"))
    assert {o.toolset for o in offered} == {"tags", "calls", "account", "search"}
    assert {o.id for o in offered if o.toolset in ("calls", "account")} == {"get_call", "ping"}


def test_excluding_wins_over_including(registry: Registry) -> None:
    offered = chosen(registry, tools=("ping", "get_tag"), exclude_tools=("ping", "search"))
    assert [operation.id for operation in offered] == ["get_tag"]


def test_read_only_wins_over_all(registry: Registry) -> None:
    offered = chosen(
        registry, read_only=True, tools=("start_outbound_call",), toolsets=("tags", "calls")
    )
    assert offered
    assert {operation.effect for operation in offered} == {"read"}
    small = chosen(registry, read_only=True, surface="search")
    assert {operation.effect for operation in small} == {"read"}
    assert {"search", "describe", "read"} <= {operation.id for operation in small}


def test_the_small_surface_lists_few_and_offers_all(registry: Registry) -> None:
    small = registry.select(Selection(surface="search"))
    listed = {operation.id for operation in small}
    assert {"search", "describe", "read", "write", "reach", "delete"} <= listed
    assert len(small) <= 16
    assert registry.ids["create_tag"] in small
    with pytest.raises(NotOffered):
        small.get("aircall_create_tag")
    narrowed = registry.select(Selection(surface="search", toolsets=("tags",)))
    assert registry.ids["get_call"] not in narrowed
    assert registry.ids["create_tag"] in narrowed


@pytest.mark.parametrize(
    ("choices", "words", "hint"),
    [
        ({"toolsets": ("call",)}, "Unknown toolset: call.", "`calls`"),
        (
            {"tools": ("aircall_list_call",)},
            "Unknown tool: aircall_list_call.",
            "`aircall_list_calls`",
        ),
        ({"exclude_tools": ("get_tags",)}, "Unknown tool: get_tags.", "`get_tag`"),
        ({"tools": ("x" * 500,)}, "Unknown tool: " + "x" * 80 + ".", ""),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(
    registry: Registry, choices: dict[str, Any], words: str, hint: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        registry.select(Selection(**choices))
    assert caught.value.message == words
    assert hint in caught.value.hint


def test_an_old_name_leads_to_the_new_tool(registry: Registry) -> None:
    renamed = Registry(
        registry.known,
        toolsets=registry.toolsets,
        aliases={"aircall_make_tag": "aircall_create_tag"},
    )
    assert renamed.get("aircall_make_tag").id == "create_tag"
    assert renamed.find("aircall_make_tag").id == "create_tag"
    kept = renamed.select(Selection(tools=("aircall_make_tag",)))
    assert kept.get("aircall_make_tag").id == "create_tag"
    assert "aircall_make_tag" not in {operation.tool for operation in kept}


def test_an_unknown_tool_is_refused_with_the_nearest_on_offer(registry: Registry) -> None:
    with pytest.raises(NotOffered) as caught:
        registry.get("aircall_list_call")
    assert caught.value.hint == "Did you mean `aircall_list_calls`?"
    with pytest.raises(NotOffered):
        registry.get("list_calls")  # an operationId is no tool name


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
    tag = both.get("aircall_get_tag")
    assert tag.input_schema["properties"]["account"]["enum"] == ["paris", "boston"]
    assert tag.bind({"tag_id": 1, "account": "boston"}).account == "boston"
    assert "account" not in both.get("aircall_search").input_schema["properties"]
    assert "account" not in registry.get("aircall_get_tag").input_schema["properties"]
    assert len(both) == len(registry)


@pytest.mark.parametrize(
    "choices",
    [
        {"read_only": True},
        {"toolsets": ("tags",), "exclude_tools": ("get_tag",)},
        {"tools": ("archive_call",), "include_deprecated": True},
        {"surface": "search", "read_only": True, "exclude_tools": ("list_tags",)},
    ],
)
def test_what_the_owner_chose_stays_chosen_with_several_accounts(
    registry: Registry, choices: dict[str, Any]
) -> None:
    renamed = Registry(
        registry.known,
        toolsets=registry.toolsets,
        aliases={"aircall_make_tag": "aircall_create_tag"},
    )
    one = renamed.select(Selection(**choices))
    both = one.with_accounts(["paris", "boston"])
    assert 0 < len(one) < len(registry.known)
    assert [operation.id for operation in both] == [operation.id for operation in one]
    assert [o.id for o in both.known if o in both] == [o.id for o in one.known if o in one]
    assert (both.surface, both.toolsets) == (one.surface, one.toolsets)
    assert both.find("aircall_make_tag").id == "create_tag"
    if "read_only" in choices:
        assert {o.effect for o in both.known if o in both} == {"read"}
        with pytest.raises(NotOffered):
            both.get("aircall_create_tag")
