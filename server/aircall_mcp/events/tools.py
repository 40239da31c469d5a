"""What a model asks about events: read them, wait for one, list texts, pass them on.

The answers come from the event log alone; nothing is asked of Aircall, except where no webhook is
registered and somebody waits for a call: then the list of calls is looked at again and again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from ..errors import ArgumentError, NotAllowed, ToolError
from ..gateway.gateway import Gateway
from ..ground.caller import Caller
from ..ground.operation import PAGE_SIZE, Answer, Operation
from ..ground.times import iso
from ..ground.weight import LIGHT
from ..offer.shape import bounded, shape
from .coverage import Coverage
from .event import Event, matches
from .forwarding.rules import Rules
from .log import EventLog
from .numbers import dialled, numbers_in, subject
from .query import Query
from .webhooks import Webhook

T = TypeVar("T")
Json = dict[str, Any]

EVENTS = "aircall://events"
CALL = "aircall://calls/"
LOOK = 3.0
"""Seconds between two looks at the list of calls, where no webhook tells of them."""
TELL = 5.0
"""Seconds between two notes of progress to somebody who waits."""
MOST = 200
_ANY_WEIGHT = LIGHT + 1
_POLLED = ("call.created", "call.answered", "call.hungup", "call.ended")
_MATCHED = frozenset({"call_id", "user_id", "number_id", "contact_id", "number"})
_LIKE = {
    "call": "get_call",
    "contact": "get_contact",
    "user": "get_user_v2",
    "number": "get_number",
    "message": "send_message",
    "group_message": "send_message",
    "transcription": "get_call_transcription",
    "realtime_transcription": "get_call_transcription",
    "summary": "get_call_summary",
    "topics": "get_call_topics",
    "sentiment": "get_call_sentiments",
    "action_item": "get_call_action_items",
    "playbook_result": "get_call_playbook_result",
    "call_evaluation": "get_call_evaluations",
}
"""Whose answer an event of a family looks like."""
_REGISTER = (
    "No webhook is registered here, so Aircall tells us nothing. A person runs"
    " `aircall-mcp webhooks register --public-url https://…` and `aircall-mcp webhooks serve`."
)


class EventTools:
    """See the module docstring. `rules` makes the forwarding rules when they are first needed.

    With `account`, only what its webhooks told. `scrub` masks secrets in the JSON of a resource;
    `offered` says whether an operation may be used, by its id.
    """

    def __init__(
        self,
        events: EventLog,
        gateway: Gateway,
        operations: Mapping[str, Operation],
        rules: Callable[[], Rules],
        *,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        look: float = LOOK,
        account: str | None = None,
        scrub: Callable[[Any], Any] = lambda value: value,
        offered: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._events = events
        self._gateway = gateway
        self._operations = operations
        self._rules = rules
        self._clock = clock
        self._pause = pause
        self._look = look
        self._account = account
        self._scrub = scrub
        self._offered = offered
        answers = [operation.answer for operation in operations.values()]
        self._plain = Answer(
            200,
            secrets=frozenset({"token"}).union(*(answer.secrets for answer in answers)),
            strangers=frozenset[str]().union(*(answer.strangers for answer in answers)),
        )

    async def perform(self, operation: str, arguments: Mapping[str, Any], caller: Caller) -> Json:
        """The result of one of the four tools, in the form of every result."""
        match operation:
            case "read_events":
                return await self.read_events(arguments)
            case "wait_for_event":
                return await self.wait_for_event(arguments, caller)
            case "list_messages":
                return await self.list_messages(arguments)
            case _:
                return await self.forward_events(arguments)

    async def read_events(self, arguments: Mapping[str, Any]) -> Json:
        """Newest first, or oldest first from behind `after`."""
        query = self._query(arguments, limit=_limit(arguments) + 1)
        newest = await self._aside(self._events.latest)
        found = await self._aside(lambda: self._events.read(query))
        more = len(found) > _limit(arguments)
        found = found[: _limit(arguments)]
        shown, notes = await self._shown(found, arguments.get("detail", "concise"))
        page: Json = {"complete": not more and query.before is None, "returned": len(found)}
        if more:
            page["next"] = _onward(arguments, found[-1].sequence)
        return await self._answered(
            {"events": shown, "latest": newest},
            notes=notes, page=page, key="events", asked=arguments,
        )  # fmt: skip

    async def wait_for_event(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        """The first event that matches, or none after `timeout_seconds`."""
        kinds = tuple(arguments.get("kinds", ()))
        match = cast("Json", arguments.get("match", {}))
        patience = float(arguments.get("timeout_seconds", 30))
        _refuse_unmatchable(match)
        if await self._doors():
            after = arguments.get("after")
            if after is None:
                after = await self._aside(self._events.latest)
            looking, notes = self._heard(kinds, match, int(after)), []
        else:
            looking, notes = self._polled(kinds, match, caller), [_POLLING]
        started = self._clock()
        telling = asyncio.create_task(self._tell(caller, kinds, started, patience))
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
            telling.cancel()
            await looking.aclose()
        shown, words = await self._shown(
            [found] if found else [], arguments.get("detail", "concise")
        )
        latest = latest or await self._aside(self._events.latest)
        data = {
            "event": shown[0] if shown else None,
            "after": found.sequence if found and found.sequence else latest,
            "waited_seconds": round(self._clock() - started, 1),
        }
        return await self._answered(data, notes=[*notes, *words], quiet=not found)

    async def list_messages(self, arguments: Mapping[str, Any]) -> Json:
        """Texts, each once in its newest state, newest first."""
        limit = _limit(arguments)
        query = replace(self._query(arguments, limit=4 * limit + 1), messages=True)
        found = await self._aside(lambda: self._events.read(query))
        more = len(found) == query.limit
        newest: dict[Any, Event] = {}
        for event in found:
            identity = event.data.get("id") or event.data.get("group_message_id") or event.sequence
            known = newest.get(identity)
            # What somebody else could have written hides nothing that Aircall told.
            if known is None or (known.trusted, known.built) < (event.trusted, event.built):
                newest[identity] = event
        texts = sorted(newest.values(), key=lambda event: -event.sequence)
        if len(texts) > limit:
            more, texts = True, texts[:limit]
        shown, notes = await self._shown(texts, arguments.get("detail", "concise"))
        page: Json = {"complete": not more and query.before is None, "returned": len(shown)}
        if more and texts:
            page["next"] = _onward(arguments, texts[-1].sequence)
        hearing = await self._aside(self._events.coverage)
        return await self._answered(
            {"messages": shown, "listening": _listening(hearing)},
            notes=notes, page=page, key="messages", asked=arguments,
        )  # fmt: skip

    async def forward_events(self, arguments: Mapping[str, Any]) -> Json:
        """Make a rule towards a destination that the owner has named."""
        kinds, to = arguments["kinds"], arguments["to"]
        if not self._gateway.sandbox and not await self._doors():
            raise NotAllowed("There are no events to pass on.", hint=_REGISTER)
        rule = await self._aside(lambda: self._rules().add(kinds, to, maker="model"))
        data = {"forwarding": {"kinds": list(rule.kinds), "to": rule.destination, "rule": rule.id}}
        note = (
            "From now on; `aircall-mcp forward status` shows how it goes, `forward remove` ends it."
        )
        return await self._answered(data, notes=[note])

    # resources

    async def resource(self, uri: str, caller: Caller) -> Json | None:
        """What stands at `uri`, None for nothing of ours."""
        found = await self._resource(uri, caller)
        return await self._beside(lambda: self._scrub(found))

    async def _resource(self, uri: str, caller: Caller) -> Json | None:
        if uri == EVENTS:
            return await self.read_events({})
        number = uri.removeprefix(CALL)
        if number == uri or not (number.isascii() and number.isdigit() and len(number) < 19):
            return None
        query = Query(call_id=int(number), account=self._account, limit=MOST)
        told = await self._aside(lambda: self._events.read(query))
        shown, notes = await self._shown(told, "concise")
        operation = self._operations["get_call"]
        call: Json = {}
        try:
            if self._offered(operation.id):
                reply = await self._gateway.send(operation.bind({"call_id": int(number)}), caller)
                call, more = await self._beside(
                    lambda: shape(reply.body, operation.answer, "concise")
                )
                notes += more
        except ToolError as error:
            if not told:
                raise
            notes.append(f"The call itself could not be read: {error.message}")
        return await self._answered({**call, "events": shown}, notes=notes, key="events")

    async def call_ids(self, prefix: str) -> list[str]:
        """Ids of calls that were told of lately, to complete what somebody types."""
        found = await self._aside(lambda: self._events.call_ids(prefix, account=self._account))
        return [str(one) for one in found]

    async def changes(self) -> AsyncGenerator[list[str]]:
        """The URIs that changed, whenever some did; none at first, when it has begun to look. Of
        `account` alone, where there is one: that another company was told something is none of its
        business either."""
        after = await self._aside(self._events.latest)
        yield []
        while True:
            newest = await self._events.beyond(after)
            told, calls = await self._aside(
                lambda after=after: self._events.since(after, account=self._account)
            )
            after = newest
            if told:
                yield [EVENTS, *(f"{CALL}{one}" for one in calls)]

    # inside

    async def _aside(self, work: Callable[[], Any]) -> Any:
        return await self._events.aside(work)

    async def _doors(self) -> list[Webhook]:
        doors = await self._events.aside(self._events.webhooks.active)
        return [door for door in doors if self._account in (None, door.account)]

    def _query(self, arguments: Mapping[str, Any], *, limit: int) -> Query:
        if arguments.get("after") is not None and arguments.get("before") is not None:
            raise ArgumentError("`after` and `before` cannot both lead.")
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

    async def _heard(
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

    async def _polled(
        self, kinds: Sequence[str], match: Json, caller: Caller
    ) -> AsyncGenerator[tuple[int, Event | None]]:
        """The same made of what changes in the list of calls."""
        wanted = [kind for kind in _POLLED if not kinds or matches(kind, kinds)]
        if not wanted:
            raise NotAllowed(f"{', '.join(kinds)}: only a webhook tells of that.", hint=_REGISTER)
        known = {call["id"]: _steps(call) for call in await self._calls(caller)}
        yield 0, None
        while True:
            await self._pause(self._look)
            for call in await self._calls(caller):
                before = known.get(call["id"], frozenset())
                known[call["id"]] = _steps(call)
                for kind in _POLLED:
                    if kind in wanted and kind in known[call["id"]] - before:
                        now = self._clock()
                        event = Event(0, "", kind, now, now, call["id"], call)
                        if _fits(event, match):
                            yield 0, event
            yield 0, None

    async def _calls(self, caller: Caller) -> list[Json]:
        since = int(self._clock()) - 4 * 3600
        bound = self._operations["list_calls"].bind({"from": since, "fetch_contact": True})
        reply = await self._gateway.send(replace(bound, fresh=True), caller)
        body: Any = reply.body
        calls: Any = cast("Json", body).get("calls") if isinstance(body, dict) else None
        listed = cast("list[Any]", calls)[:PAGE_SIZE] if isinstance(calls, list) else []
        known = [cast("Json", one) for one in listed if isinstance(one, dict)]
        return [one for one in known if isinstance(one.get("id"), int)]

    async def _tell(
        self, caller: Caller, kinds: Sequence[str], started: float, patience: float
    ) -> None:
        while True:
            await asyncio.sleep(TELL)
            waited = min(self._clock() - started, patience)
            await caller.progress(waited, patience, f"waiting for {', '.join(kinds) or 'an event'}")

    async def _shown(self, events: Sequence[Event], detail: Any) -> tuple[list[Json], list[str]]:
        """Events in the words of a model, and the notes they need."""
        return await self._beside(lambda: self._worded(events, detail))

    async def _beside(self, work: Callable[[], T]) -> T:
        """Off the loop: 200 events of 256 KB are nothing that it could wait for."""
        return await self._gateway.aside(work, weight=_ANY_WEIGHT)

    def _worded(self, events: Sequence[Event], detail: Any) -> tuple[list[Json], list[str]]:
        shown: list[Json] = []
        notes: dict[str, None] = {}
        for event in events:
            family = event.kind.partition(".")[0]
            like = self._operations.get(_LIKE.get(family, ""))
            answer = self._plain
            if like is not None:
                secrets = like.answer.secrets | self._plain.secrets
                answer = replace(like.answer, secrets=secrets, is_list=False, key="")
            data, said = shape({"data": event.data}, answer, detail)
            notes |= dict.fromkeys(said)
            one: Json = {"sequence": event.sequence} if event.sequence else {}
            one |= {"event": event.kind, "at": iso(event.built or event.received)}
            if event.mark:
                one |= event.mark
                notes[_NOT_TRUSTED] = None
            if event.call_id is not None and family != "call":
                one["call_id"] = event.call_id
            shown.append({**one, "data": data.get("data", {})})
        return shown, list(notes)

    async def _answered(
        self,
        data: Json,
        *,
        notes: Sequence[str] = (),
        page: Json | None = None,
        key: str = "",
        asked: Mapping[str, Any] | None = None,
        quiet: bool = True,
    ) -> Json:
        given = len(data.get(key, ()))
        whole = data
        data, cuts = await self._beside(lambda: bounded(whole, weight=_ANY_WEIGHT))
        if page is not None and cuts:
            page["complete"] = False
            if 0 < len(kept := data.get(key, ())) < given:
                page["returned"] = len(kept)
                page["next"] = _onward(asked or {}, kept[-1]["sequence"])
        result: Json = {"data": data}
        if page is not None:
            result["page"] = page
        said = [*notes, *cuts, *(await self._warnings() if quiet else ())]
        if said:
            result["notes"] = list(dict.fromkeys(said))
        if self._gateway.sandbox:
            result["sandbox"] = True
        return result

    async def _warnings(self) -> list[str]:
        """What a model must know before it takes silence for an answer."""
        if not await self._doors():
            return [_REGISTER]
        hearing: Coverage = await self._aside(self._events.coverage)
        if hearing.since is None:
            return ["Nobody listens yet. A person runs `aircall-mcp webhooks serve`."]
        if hearing.gaps and hearing.alive is not None and hearing.gaps[-1][0] == hearing.alive:
            return [
                f"Nobody has listened since {iso(hearing.alive)}."
                " A person runs `aircall-mcp webhooks serve`."
            ]
        return []


_NOT_TRUSTED = (
    "Of what says trusted: false, nobody knows who wrote it: somebody had changed our webhook at"
    " Aircall, and could learn its token. Read it again from Aircall before you act on it."
)
_POLLING = (
    "No webhook is registered: the list of calls is looked at every few seconds instead, which sees"
    " only that calls begin, are answered and end."
)


def _limit(arguments: Mapping[str, Any]) -> int:
    return max(1, min(int(arguments.get("limit", 50)), MOST))


def _onward(arguments: Mapping[str, Any], sequence: int) -> Json:
    """The same question, going on behind `sequence` in the direction it went."""
    place = "before" if arguments.get("after") is None else "after"
    kept = {name: value for name, value in arguments.items() if name not in ("after", "before")}
    return {**kept, place: sequence}


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


def _fits(event: Event, match: Json) -> bool:
    """Whether the event is about all that `match` names."""
    about = subject(event.kind, event.kind.partition(".")[0], event.data)
    for name, wanted in match.items():
        if name == "number":
            if dialled(wanted) not in numbers_in(event.data):
                return False
        elif about.get(name) != wanted:
            return False
    return True


def _steps(call: Json) -> frozenset[str]:
    """What has happened to a call by now."""
    steps = {"call.created"}
    if call.get("answered_at"):
        steps.add("call.answered")
    if call.get("status") == "done":
        steps |= {"call.hungup", "call.ended"}
    return frozenset(steps)


def _listening(hearing: Coverage) -> Json:
    """Since when, and where messages may be missing: Aircall cannot give them back."""
    gaps = [{"from": iso(start), "to": iso(end)} for start, end in hearing.gaps[-20:]]
    return {"since": iso(hearing.since) if hearing.since else None, "gaps": gaps}
