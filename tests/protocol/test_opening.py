"""The ready answers are those of the SDK, letter for letter, or the message is handed over.

Sessions of frames as clients send them, and mutated: what the opening answers must be what the SDK
answers to the same frames, and what the SDK answers once it was handed the rest must be what it
would have answered all along. `--attacks=full` tries 100,000 frames.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp.shared.message import SessionMessage

from aircall_mcp.app import App, open_app
from aircall_mcp.ground.config import settings_from
from aircall_mcp.protocol.frames import Refusal, message_in
from aircall_mcp.protocol.mcp_server import AircallServer
from aircall_mcp.protocol.opening import LEGACY, LISTS, MODERN, Opening
from aircall_mcp.protocol.rehearsal import answers_of

pytestmark = pytest.mark.anyio

META = "io.modelcontextprotocol/"
CLIENT: dict[str, Any] = {"name": "probe", "version": "1.0"}
METHODS = ("initialize", "ping", "server/discover", *LISTS)
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.0, 2**53, 10**30, "", "a", "é", "\x7f", [], [1], {}, {"a": {}},
    {"a": 1}, "2.0", "2025-11-25", "2026-07-28", "1999-01-01", {"listChanged": True},
)  # fmt: skip
NAMES = (
    "jsonrpc", "id", "method", "params", "_meta", "cursor", "capabilities", "clientInfo", "name",
    "protocolVersion", "version", "title", "websiteUrl", "icons", "roots", "sampling", "tools",
    "elicitation", "form", "url", "experimental", "extensions", "tasks", "listChanged", "context",
    "progressToken",
    f"{META}protocolVersion", f"{META}clientInfo", f"{META}logLevel",
    "traceparent",
)  # fmt: skip


def envelope(chance: Random) -> dict[str, Any]:
    meta: dict[str, Any] = {f"{META}protocolVersion": MODERN}
    meta[f"{META}clientCapabilities"] = can(chance)
    if chance.random() < 0.6:
        meta[f"{META}clientInfo"] = who(chance)
    if chance.random() < 0.3:
        meta["progressToken"] = chance.choice([7, "seven"])
    return {"_meta": meta}


def who(chance: Random) -> dict[str, Any]:
    more = {"title": "Probe", "description": "é", "websiteUrl": "https://probe.example"}
    return {**CLIENT, **{key: more[key] for key in more if chance.random() < 0.3}}


def can(chance: Random) -> dict[str, Any]:
    every: dict[str, Any] = {
        "roots": {"listChanged": chance.random() < 0.5},
        "sampling": {key: {} for key in chance.choice(["", ("tools",), ("tools", "context")])},
        "elicitation": {key: {} for key in chance.choice(["", ("form",), ("form", "url")])},
        "experimental": {"x": {"y": [1, None]}},
        "extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html"]}},
    }
    return {key: every[key] for key in every if chance.random() < 0.3}


def frame(chance: Random, number: int, *, era: str, first: bool) -> dict[str, Any]:
    """A message that a client of this era sends."""
    asked: dict[str, Any] = {"jsonrpc": "2.0", "id": chance.choice([number, f"n-{number}"])}
    if era == "modern":
        method = chance.choice(("server/discover", *LISTS))
        return {**asked, "method": method, "params": envelope(chance)}
    if first:
        hello = {"protocolVersion": chance.choice(LEGACY), "capabilities": can(chance),
                 "clientInfo": who(chance)}  # fmt: skip
        return {**asked, "method": "initialize", "params": hello}
    if chance.random() < 0.25:
        return {"jsonrpc": "2.0", "method": "notifications/initialized"}
    params: Any = chance.choice([{}, None, {"_meta": {"progressToken": 3}}, {"cursor": "x"}])
    asked["method"] = chance.choice(("ping", *LISTS))
    return asked if params is None else {**asked, "params": params}


def mutated(chance: Random, message: Any) -> Any:
    """`message` with something else somewhere: a field more, less or wrong."""
    message = deepcopy(message)
    holders = [message]
    for holder in holders:
        holders += [value for value in holder.values() if isinstance(value, dict)]
    holder: dict[str, Any] = chance.choice(holders)
    way = chance.random()
    if way < 0.3 and holder:
        del holder[chance.choice(list(holder))]
    elif way < 0.6 and holder:
        holder[chance.choice(list(holder))] = deepcopy(chance.choice(VALUES))
    elif way < 0.9:
        holder[chance.choice(NAMES)] = deepcopy(chance.choice(VALUES))
    else:
        message["method"] = chance.choice((*METHODS, "tools/call", "logging/setLevel", "x"))
    return message


def spelt(chance: Random, message: Any) -> bytes:
    """`message` as a line, now and then as other writers of JSON spell it, or broken."""
    text = json.dumps(
        message,
        ensure_ascii=chance.random() < 0.5,
        separators=chance.choice([None, (",", ":"), (" , ", " : ")]),
    )
    way = chance.random()
    if way < 0.03:
        at = chance.randrange(len(text))
        text = text[:at] + chance.choice('{}[]",:\\x0 ') + text[at + 1 :]
    elif way < 0.05:
        text = text.replace("{", '{"method":"ping",', 1)
    elif way < 0.06:
        text = f"[{text}]"
    elif way < 0.07:
        text = "\ufeff" + text
    elif way < 0.08:
        text = text.replace("1", "1e0", 1)
    elif way < 0.09:
        return text.encode("utf-16")
    return text.encode("utf-8", "surrogatepass") + b"\n"


def sessions(chance: Random, frames: int) -> list[list[bytes]]:
    """So many frames in sessions of up to six, of both eras, and a few of the wrong one."""
    made: list[list[bytes]] = []
    number = 0
    while number < frames:
        era, wild, lines = chance.choice(["legacy", "modern"]), chance.random() < 0.7, list[bytes]()
        for at in range(chance.randint(1, 6)):
            number += 1
            of = chance.choice(["legacy", "modern"]) if wild and chance.random() < 0.1 else era
            first = at == 0 if not wild or chance.random() < 0.9 else chance.random() < 0.5
            message = frame(chance, number, era=of, first=first)
            if wild and at + chance.random() > 0.7:
                for _ in range(chance.choice([0, 0, 1, 2])):
                    message = mutated(chance, message)
            lines.append(spelt(chance, message))
        made.append(lines)
    return made


async def said(server: AircallServer, lines: Sequence[bytes]) -> list[bytes]:
    """What is answered to `lines` without an opening, by stdio's own rules."""
    answers: list[bytes] = []
    send, heard = anyio.create_memory_object_stream[Any](1)
    told, receive = anyio.create_memory_object_stream[Any](64)
    async with anyio.create_task_group() as tasks, send, receive:
        tasks.start_soon(server.run, heard, told, server.create_initialization_options())
        for line in filter(bytes.strip, lines):
            try:
                text = message_in(line)[1]
            except Refusal as refusal:
                answers.append(json.dumps(refusal.answer).encode() + b"\n")
                continue
            with suppress(ValueError):
                read = types.jsonrpc_message_adapter.validate_json(text, by_name=False)
                await send.send(SessionMessage(read))
                if isinstance(read, types.JSONRPCRequest):
                    with anyio.fail_after(10):
                        answer = (await receive.receive()).message
                    dumped = answer.model_dump_json(by_alias=True, exclude_unset=True)
                    answers.append(dumped.encode() + b"\n")
        tasks.cancel_scope.cancel()
    return answers


