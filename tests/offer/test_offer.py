from __future__ import annotations

from typing import Any

import pytest

from aircall_mcp.errors import NotOffered
from aircall_mcp.offer import Offer, Offers, Registry, Selection
from aircall_mcp.offer.offer import MOST_KEPT


def test_the_small_surface_lists_few_and_offers_all(registry: Registry) -> None:
    small = Offer(registry, Selection(surface="search"))
    listed = {operation.id for operation in small}
    assert {"search", "describe", "read", "write", "reach", "delete"} <= listed
    assert len(small) <= 16
    assert registry.ids["create_tag"] in small
    with pytest.raises(NotOffered):
        small.get("aircall_create_tag")
    narrowed = Offer(registry, Selection(surface="search", toolsets=("tags",)))
    assert registry.ids["get_call"] not in narrowed
    assert registry.ids["create_tag"] in narrowed


def test_the_surface_for_tasks_lists_few_and_reaches_the_rest_by_effect(registry: Registry) -> None:
    tasks = Offer(registry, Selection(surface="tasks"))
    listed = {operation.id for operation in tasks}
    own = {operation.id for operation in registry.known if operation.ours}
    assert listed == own
    with pytest.raises(NotOffered) as caught:
        tasks.get("aircall_create_tag")
    assert caught.value.hint == (
        "Call it with aircall_write: operation 'create_tag', and its arguments."
    )
    for name in ("place_call", "send_text", "find_calls", "missed_calls", "plan"):
        with pytest.raises(NotOffered) as caught:
            tasks.get(name)
        assert caught.value.hint == f"Its name here is `aircall_{name}`."
    reading = Offer(registry, Selection(surface="tasks", read_only=True))
    assert {operation.effect for operation in reading} == {"read"}
    with pytest.raises(NotOffered) as caught:
        reading.get("aircall_create_tag")
    assert "aircall_write" not in caught.value.hint


def test_an_old_name_leads_to_the_new_tool(registry: Registry) -> None:
    renamed = Registry(
        registry.known,
        toolsets=registry.toolsets,
        aliases={"aircall_make_tag": "aircall_create_tag"},
    )
    assert Offer(renamed).get("aircall_make_tag").id == "create_tag"
    assert renamed.find("aircall_make_tag").id == "create_tag"
    kept = Offer(renamed, Selection(tools=("aircall_make_tag",)))
    assert kept.get("aircall_make_tag").id == "create_tag"
    assert "aircall_make_tag" not in {operation.tool for operation in kept}


def test_an_unknown_tool_is_refused_with_the_nearest_on_offer(registry: Registry) -> None:
    with pytest.raises(NotOffered) as caught:
        Offer(registry).get("aircall_list_call")
    assert caught.value.hint == "Did you mean `aircall_list_calls`?"
    with pytest.raises(NotOffered) as caught:
        Offer(registry).get("list_calls")  # an operationId is no tool name
    assert caught.value.hint == "Its name here is `aircall_list_calls`."


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
    one = Offer(renamed, Selection(**choices))
    both = Offer(renamed.with_accounts(["paris", "boston"]), Selection(**choices))
    assert 0 < len(one) < len(registry.known)
    assert [operation.id for operation in both] == [operation.id for operation in one]
    known, fewer = both.registry, one.registry
    assert [o.id for o in known.known if o in both] == [o.id for o in fewer.known if o in one]
    assert (both.surface, known.toolsets) == (one.surface, fewer.toolsets)
    assert known.find("aircall_make_tag").id == "create_tag"
    if "read_only" in choices:
        assert {o.effect for o in known.known if o in both} == {"read"}
        with pytest.raises(NotOffered):
            both.get("aircall_create_tag")


def test_a_principal_sees_what_the_owner_offers_and_no_more(registry: Registry) -> None:
    allowed = {"reader": Selection(read_only=True), "tagger": Selection(toolsets=("tags", "calls"))}
    offers = Offers(registry, Selection(toolsets=("tags",)), to_principal=allowed.__getitem__)
    owner, reader, tagger = (offers.to(one) for one in ("owner", "reader", "tagger"))
    assert {o.effect for o in reader} == {"read"}
    assert {o.tool for o in reader} < {o.tool for o in owner}
    assert [o.id for o in tagger] == [o.id for o in owner]  # calls are not the owner's to give here
    assert registry.ids["create_tag"] in owner
    assert registry.ids["create_tag"] not in reader
    with pytest.raises(NotOffered):
        reader.get("aircall_create_tag")
    with pytest.raises(KeyError):
        offers.to("nobody")


def test_whatever_narrows_an_offer_takes_away(registry: Registry) -> None:
    reads, tags = Selection(read_only=True), Selection(toolsets=("tags",))
    narrowed = [Offer(registry, Selection(), *both) for both in ((reads, tags), (tags, reads))]
    for offer in narrowed:
        assert {o.effect for o in offer} == {"read"}
        assert {o.toolset for o in offer} == {"tags", "search"}  # which finds the others


def test_an_offer_is_made_once_as_long_as_it_is_kept(registry: Registry) -> None:
    made: list[str] = []

    def choice(principal: str) -> Selection:
        made.append(principal)
        return Selection(tools=("ping",))

    offers = Offers(registry, to_principal=choice)
    first = offers.to("p0")
    assert offers.to("p0") is first
    assert offers.to("p0").tools is first.tools
    owner = offers.to()
    for number in range(MOST_KEPT):
        offers.to(f"p{number}")
    assert offers.to() is owner
    assert made.count("p0") == 1
    assert offers.to("p0") is not first  # the oldest made room
    assert made.count("p0") == 2
    assert "owner" not in made
