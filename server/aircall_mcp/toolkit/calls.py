"""The tool calls in a model's response, performed, and the results in the vendor's own form.

Four forms are known by their shape alone, so that nothing of an SDK is imported: what an object of
one has as an attribute, its JSON has as a key.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, cast

from .tool import Performs

log = logging.getLogger(__name__)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`arguments` is an object, or what came instead; `from_code`: a model's program asks.
    `answered` makes the vendor's result of an answer, given whether it tells of an error."""

    client: str
    name: str
    arguments: Any
    answered: Callable[[Json, bool], Json]
    from_code: bool = False


async def answers(toolkit: Performs, response: Any) -> list[Json]:
    """A result for each tool call, in their order. Raises `TypeError` for what is no response."""
    if (wrong := _no_response(response)) is not None:
        raise TypeError(
            "`handle` takes a finished response of a model, as the vendor's SDK or its JSON has"
            f" it, and got {wrong}."
        )
    results: list[Json] = []
    beside: list[ToolCall] = []
    for call in tool_calls(response):
        if _reads(toolkit, call):
            beside.append(call)
            continue
        results += await _all(toolkit, beside)
        beside = []
        results.append(await _one(toolkit, call))
    return [*results, *await _all(toolkit, beside)]


async def _all(toolkit: Performs, calls: Sequence[ToolCall]) -> list[Json]:
    return list(await asyncio.gather(*(_one(toolkit, call) for call in calls)))


async def _one(toolkit: Performs, call: ToolCall) -> Json:
    from ..desk import Failure
    from ..errors import NotAllowed
    from ..offer.tools import error_of

    if call.from_code and not _reads(toolkit, call):
        words = "A program of a model's may only read."
        told = error_of(NotAllowed(words, hint="Call it directly, outside of the program."))
        return call.answered(told, True)
    try:
        outcome = await toolkit.outcome(call.name, call.arguments, client=call.client)
    except Exception:  # a bug of ours: the loop goes on, and learns nothing of what is inside
        log.exception("%s: a tool call broke off", call.client)
        outcome = Failure({"error": {"kind": "outcome_unknown", "message": "It broke off here."}})
    return call.answered(outcome.payload, outcome.is_error)


def _reads(toolkit: Performs, call: ToolCall) -> bool:
    from ..errors import ArgumentError

    try:
        return toolkit.load(call.name).reads
    except ArgumentError:
        return True  # what is unknown does nothing at all


SHAPES: Mapping[str, tuple[type, ...]] = {
    "output": (list,),
    "choices": (list,),
    "candidates": (list, NoneType),
    "parts": (list, NoneType),
    "tool_calls": (list, NoneType),
    "content": (list, str, NoneType),
}
"""What a response has one of, and as what: some are there and empty."""


def _no_response(given: Any) -> str | None:
    """What came in the place of a response; None where it is one, with calls in it or without."""
    if inspect.isawaitable(given):
        return "what must be awaited first: `await` it"
    if isinstance(given, list):
        inside = (_in_list(item) for item in cast("list[Any]", given))
        return next((said for said in inside if said), None)
    for name, types in SHAPES.items():
        there = name in given if isinstance(given, Mapping) else hasattr(given, name)
        if there and isinstance(_get(given, name), types):
            return None
    if isinstance(given, Mapping):
        return "an object with none of " + ", ".join(f"`{name}`" for name in SHAPES)
    named = type(given).__name__
    return "None" if given is None else f"`{named}`, which has none of {', '.join(SHAPES)}"


def _in_list(item: Any) -> str | None:
    """What is wrong with an item of a list, which holds a response's own items and no messages."""
    blocks = (_get(block, "type") for block in _list(item, "content"))
    if not isinstance(_get(item, "type"), str) or _get(item, "tool_calls") or "tool_use" in blocks:
        return "a list of what are no items of a response: give the response, or one message alone"
    return None


def tool_calls(response: Any) -> Iterator[ToolCall]:
    """The tool calls of a response, whichever vendor's it is."""
    if isinstance(response, Sequence) and not isinstance(response, str | bytes):
        for item in cast("Sequence[Any]", response):
            yield from _item(item)
    for item in _list(response, "output"):
        yield from _item(item)
    for choice in _list(response, "choices")[:1]:
        yield from _chat(_get(choice, "message"))
    if _get(response, "tool_calls"):
        yield from _chat(response)
    for block in _list(response, "content"):
        yield from _item(block)
    candidates = _list(response, "candidates")
    # A whole response of Gemini's SDK has the parts of its turn itself, too.
    yield from _turn(_get(candidates[0], "content") if candidates else response)


def _turn(content: Any) -> Iterator[ToolCall]:
    for part in _list(content, "parts"):
        yield from _gemini(part)


def _item(item: Any) -> Iterator[ToolCall]:
    kind = _get(item, "type")
    if kind == "function_call":
        yield _responses(item)
    elif kind == "tool_use":
        yield _anthropic(item)


def _responses(item: Any) -> ToolCall:
    identity, caller = _get(item, "call_id"), _get(item, "caller")
    program = _get(caller, "type") == "program"

    def answered(payload: Json, _is_error: bool) -> Json:
        told: Json = {
            "type": "function_call_output",
            "call_id": identity,
            "output": _text(payload),
        }
        if program:
            told["caller"] = {"type": "program", "caller_id": _get(caller, "caller_id")}
        return told

    return ToolCall(
        "openai-responses", _name(item), _parsed(_get(item, "arguments")), answered, program
    )


def _chat(message: Any) -> Iterator[ToolCall]:
    for call in _list(message, "tool_calls"):
        function, identity = _get(call, "function"), _get(call, "id")

        def answered(payload: Json, _is_error: bool, identity: Any = identity) -> Json:
            return {"role": "tool", "tool_call_id": identity, "content": _text(payload)}

        given = _parsed(_get(function, "arguments"))
        yield ToolCall("openai-chat", _name(function), given, answered)


def _anthropic(block: Any) -> ToolCall:
    identity = _get(block, "id")

    def answered(payload: Json, is_error: bool) -> Json:
        told = {"type": "tool_result", "tool_use_id": identity, "content": _text(payload)}
        return {**told, "is_error": True} if is_error else told

    caller = _get(_get(block, "caller"), "type") or "direct"
    given = _parsed(_get(block, "input"))
    return ToolCall("anthropic", _name(block), given, answered, caller != "direct")


def _gemini(part: Any) -> Iterator[ToolCall]:
    call = _get(part, "function_call") or _get(part, "functionCall")
    if call is None:
        return
    name, identity = _name(call), _get(call, "id")

    def answered(payload: Json, _is_error: bool) -> Json:
        said: Json = {"name": name, "response": payload}
        return {"function_response": {**said, "id": identity} if identity else said}

    yield ToolCall("gemini", name, _get(call, "args") or {}, answered)


def _get(thing: Any, name: str) -> Any:
    if isinstance(thing, Mapping):
        return cast("Mapping[str, Any]", thing).get(name)
    return getattr(thing, name, None)


def _list(thing: Any, name: str) -> list[Any]:
    found = _get(thing, name)
    return cast("list[Any]", found) if isinstance(found, list) else []


def _name(thing: Any) -> str:
    name = _get(thing, "name")
    return name if isinstance(name, str) else ""


def _parsed(given: Any) -> Any:
    """Arguments that came as JSON; what is no JSON stays as it came, which no tool takes."""
    if not isinstance(given, str):
        return {} if given is None else given
    try:
        return json.loads(given) if given.strip() else {}
    except (ValueError, RecursionError):
        return given


def _text(payload: Json) -> str:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
