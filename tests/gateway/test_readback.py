from __future__ import annotations

from typing import Any

import pytest

from aircall_mcp.gateway.readback import at, found, look, over
from aircall_mcp.ground.operation import Bound
from aircall_mcp.offer import Registry

NOW = 1_795_082_400
HOOK = "6d0f4f0e-5c0b-4b0e-9a55-2f7f1f6a8c31"
DIAL = {"user_id": 7, "number_id": 2, "to": "+33199001234"}


def bound(registry: Registry, name: str, /, **arguments: Any) -> Bound:
    return registry.ids[name].bind(arguments)


def shown(registry: Registry, effect: Bound, body: Any, since: float = NOW) -> Any:
    rule = effect.operation.read_back
    assert rule
    return found(effect, registry.ids[rule.operation], body, since)


def test_a_dial_is_looked_for_among_the_calls_since_then(registry: Registry) -> None:
    dial = bound(registry, "start_outbound_call", **DIAL)
    read = look(dial, registry.ids["search_calls"])
    assert read
    assert dict(read.query) == {
        "user_id": "7", "phone_number": "+33199001234", "direction": "outbound",
        "order": "desc", "per_page": "50",
    }  # fmt: skip
    old, new = {"id": 1, "started_at": NOW - 9}, {"id": 2, "started_at": NOW - 1, "ended_at": None}
    assert shown(registry, dial, {"calls": [old]}) is None
    assert shown(registry, dial, {"calls": [new, old]}) == new
    assert not over(dial, new)
    assert over(dial, {**new, "ended_at": NOW + 9})


SHAPELESS: list[Any] = [None, {}, [], {"calls": None}, {"calls": [None, 3, {}]}, "calls"]


@pytest.mark.parametrize("body", SHAPELESS)
def test_an_answer_in_any_form_shows_nothing(registry: Registry, body: Any) -> None:
    assert shown(registry, bound(registry, "start_outbound_call", **DIAL), body) is None


@pytest.mark.parametrize("moment", [None, True, "soon", "", [], 1e400])
def test_a_time_in_no_form_is_no_time_since(registry: Registry, moment: Any) -> None:
    dial = bound(registry, "start_outbound_call", **DIAL)
    assert shown(registry, dial, {"calls": [{"id": 1, "started_at": moment}]}) is None


def test_what_aircall_drops_or_tells_in_another_order_is_no_sign_against(
    registry: Registry,
) -> None:
    asked = ["call.created", "contact.updated"]
    hook = bound(registry, "update_webhook", webhook_id=HOOK, events=asked, active=True)
    told = {"webhook_id": HOOK, "events": asked[::-1], "active": True}
    assert shown(registry, hook, {"webhook": told}) == told
    for events in (asked[:1], [*asked, "call.ended"], [asked[0], asked[0]], "call.created", None):
        assert shown(registry, hook, {"webhook": {**told, "events": events}}) is None
    made = bound(registry, "create_webhook", url="https://hooks.example.com/a", custom_name="Desk")
    nameless = {"url": "https://hooks.example.com/a", "created_at": "2026-11-19T10:00:01.000Z"}
    assert shown(registry, made, {"webhooks": [nameless]}) == nameless
    older = {**nameless, "created_at": "2026-11-19T09:00:00.000Z"}
    assert shown(registry, made, {"webhooks": [older]}) is None
    tag = bound(registry, "update_tag", tag_id=3, name="VIP", description="Handle with care")
    dropped = {"id": 3, "name": "VIP", "color": "#CC9900", "description": None}
    assert shown(registry, tag, {"tag": dropped}) == dropped
    assert shown(registry, tag, {"tag": {**dropped, "name": "Old"}}) is None
    alone = bound(registry, "update_tag", tag_id=3, description="Handle with care")
    assert shown(registry, alone, {"tag": dropped}) is None


def test_what_was_made_is_known_by_its_arguments(registry: Registry) -> None:
    tag = bound(registry, "create_tag", name="Upsell", color="#123456")
    tags = [{"id": 1, "name": "Won"}, {"id": 2, "name": "Upsell"}]
    assert shown(registry, tag, {"tags": tags}) == tags[1]
    comment = bound(registry, "add_call_comment", call_id=5, content="Hello")
    said = [{"id": 1, "content": "Hello", "posted_at": NOW - 60}]
    assert shown(registry, comment, {"call": {"comments": said}}) is None
    said.append({"id": 2, "content": "Hello", "posted_at": NOW})
    assert shown(registry, comment, {"call": {"comments": said}}) == said[1]
    team = bound(registry, "create_team", name="Night")
    teams = [{"id": 3, "name": "Night", "created_at": "2026-11-19T10:00:00.000Z"}]
    assert shown(registry, team, {"teams": teams}) == teams[0]
    assert shown(registry, team, {"teams": teams}, NOW + 60) is None


def test_a_change_is_known_by_what_was_to_change(registry: Registry) -> None:
    change = bound(registry, "update_tag", tag_id=4, name="Won")
    read = look(change, registry.ids["get_tag"])
    assert read
    assert read.path == "/v1/tags/4"
    assert shown(registry, change, {"tag": {"id": 4, "name": "Won", "color": "#000"}})
    assert shown(registry, change, {"tag": {"id": 4, "name": "Lost"}}) is None


def test_without_the_arguments_to_ask_by_there_is_no_look(registry: Registry) -> None:
    phones = [{"label": "Work", "value": "+33199001234"}]
    contact = bound(registry, "create_contact", first_name="Ada", phone_numbers=phones)
    read = look(contact, registry.ids["search_contacts"])
    assert read
    assert ("phone_number", "+33199001234") in read.query
    text = bound(registry, "send_message", number_id=1, to="+33199001234", body="Hi")
    assert look(text, registry.ids["search_calls"]) is None


def test_a_dotted_path_leads_into_objects_and_first_items() -> None:
    value = {"a": [{"b": {"c": 1}}, {"b": 2}], "d": "text"}
    assert at(value, "a.b.c") == 1
    assert at(value, "d") == "text"
    assert at(value, "d.e") is None
    assert at([], "a") is None
