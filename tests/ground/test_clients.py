"""Answers that are cut up, packed or begun so that reading them is work without end."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from aircall_mcp.gateway.connections import LARGEST_ANSWER, MOST_CONNECTIONS, Connections
from aircall_mcp.gateway.ledger import Share
from aircall_mcp.gateway.request import Answered, Attempt, Lost, Request
from aircall_mcp.gateway.wire import Wire
from aircall_mcp.ground import clients
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.weight import LIGHT, Aside

from ..upstream import bound

pytestmark = pytest.mark.anyio

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BODY = b'{"calls":[]}'
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


def packed(body: bytes, coding: str = "gzip", status: int = 200) -> bytes:
    head = (
        f"HTTP/1.1 {status} X\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Peer:
    """Says `answer` to every request, as it is, and counts what came."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.arrivals = 0
        self.url = ""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.arrivals += 1
                writer.write(self.answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever has read enough goes away
        finally:
            writer.close()


@asynccontextmanager
async def peer(answer: bytes) -> AsyncGenerator[Peer]:
    one = Peer(answer)
    server = await asyncio.start_server(one.talk, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/calls"
    async with server:
        yield one


async def asked(url: str, aside: Aside | None = None) -> object:
    attempt = await attempted(url, aside)
    assert isinstance(attempt, Answered), attempt
    return attempt.body if attempt.status < 300 else attempt.status


async def attempted(url: str, aside: Aside | None = None) -> Attempt:
    aside = aside or Aside()
    connections = Connections(secure=False, aside=aside)
    try:
        return await Wire(connections, aside).send(Request(bound("ping"), Caller(), url=url))
    finally:
        await connections.aclose()


async def broken(url: str) -> Lost:
    attempt = await attempted(url)
    assert isinstance(attempt, Lost), attempt
    return attempt


class Turns:
    """How often the loop came round to others."""

    def __init__(self) -> None:
        self.count = 0
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.call_soon(self._again)

    def _again(self) -> None:
        self.count += 1
        self._next = self._loop.call_soon(self._again)

    def over(self) -> int:
        self._next.cancel()
        return self.count


# packed


def nothing(layers: int) -> bytes:
    """Empty deflate blocks, packed so often: much work, and no byte in the end."""
    body = b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\0\0\0\xff\xff" * 200_000
    for _ in range(layers - 1):
        body = gzip.compress(body)
    return body


@pytest.mark.parametrize(
    "coding", ["gzip, gzip, gzip", "gzip,identity", "deflate", "br", "zstd", "x", "gzip,"]
)
async def test_what_is_packed_otherwise_than_once_by_gzip_is_not_unpacked(coding: str) -> None:
    async with peer(packed(nothing(3), coding)) as one:
        error = await broken(one.url)
    assert error.words == "Aircall's answer is packed in a way that was not asked for."
    assert not error.passing
    assert one.arrivals == 1


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "identity", ""])
async def test_an_answer_comes_packed_once_or_not_at_all(coding: str) -> None:
    body = gzip.compress(BODY) if coding.lower() == "gzip" else BODY
    async with peer(packed(body, coding)) as one:
        assert await asked(one.url) == {"calls": []}


async def test_little_is_unpacked_at_once_and_much_beside_the_loop() -> None:
    aside = Aside()
    text = b'{"a":"%s"}'
    async with peer(packed(gzip.compress(text % (b"a" * (LIGHT - 100))))) as one:
        await asked(one.url, aside)
    assert aside.done == 0
    async with peer(packed(gzip.compress(text % (b"a" * (LARGEST_ANSWER - 100))))) as one:
        assert await asked(one.url, aside) == {"a": "a" * (LARGEST_ANSWER - 100)}
    assert aside.done == 2  # unpacked and parsed
    aside.close()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (gzip.compress(b" " * (LARGEST_ANSWER + 1)), "is over 5 MB"),
        (gzip.compress(b" " * 100_000_000), "is over 5 MB"),
        (gzip.compress(BODY)[:-1], "is gzip that breaks off, or more than one"),
        (gzip.compress(BODY) * 2, "is gzip that breaks off, or more than one"),
        (nothing(1), "is gzip that breaks off, or more than one"),
        (BODY, "says that it is gzip, and is not"),
        (gzip.compress(BODY)[:-8] + b"12345678", "says that it is gzip, and is not"),
    ],
    ids=["over", "bomb", "cut", "two", "nothing", "plain", "wrong sum"],
)
async def test_what_cannot_be_unpacked_in_bounds_is_refused_in_words(
    body: bytes, words: str
) -> None:
    async with peer(packed(body)) as one:
        assert (await broken(one.url)).words == f"Aircall's answer {words}."
    assert one.arrivals == 1


async def test_a_refusal_is_one_whatever_it_is_packed_in() -> None:
    async with peer(packed(nothing(2), "gzip, gzip", 422)) as one:
        assert await asked(one.url) == 422


# cut up


def chunks(count: int, body: bytes = BODY) -> bytes:
    return CHUNKED + b"1\r\n \r\n" * count + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


async def test_others_have_their_turn_between_the_chunks_of_one_read() -> None:
    count = clients.MOST_PIECES - 10
    async with peer(chunks(count)) as one:
        turns = Turns()
        assert await asked(one.url) == {"calls": []}
    assert turns.over() >= count / clients.TOGETHER


async def test_more_chunks_than_a_server_makes_are_not_read_on() -> None:
    async with peer(chunks(clients.MOST_PIECES)) as one:
        error = await broken(one.url)
    assert error.words == f"Aircall's answer came in over {clients.MOST_PIECES} pieces."
    assert one.arrivals == 1


