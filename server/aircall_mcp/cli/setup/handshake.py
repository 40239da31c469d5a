"""The server started from exactly the config that a client got, and called as the client will."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, cast

import anyio

from ...ground.secrets import cut
from ...ground.visible import clean
from .. import options
from ..config import UNLOCKING
from ..configs.jsonc import is_list, is_object

if TYPE_CHECKING:
    from mcp import Client

PATIENCE = 30.0
"""Seconds in which a server must have answered everything."""
HANDED_ON = (
    *UNLOCKING.values(), "AIRCALL_API_ID", "AIRCALL_API_TOKEN", "AIRCALL_ACCESS_TOKEN",
)  # fmt: skip
"""What the server needs of the environment, and no config holds."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """What came back: how many tools, and whether Aircall was pinged; `trouble` is what did not."""

    tools: int = 0
    trouble: str = ""
    hint: str = ""
    pong: bool = False
    needed: Sequence[str] = ()
    """The variables that were handed on, which the client must have as well."""


def command_of(entry: Mapping[str, Any]) -> tuple[str, list[str], dict[str, str]]:
    """The command, its arguments and its variables, in whatever words a client has for them."""
    command: Any = entry.get("command") or entry.get("cmd")
    words = [str(word) for word in (command if is_list(command) else [command])]
    variables: Any = entry.get("env") or entry.get("environment") or entry.get("envs")
    written = {
        name: str(value)
        for name, value in (variables.items() if is_object(variables) else ())
        if not str(value).startswith("${input:")  # what the client asks for itself
    }
    args: Any = entry.get("args")
    words += [str(one) for one in args] if is_list(args) else []
    return words[0], words[1:], written


async def greeted(
    command: str, args: Sequence[str], variables: Mapping[str, str], patience: float = PATIENCE
) -> Greeting:
    """Start it over stdio with the little that clients hand on, list its tools, ping Aircall."""
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    handed = {name: os.environ[name] for name in HANDED_ON if os.environ.get(name)}
    server = StdioServerParameters(command=command, args=list(args), env={**handed, **variables})
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        try:
            with anyio.fail_after(patience):
                return await _asked(Client(stdio_client(server, errlog=said)), tuple(handed))
        except TimeoutError:
            return Greeting(trouble=f"It did not answer within {patience:g} seconds.")
        except Exception as error:
            said.seek(0)
            last = clean(said.read(100_000)).strip().rpartition("\n")[2] or _cause(error)
            why = cut(options.scrubbed(last), 300, "…")
            return Greeting(trouble=f"It could not be started, or ended early: {why}")


async def _asked(server: Client, handed: Sequence[str]) -> Greeting:
    async with server as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        given: dict[str, Any] = {"operation": "ping", "arguments": {}}
        if "aircall_ping" in names:
            result = await client.call_tool("aircall_ping", {})
        elif "aircall_read" in names:
            result = await client.call_tool("aircall_read", given)
        else:  # the owner's selection leaves it out
            return Greeting(len(names), needed=handed)
    if result.is_error:
        answer: Any = result.structured_content or {}
        error = answer.get("error", {})
        trouble = str(error.get("message", "ping was refused"))
        return Greeting(len(names), trouble, str(error.get("hint", "")))
    return Greeting(len(names), needed=handed, pong=True)


def _cause(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return type(error).__name__
