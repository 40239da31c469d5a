"""Whether an effect was already done a moment ago, found out before anybody is asked for a yes.

It can only refuse: what passes here is looked up once more when it is about to be sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..ground.weight import Aside
from .intents import prints_of
from .journal import Journal
from .looks import Looks
from .refusals import repeated
from .request import Request


class Repeats:
    """`route` says whose company it is; `looks` whether the earlier one stands in the way still."""

    def __init__(
        self,
        journal: Journal,
        route: Callable[[Request], Awaitable[Request]],
        looks: Looks,
        aside: Aside,
    ) -> None:
        self._journal = journal
        self._route = route
        self._looks = looks
        self._aside = aside

    async def __call__(self, request: Request) -> None:
        """Raises `Duplicate` or `OutcomeUnknown` for what would not be sent with a yes either,
        `StoreError`, and what the route raises."""
        operation = request.operation
        if operation.ours or operation.repeatable != "never":
            return
        request = await self._route(request)
        exact, wish = await prints_of(request.bound, request.share.company, self._aside)
        earlier = await self._journal.earlier(request.share.company, exact, wish)
        if earlier is None:
            return
        if earlier.exact and await self._looks.past(request, earlier, self._journal):
            return
        raise repeated(operation, earlier)
