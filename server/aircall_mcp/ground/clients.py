"""Every HTTP client is made here, so that all follow the same rules.

By the owner's proxy and certificates alone, never by what the environment says. No redirects. No
cookies: Aircall needs none, and a jar is shared by all who share a client. One account's cookie
would go out with another's request, and one that cannot be written would spoil every later one.

And no answer keeps the event loop to itself, however it is cut up: what parses HTTP goes on for as
long as it has bytes, so it is given few at a time, and only so many of which nothing comes.
"""

from __future__ import annotations

import asyncio
import select
import ssl
import sys
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from http.cookiejar import Cookie, CookieJar
from pathlib import Path
from typing import Any, Final, cast

import httpx2

from .. import __version__
from .weight import LIGHT, Aside

AT_ONCE = 16 * 1024
"""Bytes that are read at once of heads and chunks: some 4,000 headers, or 2,700 chunks."""

FRUITLESS = 16 * 1024
"""Bytes that are read of interim answers, headers, trailers and the like before content comes."""

_REST = 0.001
"""Seconds without the interpreter's lock, which other threads wait for: those that read and write
for the client."""
MOST_PIECES = 20_000
"""Pieces of one body. 5 MB come in some 80, or in as many chunks as the server made."""

TOGETHER = 20
"""Pieces that are taken before others have a turn."""

SAID: Final = {"User-Agent": f"aircall-mcp/{__version__}", "Accept-Encoding": "gzip"}
"""The headers of every request."""


class TooMuch(httpx2.RemoteProtocolError):
    """An answer that is not read to its end; it says why, in a sentence without a subject."""


class TooLarge(TooMuch):
    """Of which less can be asked for."""


class NoCookies(CookieJar):
    """Takes none and gives none, and so does not even read what came."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Left where it came."""

    def set_cookie(self, cookie: Cookie) -> None:
        """Left where it came."""


def client(
    *,
    transport: httpx2.AsyncBaseTransport | None = None,
    verify: ssl.SSLContext | bool = True,
    proxy: str | None = None,
    timeout: httpx2.Timeout | float | None = None,
    limits: httpx2.Limits | None = None,
    headers: dict[str, str] | None = None,
) -> httpx2.AsyncClient:
    """A client with what it may have. `timeout` is in seconds, None for none but the caller's.

    `transport` stands for the network, with its certificates, proxy and limits.
    """
    return httpx2.AsyncClient(
        transport=transport or network(verify=verify, proxy=proxy, limits=limits),
        trust_env=False,
        follow_redirects=False,
        cookies=NoCookies(),
        timeout=timeout,
        headers={**SAID, **(headers or {})},
    )


def network(
    *,
    verify: ssl.SSLContext | bool = True,
    proxy: str | None = None,
    limits: httpx2.Limits | None = None,
) -> Network:
    """What a client has below it; each request to it says what `SAID` says."""
    limits = limits or httpx2.Limits(max_connections=100, max_keepalive_connections=20)
    return Network(verify=verify, proxy=proxy, limits=limits, trust_env=False)


@dataclass(frozen=True, slots=True)
class Clients:
    """Makes clients as the owner wants them: by `proxy`, if there is one, and where there is a
    `ca_bundle` (a PEM file) trusting its authorities instead of the system's.

    Not by the proxy goes what has found out itself which address it connects to (`direct`): a proxy
    that is told a name looks it up anew, maybe to another address than the one that was checked,
    and one that is told the address can allow nothing by its name.
    """

    proxy: str | None = None
    ca_bundle: Path | None = None

    def trusted(self) -> ssl.SSLContext | bool:
        """What certificates are checked against. Reads the file, which takes a while."""
        if self.ca_bundle is None:
            return True
        return ssl.create_default_context(cafile=str(self.ca_bundle))

    def client(
        self,
        *,
        direct: bool = False,
        transport: httpx2.AsyncBaseTransport | None = None,
        timeout: httpx2.Timeout | float | None = None,
    ) -> httpx2.AsyncClient:
        """One of them; `transport` and `timeout` as of `client`. Whoever asks for it closes it."""
        return client(
            transport=transport,
            verify=self.trusted() if transport is None else True,
            proxy=None if direct else self.proxy,
            timeout=timeout,
        )


