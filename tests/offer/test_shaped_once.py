"""What is shaped once, fast, is what a plain walk makes of it, to the letter."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some
from pydantic_core import to_json

from aircall_mcp import spec
from aircall_mcp.ground.operation import Answer, Detail
from aircall_mcp.ground.reply import Page, Reply
from aircall_mcp.ground.secrets import MASK, Scrubber, Secret
from aircall_mcp.ground.times import iso
from aircall_mcp.ground.visible import clean
from aircall_mcp.offer import Registry, tools
from aircall_mcp.offer.shape import Shaped, shape
from aircall_mcp.offer.walk import IDENTITY, PLUMBING

OPERATION = Registry.of(spec.load()).ids["list_calls"]
ANSWER = OPERATION.answer
NAMES = sorted({
    "id", "name", "direct_link", "user", "tags", "é", "a\u200bb", "started_at", "ended_at", "sid",
    *sorted(ANSWER.seconds)[:3], *sorted(ANSWER.milliseconds)[:3],
    "archived", "digits", *ANSWER.strangers, *ANSWER.expiring, *ANSWER.secrets,
})  # fmt: skip

texts = some.text(max_size=12) | some.sampled_from(["x\u200by", "\x1b[0m", "é", "tok\ud800", ""])
leaves = some.none() | some.booleans() | some.floats(allow_nan=False) | texts | some.integers()
moments = some.integers(10**8, 10**13) | some.sampled_from(
    [10**8, 10**8 + 1, 253_402_300_799, 253_402_300_800, 10**11, 10**11 + 1, 1.5e9, True]
)
values = some.recursive(
    leaves | moments,
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.dictionaries(some.sampled_from(NAMES) | texts, inner, max_size=6)
    ),
    max_leaves=20,
)


def plainly(value: Any, answer: Answer, told: set[str], depth: int = 0) -> Any:
    """What is concise, as the words of `shape.py` say it, with nothing done for speed."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [plainly(item, answer, told, depth) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    nested = depth > 1 and "direct_link" in fields and "id" in fields
    kept: dict[str, Any] = {}
    for name, part in fields.items():
        empty = not part and not isinstance(part, (int, float))
        gone = name in PLUMBING | answer.expiring.keys() or (nested and name not in IDENTITY)
        if empty or gone:
            continue
        if name in answer.strangers | answer.expiring.keys():
            told.add(name)
        if name in answer.secrets:
            kept[clean(name)] = MASK
        elif isinstance(part, int):
            kept[clean(name)] = timed(name, part, answer)
        else:
            kept[clean(name)] = plainly(part, answer, told, depth + 1)
    return kept


def timed(name: str, number: int, answer: Answer) -> Any:
    try:
        if name in answer.milliseconds and number > 10**11:
            return iso(number / 1000)
        if name in answer.seconds and number > 10**8:
            moment = datetime.fromtimestamp(number, UTC)
            return moment.isoformat(timespec="seconds")[:-6] + "Z"
    except (ValueError, OverflowError, OSError):
        return number
    return number


@settings(max_examples=60, deadline=None)
@given(items=some.lists(values, max_size=5), beside=some.booleans())
@pytest.mark.parametrize("detail", ["concise", "full"])
def test_items_that_were_looked_at_are_given_as_they_are(
    detail: Detail, items: list[Any], beside: bool
) -> None:
    body: dict[str, Any] = {"calls": items, **({"meta": {"total": 3}} if beside else {})}
    before = repr(body)
    scrub = Scrubber().text
    shaped = Shaped(ANSWER, detail, scrub)
    for item in items:
        shaped.size(item)
    data, notes = shape(body, ANSWER, detail, shaped)
    assert (data, notes) == shape(body, ANSWER, detail)
    assert list(data) == list(shape(body, ANSWER, detail)[0])
    assert repr(body) == before
    if detail == "concise":
        told: set[str] = set()
        wanted = plainly(body, ANSWER, told)
        wanted.setdefault("calls", [])
        assert repr(data) == repr(wanted)
        assert bool(told & ANSWER.strangers) == any("quotes" in note for note in notes)


