"""The tools about events: read them, wait for one, list texts, forward them.

The answers come from the event log alone; nothing is asked of Aircall, except where no webhook is
registered and somebody waits for a call: then the list of calls is looked at again and again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ..errors import ArgumentError, NotAllowed
from ..gateway.gateway import Gateway
from ..ground.caller import Caller
from ..ground.clock import Clock
from ..ground.operation import Operation
from ..ground.performs import performs
from ..ground.reply import NOT_WHOLE
from ..ground.secrets import Scrubber
from ..ground.times import iso
from .answers import REGISTER, Answers, onward
from .coverage import Coverage
from .event import Event, matches
from .log import EventLog
from .messages import newest
from .onlooker import Onlooker
from .query import Query
from .steps import POLLED

if TYPE_CHECKING:
    from .forwarding.rules import Rule, Rules

Json = dict[str, Any]

PROGRESS = 5.0
"""Seconds between two notes of progress to somebody who waits."""
MOST = 200
_MATCHED = frozenset({"call_id", "user_id", "number_id", "contact_id", "number"})


async def _unnamed(name: str | None) -> str:
    return name or ""


class EventTools:
    """See the module docstring. `rules` makes the forwarding rules when they are first needed;
    `resolve` finds the account that is meant by a name or by none.

    With `account`, only what its webhooks told.
    """

    def __init__(
        self,
        events: EventLog,
        gateway: Gateway,
        operations: Mapping[str, Operation],
        rules: Callable[[], Rules],
        *,
        clock: Clock | None = None,
        account: str | None = None,
        resolve: Callable[[str | None], Awaitable[str]] = _unnamed,
        scrubber: Scrubber | None = None,
    ) -> None:
        self._events = events
        self._gateway = gateway
        self._operations = operations
        self._rules = rules
        self._clock = clock or Clock()
        self._account = account
        self._resolve = resolve
        self._answers = Answers(events, gateway, operations, account, scrubber)
        self._onlooker = Onlooker(gateway, operations, clock=self._clock)

    @performs("read_events")
    async def read_events(self, arguments: Mapping[str, Any], _caller: Caller) -> Json:
        """Newest first, or oldest first from behind `after`."""
        query = self._query(arguments, limit=_limit(arguments) + 1)
        await self._aside(lambda: self._events.check_kinds(query.kinds))
        newest = await self._aside(self._events.latest)
        found = await self._aside(lambda: self._events.read(query))
        more = len(found) > _limit(arguments)
        found = found[: _limit(arguments)]
        shown, notes = await self._answers.shown(found, arguments.get("detail", "concise"))
        following = onward(arguments, found[-1].sequence) if more else None
        page = _page(query, len(found), following)
        return await self._answers.answered(
            {"events": shown, "latest": newest},
            notes=notes, page=page, key="events", asked=arguments,
        )  # fmt: skip

    @performs("wait_for_event")
    async def wait_for_event(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        """The first event that matches, or none after `timeout_seconds`."""
        kinds = tuple(arguments.get("kinds", ()))
        match = cast("Json", arguments.get("match", {}))
        patience = float(arguments.get("timeout_seconds", 30))
        _refuse_unmatchable(match)
        await self._aside(lambda: self._events.check_kinds(kinds))
        polled = False
        if await self._answers.registered():
            after = arguments.get("after")
            if after is None:
                after = await self._aside(self._events.latest)
            looking, notes = self._arriving(kinds, match, int(after)), []
        elif polled := await self._answers.polled():
            await self._aside(lambda: _refuse_unpolled(kinds))
            after = arguments.get("after")
            if after is None:
                after = await self._aside(self._events.latest)
            looking, notes = self._arriving(kinds, match, int(after)), []
        else:
            looking, notes = self._onlooker.events(kinds, match, caller), [_LOOKING]
        started = self._clock.monotonic()
        progress = asyncio.create_task(self._progress(caller, kinds, started, patience))
        latest, found = 0, None
        try:
            async with asyncio.timeout(patience):
                async for latest, event in looking:  # noqa: B007 - the cursor of a wait in vain
                    if event is not None:
                        found = event
                        break
        except TimeoutError:
            notes.append("Nothing of that kind came in this time; wait again with `after`.")
        finally:
            progress.cancel()
            await looking.aclose()
        shown, words = await self._answers.shown(
            [found] if found else [], arguments.get("detail", "concise")
        )
        latest = latest or await self._aside(self._events.latest)
        data = {
            "event": shown[0] if shown else None,
            "after": found.sequence if found and found.sequence else latest,
            "waited_seconds": round(self._clock.monotonic() - started, 1),
        }
        return await self._answers.answered(data, notes=[*notes, *words], quiet=not found or polled)

    @performs("list_messages")
    async def list_messages(self, arguments: Mapping[str, Any], _caller: Caller) -> Json:
        """Texts, each once in its newest state, newest first."""
        limit = _limit(arguments)
        query = replace(self._query(arguments, limit=4 * limit + 1), messages=True)
        found = await self._aside(lambda: self._events.read(query))
        more = len(found) == query.limit
        texts = newest(found)
        if len(texts) > limit:
            more, texts = True, texts[:limit]
        shown, notes = await self._answers.shown(texts, arguments.get("detail", "concise"))
        following = onward(arguments, texts[-1].sequence) if more and texts else None
        page = _page(query, len(shown), following)
        listened = await self._aside(self._events.coverage)
        return await self._answers.answered(
            {"messages": shown, "listening": _listening(listened)},
            notes=notes, page=page, key="messages", asked=arguments,
        )  # fmt: skip

    @performs("forward_events")
    async def forward_events(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        """Make a rule for the caller's account, towards a destination that the owner has named."""
        kinds, to = arguments["kinds"], arguments["to"]
        if not self._gateway.sandbox and not await self._answers.registered():
            if not await self._answers.polled():
                raise NotAllowed("There are no events to forward.", hint=REGISTER)
            _refuse_unpolled(kinds)
        account = self._account or await self._resolve(caller.account)

        def make() -> Rule:
            # Finding the account may have taken its time: a brake that was pulled meanwhile holds.
            self._gateway.brake(self._operations["forward_events"])
            return self._rules().add_for_model(kinds, to, account)

        rule = await self._aside(make)
        data = {"forwarding": {"kinds": list(rule.kinds), "to": rule.destination, "rule": rule.id}}
        note = (
            "From now on; `aircall-mcp forward status` shows how it goes, `forward remove` ends it."
        )
        return await self._answers.answered(data, notes=[note])

    # inside

    async def _aside(self, work: Callable[[], Any]) -> Any:
        return await self._events.aside(work)

    def _query(self, arguments: Mapping[str, Any], *, limit: int) -> Query:
        if arguments.get("after") is not None and arguments.get("before") is not None:
            raise ArgumentError("Give `after` or `before`, not both.")
        get = arguments.get
        return Query(
            kinds=tuple(get("kinds", ())),
            call_id=get("call_id"),
            user_id=get("user_id"),
            number_id=get("number_id"),
            contact_id=get("contact_id"),
            number=get("number"),
            account=self._account,
            after=get("after"),
            before=get("before"),
            since=get("from"),
            until=get("to"),
            limit=limit,
        )

    async def _arriving(
        self, kinds: Sequence[str], match: Json, after: int
    ) -> AsyncGenerator[tuple[int, Event | None]]:
        """The first event that matches, when it has come in; the cursor without one till then.

        The log finds it by what it is about, so that nothing else is opened."""
        wanted = Query(kinds=kinds, account=self._account, limit=1, **match)
        while True:
            newest = await self._events.beyond(after)
            query = replace(wanted, after=after, before=newest + 1)
            for event in await self._aside(lambda query=query: self._events.read(query)):
                yield event.sequence, event
            after = newest
            yield after, None

    async def _progress(
        self, caller: Caller, kinds: Sequence[str], started: float, patience: float
    ) -> None:
        while True:
            await asyncio.sleep(PROGRESS)
            waited = min(self._clock.monotonic() - started, patience)
            await caller.progress(waited, patience, f"waiting for {', '.join(kinds) or 'an event'}")


