from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from aircall_mcp.errors import ArgumentError
from aircall_mcp.ground.operation import Bound, Operation
from aircall_mcp.ground.times import iso, moment
from aircall_mcp.offer import Registry

AGENT = {"agent_id": "a", "contact_phone": "+33199001234", "idempotency_key": "k"}
CALL = {"user_id": 1, "number_id": 2, "to": "+33199001234"}


def refusal(operation: Operation, arguments: Any, **more: Any) -> ArgumentError:
    with pytest.raises(ArgumentError) as caught:
        operation.bind(arguments, **more)
    return caught.value


def bound(registry: Registry, name: str, **arguments: Any) -> Bound:
    return registry.ids[name].bind(arguments)


def test_every_argument_goes_to_its_place(registry: Registry) -> None:
    placed = bound(registry, "start_outbound_call", **CALL)
    assert placed.path == "/v1/users/1/calls"
    assert placed.query == ()
    assert placed.body == {"number_id": 2, "to": "+33199001234"}
    update = bound(registry, "update_webhook", webhook_id="a-b", events_action="add", active=False)
    assert update.path == "/v1/webhooks/a-b"
    assert update.query == (("events_action", "add"),)
    assert update.body == {"active": False}


def test_an_operation_without_a_body_sends_none_and_one_with_optional_fields_an_empty_one(
    registry: Registry,
) -> None:
    assert bound(registry, "archive_call", call_id=1).body is None
    assert bound(registry, "create_message_configuration", number_id=1).body == {}


@pytest.mark.parametrize(
    ("name", "ids"),
    [("update_user_v2", {"user_id": 1}), ("update_user_v1", {"user_id": 1}),
     ("update_tag", {"tag_id": 1}), ("update_number", {"number_id": 1}),
     ("update_webhook", {"webhook_id": "1"}), ("update_contact", {"contact_id": 1}),
     ("update_contact_email", {"contact_id": 1, "detail_id": 2}),
     ("update_contact_phone_number", {"contact_id": 1, "detail_id": 2})],
)  # fmt: skip
def test_a_change_of_nothing_is_refused(registry: Registry, name: str, ids: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="at least one of"):
        bound(registry, name, **ids)


@pytest.mark.parametrize("name", ["update_contact_phone_number", "update_contact_email"])
@pytest.mark.parametrize("value", ["", " ", None, "12"])
def test_no_entry_of_a_contact_is_emptied(registry: Registry, name: str, value: Any) -> None:
    with pytest.raises(ArgumentError):
        bound(registry, name, contact_id=1, detail_id=2, value=value)


@pytest.mark.parametrize("name", ["send_whatsapp_message", "send_whatsapp_in_conversation"])
@pytest.mark.parametrize(
    "more",
    [{"header": {"link": "http://127.0.0.1/"}}, {"mediaUrl": ["file:///etc/passwd"]},
     {"body": [{"key": "{{1}}", "value": "a", "link": "https://a.com"}]}],
)  # fmt: skip
def test_a_template_takes_what_is_documented(
    registry: Registry, name: str, more: dict[str, Any]
) -> None:
    to = "to" if name == "send_whatsapp_message" else "externalNumber"
    template = {"id": "1187", "body": [{"key": "{{1}}", "value": "20417"}]}
    given_ = {"lineId": 1, to: "+14155550143"}
    assert bound(registry, name, **given_, templateParams=template).body
    with pytest.raises(ArgumentError, match="templateParams"):
        bound(registry, name, **given_, templateParams={**template, **more})


def test_arrays_and_booleans_of_the_query_are_written_as_aircall_reads_them(
    registry: Registry,
) -> None:
    query = bound(registry, "search_calls", tags=[1, 2], fetch_contact=True).query
    assert ("tags[]", "1") in query
    assert ("tags[]", "2") in query
    assert ("fetch_contact", "true") in query


