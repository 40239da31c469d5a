"""The page as `serve` opens it, on a real port, with what waits; and who comes to it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2

from aircall_mcp.console import Console
from aircall_mcp.console.site import LEAST_READING
from aircall_mcp.safety.approvals import Approval
from aircall_mcp.safety.policy import Grade
from aircall_mcp.safety.safety import Safety

from .harness import Clock

PREVIEW = """Send a text (aircall_send_message)
  to: "+33612345678"
  body: "See you at three."
It reaches a person or costs money, and cannot be taken back."""
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Paged:
    """A home in which something waits, its page, and the notifications that its desktop showed."""

    def __init__(self, home: Path, clock: Clock, **more: Any) -> None:
        self.clock = clock
        self.told: list[str] = []
        handed = clock.handed(more.pop("sleep", asyncio.sleep))
        self.safety = Safety.of(home, clock=handed)
        notify = more.pop("notify", self._notify)
        self.console = Console(self.safety, home, clock=handed, notify=notify, **more)

    async def _notify(self, words: str) -> bool:
        self.told.append(words)
        return True

    async def ask(self, preview: str = PREVIEW, grade: Grade = 2, **more: str) -> Approval:
        given = {"principal": "owner", "account": "acme", "identity": preview, **more}
        return await self.safety.approvals.ask(
            operation="aircall_send_message", preview=preview, grade=grade, **given
        )

    async def standing(self, one: Approval) -> str:
        found = await self.safety.approvals.find(one.id)
        assert found is not None
        return found.standing

    async def code(self) -> str:
        code = await self.safety.visitors.code("terminal")
        assert code is not None
        return code

    async def origin(self) -> str:
        return (await self.console.address()).rstrip("/")

    async def visitor(self) -> Visitor:
        """Who typed a code that was shown at a terminal."""
        visitor = Visitor(await self.origin(), self.clock)
        entered = await visitor.post("/enter", code=await self.code(), then="/")
        assert entered.status_code == 303
        return visitor


class Visitor:
    """A browser with cookies, as far as the page can tell. Leave it with `aclose`."""

    def __init__(self, origin: str, clock: Clock | None = None) -> None:
        self.origin, self.clock = origin, clock or Clock()
        self.http = httpx2.AsyncClient(base_url=origin, trust_env=False)

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.http.get(path, headers=headers)

    async def post(self, path: str, /, **fields: str) -> httpx2.Response:
        return await self.post_as({"origin": self.origin}, path, **fields)

    async def post_as(
        self, headers: dict[str, str], path: str, /, **fields: str
    ) -> httpx2.Response:
        return await self.http.post(path, content=urlencode(fields), headers={**FORM, **headers})

    async def token(self, one: Approval) -> str:
        """What the form of `one` carries here, for whoever has read it."""
        text = (await self.get(f"/approvals/{one.id}")).text
        self.clock.pass_by(LEAST_READING)
        return unescape(re.findall(r'name="token" value="([^"]*)"', text)[0])

    async def say(self, one: Approval, answer: str) -> httpx2.Response:
        token = await self.token(one)
        return await self.post(f"/approvals/{one.id}", token=token, answer=answer)

    async def aclose(self) -> None:
        await self.http.aclose()


@asynccontextmanager
async def paged(home: Path, clock: Clock | None = None, **more: Any) -> AsyncGenerator[Paged]:
    """Its page is served while this is entered."""
    page = Paged(home, clock or Clock(), **more)
    keeping = asyncio.create_task(page.console.keep())
    await asyncio.sleep(0)
    try:
        yield page
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        page.safety.close()
