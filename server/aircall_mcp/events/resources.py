"""What can be read at a URI: the newest events, and one call with its events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from ..errors import ToolError
from ..gateway.ask import Aircall
from ..gateway.gateway import Gateway
from ..ground.caller import Caller
from ..ground.operation import Operation
from ..ground.secrets import Scrubber
from ..offer.shape import shape
from .answers import Answers
from .log import EventLog
from .query import Query
from .tools import MOST, EventTools
from .uris import CALL, EVENTS

Json = dict[str, Any]


class Resources:
    """With `account`, only what its webhooks told. Whatever leaves passes `scrubber`; `offered`
    says whether an operation may be used, by its id.
    """

    def __init__(
        self,
        tools: EventTools,
        events: EventLog,
        gateway: Gateway,
        operations: Mapping[str, Operation],
        *,
        account: str | None = None,
        scrubber: Scrubber | None = None,
        offered: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._tools = tools
        self._events = events
        self._gateway = gateway
        self._aircall = Aircall(gateway, operations)
        self._operations = operations
        self._account = account
        self._scrubber = scrubber or Scrubber()
        self._offered = offered
        self._answers = Answers(events, gateway, operations, account, self._scrubber)

    async def resource(self, uri: str, caller: Caller) -> Json | None:
        """What stands at `uri`, None for nothing of ours. Raises what `read_events` does."""
        async with self._gateway.admitted(self._operations["read_events"].bind({}), caller):
            found = await self._resource(uri, caller)
        return await self._answers.beside(lambda: self._scrubber.json(found))

    async def _resource(self, uri: str, caller: Caller) -> Json | None:
        if uri == EVENTS:
            return await self._tools.read_events({}, caller)
        number = uri.removeprefix(CALL)
        if number == uri or not (number.isascii() and number.isdigit() and len(number) < 19):
            return None
        query = Query(call_id=int(number), account=self._account, limit=MOST)
        found = await self._events.aside(lambda: self._events.read(query))
        shown, notes = await self._answers.shown(found, "concise")
        operation = self._operations["get_call"]
        call: Json = {}
        try:
            if self._offered(operation.id):
                reply = await self._aircall.by(caller).ask("get_call", call_id=int(number))
                call, more = await self._answers.beside(
                    lambda: shape(reply.body, operation.answer, "concise")
                )
                notes += more
        except ToolError as error:
            if not found:
                raise
            notes.append(f"The call itself could not be read: {error.message}")
        return await self._answers.answered({**call, "events": shown}, notes=notes, key="events")

    async def call_ids(self, prefix: str) -> list[str]:
        """Ids of calls that were told of lately, to complete what somebody types."""
        found = await self._events.aside(
            lambda: self._events.call_ids(prefix, account=self._account)
        )
        return [str(one) for one in found]

    async def changes(self) -> AsyncGenerator[list[str]]:
        """The URIs that changed, whenever some did; none at first, when it has begun to look. Of
        `account` alone, where there is one: that another company was told something is none of its
        business either."""
        after = await self._events.aside(self._events.latest)
        yield []
        while True:
            newest = await self._events.beyond(after)
            some, calls = await self._events.aside(
                lambda after=after: self._events.since(after, account=self._account)
            )
            after = newest
            if some:
                yield [EVENTS, *(f"{CALL}{one}" for one in calls)]