HEADS = {
    "interim answers": b"HTTP/1.1 103 x\r\n\r\n" * 30_000 + PLAIN,
    "interim answers with headers": (b"HTTP/1.1 103 x\r\n" + b"a:\r\n" * 100 + b"\r\n") * 1_000
    + PLAIN,
    "headers": PLAIN.replace(b"\r\n", b"\r\n" + b"a:\r\n" * 16_000, 1),
    "trailers": CHUNKED + b"c\r\n" + BODY + b"\r\n0\r\n" + b"a:\r\n" * 24_000 + b"\r\n",
    "a chunk of words": CHUNKED + b"c;" + b"x" * 40_000 + b"\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a header without end": b"HTTP/1.1 200 OK\r\na:" + b"a" * 1_000_000,
}


@pytest.mark.parametrize("name", HEADS)
async def test_what_no_content_comes_of_is_not_read_for_long(name: str) -> None:
    async with peer(HEADS[name]) as one:
        error = await broken(one.url)
    assert error.words == "Aircall's answer has over 16 KB of headers."
    assert not error.passing
    assert one.arrivals == 1


async def test_the_headers_and_trailers_that_servers_send_are_read() -> None:
    many = b"".join(b"x-%d: %s\r\n" % (n, b"v" * 300) for n in range(10, 40))
    head = b"HTTP/1.1 103 Early Hints\r\n\r\n" + CHUNKED.replace(b"\r\n", b"\r\n" + many, 1)
    answer = head + b"c\r\n" + BODY + b"\r\n0\r\n" + many[:3080] + b"\r\n"
    async with peer(answer) as one:
        assert await asked(one.url) == {"calls": []}


async def test_what_is_chunked_is_so_whatever_length_is_told() -> None:
    both = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n" + chunks(clients.MOST_PIECES)[17:]
    async with peer(both) as one:
        error = await broken(one.url)
    assert error.words == f"Aircall's answer came in over {clients.MOST_PIECES} pieces."


async def test_each_answer_of_a_connection_has_headers_of_its_own() -> None:
    answer = PLAIN.replace(b"\r\n", b"\r\nx: " + b"v" * 9000 + b"\r\n", 1)
    async with peer(answer) as one, clients.client() as client:
        for _ in range(5):
            assert (await client.get(one.url)).content == BODY
        assert one.arrivals == 5


async def test_no_more_is_read_at_once_than_can_be_parsed_at_once() -> None:
    class Stream:
        asked: list[int]

        def __init__(self) -> None:
            self.asked = []

        async def read(self, most: int, _timeout: float | None) -> bytes:
            self.asked.append(most)
            return b"x" * most

        async def write(self, _buffer: bytes, _timeout: float | None) -> None:
            """Heard."""

    stream = Stream()
    ours = clients.Stream(stream)
    turns = Turns()
    for _ in range(50):
        assert len(await ours.read(65_536)) == clients.AT_ONCE
        ours.fruitful()
    assert set(stream.asked) == {clients.AT_ONCE}
    assert turns.over() >= 49  # it had all at hand, and waited for nothing
    await ours.read(65_536)
    with pytest.raises(clients.TooMuch):
        await ours.read(65_536)
    ours.fruitful()
    ours.whole = True  # its length is told
    assert len(await ours.read(65_536)) == 65_536
    await ours.write(b"the next request")
    assert len(await ours.read(65_536)) == clients.AT_ONCE


async def test_over_tls_and_through_a_proxy_it_is_read_the_same_way() -> None:
    made: list[Callable[[], httpx2.AsyncClient]] = [
        clients.client,
        lambda: clients.client(proxy="http://127.0.0.1:9"),
        lambda: clients.client(proxy="https://127.0.0.1:9"),
    ]
    for make in made:
        async with make() as client:
            transport: Any = client._transport  # pyright: ignore[reportPrivateUsage]
            assert isinstance(transport._pool._network_backend, clients.Streams)

    class Stream:
        async def start_tls(self) -> Stream:
            return self

    assert isinstance(await clients.Stream(Stream()).start_tls(), clients.Stream)


# shared


async def test_one_companys_slow_answers_keep_no_other_waiting() -> None:
    release = asyncio.Event()
    arrived: list[str] = []
    full = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        arrived.append(head.split()[1].decode())
        if "/slow" in arrived[-1]:
            if len(arrived) >= MOST_CONNECTIONS:
                full.set()
            await release.wait()
        writer.write(PLAIN)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    connections = Connections(secure=False)
    wire = Wire(connections, Aside())

    async def one(path: str, company: str, *, alone: bool = False) -> object:
        waived = ("write",) if alone else ()
        share = Share(company, 60)
        asking = Request(bound("ping"), Caller(), url=url + path, share=share, waived=waived)
        sent = await wire.send(asking)
        assert isinstance(sent, Answered), sent
        return sent.body

    async with server:
        most = MOST_CONNECTIONS + 15
        slow = [asyncio.create_task(one("/slow", "a", alone=n % 2 == 0)) for n in range(most)]
        await full.wait()
        assert await one("/quick", "b") == {"calls": []}
        assert arrived.count("/slow") == MOST_CONNECTIONS  # a waits for itself alone
        for task in slow[::3]:
            task.cancel()
        release.set()
        ends = await asyncio.gather(*slow, return_exceptions=True)
        assert all(end == {"calls": []} for end in ends if not isinstance(end, BaseException))
        assert sum(isinstance(end, asyncio.CancelledError) for end in ends) == len(slow[::3])
        assert await one("/quick", "a") == {"calls": []}  # nothing of its share got lost
    await connections.aclose()
