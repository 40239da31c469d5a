"""Whoever knows the token is refused for no form, and nobody else is let in for one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from aircall_mcp.events.envelope import UNRECOGNISED, NoEnvelope, envelope_of
from aircall_mcp.events.messages import newest
from aircall_mcp.events.query import Query
from aircall_mcp.events.receiver import LARGEST
from aircall_mcp.ground.secrets import MASK

from ..harness import THURSDAY
from ..mail import PATH, TOKEN, WEBHOOK, call, envelope, log_in, receiving

WHOLE = call("ended", 42)


def deep(levels: int) -> str:
    return '{"a":' * levels + '"+33199001234"' + "}" * levels


def whole(**fields: Any) -> bytes:
    said = {"resource": "call", "event": "call.ended", "timestamp": THURSDAY, "token": TOKEN,
            "data": {"id": 7}, **fields}  # fmt: skip
    return json.dumps(said).encode()


def with_data(data: str, *, first: bool = False) -> bytes:
    """An envelope around `data`, which may be no JSON; its token stands before or behind it."""
    said = f'"token":"{TOKEN}"'
    pair = (f'"data":{data}', said) if first else (said, f'"data":{data}')
    return f'{{"event":"call.ended","timestamp":{THURSDAY},{",".join(pair)}}}'.encode()


ODD = {
    "300 deep": with_data(deep(300)),
    "900 deep": with_data(deep(900)),
    "90,000 deep, behind its token": with_data(deep(9_000)),
    "deep before its token": with_data(deep(900), first=True),
    "an infinite number": with_data('{"id":7,"cost":1e400}'),
    "Infinity": with_data('{"id":7,"cost":Infinity}'),
    "not a number": with_data('{"id":7,"cost":NaN}'),
    "5,000 digits": with_data('{"id":' + "7" * 5_000 + "}"),
    "60,000 values": with_data("[" + "7," * 60_000 + "7]"),
    "60,000 values of an object": with_data('{"id":[' + "7," * 60_000 + "7]}"),
    "60,000 values before its token": with_data("[" + "7," * 60_000 + "7]", first=True),
    "60,000 values before its token and more": with_data("[" + "7," * 60_000 + "7]", first=True)[
        :-1
    ]
    + b', "new": null , "one": "more"\n}\n',
    "a list": whole(data=[1, 2]),
    "nothing": whole(data=None),
    "a text": whole(data="transcript"),
    "no data": json.dumps({"event": "call.ended", "token": TOKEN}).encode(),
    "no name": json.dumps({"token": TOKEN, "data": {"id": 7}}).encode(),
    "a null name": whole(event=None),
    "an odd name": whole(event="Call Ended!"),
    "a long name": whole(event="call." + "e" * 500),
    "half a letter in its name": whole(event="a\ud800b"),
    "a name that is a list": whole(event=["call.ended"]),
    "no resource": whole(resource=None),
    "a resource that is a number": whole(resource=7),
    "no time": whole(timestamp=None),
    "a time in ISO 8601": whole(timestamp="2026-11-19T10:00:00.000Z"),
    "a time in words": whole(timestamp="yesterday"),
    "a time beyond all": whole(timestamp=1e300),
    "an infinite time": with_data('{"id":7}').replace(str(THURSDAY).encode(), b"1e400"),
    "a time that is true": whole(timestamp=True),
    "a time tomorrow night": whole(timestamp=THURSDAY + 25 * 3600),
    "a time in 2096": whole(timestamp=4_000_000_000),
    "a time in 2099, in ISO 8601": whole(timestamp="2099-11-28T10:00:00Z"),
    "half a letter": with_data('{"id":7,"body":"half \\ud83d a letter"}'),
    "half a letter in a name": with_data('{"id":7,"\\uDC00":1,"\\ud83d":2}'),
    "bytes that are no letters": with_data('{"id":7,"body":"X"}').replace(b"X", b"\xff\xfe"),
    "its token for a name": whole(event=f"call.{TOKEN}"),
    "cut": whole()[:-3],
    "garbage behind it": whole() + b"}}",
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", ODD)
async def test_with_the_right_token_no_form_is_refused_and_it_says_so(
    home: Path, name: str
) -> None:
    log = log_in(home)
    async with receiving(log) as client:
        for _ in range(2):  # Aircall repeats; it is the same event
            assert (await client.post(PATH, content=ODD[name])).status_code == 200
        assert (await client.post(PATH, content=envelope(WHOLE))).status_code == 200
    good, odd = log.read(Query())
    assert (good.call_id, good.mark, good.data) == (42, {}, WHOLE.data)
    assert odd.mark.keys() == {"unrecognised"}
    assert TOKEN not in json.dumps([odd.raw, dict(odd.data)], allow_nan=False)
    assert MASK in odd.raw
    assert THURSDAY - 1 <= odd.built <= THURSDAY + 1
    assert odd.kind in ("call.ended", UNRECOGNISED)


def by_numbers(text: str) -> str:
    return "".join(f"\\u{ord(letter):04X}" for letter in text)


@pytest.mark.anyio
@pytest.mark.parametrize("spelled", [TOKEN, by_numbers(TOKEN), TOKEN[:4] + by_numbers(TOKEN[4:])])
@pytest.mark.parametrize("odd", [False, True])
async def test_its_token_is_shown_nowhere_however_it_is_spelled(
    home: Path, spelled: str, *, odd: bool
) -> None:
    log = log_in(home)
    within = json.dumps(f'{{"a":"{spelled}"}}')
    said = f'{{"id":7,"body":"so: {spelled}.","{spelled}":["{spelled}"],"inner":{within}}}'
    body = with_data(said + ',"timestamp":"yesterday"' if odd else said)
    async with receiving(log) as client:
        assert (await client.post(PATH, content=body)).status_code == 200
    [event] = log.read(Query())
    shown = json.dumps([event.raw, dict(event.data)]).replace("\\", "")
    assert TOKEN not in shown
    assert TOKEN[4:] not in shown
    assert by_numbers(TOKEN[4:]).replace("\\", "") not in shown
    assert event.data["body"] == f"so: {MASK}."
    assert event.data[MASK] == [MASK]
    assert event.data["id"] == 7
    assert (MASK in event.raw) == odd


@pytest.mark.anyio
async def test_what_no_encoding_can_write_is_kept_as_it_came(home: Path) -> None:
    log = log_in(home)
    async with receiving(log) as client:
        for name in ("half a letter", "half a letter in a name", "bytes that are no letters"):
            assert (await client.post(PATH, content=ODD[name])).status_code == 200
        whole_one = with_data('{"id":8,"body":"\\ud83d\\ude00"}')
        assert (await client.post(PATH, content=whole_one)).status_code == 200
    good, bytes_, names, half = log.read(Query())
    assert (good.mark, good.data["body"]) == ({}, "\U0001f600")
    assert r"half \ud83d a letter" in half.raw
    assert r'"\uDC00":1,"\ud83d":2' in names.raw
    assert r"\xff\xfe" in bytes_.raw
    assert {one.call_id for one in (bytes_, names, half)} == {7}


@pytest.mark.anyio
async def test_what_is_dated_in_the_future_takes_the_place_of_nothing(home: Path) -> None:
    log = log_in(home)
    text = {"id": "SM1", "body": "Hi"}
    async with receiving(log) as client:
        for status, at in (("delivered", THURSDAY), ("sent", 4_000_000_000)):
            body = whole(event="message.status_updated", timestamp=at, resource="message",
                         data={**text, "status": status})  # fmt: skip
            assert (await client.post(PATH, content=body)).status_code == 200
    [shown] = newest(log.read(Query(messages=True)))
    assert shown.data["status"] == "delivered"


@pytest.mark.anyio
@pytest.mark.parametrize("name", ODD)
async def test_with_a_wrong_token_every_form_is_refused(home: Path, name: str) -> None:
    log = log_in(home)
    wrong = ODD[name].replace(TOKEN.encode(), b"x" + TOKEN[1:].encode())
    async with receiving(log) as client:
        assert (await client.post(PATH, content=wrong)).status_code == 401
    assert log.latest() == 0


@pytest.mark.anyio
@pytest.mark.parametrize(
    "body",
    [
        whole(token="x", data={"token": TOKEN}),
        whole(token=None, data={"token": TOKEN}),
        whole(token=[TOKEN]),
        whole(token={"token": TOKEN}),
        whole(token=TOKEN + " "),
        whole(token=TOKEN.upper()),
        whole(token="x", Token=TOKEN),
        json.dumps([{"token": TOKEN, "event": "e", "data": {}}]).encode(),
        json.dumps(TOKEN).encode(),
        json.dumps({TOKEN: "token", "event": "token", "data": {}}).encode(),
        # The last one of two of a name is what JSON means in Python, as it always was here.
        whole()[:-1] + b', "token": "x"}',
        # Where the whole is too much to be parsed, too.
        whole(token="x")[:-1] + b', "b": [' + b"7," * 60_000
        + b'{"token": "%b"}]}' % TOKEN.encode(),
        whole()[:-1] + b', "b": [' + b"7," * 60_000 + b'7], "token": "x"}',
        whole(token="x")[:-1] + b', "b": "' + b"," * 60_000 + b'\\", \\"token\\": \\"%b"}'
        % TOKEN.encode(),
        b'{"b": [' + b"7," * 60_000 + b'{"a": 1, "token": "%b"}]}' % TOKEN.encode(),
        b'{"b": [' + b"7," * 60_000 + b'7], "a": {"a": 1, "token": "%b"}}' % TOKEN.encode(),
        b'{"b": [' + b"7," * 60_000 + b'7], "a": ", \\"token\\": \\"%b"}' % TOKEN.encode(),
        b'{"b": [' + b"7," * 60_000 + b'7], "token": "x", "a": "%b"}' % TOKEN.encode(),
        b'{"b": [' + b"7," * 60_000 + b'7], "token": "%b", "a": {}}' % TOKEN.encode(),
        b'{"b": [' + b"7," * 60_000 + b'7], "token": "%b", "token": "x"}' % TOKEN.encode(),
        b'{"token": ["%b"' % TOKEN.encode(),
        b'["token", "%b"' % TOKEN.encode(),
        b'"token": "%b"' % TOKEN.encode(),
        b'{"a": {"token": "%b"' % TOKEN.encode(),
        b'{"a": "\\"token\\": \\"%b' % TOKEN.encode(),
        b'{"token"  "%b"' % TOKEN.encode(),
        b'{"token": {} "%b"' % TOKEN.encode(),
        b'{"token": [1], "%b"' % TOKEN.encode(),
        whole()[: whole().index(TOKEN.encode()) + 5],
    ],
)  # fmt: skip
async def test_a_token_anywhere_else_is_none(home: Path, body: bytes) -> None:
    log = log_in(home)
    async with receiving(log) as client:
        assert (await client.post(PATH, content=body)).status_code in (400, 401)
        assert log.latest() == 0


Tree = some.recursive(
    some.none() | some.integers() | some.floats() | some.text() | some.just(TOKEN)
    | some.just("token"),
    lambda inner: some.lists(inner) | some.dictionaries(
        some.text(max_size=3) | some.sampled_from(["token", TOKEN]), inner),
    max_leaves=6,
)  # fmt: skip
Document = some.dictionaries(some.sampled_from(["token", "data", "a", "event"]), Tree)


@given(Document)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_document_that_can_be_parsed_has_the_token_that_it_says_and_no_other(
    document: dict[str, Any],
) -> None:
    body = json.dumps(document).encode()
    said = json.loads(body).get("token")
    if isinstance(said, str):
        assert envelope_of(body).token == said
    else:
        with pytest.raises(NoEnvelope):
            envelope_of(body)


@given(Document, some.integers(0, 3))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_what_cannot_be_parsed_has_the_token_that_it_would_have(
    document: dict[str, Any], place: int
) -> None:
    """The same document with a piece in it that is too deep."""
    parts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document.items()]
    parts.insert(place, f'"deep": {deep(3_000)}')
    said = document.get("token")
    body = f"{{{', '.join(parts)}}}".encode()
    if isinstance(said, str):
        assert envelope_of(body).token == said
    else:
        with pytest.raises(NoEnvelope):
            envelope_of(body)


@given(Document, some.integers(0, 3))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_too_much_to_be_looked_through_has_that_token_or_none(
    document: dict[str, Any], place: int
) -> None:
    parts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document.items()]
    much = '"much": [' + "7," * 60_000 + "7]"
    parts.insert(place, much)
    said = document.get("token")
    try:
        token = envelope_of(f"{{{', '.join(parts)}}}".encode()).token
    except NoEnvelope:
        told_first = "token" in list(document)[:place]
        assert not (isinstance(said, str) and told_first)
    else:
        assert token == said


@given(some.binary(max_size=200))
@example(b"\xff\xfe{\x00")
@example(b'{"token":"\xed\xa0\x80"}')
def test_whatever_bytes_come_are_an_envelope_or_none(body: bytes) -> None:
    try:
        read = envelope_of(body).read()
    except NoEnvelope:
        return
    assert json.dumps([read.kind, read.built, dict(read.data), read.raw], allow_nan=False)


@given(Tree, Tree, Tree, Tree)
def test_whatever_an_envelope_holds_its_event_is_readable(
    event: Any, resource: Any, timestamp: Any, data: Any
) -> None:
    told = {"token": "t", "event": event, "resource": resource, "timestamp": timestamp,
            "data": data}  # fmt: skip
    read = envelope_of(json.dumps(told).encode()).read()
    json.dumps(dict(read.data), allow_nan=False)
    assert (read.data == data) or read.unrecognised
    assert read.built == 0 or 1e9 <= read.built <= 4.1e9


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":' * 150_000,
        b'{"token": "x", "a": ' + b"[" * 900_000,
        b'{"a": "' + b'\\"' * 500_000,
        b'{"' + b'\\"' * 500_000,
        b'{"a": ' + b'"",' * 300_000,
        b"{" + b'"a":1,' * 170_000,
        b'{"token": "' + b"a" * 1_000_000,
        b'{"a": ' + b"7" * 1_000_000,
        b'{"a": [' + b"7," * 450_000 + b'7], "a":"' + b',"a":"a"' * 10_000 + b"}",
    ],
)
def test_a_stranger_costs_little_whatever_is_sent(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(NoEnvelope):
        _ = envelope_of(body).read() if b"token" not in body else _refused(body)
    assert time.process_time() - started < 0.5


def _refused(body: bytes) -> None:
    """As a receiver does that does not know the token."""
    envelope_of(body)
    raise NoEnvelope("unknown token")


@pytest.mark.anyio
async def test_a_long_transcript_is_an_event_like_others(home: Path) -> None:
    log = log_in(home)
    words = [{"speaker": n % 2, "start": n / 3, "text": "and so on, and"} for n in range(6_500)]
    body = whole(event="transcription.created", resource="transcription",
                 data={"call_id": 42, "content": {"utterances": words}})  # fmt: skip
    assert 300_000 < len(body) < LARGEST
    async with receiving(log) as client:
        assert (await client.post(PATH, content=body)).status_code == 200
    [event] = log.read(Query(call_id=42))
    assert (event.mark, len(event.data["content"]["utterances"])) == ({}, 6_500)


@pytest.mark.anyio
@pytest.mark.parametrize("path", [f"{PATH}/", f"{PATH}//"])
async def test_a_slash_at_the_end_finds_the_webhook(home: Path, path: str) -> None:
    log = log_in(home)
    async with receiving(log) as client:
        assert (await client.post(path, content=envelope(WHOLE))).status_code == 200
        assert (await client.post(f"/webhooks/aircall//{WEBHOOK}", content=envelope(WHOLE))
                ).status_code == 401  # fmt: skip
    assert log.latest() == 1


@pytest.mark.anyio
@pytest.mark.parametrize("created", [1_653_900_000, "2022-05-30T08:40:00.000Z"])
async def test_contacts_tell_their_times_in_either_form(home: Path, created: Any) -> None:
    log = log_in(home)
    body = whole(event="contact.updated", resource="contact",
                 data={"id": 11, "first_name": "Camille", "created_at": created})  # fmt: skip
    async with receiving(log) as client:
        assert (await client.post(PATH, content=body)).status_code == 200
    [event] = log.read(Query(contact_id=11))
    assert (event.mark, event.data["created_at"]) == ({}, created)


@pytest.mark.anyio
async def test_what_waits_for_the_disk_is_bounded_by_its_bytes_too(home: Path) -> None:
    log = log_in(home)
    async with receiving(log, room=2_000) as client:
        body = whole(data={"id": 1, "text": "x" * 3_000})
        assert (await client.post(PATH, content=body)).status_code == 503
        for identity in range(20):  # what is committed makes room again
            body = whole(data={"id": identity, "text": "x" * 1_500})
            assert (await client.post(PATH, content=body)).status_code == 200


def test_many_backslashes_cost_no_more_than_other_letters() -> None:
    body = with_data('{"id":7,"body":"' + "\\" * 900_000 + f'{TOKEN}"}}')
    began = time.process_time()
    told = envelope_of(body).read()
    assert time.process_time() - began < 2.0
    assert told.data["id"] == 7
    assert TOKEN not in told.data["body"]
