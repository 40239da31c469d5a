"""A small server that speaks the wire formats of OpenAI, Anthropic and Gemini, streaming too, and
plays a scripted model. What the vendors refuse of a tool, it refuses.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..toolkit.rules import anthropic_strict, gemini, openai_strict

Json = dict[str, Any]
Step = str | list[tuple[str, Json]]
"""A turn of the model: what it says, or the tools it calls."""

_ids = itertools.count(1)


class Model:
    """Plays `script`, a step for each request: `asked`, or `refused` and why."""

    def __init__(self, script: Sequence[Step]) -> None:
        self._script = iter(script)
        self.asked: list[Json] = []
        self.refused: list[str] = []
        self.url = ""

    def turn(self, request: Json) -> Step:
        self.asked.append(request)
        return next(self._script)


@contextmanager
def playing(script: Sequence[Step]) -> Generator[Model]:
    """A server on loopback that plays `script`."""
    model = Model(script)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            path = self.path.partition("?")[0]
            if path.endswith(":streamGenerateContent"):
                request["stream"] = True
            if faults := list(_faults(path, request)):
                model.refused += faults
                return self._send(400, {"error": {"message": str(faults), "type": "invalid"}})
            step = model.turn(request)
            if path.endswith("/responses"):
                whole, events = _response(step), _responses_events
            elif path.endswith("/chat/completions"):
                whole, events = _completion(step), _chat_events
            elif path.endswith("/messages"):
                whole, events = _message(step), _anthropic_events
            else:
                whole, events = _generated(step), _gemini_events
            if request.get("stream"):
                return self._stream(events(whole), done=path.endswith("/completions"))
            return self._send(200, whole)

        def _send(self, status: int, body: Json) -> None:
            told = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def _stream(self, events: Iterator[Json], *, done: bool) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            for event in events:
                name = f"event: {event['type']}\n" if "type" in event else ""
                self.wfile.write(f"{name}data: {json.dumps(event)}\n\n".encode())
            if done:
                self.wfile.write(b"data: [DONE]\n\n")
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """It says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    model.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _faults(path: str, request: Json) -> Iterator[str]:
    tools: list[Json] = request.get("tools") or []
    if path.endswith("/messages"):
        yield from anthropic_strict.faults(tools)
    elif path.endswith((":generateContent", ":streamGenerateContent")):
        for declaration in (one for tool in tools for one in tool["functionDeclarations"]):
            yield from gemini.faults(_lower(declaration))
    else:
        for tool in tools:
            if tool["type"] == "function" and tool.get("function", tool).get("strict"):
                yield from openai_strict.faults(tool)


def _lower(value: Any) -> Any:
    """Types and words as the reference has them: the SDK of Gemini writes types in capitals and
    some words with a low line, which the API takes as well."""
    if isinstance(value, dict):
        return {
            _camel(name): part.lower() if name == "type" and isinstance(part, str) else _lower(part)
            for name, part in value.items()
        }
    return [_lower(one) for one in value] if isinstance(value, list) else value


def _camel(name: str) -> str:
    return re.sub("_([a-z])", lambda one: one[1].upper(), name) if name in _LOW else name


_LOW = {"min_length", "max_length", "min_items", "max_items", "any_of"}


def _id(kind: str) -> str:
    return f"{kind}_{next(_ids)}"


# OpenAI, Responses


def _response(step: Step) -> Json:
    if isinstance(step, str):
        said = {"type": "output_text", "text": step, "annotations": [], "logprobs": []}
        output: list[Json] = [
            {"type": "message", "id": _id("msg"), "role": "assistant", "status": "completed",
             "content": [said]}
        ]  # fmt: skip
    else:
        output = [
            {"type": "function_call", "id": _id("fc"), "call_id": _id("call"), "name": name,
             "arguments": json.dumps(given), "status": "completed"}
            for name, given in step
        ]  # fmt: skip
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2,
             "input_tokens_details": {"cached_tokens": 0},
             "output_tokens_details": {"reasoning_tokens": 0}}  # fmt: skip
    return {
        "id": _id("resp"), "object": "response", "created_at": 1, "model": "scripted",
        "status": "completed", "output": output, "parallel_tool_calls": True, "tools": [],
        "tool_choice": "auto", "usage": usage,
    }  # fmt: skip