_LOOKING = (
    "No webhook is registered: the list of calls is looked at every few seconds instead, which sees"
    " only that calls begin, are answered and end, or have a voicemail."
)


def _refuse_unpolled(kinds: Sequence[str]) -> None:
    """Raise `NotAllowed` where none of `kinds` can be seen in the list of calls."""
    if kinds and not any(matches(kind, kinds) for kind in POLLED):
        raise NotAllowed(f"{', '.join(kinds)}: only a webhook reports that.", hint=REGISTER)


def _page(query: Query, returned: int, following: Json | None) -> Json:
    """How much of what was asked for this is. `after` is part of the question; who leads with
    `before` has passed something over."""
    page: Json = {"complete": following is None and query.before is None, "returned": returned}
    if following is not None:
        return {**page, "next": following}
    return page if page["complete"] else {**page, "why": NOT_WHOLE}


def _limit(arguments: Mapping[str, Any]) -> int:
    return max(1, min(int(arguments.get("limit", 50)), MOST))


def _refuse_unmatchable(match: Json) -> None:
    """Raise `ArgumentError` for what no event can be asked about."""
    if unknown := match.keys() - _MATCHED:
        raise ArgumentError(
            f"match: {', '.join(sorted(unknown))} cannot be matched.",
            hint=f"Known: {', '.join(sorted(_MATCHED))}.",
        )
    for name, value in match.items():
        if name == "number":
            if not isinstance(value, str):
                raise ArgumentError(
                    "match.number must be text.", hint="Write it like +33184880000."
                )
        elif isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
            raise ArgumentError(f"match.{name} must be an id.", hint="Ids are positive numbers.")


def _listening(listened: Coverage) -> Json:
    """Since when, and where messages may be missing: Aircall cannot give them back."""
    gaps = [{"from": iso(start), "to": iso(end)} for start, end in listened.gaps[-20:]]
    return {"since": iso(listened.since) if listened.since else None, "gaps": gaps}
