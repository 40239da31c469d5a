"""Answer one tool call: a name and arguments in, one JSON object out.

The front desk behind every door: the MCP server, the command line and the Python toolkit all ask
here, so that each of them has the same validation, policy, budget and answers.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import anyio

from . import pages, tools
from .errors import ArgumentError, NotOffered, ToolError
from .gateway import Caller, Gateway
from .operation import EFFECTS, Operation
from .registry import Registry
from .search import Index, Ranking

log = logging.getLogger(__name__)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What a caller gets: one JSON object, and whether it tells of a failure."""

    payload: Json
    is_error: bool = False


class Desk:
    """Holds the registry and the gateway together. One for a process."""

    def __init__(
        self,
        registry: Registry,
        gateway: Gateway,
        *,
        time_zone: str | None = None,
        scrub: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        self.registry = registry
        self._gateway = gateway
        self._scrub = scrub
        self._zone: tzinfo | None = ZoneInfo(time_zone) if time_zone else None
        self._answering = 0
        self._idle = anyio.Event()
        self._ours: Mapping[str, Callable[[Mapping[str, Any], Caller], Awaitable[Json]]] = {
            "search": self._search,
            "describe": self._describe,
            **{effect: self._performing(effect) for effect in EFFECTS},
        }

    @cached_property
    def index(self) -> Index:
        """Made at the first search, so that the start does not pay for it."""
        return Index(self.registry.known)

    def rank(self, query: str, limit: int = 3) -> Ranking:
        return self.index.rank(query, limit)

    def tools(self) -> list[Json]:
        """What tools/list answers, in its wire form."""
        return [tools.tool_for(operation) for operation in self.registry]

    async def call(self, name: str, arguments: Any, caller: Caller) -> Result:
        """Call the tool `name`. Raises `NotOffered` for a name that is no tool here; every other
        failure a caller can understand becomes a `Result` with `is_error`."""
        operation = self.registry.get(name)
        self._answering += 1
        try:
            payload = await self._answer(operation, arguments, caller)
        except ToolError as error:
            log.info("%s: %s", operation.tool, error.kind)
            return Result(self._scrub(tools.error_of(error)), is_error=True)
        finally:
            self._answering -= 1
            if not self._answering:
                self._idle.set()
                self._idle = anyio.Event()
        return Result(self._scrub(payload))

    async def drained(self) -> None:
        """Wait until no call is being answered."""
        while self._answering:
            await self._idle.wait()

    async def aclose(self) -> None:
        await self._gateway.aclose()

    async def _answer(self, operation: Operation, arguments: Any, caller: Caller) -> Json:
        if operation.ours:
            bound = operation.bind(arguments)
            return await self._ours[operation.id](bound.arguments, caller)
        return await self._perform(operation, arguments, caller)

    async def _perform(self, operation: Operation, arguments: Any, caller: Caller) -> Json:
        zone = self._zone
        if zone is None and isinstance(arguments, Mapping) and operation.needs_zone(arguments):  # pyright: ignore[reportUnknownArgumentType]
            zone = await self._company_zone(caller)
        bound = operation.bind(arguments, zone=zone)
        read = await pages.read(self._gateway, bound, caller)
        return tools.result_of(bound, read)

    async def _search(self, arguments: Mapping[str, Any], _caller: Caller) -> Json:
        ranking = self.rank(arguments["query"], arguments.get("limit", 3))
        return tools.matches_of(
            ranking, offered=self.registry, known=self.registry.ids, surface=self.registry.surface
        )

    async def _describe(self, arguments: Mapping[str, Any], _caller: Caller) -> Json:
        return tools.description_of(self._found(arguments["operation"]), self.registry.ids)

    def _performing(self, effect: str) -> Callable[[Mapping[str, Any], Caller], Awaitable[Json]]:
        async def perform(arguments: Mapping[str, Any], caller: Caller) -> Json:
            operation = self._found(arguments["operation"])
            if operation.effect != effect or operation.ours:
                right = "itself" if operation.ours else f"aircall_{operation.effect}"
                raise ArgumentError(
                    f"{operation.tool} is no {effect} operation.", hint=f"Call it with {right}."
                )
            return await self._perform(operation, arguments.get("arguments", {}), caller)

        return perform

    def _found(self, name: str) -> Operation:
        try:
            operation = self.registry.find(name)
        except NotOffered as error:
            raise ArgumentError(
                error.message, hint=f"{error.hint} aircall_search finds operations.".strip()
            ) from None
        if operation not in self.registry:
            raise ArgumentError(
                f"{operation.tool} is not on offer here.",
                hint="The owner's selection of tools leaves it out.",
            )
        return operation

    async def _company_zone(self, caller: Caller) -> tzinfo | None:
        """The time zone most users of the company have, asked once and kept."""
        bound = self.registry.ids["list_users_v2"].bind({})
        body = (await self._gateway.send(bound, caller)).body
        zones = [user.get("time_zone") for user in body.get("users", [])]
        known = [zone for zone in zones if isinstance(zone, str)]
        if known:
            commonest = max(sorted(set(known)), key=known.count)
            try:
                self._zone = ZoneInfo(commonest)
            except (KeyError, ValueError, OSError):
                log.warning("The company's time zone is not known here; reading times as UTC.")
        return self._zone
