"""What others recorded of the real API, replayed against the sandbox and the document."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, cast

import pytest

from ..sandbox.api import SandboxApi
from .described import at, body, document, faults, operation, places
from .facts import FACTS, Field, fields, form, steps, values
from .replay import answer_to, events, named
from .rules import RULES

pytestmark = pytest.mark.anyio

ALL = list(fields())
OF_OPERATIONS = [one for one in ALL if not one.of.startswith("event ")]
OF_EVENTS = [one for one in ALL if one.of.startswith("event ")]


def told(one: Field) -> str:
    return f"{one.of} {one.at} {'' if one.came else 'no '}{one.name}"


ALSO = {
    "raw_digits": {"text"},  # anonymous
    "substatus": {"text"},  # a reason, where somebody gave one
}
"""Forms that a field has in the sandbox beside the one that was recorded, and why."""

every_field = pytest.mark.parametrize("one", ALL, ids=told)
every_answer = pytest.mark.parametrize("fact", FACTS["answered"], ids=lambda f: f["ask"])


# the facts themselves


def test_there_are_enough_of_them_each_once_and_with_a_source() -> None:
    ruled = [one["rule"] for one in FACTS["ruled"]]
    asked = [f"{one['ask']} {one.get('key')} {one.get('data')}" for one in FACTS["answered"]]
    counted = Counter([*map(told, ALL), *ruled, *asked])
    assert [one for one, times in counted.items() if times > 1] == []
    assert len(counted) >= 200
    used = {one["source"] for kind in ("recorded", "answered", "ruled") for one in FACTS[kind]}
    assert used == FACTS["sources"].keys()
    for kind in ("recorded", "answered", "ruled"):
        assert all(one["where"] for one in FACTS[kind])


def test_no_person_and_no_secret_came_along() -> None:
    text = repr(FACTS)
    addresses = set(re.findall(r"[\w.+-]+@[\w.-]+", text))
    assert {one.rsplit("@")[1] for one in addresses} == {"example.com"}
    assert not re.search(r"X-Amz|Bearer|Basic ", text)
    secrets = set(re.findall(r"\b[0-9a-f]{32}\b", text))
    assert secrets
    assert all(one.endswith("000000") for one in secrets)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("created_at", "2026-06-18T10:11:02.000Z", "an instant with milliseconds"),
     ("created_at", "2026-06-18T10:11:02Z", "an instant in seconds"),
     ("tagged_at", 1646651108, "UNIX time of 10 digits"),
     ("sent_at", 1646651108000, "UNIX time of 13 digits"),
     ("id", 1646651108, "a whole number"), ("value", "+19001112222", "E.164"),
     ("digits", "+1 984-555-0178", "spaced digits"), ("cost", "3.0", "an amount"),
     ("cost", "0.00", "text"), ("extension", "001", "three digits"), ("active", True, "bool"),
     ("direct_link", "https://api.aircall.io/v1/tags/31", "https://api.aircall.io/v1/tags/N")],
)  # fmt: skip
def test_forms_are_told_apart(name: str, value: Any, expected: str) -> None:
    assert form(name, value) == expected


# fields


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def answers() -> dict[str, Any]:
    heard = await events()
    asked = {one.of for one in OF_OPERATIONS}
    return {
        **{name: await answer_to(name) for name in asked},
        **{f"event {name}": told for name, told in heard.items()},
    }


@every_field
async def test_the_sandbox_has_the_field_in_the_form_that_was_seen(
    one: Field, answers: dict[str, Any]
) -> None:
    holders = values(answers[one.of], steps(one.at))
    assert holders
    if not one.came:
        assert not [held for held in holders if held is not None and one.name in held]
        return
    held = [one_of_them for one_of_them in holders if one_of_them is not None]
    assert all(one.name in here for here in held)
    forms = {form(one.name, here[one.name]) for here in held}
    assert form(one.name, one.value) in forms
    wrong = forms - {form(one.name, one.value), "NoneType"}
    also = ALSO.get(one.name, set())
    assert not wrong - also, wrong


@every_field
def test_the_document_has_the_field_and_takes_what_was_seen(one: Field) -> None:
    found = list(places(body(one.of), one.path))
    if one.came:
        assert found
        assert any(not faults(place, one.value) for place in found)
        return
    # what did not come here is not described, or it says where it does come
    for place in found:
        assert at(place).get("x-present"), place


# requests


def filled(value: Any, known: dict[str, Any]) -> Any:
    """Words in braces as what they stand for: a number where nothing else is in the text."""
    if isinstance(value, dict):
        parts = cast("dict[str, Any]", value)
        return {key: filled(part, known) for key, part in parts.items()}
    if isinstance(value, list):
        return [filled(part, known) for part in cast("list[Any]", value)]
    if not isinstance(value, str):
        return value
    alone = re.fullmatch(r"\{([\w-]+)\}", value)
    if alone:
        return known[alone[1]]
    return re.sub(r"\{([\w-]+)\}", lambda found: str(known[found[1]]), value)


@every_answer
async def test_the_sandbox_answers_as_was_seen_and_the_document_says_so(
    fact: dict[str, Any],
) -> None:
    api = SandboxApi(data=fact.get("data", "small"), requests_per_minute=None)
    known = {} if "data" in fact else named(api)
    method, path = filled(fact["ask"], known).split(" ")
    key = fact.get("key")
    wrong = {"Authorization": "Basic d3Jvbmc6d3Jvbmc="} if key == "wrong" else {}
    async with api.client(signed=key is None) as client:
        answer = await client.request(
            method, path, json=filled(fact.get("send"), known), headers=wrong
        )
    assert answer.status_code == fact["status"], answer.text
    if answer.status_code == 204:
        assert answer.content == b""
        assert "content-type" not in answer.headers
    for place, value in fact.get("body", {}).items():
        assert values(answer.json(), steps(place)) == [filled(value, known)], place
    name = api.sandbox.arrivals[-1].operation
    template = _described(method, path)
    if template is None:
        assert answer.status_code == 404  # a route that is none
        return
    assert name in (template, None)
    responses = operation(template)[1]["responses"]
    assert str(fact["status"]) in responses
    if answer.content:
        assert not faults(body(template, fact["status"]), answer.json())


def _described(method: str, path: str) -> str | None:
    """The operation of a request, found in the document and not by the sandbox."""
    for shape, item in document()["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", r"[^/]+", re.escape(shape))
        if re.fullmatch(pattern, path.split("?")[0]) and method.lower() in item:
            return item[method.lower()]["operationId"]
    return None


# rules


def test_every_rule_is_played_and_nothing_else() -> None:
    assert RULES.keys() == {one["rule"] for one in FACTS["ruled"]}


@pytest.mark.parametrize("name", RULES)
async def test_the_sandbox_behaves_as_was_seen(name: str) -> None:
    api = SandboxApi(users_v1=True)
    await RULES[name](api)
    assert api.sandbox.arrivals  # it was asked, and not only read about
