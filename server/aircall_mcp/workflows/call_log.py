"""All calls of a period, more than Aircall returns for one query, with an exact account of what is
missing.

Pages are read oldest first, so that calls that come meanwhile move none of them; behind 10,000 the
period is split at the last call that was read. What has been read of a call log that ends early is
kept for a while: the very same question goes on from there.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from ..errors import BudgetExhausted, ToolError, TooMuch, Unreachable
from ..gateway.lists import ITEM_CAP, Leaf
from ..gateway.paging import ByNumber, joined
from ..gateway.walk import WATCHED_PATIENCE
from ..ground.caller import Caller, Whose
from ..ground.operation import PAGE_SIZE, Bound
from ..ground.times import iso
from .kit import Json, Kit, id_of, object_of, rows_of
from .periods import Period

AT_ONCE = 4
"""Pages that are under way together: the way there and back must not slow the reading."""
KEPT = 4
"""Call logs that ended early and may be gone on with."""
KEPT_SECONDS = 600.0
TRIES = 2
"""How often a page is asked for, beside what the gateway tries again by itself."""
_A_DAY = 86_400

Key: TypeAlias = tuple[Whose, str, str]


@dataclass(frozen=True, slots=True)
class Gap:
    """Calls that could not be read: those that began between `begin` and `end`, UNIX seconds.
    `count` is how many they are by Aircall's own count, None where it does not say."""

    begin: int
    end: int
    count: int | None
    why: str

    def __str__(self) -> str:
        many = "calls" if self.count is None else f"{self.count} calls"
        return f"{many} between {iso(self.begin)} and {iso(self.end)} ({self.why})"


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of `period`, oldest first, each once. All of them, where there are no `gaps`."""

    period: Period
    items: Sequence[Json]
    gaps: tuple[Gap, ...] = ()
    why: str = ""
    """What else speaks against this being all."""
    retry_after: float = 0.0

    @property
    def complete(self) -> bool:
        return not self.gaps and not self.why

    def page(self, returned: int) -> Json:
        """What an answer says of how much this is."""
        if self.complete:
            return {"complete": True, "returned": returned}
        missing = "; ".join(str(gap) for gap in self.gaps)
        said = [f"Not read: {missing}."] if missing else []
        said += [self.why] if self.why else []
        if self.gaps:
            wait = f" in {math.ceil(self.retry_after)} s" if self.retry_after else ""
            said.append(f"The very same call goes on from here{wait}.")
        return {"complete": False, "returned": returned, "why": " ".join(said)}


@dataclass(slots=True)
class _Segment:
    """One query: calls that began behind `behind` and up to `upto`, and its pages so far."""

    behind: int
    upto: int
    total: int | None = None
    count: int | None = None
    """How many pages it has, None until the first one says so."""
    pages: dict[int, list[Json]] = field(default_factory=dict[int, list[Json]])
    totals: set[int] = field(default_factory=set[int])
    failed: str = ""
    over: bool = False

    def missing(self) -> list[int]:
        return [n for n in range(1, (self.count or 1) + 1) if n not in self.pages]


@dataclass(slots=True)
class _Course:
    """What has been read of one call log."""

    period: Period
    segments: list[_Segment]
    began: float
    known: dict[int, Json] = field(default_factory=dict[int, Json])
    retry_after: float = 0.0

    @property
    def over(self) -> bool:
        """Whether all of it has been read."""
        return all(one.over for one in self.segments)


def so_far(calls: Calls) -> str:
    """What a sentence about calls that were not all read says of that."""
    return "" if calls.complete else ", as far as was read"


class CallLog:
    """One for a process. `read` raises what the gateway raises where nothing could be read."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._kept: OrderedDict[Key, _Course] = OrderedDict()

    async def read(
        self,
        period: Period,
        caller: Caller,
        *,
        whole: bool = False,
        again: bool = False,
        **query: Any,
    ) -> Calls:
        """Those that `query`, the arguments of the search, leaves; each in short, or `whole`. With
        `again`, one that was read to its end a while ago will do."""
        whose = await self._kit.whose(caller.account)
        caller = replace(caller, account=whose.account or caller.account)
        shape = f"{sorted(query.items())} {whole}"
        words = f"{period.words} {period.zone} {period.unit} {shape}"
        if period.words == "before":
            words += f" {period.begin} {period.end}"
        key = (whose, caller.principal, words)
        course = self._resumed(key, again=again) or _Course(
            period, [_Segment(period.begin - 1, period.end - 1)], self._kit.clock.monotonic()
        )
        try:
            if not course.over:
                await _Reading(self._kit, caller, course, query, whole=whole).run()
        finally:
            self._keep(key, course)
        return _calls(course, self._kit.clock.wall(), self._days)

    @property
    def _days(self) -> int:
        window = self._kit.operations["list_calls"].window
        return window.days if window else 0

    def _resumed(self, key: Key, *, again: bool) -> _Course | None:
        course = self._kept.pop(key, None)
        if course is None or self._kit.clock.monotonic() - course.began > KEPT_SECONDS:
            return None
        if course.over and not again:
            return None
        for segment in course.segments:
            segment.failed = ""
        course.retry_after = 0.0
        return course

    def _keep(self, key: Key, course: _Course) -> None:
        if course.known:
            self._kept[key] = course
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


