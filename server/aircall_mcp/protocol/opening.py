"""The messages with which every session begins, and which of the ready answers each gets.

Strict on purpose: it takes what clients send, letter for letter, and nothing that a reader of JSON
or a schema could see otherwise. Whatever else comes is for the SDK to answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias, cast

LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN = "2026-07-28"
LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
LONGEST = 16_384
"""Bytes of a message that is looked at here."""
LARGEST_ID = 2**53

Json: TypeAlias = dict[str, Any]
Fits: TypeAlias = Callable[[Any], bool]
Shape: TypeAlias = Mapping[str, "Fits | Shape"]


class Opening:
    """One session's beginning. `ready` holds the end of each answer, from `"result":` or `"error":`
    on without the last brace, by its version and method.
    """

    def __init__(self, ready: Mapping[str, bytes]) -> None:
        self._ready = ready
        self._version = ""
        self.told: list[tuple[bytes, bytes]] = []
        """What the session's state rests on, in order: the message, and what was answered."""

    def answer(self, line: bytes) -> bytes | None:
        """The line to answer with, empty where none is due. None where it is not known by heart:
        then this is no longer asked.
        """
        frame = frame_in(line)
        if frame is None:
            return None
        method, params = frame["method"], frame.get("params", {})
        if "id" not in frame:
            if method != "notifications/initialized" or params or self._version not in LEGACY:
                return None
            self.told.append((line, b""))
            return b""
        version = self._version_of(method, params)
        end = self._ready.get(f"{version} {method}")
        if version is None or end is None:
            return None
        answer = b'{"jsonrpc":"2.0","id":%b,%b}\n' % (json.dumps(frame["id"]).encode(), end)
        if not self._version:
            self._version = version
            self.told.append((line, answer))
        return answer

    def _version_of(self, method: str, params: Json) -> str | None:
        """The version that such a message is answered in, None for one that is not known."""
        if method == "initialize":
            fits = not self._version and _holds(params, _HELLO)
            return params["protocolVersion"] if fits else None
        if self._version in LEGACY:
            return self._version if method in ("ping", *LISTS) and _holds(params, _PLAIN) else None
        return MODERN if method in ("server/discover", *LISTS) and modern(params) else None


def frame_in(line: bytes) -> Json | None:
    """The request or notification in `line`, where no reader of JSON could see another in it."""
    if len(line) > LONGEST or b"\\" in line:
        return None
    try:
        frame: Any = json.loads(
            line.decode(), object_pairs_hook=_once, parse_float=_no, parse_constant=_no
        )
    except (ValueError, RecursionError):
        return None
    return frame if _holds(frame, _FRAME) else None


def modern(params: Json) -> bool:
    """Whether there is nothing in `params` but what every request of the newest version brings."""
    return _holds(params, _ENVELOPE)


def _holds(value: Any, shape: Shape) -> bool:
    """Whether `value` is an object of these fields, each as it should be; with `?` it may miss."""
    if not isinstance(value, dict):
        return False
    found, known = cast("Json", value), 0
    for name, fits in shape.items():
        key = name.removeprefix("?")
        if key not in found:
            if key == name:
                return False
            continue
        known += 1
        if not (fits(found[key]) if callable(fits) else _holds(found[key], fits)):
            return False
    return len(found) == known


def _one_of(*words: str) -> Fits:
    def fits(value: Any) -> bool:
        return value in words

    return fits


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _id(value: Any) -> bool:
    if isinstance(value, str):
        return value.isascii() and value.isprintable()
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST_ID


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _objects(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_object, cast("Json", value).values()))


def _once(pairs: list[tuple[str, Any]]) -> Json:
    """Raises `ValueError` where a name comes twice: readers differ in which of them counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _no(_text: str) -> NoReturn:
    raise ValueError("no whole number")


_FRAME: Shape = {"jsonrpc": _one_of("2.0"), "method": _text, "?id": _id, "?params": _object}
_CLIENT: Shape = {
    "name": _text,
    "version": _text,
    "?title": _text,
    "?description": _text,
    "?websiteUrl": _text,
}
_CAN: Shape = {
    "?roots": {"?listChanged": _flag},
    "?sampling": {"?context": {}, "?tools": {}},
    "?elicitation": {"?form": {}, "?url": {}},
    "?experimental": _objects,
    "?extensions": _objects,
}
_HELLO: Shape = {"protocolVersion": _one_of(*LEGACY), "capabilities": _CAN, "clientInfo": _CLIENT}
_PLAIN: Shape = {"?_meta": {"?progressToken": _id}}
_ENVELOPE: Shape = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": _one_of(MODERN),
        "io.modelcontextprotocol/clientCapabilities": _CAN,
        "?io.modelcontextprotocol/clientInfo": _CLIENT,
        "?progressToken": _id,
    }
}
