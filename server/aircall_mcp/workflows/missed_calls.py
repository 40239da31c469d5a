"""Callers who were not answered, and whom nobody has called or texted back since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ToolError
from ..events.query import Query
from ..ground.caller import Caller
from ..ground.performs import performs
from ..ground.times import iso
from .call_filter import CallFilter, name_of
from .call_log import CallLog, so_far
from .find_calls import fitting, outcome_of
from .kit import Json, Kit, object_of, text_of, told_of
from .kpis import moment, party_of
from .periods import Period

_ROOM = 40_000
_TEXTS = 500
"""Texts of one number that are looked through."""


@dataclass(slots=True)
class _Waiting:
    """Somebody outside, and what became of their calls."""

    party: str
    missed: list[Json]
    since: int
    """When the first call that nobody dealt with ended."""


class MissedCalls:
    def __init__(self, kit: Kit, log: CallLog) -> None:
        self._kit = kit
        self._filter = CallFilter(kit, log)

    @performs("missed_calls")
    async def missed_calls(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        """Longest waiting first."""
        meant = await self._filter.meant(
            arguments, caller, "last 24 hours", missed=True, here=True
        )  # fmt: skip
        period, now = meant.period, int(self._kit.clock.wall())
        # What happened behind the period tells who was called back.
        around = Period(period.begin, now + 1, f"{period.words} until now", period.zone)
        calls, _ = await self._filter.read(replace(meant, period=around), caller)
        short = bool(arguments.get("short_abandoned"))

        def asked(call: Json) -> bool:
            return period.begin <= call["started_at"] < period.end and meant.fits(call)

        missed = [call for call in calls.items if _is_missed(call) and asked(call)]
        dropped = 0 if short else sum(map(_is_short, missed))
        hidden = sum(not party_of(call) for call in missed if short or not _is_short(call))
        waiting = waiting_among(calls.items, asked, short=short)
        waiting, notes = await self._untexted(waiting, caller)
        waiting.sort(key=lambda one: one.since)
        rows = [self._row(one, now) for one in waiting]
        given = fitting(rows, _ROOM) if rows else []
        page = calls.page(len(given))
        page["total"] = len(rows)
        if len(given) < len(rows):
            page |= {"complete": False, "why": "The longest waiting are given; narrow the period."}
        said = " ".join(meant.words)
        longest = f"; the longest for {_span(now - waiting[0].since)}" if waiting else ""
        people = "caller waits" if len(rows) == 1 else "callers wait"
        whose = f" ({said})" if said else ""
        summary = f"{len(rows)} {people}{whose}, {period.words}{longest}{so_far(calls)}."
        if hidden:
            notes.append(f"{hidden} missed calls came with no number: nobody can call them back.")
        if dropped:
            notes.append(f"{dropped} were given up within seconds (short_abandoned) and left out.")
        notes.append(
            "Not known to the API: calls and texts from phones outside Aircall, and whom a missed"
            " call rang at."
        )
        return await self._kit.result(
            {"summary": summary, "waiting": given}, notes=[*meant.notes, *notes], page=page,
            window=period.told(), key="waiting",
        )  # fmt: skip

    def _row(self, one: _Waiting, now: int) -> Json:
        last = one.missed[-1]
        row: Json = {
            "phone": f"+{one.party}",
            "waiting_seconds": max(0, now - one.since),
            "first_call_at": iso(one.missed[0]["started_at"]),
            "calls": len(one.missed),
            "call_id": last["id"],
            "reason": outcome_of(last),
            "number": text_of(object_of(last.get("number")).get("name")),
        }
        names = [name for call in one.missed if (name := name_of(call))]
        if names:
            row["name"] = names[-1]
        return row

    async def _untexted(
        self, waiting: Sequence[_Waiting], caller: Caller
    ) -> tuple[list[_Waiting], list[str]]:
        """Those whom nobody has texted since, as far as webhooks tell of texts."""
        log = self._kit.log()
        account = self._kit.account or caller.account
        try:
            heard = await log.aside(lambda: log.exists and bool(log.webhooks.active()))
            if not heard:
                return [*waiting], [
                    "Whether they were texted back is not known: Aircall tells of texts by webhooks"
                    " alone, and none is registered."
                ]
            left: list[_Waiting] = []
            for one in waiting:
                query = Query(
                    number=f"+{one.party}", account=account, messages=True, since=one.since,
                    limit=_TEXTS,
                )  # fmt: skip
                texts = await log.aside(lambda query=query: log.read(query))
                if not any(_is_ours(event.kind, event.data) for event in texts):
                    left.append(one)
        except ToolError as error:
            return [*waiting], [f"Whether they were texted back is not known: {told_of(error)}"]
        return left, []


def waiting_among(
    calls: Sequence[Json], fits: Callable[[Json], bool], *, short: bool = False
) -> list[_Waiting]:
    """Whose missed calls that `fits` leaves nobody dealt with in `calls`, in order of time; `short`
    are among them that were given up within seconds."""
    missed: dict[str, list[Json]] = {}
    for call in calls:
        if _is_missed(call) and fits(call) and (short or not _is_short(call)):
            missed.setdefault(party_of(call), []).append(call)
    missed.pop("", None)
    dealt = _dealt(calls)
    left = (_left(party, rows, dealt.get(party, 0)) for party, rows in missed.items())
    return [one for one in left if one is not None]


def _is_short(call: Json) -> bool:
    return call.get("missed_call_reason") == "short_abandoned"


def _is_missed(call: Json) -> bool:
    return (
        call.get("direction") == "inbound"
        and call.get("status") == "done"
        and moment(call, "answered_at") is None
        and moment(call, "started_at") is not None
        and not call.get("ai_voice_agents")
    )


def _dealt(calls: Sequence[Json]) -> dict[str, int]:
    """Of each number outside, when somebody last dealt with it: called it, or took its call."""
    dealt: dict[str, int] = {}
    for call in calls:
        at = moment(call, "started_at")
        took = call.get("direction") == "outbound" or moment(call, "answered_at") is not None
        if took and at is not None and (party := party_of(call)):
            dealt[party] = max(dealt.get(party, 0), at)
    return dealt


def _left(party: str, missed: list[Json], dealt: int) -> _Waiting | None:
    """Their calls that ended after somebody last dealt with them."""
    open_calls = [call for call in missed if (moment(call, "ended_at") or 0) > dealt]
    if not open_calls:
        return None
    since = moment(open_calls[0], "ended_at") or open_calls[0]["started_at"]
    return _Waiting(party, open_calls, since)


def _is_ours(kind: str, data: Mapping[str, Any]) -> bool:
    """Whether a text went out."""
    return data.get("direction") == "outbound" or kind.endswith((".sent", ".status_updated"))


def _span(seconds: int) -> str:
    if seconds < 3600:
        return f"{seconds // 60} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds // 86_400} days"
