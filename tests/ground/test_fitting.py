"""What is right but for its kind is mended, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aircall_mcp.errors import ArgumentError
from aircall_mcp.ground.operation import Bound, Operation
from aircall_mcp.offer import Registry

CALL = {"user_id": 1, "number_id": 2, "to": "+14155551234"}
TEMPLATE = {"id": "1187", "body": [{"key": "{{1}}", "value": "20417"}]}


def bound(registry: Registry, name: str, /, **arguments: Any) -> Bound:
    return registry.ids[name].bind(arguments)


def refusal(operation: Operation, arguments: Any) -> str:
    with pytest.raises(ArgumentError) as caught:
        operation.bind(arguments)
    return caught.value.message


def test_a_phone_number_and_a_time_may_come_as_numbers(registry: Registry) -> None:
    dialled = bound(registry, "start_outbound_call", **{**CALL, "to": 14155551234})
    assert dialled == bound(registry, "start_outbound_call", **CALL)
    group = bound(registry, "send_group_message", number_id=1, participants=[33199001234], body="a")
    assert group.body == {"participants": ["+33199001234"], "body": "a"}
    listed = bound(registry, "list_calls", **{"from": 1790000000})
    assert listed == bound(registry, "list_calls", **{"from": "2026-09-21T14:13:20Z"})
    assert ("from", "1790000000") in listed.query


def test_a_text_alone_is_the_only_one_of_an_array_of_texts(registry: Registry) -> None:
    def recipients(written: Any) -> Any:
        return bound(registry, "send_text", to=written, body="a").arguments["to"]

    for written in ("+14155550143", "4155550143", "Priya"):  # digits get no plus that nobody wrote
        assert recipients(written) == [written]
    assert recipients('["+14155550143", "+14155550144"]') == ["+14155550143", "+14155550144"]
    for wrong in ("", " ", "{}", {"a": 1}, True):
        message = refusal(registry.ids["send_text"], {"to": wrong, "body": "a"})
        assert "`to`" in message
    message = refusal(registry.ids["add_call_tags"], {"call_id": 1, "tags": "7"})
    assert "`tags` must be an array" in message


def test_a_number_in_digits_without_a_plus_is_still_no_phone_number(registry: Registry) -> None:
    """Whoever could write the plus and did not may mean a number of another country."""
    for written in ("14155551234", "4155551234", -14155551234, 0, 5, 10**18, True, 1415555123.5):
        operation = registry.ids["start_outbound_call"]
        assert "`to` must be" in refusal(operation, {**CALL, "to": written})


def test_a_phone_number_of_a_contact_gets_back_its_plus_and_is_else_sent_as_it_came(
    registry: Registry,
) -> None:
    for written, sent in ((33199001234, "+33199001234"), ("01 99 00 12 34", "01 99 00 12 34")):
        entry = {"label": "Work", "value": written}
        made = bound(registry, "create_contact", phone_numbers=[entry])
        assert made.body == {"phone_numbers": [{"label": "Work", "value": sent}]}
        added = bound(registry, "add_contact_phone_number", contact_id=1, **entry)
        assert added.body == {"label": "Work", "value": sent}


@pytest.mark.parametrize("wrong", [True, [], {}, [7], {"a": 1}])
def test_what_is_no_number_is_no_text(registry: Registry, wrong: Any) -> None:
    message = refusal(registry.ids["add_call_comment"], {"call_id": 1, "content": wrong})
    assert "`content` must be a string" in message


def test_null_is_left_out_and_a_required_null_is_missing(registry: Registry) -> None:
    every = dict.fromkeys(p.name for p in registry.ids["list_calls"].parameters)
    assert bound(registry, "list_calls", **every) == bound(registry, "list_calls")
    message = refusal(registry.ids["start_outbound_call"], {**CALL, "to": None})
    assert "`to` is missing" in message
    message = refusal(registry.ids["create_contact"], {"phone_numbers": [{"value": None}]})
    assert "`label` is missing in `phone_numbers[0]`" in message
    assert "`call_id` is missing" in refusal(registry.ids["get_call"], {"call_id": ""})
    assert "`content` is missing" not in refusal(
        registry.ids["add_call_comment"], {"call_id": None, "content": ""}
    )
    assert "`tags[1]` must be" in refusal(
        registry.ids["add_call_tags"], {"call_id": 1, "tags": [1, None]}
    )
    assert "unknown `nothing`" in refusal(registry.ids["ping"], {"nothing": None})


def test_what_is_free_in_form_keeps_its_texts_and_loses_its_nulls(registry: Registry) -> None:
    said = {"b": "", "c": "7", "d": 7, "e": "true", "f": {}, "g": [None, {"x": 1}], "h": {"i": 0}}
    nothing = {"a": None, "j": {"k": None, "l": {"m": None}}}
    context = {**said, **nothing, "g": [None, {"x": 1, "y": None}], "h": {"i": 0, "n": None}}
    agent = {"agent_id": "a", "contact_phone": 33199001234, "idempotency_key": 17}
    made = bound(registry, "trigger_ai_voice_agent_call", **agent, context=context)
    assert made.body == {
        "contact_phone": "+33199001234", "idempotency_key": "17", "context": said
    }  # fmt: skip
    written = bound(registry, "trigger_ai_voice_agent_call", **agent, context=json.dumps(context))
    assert written == made  # and one call to the journal
    assert made == bound(registry, "trigger_ai_voice_agent_call", **agent, context=said)
    none = bound(registry, "trigger_ai_voice_agent_call", **agent, context=nothing)
    assert none == bound(registry, "trigger_ai_voice_agent_call", **agent)
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    with pytest.raises(ArgumentError, match="too deeply"):
        bound(registry, "trigger_ai_voice_agent_call", **agent, context=deep)


@pytest.mark.parametrize("written", [1790000000.5, "1790000000.999", " 1790000000.0 "])
def test_a_moment_within_a_second_is_that_second(registry: Registry, written: Any) -> None:
    asked = bound(registry, "list_calls", **{"from": written})
    assert asked == bound(registry, "list_calls", **{"from": 1790000000})
    assert ("from", "1790000000") in asked.query
    assert not registry.ids["list_calls"].needs_zone({"from": written})
    for wrong in ("1.2.3", "1790000000.", "1e9", "." + "9" * 30, "9" * 400 + ".5"):
        message = refusal(registry.ids["list_calls"], {"from": wrong})
        assert "is not a time" in message


def test_what_is_no_id_is_told_by_the_name_of_the_argument(registry: Registry) -> None:
    for wrong in (-5, 0):
        message = refusal(registry.ids["get_call"], {"call_id": wrong})
        assert message == "`call_id` must be a positive id."
    assert "`user_id`" in refusal(registry.ids["get_user_v2"], {"user_id": ".."})


def test_an_object_whose_fields_all_say_nothing_is_left_out(registry: Registry) -> None:
    to = {"lineId": "1", "to": 14155550143}
    nothing = {"id": None, "body": None}
    sent = bound(registry, "send_whatsapp_message", **to, text="hi", templateParams=nothing)
    line = {"lineId": 1, "to": "+14155550143"}
    assert sent.body == {**line, "text": "hi"}
    by_template = bound(registry, "send_whatsapp_message", **to, text="", templateParams=TEMPLATE)
    assert by_template.body == {**line, "templateParams": TEMPLATE}
    assert bound(registry, "update_number", number_id=1, name="a", messages={}).stakes
    assert not bound(registry, "update_number", number_id=1, name="a", messages=None).stakes


@pytest.mark.parametrize("nothing", [None, ""])
def test_what_says_nothing_is_not_at_stake_and_changes_nothing(
    registry: Registry, nothing: Any
) -> None:
    left_out = dict.fromkeys(("priority", "time_zone", "availability_status"), nothing)
    renamed = bound(registry, "update_number", number_id=1, name="Paris", **left_out)
    assert renamed == bound(registry, "update_number", number_id=1, name="Paris")
    assert "at least one of" in refusal(
        registry.ids["update_number"], {"number_id": 1, "name": nothing, **left_out}
    )


def test_a_sound_is_taken_away_by_an_empty_text_and_sent_as_null(registry: Registry) -> None:
    given = {"welcome": "", "waiting": None, "ivr": "https://media.larkspur.example.com/a.mp3"}
    changed = bound(registry, "update_number", number_id=1, messages=given)
    assert changed.body == {"messages": {"welcome": None, "ivr": given["ivr"]}}
    assert set(changed.stakes) == {"administers"}


def test_a_text_that_may_be_empty_is_emptied(registry: Registry) -> None:
    assert bound(registry, "update_tag", tag_id=1, description="").body == {"description": ""}
    assert bound(registry, "update_webhook", webhook_id="a", custom_name="").body == {
        "custom_name": ""
    }
    blank = {"id": "1", "body": [{"key": "{{1}}", "value": ""}]}
    sent = bound(registry, "send_whatsapp_message", lineId=1, to=33199001234, templateParams=blank)
    assert (sent.body or {})["templateParams"] == blank


@pytest.mark.parametrize("written", [7, "7", " 7 ", "7.0", 7.0, "+7"])
def test_a_number_may_come_as_digits(registry: Registry, written: Any) -> None:
    assert bound(registry, "get_call", call_id=written) == bound(registry, "get_call", call_id=7)
    tagged = bound(registry, "add_call_tags", call_id=written, tags=[written])
    assert tagged.body == {"tags": [7]}
    assert bound(registry, "list_calls", max_items=written).max_items == 7
    assert bound(registry, "read_events", limit=written).arguments == {"limit": 7}


@pytest.mark.parametrize("written", ["seven", "7.5", "0x7", "7e1", "\u0667", "1_0", "--7", True])
def test_what_is_not_quite_digits_is_refused(registry: Registry, written: Any) -> None:
    assert "`call_id` must be a whole number" in refusal(
        registry.ids["get_call"], {"call_id": written}
    )


@pytest.mark.parametrize("huge", [2**63, -(2**63) - 1, 2**70, 10**4400, 1e300], ids=list("abcde"))
def test_a_number_beyond_64_bits_is_an_argument_error(registry: Registry, huge: float) -> None:
    for name, arguments in (
        ("get_call", {"call_id": huge}),
        ("read_events", {"call_id": huge}),
        ("read_events", {"before": huge}),
        ("wait_for_event", {"kinds": ["call.*"], "match": {"contact_id": huge}}),
        ("get_user_v2", {"user_id": huge}),
        ("start_outbound_call", {**CALL, "to": huge}),
        ("add_call_tags", {"call_id": 1, "tags": [huge]}),
        ("list_calls", {"from": huge}),
    ):
        refusal(registry.ids[name], arguments)


@pytest.mark.anyio
async def test_a_huge_number_reaches_neither_aircall_nor_the_log_of_events(harness: Any) -> None:
    for tool in ("read_events", "list_messages", "get_contact", "search_calls"):
        name = "user_id" if tool == "search_calls" else "contact_id"
        for huge in (2**64, str(2**64), 2**63):
            error = await harness.refused(tool, **{name: huge})
            assert error["kind"] == "argument", error
    assert harness.arrivals() == []


def test_a_flag_may_come_as_text(registry: Registry) -> None:
    for written, flag in (("true", True), ("false", False), (True, True)):
        changed = bound(registry, "update_webhook", webhook_id="a", active=written)
        assert changed.body == {"active": flag}
    assert not bound(registry, "get_call", call_id=1, fetch_short_urls="false").stakes
    for wrong in ("yes", "1", 1, "True"):
        arguments = {"webhook_id": "a", "active": wrong}
        assert "`active` must be true or false" in refusal(
            registry.ids["update_webhook"], arguments
        )
