from __future__ import annotations

from typing import Any

import pytest

from aircall_mcp.errors import SettingsError
from aircall_mcp.ground.operation import Operation
from aircall_mcp.offer import Offer, Offers, Registry, Selection


def chosen(registry: Registry, **choices: Any) -> list[Operation]:
    return list(Offer(registry, Selection(**choices)))


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
        ({"tools": ("x" * 500,)}, "Unknown tool: ….", ""),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(
    registry: Registry, choices: dict[str, Any], words: str, hint: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Offers(registry, Selection(**choices))
    assert caught.value.message == words
    assert hint in caught.value.hint
