"""The last link: one request to Aircall, and exactly one `Attempt` of it.

No header of an inbound request goes along, and never more of an answer comes back than can be held.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..ground.clock import Clock
from ..ground.weight import LIGHT, Aside, values_in, weight_in, weight_of
from .body import Broken, json_of
from .connections import Connections
from .request import Answered, Attempt, Heard, Lost, NotSent, Request, unheard


class Wire:
    """See the module docstring. `clock` is the chain's; `heard` is called with every answer."""

    def __init__(
        self,
        connections: Connections,
        aside: Aside,
        clock: Clock | None = None,
        heard: Heard = unheard,
    ) -> None:
        self._heard = heard
        self._connections = connections
        self._aside = aside
        self._clock = clock or Clock()

    async def send(self, request: Request) -> Attempt:
        """Send it and read the answer before `request.until`, which begins now if it has not.

        Raises `ArgumentError` for what cannot be written as a URL, and what `before_first_byte`
        raises.
        """
        began = self._clock.monotonic()
        until = began + request.caller.deadline if request.until is None else request.until
        out = False

        async def leaving() -> None:
            nonlocal out
            if not out:
                await request.before_first_byte()
                out = True

        try:
            status, headers, raw = await self._connections.exchange(
                request.operation.method,
                request.url,
                headers=request.signed,
                content=await self._content(request.bound.body),
                deadline=until - began,
                leaving=leaving,
                alone=request.alone,
                company=request.share.company,
            )
            values = values_in(raw) if len(raw) <= LIGHT else None  # else counted aside, too
            weight = weight_of(len(raw), values or 0)
            body = await self._aside(lambda: json_of(status, raw, values), weight=weight)
        except Broken as broken:
            became = Lost if out else NotSent
            return became(broken.words, broken.hint, broken.passing, began=began, until=until)
        answered = Answered(status, headers, body, weight, began=began, until=until)
        self._heard(request, answered)
        return answered

    async def _content(self, body: Mapping[str, Any] | None) -> bytes | None:
        if body is None:
            return None
        return await self._aside(lambda: json.dumps(body).encode(), weight=weight_in(body))
