"""What the server answers to every opening, found out by asking it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import anyio
import mcp_types as types
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from mcp.shared.message import SessionMessage

from .mcp_server import AircallServer
from .opening import LEGACY, LISTS, MODERN

Json: TypeAlias = dict[str, Any]
Wire: TypeAlias = tuple[ObjectSendStream[Any], ObjectReceiveStream[Any]]

CLIENT = {"name": "aircall-mcp", "version": "1"}
ENVELOPE: Json = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}


async def answers_of(server: AircallServer) -> dict[str, bytes]:
    """The ends of its answers, as `Opening` takes them. Those of one version go out one by one, so
    that whoever is served meanwhile waits for none longer than for a list."""
    found: dict[str, bytes] = {}
    for version in LEGACY:
        async with _session(server) as wire:
            hello = {"protocolVersion": version, "capabilities": {}, "clientInfo": CLIENT}
            found[f"{version} initialize"] = await _ask(wire, "initialize", hello)
            for method in ("ping", *LISTS):
                found[f"{version} {method}"] = await _ask(wire, method, {})
    return found | await newest_of(server)


async def newest_of(server: AircallServer) -> dict[str, bytes]:
    """Those of the newest version alone."""
    async with _session(server) as wire:
        asked = ("server/discover", *LISTS)
        return {f"{MODERN} {method}": await _ask(wire, method, ENVELOPE) for method in asked}


@asynccontextmanager
async def _session(server: AircallServer) -> AsyncGenerator[Wire]:
    send, heard = anyio.create_memory_object_stream[Any](1)
    told, receive = anyio.create_memory_object_stream[Any](1)
    async with anyio.create_task_group() as tasks, send, receive:
        tasks.start_soon(server.run, heard, told, server.create_initialization_options())
        yield send, receive
        tasks.cancel_scope.cancel()


async def _ask(wire: Wire, method: str, params: Json) -> bytes:
    request = types.JSONRPCRequest(jsonrpc="2.0", id=0, method=method, params=params)
    await wire[0].send(SessionMessage(request))
    answer = (await wire[1].receive()).message
    text = answer.model_dump_json(by_alias=True, exclude_unset=True).encode()
    return text.removeprefix(b'{"jsonrpc":"2.0","id":0,').removesuffix(b"}")
