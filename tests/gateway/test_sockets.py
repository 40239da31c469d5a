"""The gateway over a real socket: what breaks there, and which connections it keeps."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

import anyio
import pytest

from aircall_mcp.errors import (
    ArgumentError,
    OutcomeUnknown,
    Refused,
    Unreachable,
)
from aircall_mcp.gateway.connections import LARGEST_ANSWER
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Registry

from ..harness import OwnGateway, auth_for
from .asking import KEY, calling, failure, reading, writing
from .sockets import GOOD, aircall, saying

pytestmark = pytest.mark.anyio


async def test_nobody_at_the_other_end_means_that_nothing_was_done(registry: Registry) -> None:
    async with aircall(saying(GOOD)) as (gateway, _):
        pass  # by now nobody listens on that port
    closed = OwnGateway(base_url=gateway.base_url, auth=auth_for(gateway.base_url, KEY[1]))
    for bound in (reading(registry), writing(registry), calling(registry)):
        error = await failure(closed, bound)
        assert isinstance(error, Unreachable)
        assert "Nothing was changed" in error.hint


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 204", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"garbage\r\n\r\n"],
    ids=["silence", "half a head", "half a body", "no http"],
)
async def test_a_broken_answer_leaves_an_effect_unknown_and_a_read_harmless(
    registry: Registry, answer: bytes
) -> None:
    async with aircall(saying(answer)) as (gateway, heard):
        assert isinstance(await failure(gateway, calling(registry)), OutcomeUnknown)
        assert isinstance(await failure(gateway, writing(registry)), OutcomeUnknown)
        assert isinstance(await failure(gateway, reading(registry)), Unreachable)
        assert len(heard) == 1 + 2 + 2  # then the breaker is open


async def test_an_answer_later_than_the_deadline_leaves_an_effect_unknown(
    registry: Registry,
) -> None:
    async def wait(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other side gives up

    soon = Caller(deadline=0.1)
    async with aircall(wait) as (gateway, heard):
        error = await failure(gateway, calling(registry), soon)
        assert isinstance(error, OutcomeUnknown)
        assert "took too long" in error.message
        assert isinstance(await failure(gateway, reading(registry), soon), Unreachable)
        assert len(heard) == 2


async def test_a_cancelled_call_leaves_the_gateway_fit_for_the_next(registry: Registry) -> None:
    first = True

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal first
        if first:
            first = False
            await reader.read()
        await saying(GOOD)(reader, writer)

    async with aircall(once) as (gateway, _):
        with anyio.move_on_after(0.1) as scope:
            await gateway.send(reading(registry), Caller())
        assert scope.cancelled_caught
        assert (await gateway.send(reading(registry), Caller())).body == {"company": {}}


async def test_a_redirect_is_not_followed(registry: Registry) -> None:
    async with aircall(saying(GOOD)) as (elsewhere, visited):
        moved = (
            f"HTTP/1.1 302 Found\r\nLocation: {elsewhere.base_url}/\r\nContent-Length: 0\r\n\r\n"
        )
        async with aircall(saying(moved.encode())) as (gateway, _):
            error = await failure(gateway, reading(registry))
        assert isinstance(error, Refused)
        assert error.status == 302
        assert "not followed" in error.hint
        assert visited == []


async def test_a_proxy_of_the_environment_is_not_used(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with aircall(saying(GOOD)) as (proxy, visited):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.base_url)
        async with aircall(saying(GOOD)) as (gateway, heard):
            await gateway.send(reading(registry), Caller())
        assert (len(heard), visited) == (1, [])


async def test_a_proxy_of_the_owner_is_used(registry: Registry) -> None:
    async with aircall(saying(GOOD)) as (proxy, visited):
        base_url = "http://localhost:9"
        auth = auth_for(base_url, "a-token-for-the-proxy")
        gateway = OwnGateway(base_url=base_url, auth=auth, proxy=proxy.base_url)
        assert (await gateway.send(reading(registry), Caller())).status == 200
        await gateway.aclose()
        assert visited[0].startswith(b"GET http://localhost:9/v1/company HTTP/1.1\r\n")


async def test_no_argument_can_add_a_header_or_a_line(registry: Registry) -> None:
    evil = "a\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1\r\n"
    async with aircall(saying(GOOD)) as (gateway, heard):
        for name, arguments in (
            ("search_contacts", {"email": evil}),
            ("list_sms_templates", {"search": evil}),
            ("add_call_comment", {"call_id": 1, "content": evil}),
            ("create_tag", {"name": evil, "color": "#123456"}),
        ):
            await gateway.send(registry.ids[name].bind(arguments), Caller())
            with pytest.raises(ArgumentError):
                registry.ids["get_user_v2"].bind({"user_id": evil})
    assert len(heard) == 4
    for request in heard:
        head, _, body = request.partition(b"\r\n\r\n")
        assert b"evil" not in head.lower().split(b"\r\n", 1)[1]
        assert head.split(b"\r\n")[0].count(b" ") == 2
        assert b"\r\n" not in body


async def test_answers_keep_one_connection_in_use(registry: Registry) -> None:
    async def again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(GOOD)

    async with aircall(again) as (gateway, heard):
        for _ in range(2):
            await gateway.send(reading(registry), Caller())
        assert len(heard) == 1


async def test_what_must_not_be_repeated_goes_over_a_connection_of_its_own(
    registry: Registry,
) -> None:
    connections: list[list[bytes]] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine: list[bytes] = []
        connections.append(mine)
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                mine.append(head.split(b" ")[0])
                writer.write(GOOD)
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    gateway = OwnGateway(base_url=base_url, auth=auth_for(base_url, KEY))
    for bound in (reading, calling, calling, reading, calling, writing):
        await gateway.send(bound(registry), Caller())
    await gateway.aclose()
    server.close()
    await server.wait_closed()
    assert connections == [[b"GET", b"GET", b"PUT"], [b"POST"], [b"POST"], [b"POST"]]


@pytest.mark.parametrize("beyond", [0, 1])
async def test_the_bound_is_on_the_sum_of_what_comes_in_pieces(
    registry: Registry, beyond: int
) -> None:
    pieces = [b"{}" + b" " * 8_190] + [b" " * 8_192] * (LARGEST_ANSWER // 8_192 - 1)
    pieces += [b" " * beyond] if beyond else []
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with aircall(saying(head + chunks + b"0\r\n\r\n")) as (gateway, heard):
        if beyond:
            assert "over 5 MB" in (await failure(gateway, reading(registry))).message
        else:
            assert (await gateway.send(reading(registry), Caller())).body == {}
        assert len(heard) == 1