def test_lists_ask_for_the_newest_first_and_fifty_a_page(registry: Registry) -> None:
    assert dict(bound(registry, "list_calls").query) == {"order": "desc", "per_page": "50"}
    asked = dict(bound(registry, "list_calls", order="asc", per_page=5).query)
    assert asked == {"order": "asc", "per_page": "5"}


def test_an_unknown_argument_is_refused_with_the_nearest_known_name(registry: Registry) -> None:
    error = refusal(registry.ids["start_outbound_call"], {**CALL, "number": 2})
    assert "unknown `number`" in error.message
    assert "Did you mean `number_id`?" in error.hint


@pytest.mark.parametrize(
    ("tool", "written", "meant"),
    [
        ("send_text", "message", "body"), ("send_text", "text", "body"),
        ("send_text", "recipients", "to"), ("place_call", "phone_number", "to"),
        ("add_call_comment", "body", "content"), ("find_person", "name", "query"),
        ("find_calls", "when", "period"),
    ],
)  # fmt: skip
def test_an_argument_called_by_another_tools_word_is_recognised(
    registry: Registry, tool: str, written: str, meant: str
) -> None:
    error = refusal(registry.ids[tool], {written: "x"})
    assert f"unknown `{written}`" in error.message
    assert f"Did you mean `{meant}`?" in error.hint


def test_an_unknown_argument_hears_once_which_there_are(registry: Registry) -> None:
    for tool, known in (
        ("place_call", "Known arguments: to, user, number,"),
        ("list_calls", "Known arguments: "),
    ):
        error = refusal(registry.ids[tool], {"zzz": 1})
        assert error.hint.count(known) == 1
    assert "Known" not in refusal(registry.ids["place_call"], {"to": []}).hint


def test_a_missing_argument_is_named_and_so_are_all_required_ones(registry: Registry) -> None:
    error = refusal(registry.ids["start_outbound_call"], {"user_id": 1, "to": CALL["to"]})
    assert "`number_id` is missing" in error.message
    assert "Required: user_id, number_id, to." in error.hint


def test_the_words_name_the_path_and_the_rule_and_never_the_value(registry: Registry) -> None:
    secret = "hunter2-hunter2"
    for name, arguments, expected in (
        ("get_call", {"call_id": secret}, "`call_id` must be a whole number"),
        ("create_tag", {"name": "a", "color": secret}, "`color` must match"),
        ("list_calls", {"order": secret}, '`order` must be one of "asc", "desc"'),
        ("list_calls", {"per_page": 51}, "`per_page` must be at most 50"),
        ("list_calls", {"per_page": 0}, "`per_page` must be at least 1"),
        ("start_outbound_call", {**CALL, "to": secret}, "`to` must be a phone number in E.164"),
        ("add_call_tags", {"call_id": 1, "tags": [1, secret]}, "`tags[1]` must be a whole number"),
        ("create_contact", {"phone_numbers": [{"label": "Work", "value": "+33184880000",
                                               secret: 1}]}, "in `phone_numbers[0]`"),
        ("list_calls", {"from": secret}, "`from` is not a time"),
    ):  # fmt: skip
        error = refusal(registry.ids[name], arguments)
        assert expected in error.message
        if expected != "in `phone_numbers[0]`":  # there the secret is the unknown name itself
            assert secret not in error.message + error.hint


def test_an_unknown_name_inside_an_object_is_refused_with_the_nearest_known_one(
    registry: Registry,
) -> None:
    error = refusal(
        registry.ids["create_contact"],
        {"phone_numbers": [{"label": "Work", "valeu": "+33184880000"}]},
    )
    assert "unknown `valeu` in `phone_numbers[0]`" in error.message
    assert "Did you mean `value`?" in error.hint


def test_at_most_five_faults_are_told_at_once(registry: Registry) -> None:
    error = refusal(registry.ids["add_call_tags"], {"call_id": 1, "tags": ["x"] * 1000})
    assert error.message.count("must be a whole number") == 5


