"""One message as it comes over the wire: parsed within limits, or refused by its id.

A client waits for an answer to its id, and a model for words that it can learn from. Where the
SDK's parser gives up on half a surrogate pair, a number of thousands of digits or deep nesting, the
rest of the message is handed on with a value in that place that no schema takes, so that it gets
the answer of every wrong argument. What cannot be parsed even so is refused by its id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, cast

from anyio import to_thread
from pydantic_core import from_json

from ..ground.weight import MOST_ASKED, values_in

PARSE_ERROR = -32700
INVALID_REQUEST = -32600

MOST_TOKENS = 60_000
"""Strings, numbers, brackets and marks that are looked at one by one: some 40 ms."""

MOST_SKIMMED = 150_000
"""Those that are passed on the way to an id, a run of brackets as one: 100 ms, on a thread."""

DEEPEST = 128
"""Levels of a message that are handed on; arguments may have half of them."""

NO_VALUE = b"1e999"
"""Infinity, as the parser reads it: JSON to it, and to nobody else."""

MOST_LETTERS = 1024 * 1024
"""Bytes that are looked at so: some 40 ms that nobody can interrupt, if they are one string."""

# A string that does not end goes on to the end, so that no letter is looked at twice.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\],:]|[^\s"{}\[\],:]++', re.DOTALL)
_SKIMMED = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{\[]++|[}\]]++|,|[^\s"{}\[\],:]++', re.DOTALL
)
_LONG = 300

END = 1024
"""Bytes of the end of a message in which an id is found that stands behind all the rest, as in
what the SDK for TypeScript sends."""

_FIELD = rb',\s*("(?:[^"\\]|\\.)*+")\s*:\s*("(?:[^"\\]|\\.)*+"|-?[0-9]++)\s*'
_ONE_FIELD = re.compile(_FIELD, re.DOTALL)
_LAST_FIELDS = re.compile(rb"(?:%s)++\}\s*\Z" % _FIELD, re.DOTALL)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Refusal(Exception):
    """Why a message is not taken: the id to answer or None, the code, the words."""

    def __init__(self, request_id: str | int | None, code: int, message: str) -> None:
        super().__init__(message)
        self.answer: dict[str, Any] = {
            "jsonrpc": "2.0",
            "id": request_id,
            "error": {"code": code, "message": message},
        }


def parsed(text: bytes) -> tuple[Any, bytes]:
    """The JSON of `text`, and the text that the SDK reads in its place. Raises `Refusal`."""
    text = text.removeprefix(_BYTE_ORDER_MARK)
    if values_in(text) > MOST_ASKED:
        raise Refusal(id_in(text), PARSE_ERROR, f"The message holds over {MOST_ASKED} values.")
    # The parser of the SDK itself, so that nothing is taken here and dropped there.
    with suppress(ValueError):
        return from_json(text), text
    readable = _readable(text) if len(text) <= MOST_LETTERS else b""
    message = _value(readable)
    if not isinstance(message, dict):
        raise Refusal(id_in(text), PARSE_ERROR, "The message is no JSON.")
    return cast("dict[str, Any]", message), readable


def message_in(text: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON-RPC message of `text`, and the text that the SDK reads in its place. Raises
    `Refusal`."""
    message, read = parsed(text)
    return _message(message), read


async def message_aside(text: bytes) -> bytes:
    """The text that the SDK reads. What takes long is done on a thread, so that the loop goes on.
    Raises `Refusal`."""
    if values_in(text) <= MOST_ASKED:
        with suppress(ValueError):
            _message(from_json(text))
            return text
    return (await to_thread.run_sync(message_in, text))[1]


def _message(message: Any) -> dict[str, Any]:
    """`message`, if it is one of JSON-RPC. Raises `Refusal` by the id, where the SDK would drop it
    or name none."""
    if not isinstance(message, dict):
        told = "The message is no JSON-RPC 2.0 object; batches are not taken."
        raise Refusal(None, INVALID_REQUEST, told)
    fields = cast("dict[str, Any]", message)
    method, params, request_id = fields.get("method"), fields.get("params"), fields.get("id")
    known_id = isinstance(request_id, str | int) and not isinstance(request_id, bool)
    if not (
        fields.get("jsonrpc") == "2.0"
        and (params is None or isinstance(params, dict))
        and (isinstance(method, str) or "result" in fields or "error" in fields)
        and ("id" not in fields or known_id)
    ):
        shown = request_id if known_id else None
        raise Refusal(shown, INVALID_REQUEST, "The message is no JSON-RPC 2.0 request.")
    return fields


def id_in(text: bytes, end: bytes | None = None) -> str | int | None:
    """The id of the request in `text`, be the rest JSON or not; None where it shows none, or is
    itself an answer: its id is one of ours. `end` is the end of the message, where `text` is the
    beginning alone."""
    text = text.removeprefix(_BYTE_ORDER_MARK)
    depth, asks, found, looked = 0, False, None, 0
    key: bytes | None = None
    for match in islice(_SKIMMED.finditer(text, 0, MOST_LETTERS), MOST_SKIMMED):
        token, looked = match[0], looked + 1
        if not depth and token != b"{":
            break
        if token[0] in b"{[":
            depth += len(token)
        elif token[0] in b"}]":
            depth -= len(token)
        elif depth == 1 and token == b",":
            key = None
        elif depth == 1:
            if key is None:
                key = _name(token)
                asks |= key == b"method"
            elif key == b"id":
                found = _id(token)
    unseen = end is not None or len(text) > MOST_LETTERS or looked == MOST_SKIMMED
    if found is None and unseen:
        last = _last_fields(text[-END:] if end is None else end)
        asks |= b"method" in last
        found = _id(last.get(b"id", b""))
    return found if asks else None


def _last_fields(end: bytes) -> dict[bytes, bytes]:
    """Those of a message behind which nothing stands but texts and numbers."""
    for comma in re.finditer(rb",", end):
        if found := _LAST_FIELDS.match(end, comma.start()):
            return {_name(field[1]): field[2] for field in _ONE_FIELD.finditer(found[0])}
    return {}


def _name(token: bytes) -> bytes:
    """The name of a field, whatever of it is escaped."""
    if b"\\" not in token:
        return token.strip(b'"')
    return str(_value(token)).encode("utf-8", "replace")


def _readable(text: bytes) -> bytes:
    """`text` with `NO_VALUE` for each value that is not parsed. A name that is not, spoils it."""
    parts: list[bytes] = []
    depth = 0
    for token in _tokens(text):
        deep = depth > DEEPEST
        if token in (b"{", b"["):
            depth += 1
            if depth == DEEPEST + 1:
                parts.append(NO_VALUE)
            deep = depth > DEEPEST
        elif token in (b"}", b"]"):
            depth -= 1
        if deep:
            continue
        parts.append(token if _is_read(token) else NO_VALUE)
    return b" ".join(parts)


def _tokens(text: bytes) -> Iterator[bytes]:
    found = _TOKEN.finditer(text, 0, MOST_LETTERS)
    return (match[0] for match in islice(found, MOST_TOKENS))


def _is_read(token: bytes) -> bool:
    if len(token) < _LONG and b"\\" not in token and token.isascii():
        return True
    return _value(token) is not None


def _value(token: bytes) -> Any:
    with suppress(ValueError):
        return from_json(token)
    return None


def _id(token: bytes) -> str | int | None:
    value = _value(token)
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None
