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


@pytest.mark.parametrize(
    "number", [b"1e308", b"12e3", b"-0.5E-7", b"1e-999", b"0e99", b"12345678901234567890", b"-0"]
)
def test_a_number_is_read_as_python_reads_it(number: bytes) -> None:
    raw = b'{"id": "7e99", "cost": [' + number + b'], "held": "12:3e45"}'
    assert json_of(200, raw) == json.loads(raw)
    assert json_of(200, number) == json.loads(number)


@pytest.mark.parametrize(
    "number", [b"1E+0999", b"-12.5e400", b"9" * 180 + b"e290", b"1" + b"0" * 400 + b".0"]
)
def test_a_number_too_large_for_a_float_is_no_value_in_any_spelling(number: bytes) -> None:
    for raw in (b"[%s]", b'{"a":%s}', b'{"a": 1,"b" :\t%s }'):
        told = json_of(200, raw % number)
        assert None in (told if isinstance(told, list) else told.values())
    assert json_of(200, number) is None


def test_half_a_letter_is_read_as_python_reads_it() -> None:
    raw = b'{"text": "\\ud83d", "id": 1}'
    assert json_of(200, raw) == json.loads(raw)
