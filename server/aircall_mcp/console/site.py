"""The pages and what their buttons do. No address of ours does anything: only a form does."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ..errors import StoreError
from ..safety.visitors import VISIT_LASTS, shown_at, token_for
from . import page
from .origin import SameOrigin

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from ..ground.clock import Clock
    from ..safety.approvals import Approval
    from ..safety.safety import Safety

log = logging.getLogger(__name__)

WAY: Final = "page"
"""How it was answered, as the record of the approval says it."""
LARGEST_FORM: Final = 4096
_ID: Final = re.compile(r"[0-9a-f]{10}")
_MOST_KEYS: Final = 4
"""Cookies of our name that are looked at: other ports of this machine may set some, too."""

Notify = Callable[[str], Awaitable[bool]]
"""Shows a person a code, where no browser sees it; whether it could."""

WRONG: Final = "That is no code that waits to be typed: it may be over, or used, or mistyped."
SHOWN: Final = "A code is shown on this desktop now, in a notification. It lasts five minutes."
SOON: Final = "A code was shown a moment ago: look for it, or ask again in half a minute."
UNSEEN: Final = "This desktop shows no notifications: take the terminal."
STALE: Final = "This was no form of this visit. Look at it again."
EARLY: Final = "That yes came before anybody can have read this. Read it, and press again."
LEAST_READING: Final = 0.7
"""Seconds between a page and a yes to it that counts: a click that comes sooner was meant for
something else that stood there. `page.STYLE` has the same of the moment a pointer comes."""


@dataclass(frozen=True, slots=True)
class Site:
    """What waits in `safety`, for browsers that come to `origin`."""

    safety: Safety
    origin: str
    home: Path
    notify: Notify
    clock: Clock

    @property
    def cookie(self) -> str:
        """Of this home: another one's is not taken for it."""
        return f"aircall_mcp_{hashlib.sha256(str(self.home).encode()).hexdigest()[:12]}"

    def app(self) -> ASGIApp:
        routes = [
            Route("/", self._list, methods=["GET"]),
            Route("/approvals/{name}", self._one, methods=["GET"]),
            Route("/approvals/{name}", self._answer, methods=["POST"]),
            Route("/enter", self._enter, methods=["POST"]),
            Route("/code", self._code, methods=["POST"]),
            Route("/leave", self._leave, methods=["POST"]),
        ]
        handlers = {404: self._nothing, StoreError: self._closed}
        app = Starlette(routes=routes, exception_handlers=handlers)
        return SameOrigin(app, self.origin, page.STYLE_HASH)

    async def _list(self, request: Request) -> Response:
        if await self._key(request) is None:
            return _html(page.entrance("/"), 403)
        return _html(page.listed(await self.safety.approvals.waiting(), self.clock.wall()))

    async def _one(self, request: Request) -> Response:
        key = await self._key(request)
        if key is None:
            return _html(page.entrance(_then(request.url.path)), 403)
        one = await self._found(request)
        return self._nothing(request) if one is None else self._whole(one, key)

    async def _answer(self, request: Request) -> Response:
        """The only way here to a yes: the form of this approval, of this visit."""
        key, form = await self._key(request), await _form(request)
        if key is None:
            return _html(page.entrance(_then(request.url.path)), 403)
        one = await self._found(request)
        if one is None:
            return self._nothing(request)
        answer = form.get("answer")
        shown = shown_at(form.get("token", ""), key, one.id)
        if answer not in ("yes", "no") or shown is None:
            log.warning("a form that was none of this visit was turned away")
            return _html(page.entrance(_then(request.url.path), STALE), 403)
        if answer == "yes" and self.clock.wall() - shown < LEAST_READING:
            return self._whole(one, key, EARLY, 409)
        stood = await self.safety.approvals.answer(one.id, yes=answer == "yes", grade=2, way=WAY)
        log.info("%s: %s", one.id, "answered on the page" if stood else "answered already")
        return RedirectResponse(f"/approvals/{one.id}", 303)

    async def _enter(self, request: Request) -> Response:
        form = await _form(request)
        then = _then(form.get("then", ""))
        key = await self.safety.visitors.enter(form.get("code", ""))
        if key is None:
            log.warning("a wrong code was typed on the page")
            return _html(page.entrance(then, WRONG), 403)
        answer = RedirectResponse(then, 303)
        answer.set_cookie(
            self.cookie, key, max_age=int(VISIT_LASTS), path="/", httponly=True, samesite="strict"
        )
        return answer

    async def _code(self, request: Request) -> Response:
        then = _then((await _form(request)).get("then", ""))
        code = await self.safety.visitors.code("browser")
        if code is None:
            return _html(page.entrance(then, SOON), 429)
        shown = await self.notify(
            f"{code} is the code for {self.origin}. Type it there alone, and tell it nobody, no"
            " chat and no model. If you did not ask for it, leave it be."
        )
        return _html(page.entrance(then, SHOWN if shown else UNSEEN))

    async def _leave(self, request: Request) -> Response:
        if await self._key(request) is not None:
            await self.safety.visitors.leave()
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(self.cookie)
        return answer

    def _whole(self, one: Approval, key: str, said: str = "", status: int = 200) -> Response:
        now = self.clock.wall()
        return _html(page.whole(one, now, token_for(key, one.id, now), said), status)

    def _nothing(self, _request: Request, _error: Exception | None = None) -> Response:
        return _html(page.nothing_here(), 404)

    def _closed(self, _request: Request, error: Exception) -> Response:
        log.error("the page: %s", error)
        return _html(page.unreadable(), 503)

    async def _found(self, request: Request) -> Approval | None:
        return await self.safety.approvals.find(request.path_params["name"])

    async def _key(self, request: Request) -> str | None:
        """That of the visit which this browser is in; None where it is in none."""
        given = [
            value
            for header in request.headers.getlist("cookie")
            for name, _, value in (one.strip().partition("=") for one in header.split(";"))
            if name == self.cookie
        ]
        for key in given[:_MOST_KEYS]:
            if await self.safety.visitors.visits(key):
                return key
        return None


def _then(path: str) -> str:
    """Where it goes on: one of our own pages, whatever was asked for."""
    name = path.removeprefix("/approvals/")
    return path if name != path and _ID.fullmatch(name) else "/"


async def _form(request: Request) -> dict[str, str]:
    """Its fields; empty for what is none, or more than one of ours is. The last of a name that
    comes twice would be a guess: it counts as not there."""
    text = bytearray()
    async for piece in request.stream():
        text += piece
        if len(text) > LARGEST_FORM:
            return {}
    try:
        fields = parse_qs(text.decode("ascii"), keep_blank_values=True, max_num_fields=8)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items() if len(values) == 1}


def _html(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status)