def test_what_is_done_with_a_name_is_remembered_of_so_many_names_alone() -> None:
    many = {f"field_{number}": number for number in range(3_000)} | {"n" * 200: "long", "name": "x"}
    for _ in range(2):
        data, notes = shape({"calls": [many]}, ANSWER, "concise")
        assert data == {"calls": [many]}
        assert any("name" in note for note in notes)


@pytest.mark.parametrize("detail", ["concise", "full"])
def test_what_was_measured_is_not_walked_again(detail: Detail) -> None:
    items = [{"id": number, "started_at": 1_700_000_000} for number in range(50)]
    shaped = Shaped(ANSWER, detail, Scrubber().text)
    measured = [shaped.size(item) for item in items]
    once, twice = (shape({"calls": items}, ANSWER, detail, shaped)[0]["calls"] for _ in range(2))
    assert all(first is second for first, second in zip(once, twice, strict=True))
    assert measured == [len(json.dumps(item, separators=(",", ":"))) for item in once]


@settings(max_examples=60, deadline=None)
@example(items=[None], notes=["half \ud800"], several=False, beside=False)
@example(items=[float("inf")], notes=[], several=False, beside=False)
@given(
    items=some.lists(values, max_size=5),
    notes=some.lists(texts, max_size=2),
    several=some.booleans(),
    beside=some.booleans(),
)
def test_the_text_put_together_is_the_one_that_is_written(
    items: list[Any], notes: list[str], *, several: bool, beside: bool
) -> None:
    bound, scrub = OPERATION.bind({}), Scrubber()
    shaped = tools.shaped_for(bound, scrub.text)
    room = tools.room_in(bound, shaped)
    for item in items:
        room.size(item)
    given = items * 2 if several else items
    body: dict[str, Any] = {"calls": given, **({"meta": 1} if beside else {})}
    page = Page(complete=False, returned=len(given), total=None, next={"page": 2})
    reply = Reply(200, body, True, 0.0, tuple(notes), page, 0)
    result = tools.result_of(bound, reply, scrub.text, shaped)
    text = tools.text_of(result)
    halves = any("\ud800" <= one <= "\udfff" for one in "".join(notes))
    assert (text is not None) == (bool(items) and not beside and not halves)
    assert scrub.written(result, text) == scrub.written(dict(result))
    assert text is None or text == to_json(dict(result), inf_nan_mode="null").decode()


def test_what_was_cut_is_written_anew() -> None:
    bound, scrub = OPERATION.bind({}), Scrubber()
    shaped = tools.shaped_for(bound, scrub.text)
    items = [{"id": number, "title": "x" * 19_000} for number in range(9)]
    for item in items:
        shaped.size(item)
    result = tools.result_of(bound, Reply(200, {"calls": items}), scrub.text, shaped)
    assert tools.text_of(result) is None
    assert len(scrub.written(result)[1]) < 70_000


@settings(max_examples=150, deadline=None)
@given(seconds=some.integers(-62_135_596_800, 253_402_300_799))
def test_a_time_is_written_as_the_calendar_has_it(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert iso(seconds) == moment.isoformat(timespec="seconds")[:-6] + "Z"


@pytest.mark.parametrize("seconds", [-62_135_596_801, 253_402_300_800, 10**15])
def test_a_time_beyond_the_calendar_is_none(seconds: int) -> None:
    with pytest.raises((ValueError, OverflowError)):
        iso(seconds)


@settings(max_examples=60, deadline=None)
@given(value=values, at=some.integers(0, 3))
def test_a_secret_is_found_wherever_it_stands(value: Any, at: int) -> None:
    scrubber, secret = Scrubber(), 'k3y-"of/the\\house-0123456789'
    scrubber.learn(Secret(secret))
    forms = (secret, json.dumps(secret)[1:-1], secret.encode().hex(), f"x{secret}y")
    told = scrubber.json({"value": value, "held": [forms[at]], forms[at]: 1})
    assert secret not in str(told).replace("\\\\", "\\")
    assert forms[2] not in str(told)
    assert told["held"] != [forms[at]]
