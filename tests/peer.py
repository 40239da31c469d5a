"""A protocol client line by line, which declares and answers whatever a test wants it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import mcp_types as types
from mcp.shared.memory import create_client_server_memory_streams
from mcp.shared.message import SessionMessage

from aircall_mcp.protocol.mcp_server import AircallServer

from .processes import META
from .waiting import PATIENCE

Json = dict[str, Any]
Answers = Callable[[Json], Awaitable[Json | None]]
"""From what was asked to a result, an `error`, or None for no answer at all."""


@dataclass
class Peer:
    """`elicitation` is what it declares, `modern` which era it speaks; in the newer
    one it says nothing of who it is without a `name`. What it was asked, and told
    to be complete, is kept."""

    name: str = "somebody"
    version: str = "1.0.0"
    elicitation: Json | None = None
    answers: Answers | None = None
    modern: bool = False
    asked: list[Json] = field(default_factory=list[Json])
    completed: list[str] = field(default_factory=list[str])
    _read: Any = None
    _write: Any = None
    _number: int = 0

    async def call(self, tool: str, /, **arguments: Any) -> Json:
        """The structured result, after however many rounds it took."""
        params: Json = {"name": tool, "arguments": arguments}
        while True:
            result = await self._asked_for("tools/call", params)
            if result.get("resultType") != "input_required":
                return result["structuredContent"]
            params = {**params, "requestState": result["requestState"], "inputResponses": {}}
            for key, request in result["inputRequests"].items():
                self.asked.append(request["params"])
                assert self.answers is not None
                answer = await self.answers(request["params"])
                if answer is not None and "error" not in answer:
                    params["inputResponses"][key] = answer
                else:
                    return result

    async def shake_hands(self) -> None:
        if self.modern:
            return
        capabilities = {} if self.elicitation is None else {"elicitation": self.elicitation}
        who = {"name": self.name, "version": self.version}
        said = {"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": who}
        await self._asked_for("initialize", said)
        await self._send({"method": "notifications/initialized"})

    async def _asked_for(self, method: str, params: Json) -> Json:
        self._number += 1
        number = self._number
        if self.modern:
            capabilities = {} if self.elicitation is None else {"elicitation": self.elicitation}
            params = {
                **params,
                "_meta": {
                    **META,
                    "io.modelcontextprotocol/clientCapabilities": capabilities,
                    "io.modelcontextprotocol/clientInfo": {
                        "name": self.name,
                        "version": self.version,
                    },
                },
            }
            if not self.name:
                del params["_meta"]["io.modelcontextprotocol/clientInfo"]
        await self._send({"id": number, "method": method, "params": params})
        async with asyncio.timeout(PATIENCE):
            while True:
                heard = (await self._read.receive()).message.model_dump(
                    by_alias=True, exclude_none=True
                )
                if heard.get("id") == number and "method" not in heard:
                    assert "error" not in heard, heard
                    return heard["result"]
                await self._heard(heard)

    async def _heard(self, heard: Json) -> None:
        if heard.get("method") == "notifications/elicitation/complete":
            self.completed.append(heard["params"]["elicitationId"])
        if heard.get("method") != "elicitation/create":
            return
        self.asked.append(heard["params"])
        answer = None if self.answers is None else await self.answers(heard["params"])
        if answer is not None:
            said = answer if "error" in answer else {"result": answer}
            await self._send({"id": heard["id"], **said})

    async def _send(self, message: Json) -> None:
        whole = types.jsonrpc_message_adapter.validate_python({"jsonrpc": "2.0", **message})
        await self._write.send(SessionMessage(whole))


@asynccontextmanager
async def connected(server: AircallServer, peer: Peer) -> AsyncGenerator[Peer]:
    """`peer` at the other end of `server`, with its hands shaken."""
    async with (
        create_client_server_memory_streams() as ((read, write), theirs),
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(server.run, *theirs, server.create_initialization_options())
        peer._read, peer._write = read, write  # pyright: ignore[reportPrivateUsage]
        await peer.shake_hands()
        yield peer
        tasks.cancel_scope.cancel()
