from __future__ import annotations

import json
import random
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aircall_mcp import spec
from aircall_mcp.errors import ArgumentError
from aircall_mcp.ground import path
from aircall_mcp.ground.path import fill


@pytest.mark.parametrize(
    "value", [0, -1, True, 10**19, "", ".", "..", "...", "a" * 257, "a\nb", "a\x7f", "a\x85", 1.5]
)
def test_what_cannot_be_a_segment_is_refused(value: Any) -> None:
    with pytest.raises(ArgumentError):
        fill("/v1/users/{id}", {"id": value})


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
            filled_in = fill(
                template, {**dict.fromkeys(holes, 1), holes[number % len(holes)]: value}
            )
        except ArgumentError:
            continue
        filled += 1
        out += bool(escaped(template, filled_in))
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
    monkeypatch.setattr(path, "_segment", ordinarily_quoted)
    monkeypatch.setattr(path, "_hold_against", unseen)
    filled, out = escapes(3_000)
    assert filled == 3_000
    assert out > 300


def test_a_value_that_leaves_its_template_is_caught_a_second_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(path, "_segment", ordinarily_quoted)
    _, out = escapes(3_000)
    assert out == 0


@given(st.text() | st.integers() | st.sampled_from(NASTY), st.sampled_from(TEMPLATES))
@settings(max_examples=300, deadline=None)
def test_any_value_fills_its_place_or_is_refused(value: Any, template: str) -> None:
    holes = [part[1:-1] for part in template.split("/") if part.startswith("{")]
    try:
        filled_in = fill(template, dict.fromkeys(holes, value))
    except ArgumentError:
        return
    assert escaped(template, filled_in) == ""


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
