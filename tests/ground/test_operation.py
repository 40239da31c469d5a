from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aircall_mcp import spec
from aircall_mcp.errors import ArgumentError
from aircall_mcp.ground import operation as operations
from aircall_mcp.ground.operation import Bound, Operation, fill, iso, moment
from aircall_mcp.offer.registry import Registry

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


def test_a_missing_argument_is_named_and_so_are_all_required_ones(registry: Registry) -> None:
    error = refusal(registry.ids["start_outbound_call"], {"user_id": 1, "to": CALL["to"]})
    assert "`number_id` is missing" in error.message
    assert "Required: user_id, number_id, to." in error.hint


def test_the_words_name_the_path_and_the_rule_and_never_the_value(registry: Registry) -> None:
    secret = "hunter2-hunter2"
    for name, arguments, expected in (
        ("get_call", {"call_id": secret}, "`call_id` must be a whole number (no quotes)"),
        ("create_tag", {"name": "a", "color": secret}, "`color` must match"),
        ("list_calls", {"order": secret}, '`order` must be one of "asc", "desc"'),
        ("list_calls", {"per_page": 51}, "`per_page` breaks maximum 50"),
        ("list_calls", {"per_page": 0}, "`per_page` breaks minimum 1"),
        ("start_outbound_call", {**CALL, "to": secret}, "`to` must be a phone number in E.164"),
        ("add_call_tags", {"call_id": 1, "tags": [1, secret]}, "`tags[1]` must be a whole number"),
        ("create_contact", {"phone_numbers": [{"label": "Work", "value": "+33184880000",
                                               secret: 1}]}, "in `phone_numbers[0]`"),
        ("list_calls", {"from": secret}, "`from` is no time"),
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
    ["yesterday", "", "-", "²", "9" * 5000, "2026-13-01", 10**18, -(10**18), "0001-01-01", "--5",
     "\ud800", "2026-11-22T25:00", True, 1.5, [1], {}, None],
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


@pytest.mark.parametrize(
    "value", [0, -1, True, 10**19, "", ".", "..", "...", "a" * 257, "a\nb", "a\x7f", "a\x85", 1.5]
)
def test_what_cannot_be_a_segment_is_refused(value: Any) -> None:
    with pytest.raises(ArgumentError):
        fill("/v1/users/{id}", {"id": value})


def test_an_address_is_a_segment(registry: Registry) -> None:
    by_mail = bound(registry, "get_user_v2", user_id="ana.o'neil+x@larkspur.example")
    assert by_mail.path == "/v2/users/ana%2Eo%27neil%2Bx@larkspur%2Eexample"


def test_a_missing_path_value_is_an_argument_error() -> None:
    with pytest.raises(ArgumentError, match="`id` is missing"):
        fill("/v1/users/{id}", {})


# No value leaves its place: 100,000 of them over every template with holes.

BASE = httpx2.URL("https://api.aircall.io")
TEMPLATES = sorted({o.path for o in spec.load().operations if "{" in o.path and not o.ours})
NASTY = (
    "..", ".", "/", "//", "\\", "%", "%2e", "%2E%2e", "%2f", "%252e", "%5c", "%00", "?", "#", "&",
    "=", ";", ":", "@", "@evil.example", "//evil.example", "https://evil.example/", "\r\n",
    "\r\nHost: evil", "\x00", "\t", " ", "\x7f", "\x85", "\u2028", "\u202e", "\uff0e",
    "\uff0f", "\u2024", "\u2215", "\ud800", "\udc00", "\U0001f600", "é", "ß", "[", "]", "{",
    "}", "{id}",
    "|", "^", "`", "<", ">", '"', "'", "~", "*", "+", "1", "42", "a", "user",
    "../../", "..;/", "..%2f", ".%2e/", "%c0%ae",
)  # fmt: skip


def escaped(template: str, path: str) -> str:
    """How `path` leaves `template`, or an empty string."""
    url = httpx2.URL(f"{BASE}{path}")
    if (url.scheme, url.host, url.port) != (BASE.scheme, BASE.host, BASE.port):
        return "host"
    if url.query or url.fragment or "?" in str(url) or "#" in str(url):
        return "query"
    wanted, got = template.split("/"), url.raw_path.decode("ascii").split("/")
    if len(wanted) != len(got):
        return "segments"
    for want, segment in zip(wanted, got, strict=True):
        if want.startswith("{"):
            if segment.lower().replace("%2e", ".") in ("", ".", ".."):
                return "climb"
        elif want != segment:
            return "literal"
    return ""


def values(count: int, seed: int) -> list[Any]:
    chance = random.Random(seed)
    made: list[Any] = []
    for _ in range(count):
        kind = chance.random()
        if kind < 0.1:
            made.append(chance.randint(-(10**20), 10**20))
        elif kind < 0.2:
            made.append(
                "".join(chr(chance.randrange(0x110000)) for _ in range(chance.randrange(9)))
            )
        elif kind < 0.21:
            made.append(chance.choice(NASTY) * chance.randrange(1, 400))
        else:
            made.append("".join(chance.choices(NASTY, k=chance.randrange(1, 7))))
    return made


def escapes(count: int) -> tuple[int, int]:
    """How many of `count` values were put into a path, and how many of those left it."""
    filled = out = 0
    for number, value in enumerate(values(count, seed=5)):
        template = TEMPLATES[number % len(TEMPLATES)]
        holes = [part[1:-1] for part in template.split("/") if part.startswith("{")]
        try:
            path = fill(template, {**dict.fromkeys(holes, 1), holes[number % len(holes)]: value})
        except ArgumentError:
            continue
        filled += 1
        out += bool(escaped(template, path))
    return filled, out


@pytest.mark.slow
def test_no_value_of_a_hundred_thousand_leaves_its_place_in_the_path() -> None:
    filled, out = escapes(100_000)
    assert out == 0
    assert filled > 40_000


def ordinarily_quoted(_name: str, value: Any) -> str:
    return quote(str(value), errors="replace")


def unseen(_template: str, _path: str) -> None:
    return None


def test_the_search_for_escapes_would_find_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an ordinary quote in the place of ours, and no look at the result, it does."""
    monkeypatch.setattr(operations, "_segment", ordinarily_quoted)
    monkeypatch.setattr(operations, "_hold_against", unseen)
    filled, out = escapes(3_000)
    assert filled == 3_000
    assert out > 300


def test_a_value_that_leaves_its_template_is_caught_a_second_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operations, "_segment", ordinarily_quoted)
    _, out = escapes(3_000)
    assert out == 0


@given(st.text() | st.integers() | st.sampled_from(NASTY), st.sampled_from(TEMPLATES))
@settings(max_examples=300, deadline=None)
def test_any_value_fills_its_place_or_is_refused(value: Any, template: str) -> None:
    holes = [part[1:-1] for part in template.split("/") if part.startswith("{")]
    try:
        path = fill(template, dict.fromkeys(holes, value))
    except ArgumentError:
        return
    assert escaped(template, path) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_any_arguments_are_bound_or_refused_in_our_own_words(data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(OPERATIONS))
    names = st.sampled_from([p.name for p in operation.parameters] or ["x"]) | st.text(max_size=9)
    arguments = data.draw(st.dictionaries(names, JSON, max_size=5))
    try:
        placed = operation.bind(arguments)
    except ArgumentError:
        return
    json.dumps(placed.body, allow_nan=False)
    assert escaped(operation.path, placed.path) == ""


OPERATIONS = tuple(o for o in spec.load().operations if not o.ours)
