"""Perform an operation at Aircall and give a Reply.

One pooled client to one pinned host: no redirects, no proxy or certificates but the owner's, no
header of an inbound request, and never more of an answer than `LARGEST_ANSWER`. Aircall's two
error layers (the edge's `{"message"}`, the application's `{"error", "troubleshoot"}`) become our
errors.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, cast
from urllib.parse import urlencode

import anyio
import httpx2

from . import __version__
from .errors import (
    AircallMCPError,
    BudgetExhausted,
    NotAllowed,
    OutcomeUnknown,
    Refused,
    ToolError,
    Unreachable,
)
from .operation import EFFECTS, Bound, Effect, Operation

LARGEST_ANSWER = 5 * 1024 * 1024
"""Bytes of a decoded answer that are read before the rest is refused."""

Progress = Callable[[float, float | None, str], Awaitable[None]]


async def _silent(_done: float, _total: float | None, _message: str) -> None:
    """Nobody is watching."""


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf: nothing of an inbound request but this reaches the gateway.

    `deadline` is in seconds from the start of the call; `progress(done, total, message)` tells a
    waiting person how far it is.
    """

    door: str = "cli"
    client: str = ""
    account: str | None = None
    lane: Literal["waiting", "bulk"] = "waiting"
    deadline: float = 25.0
    progress: Progress = field(default=_silent, compare=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What Aircall answered when it went well: `body` is JSON, or None for an empty answer."""

    status: int
    body: Any
    sandbox: bool = False


class Auth(Protocol):
    """Signs requests and hears of refusals; the only one who knows a credential."""

    async def sign(self, account: str | None, url: str) -> Mapping[str, str]:
        """The headers to add for exactly this url. Raises `CredentialError`."""
        ...

    async def rejected(self, account: str | None, status: int) -> bool:
        """After a 401: whether signing again makes sense."""
        ...

    def scrub(self, text: str) -> str:
        """`text` with every known secret masked by value."""
        ...


class Gateway:
    """See the module docstring. Close it with `aclose`."""

    def __init__(
        self,
        *,
        base_url: str,
        auth: Auth,
        sandbox: bool = False,
        allowed: frozenset[Effect] = frozenset(EFFECTS),
        transport: httpx2.AsyncBaseTransport | None = None,
        proxy: str | None = None,
        ca_bundle: Path | None = None,
    ) -> None:
        self.base_url = base_url
        self.sandbox = sandbox
        self._auth = auth
        self._allowed = allowed
        self._transport = transport
        self._proxy = proxy
        self._ca_bundle = ca_bundle
        self._client: httpx2.AsyncClient | None = None

    async def send(self, bound: Bound, caller: Caller) -> Reply:
        """Perform `bound` once.

        Raises `NotAllowed`, `CredentialError`, `BudgetExhausted`, `Refused`, `Unreachable` (nothing
        was done) or `OutcomeUnknown` (an effect was sent and no answer came).
        """
        operation = bound.operation
        self._allow(operation)
        url = self.base_url + bound.path
        if bound.query:
            url += "?" + urlencode(bound.query)
        account = bound.account or caller.account
        signed = await self._auth.sign(account, url)
        status, headers, body = await self._exchange(bound, url, signed, caller)
        if status == 401 and await self._auth.rejected(account, status):
            signed = await self._auth.sign(account, url)
            status, headers, body = await self._exchange(bound, url, signed, caller)
        if 200 <= status < 300:
            return Reply(status, body, self.sandbox)
        raise self._refusal(operation, status, headers, body)

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _allow(self, operation: Operation) -> None:
        if operation.effect in self._allowed:
            return
        what = {
            "reach": "reaches real people or costs money",
            "delete": "deletes for good",
        }.get(operation.effect, "changes things at Aircall")
        raise NotAllowed(
            f"{operation.tool} {what}; the owner of this server does not allow that.",
            hint=f"The owner can start the server with --allow {operation.effect}."
            " It works in the sandbox (--sandbox).",
        )

    async def _exchange(
        self, bound: Bound, url: str, signed: Mapping[str, str], caller: Caller
    ) -> tuple[int, Mapping[str, str], Any]:
        """One request and its answer: status, headers, JSON or None."""
        operation = bound.operation
        sent = _Sent()
        content = None if bound.body is None else json.dumps(bound.body).encode()
        # Two of Aircall's GETs answer 400 without it, so every request says what it speaks.
        headers = {**signed, "Content-Type": "application/json"}
        request = self._open().build_request(
            operation.method, url, headers=headers, content=content,
            extensions={"trace": sent.watch},
        )  # fmt: skip
        try:
            with anyio.fail_after(caller.deadline):
                response = await self._open().send(request, stream=True)
                try:
                    raw = await _bounded(response)
                finally:
                    await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError, ValueError) as error:
            raise _no_answer(operation, error, maybe_done=sent.maybe) from None
        if raw is None:
            error = Unreachable(
                f"Aircall's answer to {operation.tool} is over {LARGEST_ANSWER // 2**20} MB.",
                hint="Ask for less: a smaller per_page, or a narrower from/to.",
            )
            raise error if operation.effect == "read" else _unknown(operation, error.message)
        return response.status_code, response.headers, self._json(operation, response, raw)

    def _json(self, operation: Operation, response: httpx2.Response, raw: bytes) -> Any:
        if not raw.strip():
            return None
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            if response.status_code >= 400:
                return None
            message = f"Aircall's answer to {operation.tool} is no JSON."
            if operation.effect == "read":
                raise Unreachable(message, hint="Try again; it may be a passing fault.") from None
            raise _unknown(operation, message) from None

    def _open(self) -> httpx2.AsyncClient:
        """The client, made at the first use: reading certificates takes longer than starting."""
        if self._client is None:
            verify: ssl.SSLContext | bool = True
            if self._ca_bundle is not None:
                verify = ssl.create_default_context(cafile=str(self._ca_bundle))
            self._client = httpx2.AsyncClient(
                transport=self._transport,
                verify=verify,
                proxy=self._proxy,
                trust_env=False,
                follow_redirects=False,
                timeout=httpx2.Timeout(connect=5, read=20, write=10, pool=5),
                limits=httpx2.Limits(max_connections=20, max_keepalive_connections=20),
                headers={
                    "User-Agent": f"aircall-mcp/{__version__}",
                    "Accept": "application/json",
                    "Accept-Encoding": "gzip",
                },
            )
        return self._client

    def _refusal(
        self, operation: Operation, status: int, headers: Mapping[str, str], body: Any
    ) -> AircallMCPError:
        words = self._auth.scrub(_words_of(body))
        said = f" Aircall says: {words}" if words else ""
        if status == 429:
            return BudgetExhausted(
                "Aircall's request limit for this company is used up.",
                retry_after=retry_after(headers),
                hint="Wait that long; all keys and integrations of a company share one limit.",
            )
        if status >= 500 and operation.repeatable == "never":
            return _unknown(operation, f"Aircall answered {status}.")
        return Refused(
            f"Aircall refused {operation.tool} ({status}).{said}",
            status=status,
            hint=_hint(operation, status, body),
        )


class _Sent:
    """Whether a byte of the request may have left, told by the connection itself."""

    def __init__(self) -> None:
        self.maybe = False

    async def watch(self, event: str, _details: Mapping[str, Any]) -> None:
        if event.endswith("send_request_headers.started"):
            self.maybe = True


async def _bounded(response: httpx2.Response) -> bytes | None:
    """The decoded body, or None if there is more of it than we take."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > LARGEST_ANSWER:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _no_answer(operation: Operation, error: BaseException, *, maybe_done: bool) -> ToolError:
    what = "took too long" if isinstance(error, TimeoutError | httpx2.TimeoutException) else "broke"
    message = f"The exchange with Aircall {what} ({type(error).__name__})."
    if maybe_done and operation.repeatable != "safe":
        return _unknown(operation, message)
    return Unreachable(message, hint="Nothing was changed. Try again in a moment.")


def _unknown(operation: Operation, message: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{message} Whether {operation.tool} took effect is not known.",
        hint="Look before trying again: "
        + (
            "list the newest calls, or this contact's messages, to see whether it happened."
            if operation.effect == "reach"
            else "read the object back to see whether it changed."
        ),
    )


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds to wait after a 429, from whatever header came; between 1 and 120, 60 if none."""
    for name in ("retry-after", "x-aircallapi-reset"):
        try:
            value = float(headers.get(name, ""))
        except ValueError:
            continue
        if name == "x-aircallapi-reset":
            import time

            value = (value / 1000 if value > 1e11 else value) - time.time()
        if value == value:
            return min(max(value, 1.0), 120.0)
    return 60.0


def _words_of(body: Any) -> str:
    """What Aircall wrote, from either error layer, at most 500 characters."""
    if not isinstance(body, Mapping):
        return ""
    body = cast("Mapping[str, Any]", body)
    parts = [body.get("troubleshoot") or body.get("message") or body.get("error")]
    if isinstance(body.get("errors"), Mapping | list):
        parts.append(json.dumps(body["errors"], ensure_ascii=False))
    return " ".join(str(part) for part in parts if part)[:500]


def _hint(operation: Operation, status: int, body: Any) -> str:
    at_the_edge = isinstance(body, Mapping) and "message" in body and "error" not in body
    if status in (401, 403):
        if operation.add_on and not at_the_edge:
            return f"This needs the {operation.add_on} add-on on the Aircall account."
        add_on = f", or the {operation.add_on} add-on is missing" if operation.add_on else ""
        return (
            f"The API key or token is wrong or was withdrawn{add_on}."
            " A person can check it with `aircall-mcp doctor`."
        )
    if status == 404:
        if at_the_edge:
            return "Aircall has no such route any more; another operation may do it."
        return "No such id for this account. Look it up with the list or search operation first."
    if status == 405:
        return (
            "The state does not allow it now: the user may be unavailable, in a call or without"
            " the desktop app, or recording is off. Check the user's availability first."
        )
    if status in (400, 422):
        return "Aircall did not accept the values; its words say which."
    if status == 409:
        return "This idempotency_key was used before; the first request stands."
    return "Aircall has a fault of its own; try again later. https://status.aircall.com tells more."