class _Reading:
    """One go at a call log."""

    def __init__(
        self, kit: Kit, caller: Caller, course: _Course, query: Mapping[str, Any], *, whole: bool
    ) -> None:
        self._kit = kit
        self._caller = caller
        self._course = course
        self._query = query
        self._whole = whole
        self._until = kit.clock.monotonic() + caller.deadline
        self._steps = 0
        self._stop = ""
        self._error: ToolError | None = None

    async def run(self) -> None:
        segments = self._course.segments
        while not self._stop:
            segment = segments[-1]
            await self._segment(segment)
            if segment.missing() or segment.failed:
                return
            segment.over = True
            following = self._behind_the_cap(segment)
            if following is None:
                return
            segments.append(following)

    async def _segment(self, segment: _Segment) -> None:
        for _ in range(TRIES):
            segment.failed = ""
            if segment.count is None:
                await self._page(segment, 1)
                if segment.count is None and not self._course.known and segment.failed:
                    continue
            if segment.count is not None:
                await self._rest(segment)
            if not segment.missing() or self._stop:
                return
        if self._error is not None and not self._course.known:
            raise self._error

    async def _rest(self, segment: _Segment) -> None:
        """The other pages, some at a time; none is begun behind one that failed."""
        waiting = iter(segment.missing())

        async def worker() -> None:
            for number in waiting:
                if segment.failed or self._stop:
                    return
                await self._page(segment, number)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(worker())

    async def _page(self, segment: _Segment, number: int) -> None:
        caller = self._patient()
        if caller is None:
            self._stop = segment.failed = "time was up"
            return
        paging = ByNumber(self._bound(segment))
        try:
            leaf = await self._leaf(paging, number, caller)
        except ToolError as error:
            self._error, segment.failed = error, error.message.rstrip(".")
            if isinstance(error, BudgetExhausted):
                self._course.retry_after = error.retry_after
                self._stop = segment.failed
            return
        if leaf is None:
            self._error = Unreachable("Aircall's answer has no list of calls.")
            segment.failed = "Aircall's answer has no list of calls"
            return
        self._take(segment, number, leaf)
        done = len(self._course.known)
        total = max(done, segment.total or 0)
        await self._caller.progress(done, total, "calls read")

    async def _leaf(self, paging: ByNumber, number: int, caller: Caller) -> Leaf | None:
        gateway, now = self._kit.gateway, self._kit.clock.monotonic
        try:
            reply = await gateway.send(paging.asking(number), caller)
        except TooMuch:
            parts = [await gateway.send(part, caller) for part in paging.parts(number)]
            reply = joined(parts, paging.key)
        return paging.leaf(reply, number, now())

    def _take(self, segment: _Segment, number: int, leaf: Leaf) -> None:
        rows = [row for row in map(object_of, leaf.items) if id_of(row) is not None]
        segment.pages[number] = [{"id": row["id"], "started_at": row.get("started_at")}
                                 for row in rows]  # fmt: skip
        for row in rows:
            self._course.known[row["id"]] = row if self._whole else in_short(row)
        if leaf.total is not None:
            segment.total = leaf.total
            segment.totals.add(leaf.total)
        last = ITEM_CAP // PAGE_SIZE
        short = len(leaf.items) < PAGE_SIZE
        if leaf.total is not None and not (short and leaf.more):
            pages = max(1, math.ceil(leaf.total / PAGE_SIZE))
            segment.count = max(segment.count or 1, min(pages, last))
        else:  # one after the other, as far as it goes
            follows = leaf.more and len(leaf.items) > 0 and number < last
            segment.count = max(segment.count or 1, number + follows)

    def _behind_the_cap(self, segment: _Segment) -> _Segment | None:
        if segment.count != ITEM_CAP // PAGE_SIZE or (segment.total or 0) <= ITEM_CAP:
            return None
        moments = [row["started_at"] for row in segment.pages[segment.count]]
        latest = max((at for at in moments if isinstance(at, int)), default=segment.upto)
        behind = latest - 1  # whoever began in that very second may be beyond
        if behind <= segment.behind:
            segment.failed = "more began in one second than Aircall gives of a query"
            segment.over = False
            return None
        segment.upto, upto = latest, segment.upto
        return _Segment(behind, upto)

    def _bound(self, segment: _Segment) -> Bound:
        times = {"from": str(segment.behind), "to": str(segment.upto)}
        operation = "search_calls" if self._query.keys() - FETCHED else "list_calls"
        return self._kit.operations[operation].bind({**times, "order": "asc", **self._query})

    def _patient(self) -> Caller | None:
        """The caller as they wait for the next page; None where their time is up."""
        caller, self._steps = self._caller, self._steps + 1
        if self._steps == 1:
            return caller
        if caller.watched:
            return replace(caller, lane="bulk", patience=WATCHED_PATIENCE)
        left = self._until - self._kit.clock.monotonic()
        return replace(caller, lane="bulk", patience=left, deadline=left) if left > 0 else None


