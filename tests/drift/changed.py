"""An Aircall that is not as it was described: the sandbox, with its answers changed on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from ..harness import App

Query = dict[str, str]
Headers = dict[str, str]


class Changed:
    """Sits before `app`. `query` changes what is asked for, by path; `body`, `status` and `headers`
    what is answered to a GET of a path (`*` for all). `raw` takes the place of a body."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.query: dict[str, Callable[[Query], Query]] = {}
        self.body: dict[str, Callable[[Any], Any]] = {}
        self.status: dict[str, Callable[[int, Query], int]] = {}
        self.headers: dict[str, Headers] = {}
        self.raw: dict[str, bytes] = {}
        self.asked: list[tuple[str, str, Query]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        query = dict(parse_qsl(scope["query_string"].decode()))
        self.asked.append((scope["method"], path, query))
        changed = self.query.get(path, lambda same: same)(query)
        scope = {**scope, "query_string": urlencode(changed).encode()}
        heads: list[Any] = []
        pieces: list[bytes] = []

        async def said(message: Any) -> None:
            if message["type"] == "http.response.start":
                heads.append(message)
            else:
                pieces.append(message.get("body", b""))

        await self._app(scope, receive, said)
        [head] = heads
        content, status = b"".join(pieces), head["status"]
        change = self.body.get(path) or self.body.get("*")
        if change and content and status < 300:
            content = json.dumps(change(json.loads(content))).encode()
        content = self.raw.get(path, content)
        status = self.status.get(path, lambda same, _: same)(status, query)
        told = {name.decode().lower(): value.decode() for name, value in head["headers"]}
        told |= self.headers.get("*", {}) | self.headers.get(path, {})
        told["content-length"] = str(len(content))
        pairs = [(name.encode(), value.encode()) for name, value in told.items() if value]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": content})


def each(key: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Any], Any]:
    """Change each item of the list under `key`, or the one object there."""

    def whole(body: Any) -> Any:
        found = body.get(key)
        items = cast("list[Any]", found if isinstance(found, list) else [found] if found else [])
        for item in items:
            change(item)
        return body

    return whole
