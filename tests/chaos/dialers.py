"""Forks a process that dials once, for every job on stdin: `python -m tests.chaos.dialers`.

Python takes longer to start than a dial takes, so this one starts once for all of them. A job is a
JSON object; its process waits until its number was printed and a second line came, so that others
can kill it at any byte. At its end a line says what it said, null if it was killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from aircall_mcp.errors import ToolError, Unreachable
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.ground.caller import Caller
from aircall_mcp.storage.state import State, boot, durable
from aircall_mcp.storage.store import Transaction
from tests.upstream import bound, gateway

T = TypeVar("T")


class Deadly:
    """A state that kills the process before or after its `at`-th commit."""

    def __init__(self, state: State, at: int, after: bool) -> None:
        self._state = state
        self._left = at
        self._after = after

    async def write(self, work: Callable[[Transaction], T]) -> T:
        self._left -= 1
        if not self._left and not self._after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = await self._state.write(work)
        if not self._left and self._after:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    def close(self) -> None:
        self._state.close()


async def dial(job: dict[str, Any]) -> str:
    """Dial once; the kind of the outcome."""

    def intents() -> State:
        kept = durable(Path(job["home"]) / "journal.db", journals.MIGRATIONS)
        return Deadly(kept, job["commit"], job["after"]) if job["commit"] else kept

    ours = gateway(job["base_url"], journal=Journal(intents, boot=boot))
    try:
        reply = await ours.send(
            bound("start_outbound_call", **job["arguments"]), Caller(deadline=job["deadline"])
        )
    except ToolError as error:
        return error.kind
    else:
        return "settled" if reply.notes else "done"
    finally:
        await ours.aclose()


async def warm_up() -> None:
    """Import what a request needs, so that no child has to."""
    ours = gateway("http://127.0.0.1:9")
    with suppress(Unreachable):
        await ours.send(bound("ping"), Caller())
    await ours.aclose()


def main() -> None:
    asyncio.run(warm_up())
    while line := sys.stdin.readline():
        job: dict[str, Any] = json.loads(line)
        (go, going), (hear, say) = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            os.read(go, 1)
            os.write(say, asyncio.run(dial(job)).encode())
            os._exit(0)
        os.close(go)
        os.close(say)
        print(child, flush=True)
        sys.stdin.readline()
        os.write(going, b".")
        with os.fdopen(hear) as said:
            words = said.read()
        os.close(going)
        os.waitpid(child, 0)
        print(json.dumps(words or None), flush=True)


if __name__ == "__main__":
    main()
