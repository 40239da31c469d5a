"""Get a grant: a person's browser returns to a listener on the loopback address.

The listener lives for one login. It takes one answer, on one path, under its own name and with the
state of this login, and says nothing of what it was told; whatever else comes, it waits on. Where
no browser can come back, a person pastes the answer.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from types import TracebackType

import httpx2

from ..errors import CredentialError
from ..ground.clock import Clock
from ..ground.secrets import Secret
from .account import Grant
from .oauth import (
    Authorization,
    Denied,
    OAuthClient,
    Stray,
    authorize,
    code_from,
    code_in,
    exchange,
    first_grant,
)
from .token_url import plain_client, send

HERE = "127.0.0.1"
PATIENCE = 300.0
"""Seconds a person has for the consent."""
_LARGEST_HEAD = 8 * 1024
_READ_SECONDS = 5.0
_MOST_AT_ONCE = 32
"""Connections. One more, and the oldest that has not asked yet makes room for it."""
_HEADERS = (
    "Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n"
    "Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
    "Content-Security-Policy: default-src 'none'\r\nConnection: close\r\n"
)
_SAID = {
    200: ("OK", "Done. You can close this window and go back to the terminal."),
    400: ("Bad Request", "This did not log you in; the terminal says how it stands."),
    404: ("Not Found", "Nothing is here."),
    405: ("Method Not Allowed", "Nothing is here."),
    410: ("Gone", "This login is over."),
    421: ("Misdirected Request", "Nothing is here."),
}

Show = Callable[[str], Awaitable[None]]


class Loopback:
    """Listens on 127.0.0.1 while it is entered.

    On a free port the path has a random segment; a fixed `port` is one that was registered as the
    redirect address before, so its path is fixed too. Raises `CredentialError` if it is taken.
    """

    def __init__(self, port: int = 0, *, random: Callable[[int], bytes] = os.urandom) -> None:
        self._port = port
        self._path = "/callback" if port else f"/callback/{random(16).hex()}"
        self._server: asyncio.Server | None = None
        self._asking: dict[asyncio.StreamWriter, None] = {}
        self._authorization: Authorization | None = None
        self._came: asyncio.Future[Secret | CredentialError]
        self._came = asyncio.get_running_loop().create_future()

    @property
    def redirect_uri(self) -> str:
        return f"http://{HERE}:{self._port}{self._path}"

    async def __aenter__(self) -> Loopback:
        try:
            self._server = await asyncio.start_server(
                self._answer, HERE, self._port, limit=_LARGEST_HEAD
            )
        except OSError as error:
            raise CredentialError(
                f"Cannot listen on port {self._port} ({os.strerror(error.errno or 0)}).",
                hint="Choose the other registered port, or use --paste.",
            ) from None
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._came.cancel()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def expect(self, authorization: Authorization) -> None:
        """From now on the browser of this authorization may come, and none of another."""
        self._authorization = authorization

    async def code(self, *, patience: float = PATIENCE) -> Secret:
        """The code that the expected browser brings, or brought already. Raises `CredentialError`
        for a refusal, and when nobody comes.
        """
        try:
            async with asyncio.timeout(patience):
                came = await self._came
        except TimeoutError:
            raise CredentialError(
                f"The browser did not return within {patience:.0f} seconds.",
                hint="Run the command again; with --paste it does not wait for the browser.",
            ) from None
        if isinstance(came, CredentialError):
            raise came
        return came

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._asking[writer] = None
        if len(self._asking) > _MOST_AT_ONCE:
            oldest = next(iter(self._asking))
            del self._asking[oldest]
            oldest.transport.abort()
        try:
            async with asyncio.timeout(_READ_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                reason, said = _SAID[status := self._status(head.decode("latin-1"))]
                page = f"<!doctype html><title>aircall-mcp</title><p>{said}</p>"
                line = f"HTTP/1.1 {status} {reason}\r\nContent-Length: {len(page)}\r\n"
                writer.write(f"{line}{_HEADERS}\r\n{page}".encode("ascii"))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            return  # whoever that was, it was no browser on its way back
        finally:
            self._asking.pop(writer, None)
            writer.close()

    def _status(self, head: str) -> int:
        request, *lines = head.split("\r\n")
        method, _, rest = request.partition(" ")
        path, _, query = rest.rpartition(" ")[0].partition("?")
        hosts = [line.partition(":")[2].strip() for line in lines if line[:5].lower() == "host:"]
        if hosts != [f"{HERE}:{self._port}"]:
            return 421
        if path != self._path or self._authorization is None:
            return 404
        if method != "GET":
            return 405
        if self._came.done():
            return 410
        try:
            came = code_in(self._authorization, query)
        except Stray:
            return 400  # no page may end a login by sending a browser here
        except CredentialError as refusal:
            came = refusal
        self._came.set_result(came)
        return 200 if isinstance(came, Secret) else 400


async def through_browser(
    client: OAuthClient,
    show: Show,
    *,
    port: int = 0,
    patience: float = PATIENCE,
    random: Callable[[int], bytes] = os.urandom,
    clock: Clock | None = None,
    http: Callable[[], httpx2.AsyncClient] = plain_client,
) -> Grant:
    """A grant, by way of a browser that `show` leads to the consent. Raises `CredentialError`."""
    async with Loopback(port, random=random) as loopback:
        authorization = authorize(client, loopback.redirect_uri, random)
        loopback.expect(authorization)
        await show(authorization.url)
        code = await loopback.code(patience=patience)
    return await _granted(client, authorization, code, clock, http)


async def by_hand(
    client: OAuthClient,
    show: Show,
    ask: Callable[[], Awaitable[str]],
    *,
    redirect_uri: str,
    random: Callable[[int], bytes] = os.urandom,
    clock: Clock | None = None,
    http: Callable[[], httpx2.AsyncClient] = plain_client,
) -> Grant:
    """A grant, by way of what `ask` gets from a person: the code, or the address it came in.

    `redirect_uri` is one that Aircall has registered for the client. Raises `CredentialError`.
    """
    authorization = authorize(client, redirect_uri, random)
    await show(authorization.url)
    return await _granted(client, authorization, code_from(authorization, await ask()), clock, http)


async def _granted(
    client: OAuthClient,
    authorization: Authorization,
    code: Secret,
    clock: Clock | None,
    http: Callable[[], httpx2.AsyncClient],
) -> Grant:
    status, content = await send(exchange(client, authorization, code), http, patience=20.0)
    try:
        return first_grant(client, status, content, (clock or Clock()).wall())
    except Denied as denied:
        raise CredentialError(
            f"Aircall refused the code ({denied.reason}).",
            hint="Check client id, client secret and the registered redirect address; then log in"
            " again.",
        ) from None