@pytest.mark.parametrize("arguments", [None, [], "text", 7, True])
def test_arguments_that_are_no_object_are_refused(registry: Registry, arguments: Any) -> None:
    assert "one JSON object" in refusal(registry.ids["ping"], arguments).message


def test_json_in_a_string_is_taken_where_an_array_or_an_object_is_due(registry: Registry) -> None:
    assert bound(registry, "add_call_tags", call_id=1, tags="[1, 2]").body == {"tags": [1, 2]}
    call = bound(registry, "trigger_ai_voice_agent_call", **AGENT, context='{"a": {"b": 1}}')
    assert call.body is not None
    assert call.body["context"] == {"a": {"b": 1}}


def test_a_string_that_is_no_json_is_refused_where_an_array_is_due(registry: Registry) -> None:
    for text in ("1, 2", "{", "[" * 100_000, '"[1]"'):
        error = refusal(registry.ids["add_call_tags"], {"call_id": 1, "tags": text})
        assert "`tags` must be an array" in error.message


def test_json_in_a_string_stays_a_string_where_a_string_is_due(registry: Registry) -> None:
    comment = bound(registry, "add_call_comment", call_id=1, content="[1]")
    assert comment.body == {"content": "[1]"}


def test_a_whole_number_written_with_a_point_is_sent_without_it(registry: Registry) -> None:
    read = bound(registry, "get_call", call_id=7.0)
    assert read.path == "/v1/calls/7"
    page = bound(registry, "list_calls", **{"page": 2.0, "max_items": 10.0, "from": 1.8e9})
    assert {"page": "2", "from": "1800000000"}.items() <= dict(page.query).items()
    assert page.max_items == 10
    assert type(page.max_items) is int
    assert bound(registry, "add_call_tags", call_id=1, tags=[3.0]).body == {"tags": [3]}
    error = refusal(registry.ids["get_call"], {"call_id": 7.5})
    assert "`call_id` must be a whole number" in error.message


def test_the_bare_id_of_aircalls_own_path_is_understood_too(registry: Registry) -> None:
    assert bound(registry, "get_call", id=7).path == "/v1/calls/7"
    error = refusal(registry.ids["get_call"], {"id": 7, "call_id": 8})
    assert error.message == "`id` and `call_id` are the same argument."


@pytest.mark.parametrize(
    ("written", "zone", "seconds"),
    [
        (1763798400, None, 1763798400),
        ("1763798400", "Europe/Paris", 1763798400),
        ("2025-11-22T08:00:00Z", "Europe/Paris", 1763798400),
        ("2025-11-22T09:00:00+01:00", "America/New_York", 1763798400),
        ("2025-11-22T09:00:00", "Europe/Paris", 1763798400),
        ("2025-11-22T08:00:00", None, 1763798400),
        ("2025-07-01T10:00", "Europe/Paris", 1751356800),
        ("2025-11-22", "Asia/Tokyo", 1763737200),
        (" 2025-11-22 08:00:00 ", None, 1763798400),
        (-1, None, -1),
    ],
)
def test_a_time_is_unix_seconds_or_iso_with_offset_or_read_in_the_zone(
    written: int | str, zone: str | None, seconds: int
) -> None:
    assert moment(written, ZoneInfo(zone) if zone else None) == seconds


@pytest.mark.parametrize(
    "garbage",
    ["yesterday", " ", "-", "²", "9" * 5000, "2026-13-01", 10**18, -(10**18), "0001-01-01", "--5",
     "\ud800", "2026-11-22T25:00", True, [1], {}],
)  # fmt: skip
def test_what_is_no_time_is_refused(registry: Registry, garbage: Any) -> None:
    error = refusal(registry.ids["list_calls"], {"from": garbage}, zone=ZoneInfo("Asia/Tokyo"))
    assert "from" in error.message


