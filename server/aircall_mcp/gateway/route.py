"""Where a request goes, and whose budget, connections and answers it shares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias
from urllib.parse import urlencode

from ..ground.reply import Reply
from .ledger import Share
from .refusals import too_long
from .request import Link, Request

LONGEST_QUERY = 60_000
"""Characters of a query; a longer one fits into no URL."""

Company: TypeAlias = Callable[[str | None], Awaitable[tuple[str, int]]]
"""The company of an account, as a one-way hash, and its requests per minute."""


async def one_company(account: str | None) -> tuple[str, int]:
    return account or "", 60


class Router:
    """Sets `url`, `account` and `share` of a request."""

    def __init__(self, base_url: str, company: Company = one_company) -> None:
        self._base_url = base_url
        self._company = company

    async def __call__(self, request: Request) -> Request:
        """Raises `ArgumentError` if it fits into no URL, and `CredentialError`."""
        bound, caller = request.bound, request.caller
        if sum(len(name) + len(value) for name, value in bound.query) > LONGEST_QUERY:
            raise too_long()
        url = self._base_url + bound.path
        if bound.query:
            url += "?" + urlencode(bound.query)
        account = bound.account or caller.account
        company, limit = await self._company(account)
        return replace(request, url=url, account=account, share=Share(company, limit, caller.lane))


class Route:
    """The link that asks a `Router`."""

    def __init__(self, then: Link, router: Router) -> None:
        self._then = then
        self._router = router

    async def send(self, request: Request) -> Reply:
        return await self._then.send(await self._router(request))
