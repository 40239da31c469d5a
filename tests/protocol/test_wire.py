"""What leaves over stdio leaves whole and in order, whether or not somebody reads it yet."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any, cast

import anyio
import pytest
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification, JSONRPCResponse

from aircall_mcp.protocol.stdio import (
    _Lines,  # pyright: ignore[reportPrivateUsage]  # the wire of a process, without the process
)

pytestmark = pytest.mark.anyio
MANY, LARGE = 12, 120_000


@pytest.fixture
def ends() -> Iterator[tuple[int, int, int, int]]:
    """What the client writes to, what we read, what the client reads, what we write to."""
    coming, going = os.pipe(), os.pipe()
    yield coming[1], coming[0], going[0], going[1]
    for end in (*coming, *going):
        try:
            os.close(end)
        except OSError:
            continue  # closed by what it was handed to


def lines_of(heard: int, writes: int, broken: Callable[[], None] | None = None) -> _Lines:
    # What is left in the buffer of a broken pipe would be complained of when it is let go.
    wire_out = os.fdopen(writes, "wb", 0 if broken else -1, closefd=False)
    wire_in = os.fdopen(heard, "rb", closefd=False)
    return _Lines(wire_in, cast("Any", wire_out), broken or (lambda: None))


def answer(number: int) -> SessionMessage:
    said = {"text": f"é{number}" + "x" * LARGE}
    return SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=number, result=said))


async def test_answers_that_nobody_reads_yet_leave_in_order(
    ends: tuple[int, int, int, int],
) -> None:
    asks, heard, reads, writes = ends
    lines = lines_of(heard, writes)
    for number in range(MANY):
        request: dict[str, Any] = {
            "jsonrpc": "2.0",
            "id": number,
            "method": "tools/call",
            "params": {},
        }
        os.write(asks, json.dumps(request).encode() + b"\n")
        message = await anext(lines)
        assert isinstance(message, SessionMessage)
        assert message.message.model_dump(exclude_unset=True) == request
    with os.fdopen(os.dup(reads), "rb") as client, anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for number in range(MANY):
                tasks.start_soon(lines.send, answer(number))
            await anyio.wait_all_tasks_blocked()
            for number in range(MANY):
                line = await anyio.to_thread.run_sync(client.readline)
                assert json.loads(line)["id"] == number
        await lines.drained()
    os.close(asks)
    with pytest.raises(anyio.EndOfStream):
        await lines.receive()


async def test_who_has_gone_is_told_of_once(ends: tuple[int, int, int, int]) -> None:
    _asks, heard, reads, writes = ends
    gone: list[str] = []
    lines = lines_of(heard, writes, lambda: gone.append("gone"))
    os.close(reads)
    note = SessionMessage(JSONRPCNotification(jsonrpc="2.0", method="notifications/message"))
    with pytest.raises(anyio.BrokenResourceError):
        await lines.send(note)
    assert gone == ["gone"]


async def test_a_line_that_is_no_message_is_passed_over(ends: tuple[int, int, int, int]) -> None:
    asks, heard, _reads, writes = ends
    lines = lines_of(heard, writes)
    os.write(asks, b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
    assert isinstance(await lines.receive(), SessionMessage)