FETCHED = frozenset({
    "fetch_contact", "fetch_short_urls", "fetch_call_timeline", "fetch_aiva_conv",
})  # fmt: skip
_KEPT_AS_IS = (
    "id", "direction", "status", "missed_call_reason", "started_at", "answered_at", "ended_at",
    "duration", "raw_digits", "asset", "ivr_options_selected", "ai_voice_agents",
)  # fmt: skip
_PERSONS = ("user", "assigned_to", "transferred_by", "transferred_to")


def in_short(call: Json) -> Json:
    """What the workflows need of a call, some fifth of it: links and what is nested go."""
    short: Json = {name: call[name] for name in _KEPT_AS_IS if call.get(name) is not None}
    for name in _PERSONS:
        if person := object_of(call.get(name)):
            short[name] = {key: person.get(key) for key in ("id", "name")}
    if number := object_of(call.get("number")):
        short["number"] = {key: number.get(key) for key in ("id", "name", "digits", "time_zone")}
    if contact := object_of(call.get("contact")):
        names = ("id", "first_name", "last_name", "company_name")
        short["contact"] = {key: contact[key] for key in names if contact.get(key)}
    for name in ("tags", "teams"):
        short[name] = [{key: row.get(key) for key in ("id", "name")} for row in rows_of(call, name)]
    for name in ("voicemail", "recording"):
        short[name] = isinstance(call.get(name), str)
    return short


def _calls(course: _Course, now: float, days: int) -> Calls:
    gaps = [gap for segment in course.segments for gap in _gaps(segment)]
    last = course.segments[-1]
    whole = course.period.end - 1
    if not gaps and last.upto < whole:
        gaps.append(Gap(last.upto, whole, None, last.failed or "not read"))
    items = sorted(
        course.known.values(), key=lambda call: (call.get("started_at") or 0, call["id"])
    )
    why = ""
    for segment in course.segments:
        listed = {row["id"] for rows in segment.pages.values() for row in rows}
        if gaps or segment.total is None:
            continue
        if len(segment.totals) > 1 or len(listed) != min(segment.total, ITEM_CAP):
            why = (
                f"The list changed while it was read: Aircall counts {segment.total} calls and"
                f" gave {len(listed)}."
            )
    if days and course.period.begin < now - days * _A_DAY:
        why = f"{why} Aircall lists the last {days} days alone; what is older is not here.".strip()
    return Calls(course.period, items, tuple(gaps), why, course.retry_after)


def _gaps(segment: _Segment) -> list[Gap]:
    """The runs of pages that were not read, between the calls before and behind them."""
    if segment.count is None:
        return [Gap(segment.behind + 1, segment.upto, segment.total, segment.failed or "not read")]
    gaps: list[Gap] = []
    run: list[int] = []
    for number in [*range(1, segment.count + 1), segment.count + 1]:
        if number <= segment.count and number not in segment.pages:
            run.append(number)
        elif run:
            before, after = segment.pages.get(run[0] - 1), segment.pages.get(number)
            begin = _edge(before, -1, segment.behind + 1)
            end = _edge(after, 0, segment.upto)
            total = segment.total
            count = None
            if total is not None:
                count = min(total, run[-1] * PAGE_SIZE) - (run[0] - 1) * PAGE_SIZE
            gaps.append(Gap(begin, end, count, segment.failed or "not read"))
            run = []
    if not gaps and segment.failed:
        gaps.append(Gap(segment.upto, segment.upto, None, segment.failed))
    return gaps


def _edge(rows: Sequence[Json] | None, place: int, otherwise: int) -> int:
    at = rows[place]["started_at"] if rows else None
    return at if isinstance(at, int) else otherwise