def _responses_events(whole: Json) -> Iterator[Json]:
    number = itertools.count()
    begun = {**whole, "status": "in_progress", "output": []}
    yield {"type": "response.created", "response": begun, "sequence_number": next(number)}
    for place, item in enumerate(whole["output"]):
        at = {"output_index": place, "item_id": item["id"]}
        call = item["type"] == "function_call"
        empty = {**item, "arguments": ""} if call else {**item, "content": []}
        yield {"type": "response.output_item.added", "output_index": place, "item": empty,
               "sequence_number": next(number)}  # fmt: skip
        if call:
            for part in (item["arguments"][:5], item["arguments"][5:]):
                yield {"type": "response.function_call_arguments.delta", "delta": part, **at,
                       "sequence_number": next(number)}  # fmt: skip
            yield {"type": "response.function_call_arguments.done", "name": item["name"], **at,
                   "arguments": item["arguments"], "sequence_number": next(number)}  # fmt: skip
        else:
            (said,) = item["content"]
            at["content_index"] = 0
            yield {"type": "response.content_part.added", "part": {**said, "text": ""}, **at,
                   "sequence_number": next(number)}  # fmt: skip
            for part in (said["text"][:5], said["text"][5:]):
                yield {"type": "response.output_text.delta", "delta": part, "logprobs": [], **at,
                       "sequence_number": next(number)}  # fmt: skip
            yield {"type": "response.output_text.done", "text": said["text"], "logprobs": [], **at,
                   "sequence_number": next(number)}  # fmt: skip
            yield {"type": "response.content_part.done", "part": said, **at,
                   "sequence_number": next(number)}  # fmt: skip
        yield {"type": "response.output_item.done", "output_index": place, "item": item,
               "sequence_number": next(number)}  # fmt: skip
    yield {"type": "response.completed", "response": whole, "sequence_number": next(number)}


# OpenAI, Chat Completions


def _completion(step: Step) -> Json:
    said: Json = {"role": "assistant", "content": step if isinstance(step, str) else None}
    if not isinstance(step, str):
        said["tool_calls"] = [
            {"id": _id("call"), "type": "function",
             "function": {"name": name, "arguments": json.dumps(given)}}
            for name, given in step
        ]  # fmt: skip
    why = "stop" if isinstance(step, str) else "tool_calls"
    return {
        "id": _id("chatcmpl"), "object": "chat.completion", "created": 1, "model": "scripted",
        "choices": [{"index": 0, "message": said, "finish_reason": why, "logprobs": None}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }  # fmt: skip


def _chat_events(whole: Json) -> Iterator[Json]:
    (choice,) = whole["choices"]
    said = choice["message"]

    def chunk(delta: Json, why: str | None = None) -> Json:
        return {
            **{name: whole[name] for name in ("id", "created", "model")},
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": delta, "finish_reason": why}],
        }

    yield chunk({"role": "assistant", "content": "" if said["content"] else None})
    for part in filter(None, ((said["content"] or "")[:5], (said["content"] or "")[5:])):
        yield chunk({"content": part})
    for place, call in enumerate(said.get("tool_calls", ())):
        given = call["function"]["arguments"]
        begun = {"name": call["function"]["name"], "arguments": ""}
        yield chunk({"tool_calls": [{**call, "index": place, "function": begun}]})
        for part in filter(None, (given[:5], given[5:])):
            yield chunk({"tool_calls": [{"index": place, "function": {"arguments": part}}]})
    yield chunk({}, choice["finish_reason"])


# Anthropic


def _message(step: Step) -> Json:
    if isinstance(step, str):
        content: list[Json] = [{"type": "text", "text": step}]
    else:
        content = [
            {"type": "tool_use", "id": _id("toolu"), "name": name, "input": given}
            for name, given in step
        ]
    return {
        "id": _id("msg"), "type": "message", "role": "assistant", "model": "scripted",
        "content": content, "stop_sequence": None,
        "stop_reason": "end_turn" if isinstance(step, str) else "tool_use",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip


def _anthropic_events(whole: Json) -> Iterator[Json]:
    yield {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}}
    for place, block in enumerate(whole["content"]):
        call = block["type"] == "tool_use"
        empty = {**block, "input": {}} if call else {**block, "text": ""}
        yield {"type": "content_block_start", "index": place, "content_block": empty}
        text = json.dumps(block["input"]) if call else block["text"]
        for part in (text[:5], text[5:]):
            delta = (
                {"type": "input_json_delta", "partial_json": part}
                if call
                else {"type": "text_delta", "text": part}
            )
            yield {"type": "content_block_delta", "index": place, "delta": delta}
        yield {"type": "content_block_stop", "index": place}
    ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 1}}
    yield {"type": "message_stop"}


# Gemini


def _generated(step: Step) -> Json:
    if isinstance(step, str):
        parts: list[Json] = [{"text": step}]
    else:
        parts = [
            {"functionCall": {"id": _id("call"), "name": name, "args": given}}
            for name, given in step
        ]
    said = {"role": "model", "parts": parts}
    return {"candidates": [{"content": said, "finishReason": "STOP", "index": 0}]}


def _gemini_events(whole: Json) -> Iterator[Json]:
    (candidate,) = whole["candidates"]
    parts = [
        {"text": text}
        for part in candidate["content"]["parts"]
        for text in (part.get("text", "")[:5], part.get("text", "")[5:])
        if text
    ] or candidate["content"]["parts"]
    for part in parts:
        said = {"content": {"role": "model", "parts": [part]}, "index": 0}
        yield {"candidates": [said]}
    ended = {"content": {"role": "model", "parts": []}, "finishReason": "STOP", "index": 0}
    yield {"candidates": [ended], "usageMetadata": {"totalTokenCount": 2}}
