"""A server on this machine that is no sandbox of ours: a proxy to Aircall, for all we know."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from aircall_mcp.ground import probe
from aircall_mcp.ground.home import home_in
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.sandboxes import Sandboxes

from .served import served

Says = Callable[[str, str], Any]


def pong(_method: str, _path: str) -> Any:
    return {"ping": "pong"}


LOOKED_UP = re.compile(
    r"GET /v1/(numbers|contacts/search)|GET /v[12]/(users|numbers|contacts|tags|teams)/\d+"
)
"""What is asked of Aircall for a question: where the company is at home, who is a contact of it,
and what the ids are called."""


class ForeignServer:
    """Answers 200 and what `says` makes of method and path; keeps all that arrived."""

    def __init__(self, says: Says = pong) -> None:
        self.says = says
        self.url = ""
        self.all: list[tuple[str, str, dict[str, str]]] = []

    @property
    def arrivals(self) -> list[str]:
        """The requests to Aircall, as `METHOD /path`."""
        return [f"{way} {path}" for way, path, _ in self.all if not path.startswith(probe.PATH)]

    @property
    def unasked(self) -> list[str]:
        """The same, without what the policy looks up before it asks a person."""
        return [one for one in self.arrivals if not LOOKED_UP.fullmatch(one)]

    @property
    def probes(self) -> list[dict[str, str]]:
        """The headers of each question whether this is a sandbox."""
        return [headers for _, path, headers in self.all if path.startswith(probe.PATH)]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.all.append((scope["method"], scope["path"], headers))
        content = json.dumps(self.says(scope["method"], scope["path"])).encode()
        kind = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": kind})
        await send({"type": "http.response.body", "body": content})


@contextmanager
def announced(sandbox: Sandbox) -> Generator[str]:
    """`sandbox` on a real port, known in the home of the test; gives its URL."""
    here = Sandboxes(home_in(os.environ))
    with served(sandbox) as url, here.announced(url) as sandbox.proof:
        yield url


@contextmanager
def foreign_server(says: Says = pong) -> Generator[ForeignServer]:
    there = ForeignServer(says)
    with served(there) as url:
        there.url = url
        yield there
