"""Phrases in the transcripts of a period's calls: quotes, and which calls had nothing to read."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from ..errors import ArgumentError, Refused, ToolError
from ..gateway.walk import WATCHED_PATIENCE
from ..ground.caller import Caller
from ..ground.performs import performs
from ..ground.secrets import cut
from ..ground.times import iso
from .call_filter import CallFilter, name_of
from .call_log import CallLog
from .kit import Json, Kit, object_of, text_of, told_of
from .phrases import Hit, hits, read
from .transcripts import Line, transcript_of

AT_ONCE = 8
"""Transcripts that are under way together: as soon as the first is here the next is asked for."""
SAID_EVERY = 4
"""Calls after which it is said how many are read."""
MOST_QUOTES = 5
"""Quotes of one call."""
MOST_CALLS = 40
"""Calls with hits in one answer; the same question goes on behind them."""
LONGEST = 300
"""Characters of a quote."""
_LISTED = 20
"""Ids of calls without a transcript that are told."""


@dataclass(slots=True)
class Scan:
    """What came of each call so far. `behind` is the last one of which all before are done."""

    found: list[Json] = field(default_factory=list[Json])
    read: int = 0
    without: dict[int, str] = field(default_factory=dict[int, str])
    behind: int | None = None
    stopped: str = ""


class ScanTranscripts:
    def __init__(self, kit: Kit, log: CallLog) -> None:
        self._kit = kit
        self._filter = CallFilter(kit, log)

    @performs("scan_transcripts")
    async def scan_transcripts(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        """Oldest call first; `after` goes on behind a call of an answer before."""
        phrases: list[str] = arguments["phrases"]
        for phrase in phrases:
            if not read([phrase]):
                raise ArgumentError(f"`{phrase}` contains no word.", hint="Give words to look for.")
        meant = await self._filter.meant(arguments, caller, "last 7 days")
        after = arguments.get("after")
        calls, fitting = await self._filter.read(meant, caller, again=after is not None)
        fitting = sorted(fitting, key=lambda call: call["id"])
        left = [call for call in fitting if after is None or call["id"] > after]
        every = arguments.get("match") == "all"
        scan = await self._scanned(left, phrases, caller, every=every)
        return await self._told(arguments, scan, calls, fitting, left, meant.words, meant.notes)

    async def _scanned(
        self, left: Sequence[Json], phrases: Sequence[str], caller: Caller, *, every: bool
    ) -> Scan:
        clock, scan = self._kit.clock, Scan()
        until = clock.monotonic() + caller.deadline
        ahead: deque[tuple[Json, asyncio.Task[list[Line] | str | ToolError]]] = deque()
        waiting = iter(left)
        try:
            for done, _ in enumerate(left):
                if done % SAID_EVERY == 0:
                    await caller.progress(done, len(left), "transcripts read")
                patience = WATCHED_PATIENCE if caller.watched else until - clock.monotonic()
                if patience <= 0 and done:
                    scan.stopped = "Time was up."
                    break
                asking = replace(caller, lane="bulk", patience=max(patience, 0.0))
                for call in islice(waiting, AT_ONCE - len(ahead)):
                    ahead.append((call, asyncio.create_task(self._lines(call, asking))))
                call, reading = ahead.popleft()
                self._put(scan, call, await reading, phrases, every=every)
                if scan.stopped:
                    break
                if len(scan.found) >= MOST_CALLS and done + 1 < len(left):
                    scan.stopped = f"The first {len(scan.found)} calls with hits are given."
                    break
        finally:
            for _, reading in ahead:
                reading.cancel()
            await asyncio.gather(*(reading for _, reading in ahead), return_exceptions=True)
        return scan

    def _put(
        self,
        scan: Scan,
        call: Json,
        said: list[Line] | str | ToolError,
        phrases: Sequence[str],
        *,
        every: bool,
    ) -> None:
        if isinstance(said, ToolError):
            if not scan.read and not scan.without and scan.behind is None:
                raise said
            scan.stopped = told_of(said)
            return
        if isinstance(said, str):
            scan.without[call["id"]] = said
        else:
            scan.read += 1
            self._take(scan, call, said, phrases, every=every)
        scan.behind = call["id"]

    async def _lines(self, call: Json, caller: Caller) -> list[Line] | str | ToolError:
        """What was said, why there is nothing of it, or why it could not be read."""
        if call.get("status") != "done":
            return "goes on"
        if call.get("answered_at") is None:
            return "was not answered"
        try:
            lines = await transcript_of(self._kit.asking(caller), call["id"])
        except Refused as error:
            return error if error.status in (401, 403) else f"refused by Aircall ({error.status})"
        except ToolError as error:
            return error
        return "has no transcript: not recorded, or not ready yet" if lines is None else lines

    def _take(
        self, scan: Scan, call: Json, lines: Sequence[Line], phrases: Sequence[str], *, every: bool
    ) -> None:
        language = lines[0].language if lines else ""
        found = hits([line.text for line in lines], phrases, language)
        said = {hit.phrase for hit in found}
        if not said or (every and len(said) < len(phrases)):
            return
        started = call.get("started_at")
        one: Json = {
            "id": call["id"],
            "at": iso(started) if isinstance(started, int) else "",
            "user": text_of(object_of(call.get("user")).get("name")),
            "contact": name_of(call),
            "phrases": [phrases[n] for n in sorted(said)],
            "quotes": [self._quote(lines, hit, phrases) for hit in found[:MOST_QUOTES]],
        }
        if len(found) > MOST_QUOTES:
            one["more_quotes"] = len(found) - MOST_QUOTES
        scan.found.append(one)

    def _quote(self, lines: Sequence[Line], hit: Hit, phrases: Sequence[str]) -> Json:
        there = lines[hit.first : hit.last + 1]
        speakers = list(dict.fromkeys(line.speaker for line in there))
        parted = len(speakers) > 1
        said = " / ".join(f"{line.speaker}: {line.text}" if parted else line.text for line in there)
        text = cut(self._kit.scrubber.text(said), LONGEST, "…")
        return {
            "phrase": phrases[hit.phrase], "at": there[0].clock, "speaker": ", ".join(speakers),
            "text": str(text),
        }  # fmt: skip

    async def _told(
        self,
        arguments: Mapping[str, Any],
        scan: Scan,
        calls: Any,
        fitting: Sequence[Json],
        left: Sequence[Json],
        words: Sequence[str],
        notes: Sequence[str],
    ) -> Json:
        whose = " ".join(["calls", *words])
        data: Json = {
            "summary": f"{len(scan.found)} of {scan.read + len(scan.without)} {whose},"
            f" {calls.period.words}, {'has' if len(scan.found) == 1 else 'have'} a hit;"
            f" {len(scan.without)} had no transcript.",
            "calls": scan.found,
            "transcripts_read": scan.read,
        }
        if scan.without:
            ids = [id_ for id_, why in scan.without.items() if not why.startswith("was not")]
            data["without_transcript"] = {
                "calls": len(scan.without),
                "why": dict(Counter(scan.without.values())),
                **({"ids": ids[:_LISTED]} if ids else {}),
            }
        page = calls.page(len(scan.found))
        page["total"] = len(fitting)
        if scan.stopped:
            behind = scan.behind if scan.behind is not None else arguments.get("after")
            page |= {"complete": False, "why": f"{page.get('why', '')} {scan.stopped}".strip()}
            page["next"] = {**arguments, **({} if behind is None else {"after": behind})}
        elif len(left) < len(fitting):
            page["complete"] = False
            page.setdefault("why", "The calls before these are in the answers before.")
        return await self._kit.result(
            data, notes=notes, page=page, window=calls.period.told(), key="calls"
        )