async def content(response: httpx2.Response, largest: int, aside: Aside | None = None) -> bytes:
    """The body of an answer that is streamed, unpacked. Raises `TooMuch` for more than `largest`
    bytes, packed or not, and for what is packed otherwise than once by gzip: what is packed
    several times can be gigabytes in between, and nothing in the end."""
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip"):
        raise TooMuch("is packed in a way that was not asked for")
    told = response.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and int(told[:20]) > largest:
        raise _too_large(largest)
    if response.is_stream_consumed:  # of a transport that has it at hand, and unpacked
        if len(response.content) > largest:
            raise _too_large(largest)
        return response.content
    pieces: list[bytes] = []
    size = 0
    coming = aiter(cast("httpx2.AsyncByteStream", response.stream))
    async with aclosing(cast("AsyncGenerator[bytes]", coming)):
        async for piece in coming:
            size += len(piece)
            if size > largest:
                raise _too_large(largest)
            pieces.append(piece)
    raw = b"".join(pieces)
    return await _unpacked(raw, largest, aside or Aside()) if coding == "gzip" and raw else raw


async def _unpacked(packed: bytes, largest: int, aside: Aside) -> bytes:
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    body, rest = b"", packed
    try:
        if len(packed) <= LIGHT:  # little or much may come of it
            body = unpacker.decompress(rest, min(LIGHT, largest + 1))
            rest = unpacker.unconsumed_tail
        if rest and not unpacker.eof and len(body) <= largest:
            most = largest + 1 - len(body)
            body += await aside(lambda: unpacker.decompress(rest, most), weight=LIGHT + 1)
    except zlib.error:
        raise TooMuch("says that it is gzip, and is not") from None
    if len(body) > largest:
        raise _too_large(largest)
    if not unpacker.eof or unpacker.unused_data:
        raise TooMuch("is gzip that breaks off, or more than one")
    return body


def _too_large(largest: int) -> TooLarge:
    size = f"{largest // 2**20} MB" if largest >= 2**20 else f"{largest // 2**10} KB"
    return TooLarge(f"is over {size}")


class Network(httpx2.AsyncHTTPTransport):
    """The network, by connections that are `Stream`s."""

    def __init__(self, **choices: Any) -> None:
        super().__init__(**choices)
        # httpcore2 takes a backend as an argument, httpx2 has none to hand through.
        pool = cast("Any", self._pool)
        pool._network_backend = Streams(pool._network_backend)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        stream: Stream = response.extensions["network_stream"]
        # A body whose length was told has neither chunks nor trailers.
        headers = response.headers
        stream.whole = "content-length" in headers and "transfer-encoding" not in headers
        stream.fruitful()
        response.stream = _Pieces(cast("httpx2.AsyncByteStream", response.stream), stream)
        return response


class Streams:
    """Connects as `backend` does."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> Stream:
        return Stream(await self._backend.connect_tcp(*args, **kwargs))

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> Stream:
        return Stream(await self._backend.connect_unix_socket(*args, **kwargs))

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


class Stream:
    """A connection that is read a little at a time, while something comes of it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._socket: Any = None
        self._fruitless = 0
        self.whole = False
        """Whether the rest of the answer comes in one piece, which may be read as it comes."""

    def fruitful(self) -> None:
        """The headers of an answer came, or a piece of its body."""
        self._fruitless = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._fruitless >= FRUITLESS:
            raise TooMuch(f"has over {FRUITLESS // 2**10} KB of headers")
        most = max_bytes if self.whole else min(max_bytes, AT_ONCE)
        read: bytes = await self._stream.read(most, timeout)
        self._fruitless += len(read)
        if len(read) == most:  # there is more, and whoever has it at hand does not pause
            await asyncio.sleep(0)
        return read

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._fruitless, self.whole = 0, False
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(self, *args: Any, **kwargs: Any) -> Stream:
        return Stream(await self._stream.start_tls(*args, **kwargs))

    def get_extra_info(self, info: str) -> Any:
        if info != "is_readable" or sys.platform == "win32":
            return self._stream.get_extra_info(info)
        # Asked before each request of a connection that was kept, and by far the dearest to find.
        if self._socket is None:
            self._socket = self._stream.get_extra_info("socket")
        if self._socket is None or self._socket.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        return bool(poll.poll(0))


class _Pieces(httpx2.AsyncByteStream):
    """The body as it came, which is pieces of one byte if the server likes."""

    def __init__(self, pieces: httpx2.AsyncByteStream, stream: Stream) -> None:
        self._pieces = pieces
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        async with aclosing(cast("AsyncGenerator[bytes]", aiter(self._pieces))) as pieces:
            async for piece in pieces:
                self._stream.fruitful()
                count += 1
                if count > MOST_PIECES:
                    raise TooMuch(f"came in over {MOST_PIECES} pieces")
                if count % TOGETHER == 0:
                    await asyncio.sleep(_REST)
                yield piece

    async def aclose(self) -> None:
        await self._pieces.aclose()