def test_the_window_is_echoed_in_utc(registry: Registry) -> None:
    listed = registry.ids["list_calls"].bind(
        {"from": "2026-11-01T00:00:00", "to": 1795082400}, zone=ZoneInfo("Europe/Paris")
    )
    assert listed.window == {"from": "2026-10-31T23:00:00Z", "to": "2026-11-19T10:00:00Z"}
    assert ("from", "1793487600") in listed.query
    assert iso(1795082400) == "2026-11-19T10:00:00Z"


def test_only_a_time_without_offset_needs_a_zone(registry: Registry) -> None:
    needs = registry.ids["list_calls"].needs_zone
    assert needs({"from": "2026-11-01"})
    for given_time in ("2026-11-01T00:00:00Z", 1795082400, "1795082400", "soon", None):
        assert not needs({"from": given_time})


@pytest.mark.parametrize(
    "written", ["+33 1 99 00 12 34", "+33-199-00-12-34", "+33(199)001234", "+33.199.00.12.34"]
)
def test_a_phone_number_loses_its_spaces_dots_dashes_and_brackets(
    registry: Registry, written: str
) -> None:
    placed = bound(registry, "start_outbound_call", **{**CALL, "to": written})
    assert placed.body == {"number_id": 2, "to": "+33199001234"}
    group = bound(registry, "send_group_message", number_id=1, participants=[written], body="hi")
    assert group.body == {"participants": ["+33199001234"], "body": "hi"}


@pytest.mark.parametrize(
    "written", ["0199001234", "+0199001234", "+33", "+1234567890123456", "", 5]
)
def test_what_is_no_e164_number_is_refused(registry: Registry, written: Any) -> None:
    refusal(registry.ids["start_outbound_call"], {**CALL, "to": written})


def test_exactly_one_of_a_group_is_needed(registry: Registry) -> None:
    transfer = registry.ids["transfer_call"]
    words = "exactly one of `user_id`, `team_id`, `number` is needed"
    assert words in refusal(transfer, {"call_id": 1}).message
    assert words in refusal(transfer, {"call_id": 1, "user_id": 2, "team_id": 3}).message
    assert transfer.bind({"call_id": 1, "team_id": 3}).body == {"team_id": 3}


def test_at_least_one_of_a_group_is_needed(registry: Registry) -> None:
    update = replace(registry.ids["update_tag"], at_least_one=(("name", "color"),))
    assert "at least one of `name`, `color`" in refusal(update, {"tag_id": 1}).message
    assert update.bind({"tag_id": 1, "name": "a", "color": "#123456"}).body


def test_what_json_cannot_hold_is_refused(registry: Registry) -> None:
    nested: Any = 1
    for _ in range(100_000):
        nested = [nested]
    for value in (float("nan"), float("inf"), nested, "\ud800", {"\udfff": 1}, {1, 2}, 10**5000):
        refusal(registry.ids["trigger_ai_voice_agent_call"], {**AGENT, "context": {"a": value}})
        refusal(registry.ids["add_call_comment"], {"call_id": 1, "content": value})
        refusal(registry.ids["search_contacts"], {"email": value})


@pytest.mark.parametrize("depth", [50, 60, 70, 120, 250, 500, 900])
def test_nesting_is_taken_or_refused_but_never_breaks(registry: Registry, depth: int) -> None:
    nested: Any = 1
    for _ in range(depth):
        nested = {"a": nested}
    try:
        assert bound(registry, "trigger_ai_voice_agent_call", **AGENT, context=nested).body
        assert depth <= 60
    except ArgumentError as error:
        assert (depth > 60, "nested too deeply" in error.message) == (True, True)  # noqa: PT017


def test_an_address_is_a_segment(registry: Registry) -> None:
    by_mail = bound(registry, "get_user_v2", user_id="ana.o'neil+x@larkspur.example")
    assert by_mail.path == "/v2/users/ana%2Eo%27neil%2Bx@larkspur%2Eexample"
