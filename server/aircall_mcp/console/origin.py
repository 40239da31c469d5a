"""Only our own pages, opened by a browser under our own address, are answered.

A name that was rebound to this machine is another host, a page of anybody else another origin, one
of another port of this machine too. What would show our page within another, or read it for one,
says so itself. Beside that every answer says what a browser may do with it: nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: Final = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    # With no referrer at all a browser would not say, either, from where a form comes.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
POLICY: Final = (
    "default-src 'none'; style-src '{style}'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
FORM: Final = "application/x-www-form-urlencoded"


class SameOrigin:
    """Before `app`, which is served at `origin` alone; `style` is the hash of its style sheet."""

    def __init__(self, app: ASGIApp, origin: str, style: str) -> None:
        self._app = app
        self._origin = origin
        self._host = origin.removeprefix("http://")
        self._headers = {**HEADERS, "content-security-policy": POLICY.format(style=style)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
            await send(message)

        refused = self._refused(scope["method"], Headers(scope=scope))
        if refused is None:
            await self._app(scope, receive, say)
        else:
            status, words = refused
            await PlainTextResponse(words, status_code=status)(scope, receive, say)

    def _refused(self, method: str, headers: Headers) -> tuple[int, str] | None:
        """The status and the words where it is not ours to answer."""
        if headers.getlist("host") != [self._host]:
            return 421, f"This page is at {self._origin} alone."
        fetched = headers.get("sec-fetch-site"), headers.get("sec-fetch-dest")
        if fetched[1] not in (None, "document"):
            return 403, "This page is shown by itself alone."
        if method in ("GET", "HEAD"):
            return None
        if method != "POST":
            return 405, "Nothing is here."
        if headers.getlist("origin") != [self._origin] or fetched[0] not in (None, "same-origin"):
            return 403, "This did not come from a page of ours."
        if headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            return 415, "This is no form of ours."
        return None
