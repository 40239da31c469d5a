"""The JSON of an answer: what is taken, what is no value, and what is no JSON."""

from __future__ import annotations

import json

import pytest

from aircall_mcp.gateway.body import DEEPEST_ANSWER, LARGEST_ERROR, Broken, json_of


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999"])
def test_what_no_json_has_is_no_value(number: bytes) -> None:
    assert json_of(200, b'{"cost": ' + number + b', "id": 1}') == {"cost": None, "id": 1}


@pytest.mark.parametrize("raw", [b"", b" \r\n\t"])
def test_nothing_is_nothing(raw: bytes) -> None:
    assert json_of(200, raw) is None
    assert json_of(500, raw) is None


def test_an_answer_is_taken_to_its_deepest_level_and_no_deeper() -> None:
    deepest = b"[" * DEEPEST_ANSWER + b"1" + b"]" * DEEPEST_ANSWER
    assert json.dumps(json_of(200, deepest)).encode() == deepest
    with pytest.raises(Broken):
        json_of(200, b"[" + deepest + b"]")
    assert json_of(400, b"[" + deepest + b"]") is None


@pytest.mark.parametrize("raw", [b"<html>", b'{"a": ', b"\xff\xfe{", b"[" * 40_000])
def test_a_success_that_is_no_json_is_broken_and_an_error_has_no_form(raw: bytes) -> None:
    with pytest.raises(Broken, match="no JSON") as caught:
        json_of(200, raw)
    assert caught.value.passing
    assert json_of(502, raw) is None


def test_a_long_error_is_not_looked_into() -> None:
    largest = b'"' + b"a" * (LARGEST_ERROR - 2) + b'"'
    assert json_of(400, largest) == largest[1:-1].decode()
    assert json_of(400, largest + b" ") is None
