"""A sandbox on a clock of its own, and somebody who talks to it."""

from __future__ import annotations

from typing import Any

import httpx2

from ..harness import THURSDAY, Clock, sandbox_with


class SandboxApi:
    """`sandbox` under `clock`; the verbs sign with the sandbox's key and answer (status, JSON)."""

    def __init__(self, *, now: float = THURSDAY, **choices: Any) -> None:
        self.clock = Clock(now)
        choices.setdefault("requests_per_minute", None)
        self.sandbox = sandbox_with(clock=self.clock, **choices)
        self.world = self.sandbox.world

    def client(self, *, signed: bool = True) -> httpx2.AsyncClient:
        key = (self.sandbox.api_id, self.sandbox.api_token)
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.sandbox),
            base_url="https://api.aircall.io",
            auth=key if signed else None,
        )

    async def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        async with self.client() as client:
            return await client.request(method, path, **more)

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON of a read that must succeed."""
        answer = await self.ask("GET", path, params=query or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def status(self, method: str, path: str, **more: Any) -> int:
        return (await self.ask(method, path, **more)).status_code

    async def refused(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        """Status and `troubleshoot` of an application error, whose form is checked."""
        answer = await self.ask(method, path, **more)
        body = answer.json()
        assert answer.status_code >= 400, answer.text
        assert isinstance(body["error"], str)
        return answer.status_code, body["troubleshoot"]

    def user(self, first_name: str) -> int:
        return next(u.id for u in self.world.users.values() if u.first_name == first_name)

    def number(self, country: str) -> int:
        return next(n.id for n in self.world.numbers.values() if n.country == country)