@pytest.fixture
async def served(tmp_path: Path) -> Any:
    """An app with few tools: to write a long list takes longer than all else."""
    environment = {"AIRCALL_MCP_HOME": str(tmp_path)}
    flags = {"sandbox": True, "tools": "ping,read_events"}
    async with open_app(settings_from(flags, environment), environment) as app:
        yield app


async def test_an_opening_answers_what_the_sdk_answers_or_hands_over(
    served: App, request: pytest.FixtureRequest
) -> None:
    full = request.config.getoption("--attacks") == "full"
    server = AircallServer(served.desk, news=served.news)
    ready = await answers_of(server)
    outcome = Counter[str]()
    for lines in sessions(Random(19), 100_000 if full else 700):
        opening, given, taken = Opening(ready), list[bytes](), 0
        for line in lines:
            answer = opening.answer(line)
            if answer is None:
                break
            taken += 1
            given += [answer] if answer else []
        outcome["answered"] += taken
        outcome["handed over"] += len(lines) - taken
        alone = await said(server, lines)
        assert given == alone[: len(given)], lines
        again = [line for line, _ in opening.told]
        after = await said(server, [*again, *lines[taken:]])
        negotiated = [answer for _, answer in opening.told if answer]
        assert after[: len(negotiated)] == negotiated, lines
        assert after[len(negotiated) :] == alone[len(given) :], lines
    assert min(outcome.values()) > 150, outcome  # both happen, and often


@pytest.mark.parametrize("version", LEGACY)
async def test_every_revision_is_known_by_heart(served: App, version: str) -> None:
    opening = Opening(await answers_of(AircallServer(served.desk, news=served.news)))
    hello = {"protocolVersion": version, "capabilities": {}, "clientInfo": CLIENT}
    answer = opening.answer(line_of("initialize", hello))
    assert answer
    assert json.loads(answer)["result"]["protocolVersion"] == version
    assert opening.answer(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n') == b""
    for method in ("ping", *LISTS):
        assert opening.answer(line_of(method, {})), method
    assert opening.answer(line_of("tools/call", {"name": "aircall_ping"})) is None


async def test_the_newest_version_is_known_by_heart(served: App) -> None:
    opening = Opening(await answers_of(AircallServer(served.desk, news=served.news)))
    for method in ("server/discover", *LISTS):
        assert opening.answer(line_of(method, envelope(Random(1)))), method
    assert opening.answer(line_of("initialize", {})) is None


def line_of(method: str, params: Any) -> bytes:
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return json.dumps(asked).encode() + b"\n"
