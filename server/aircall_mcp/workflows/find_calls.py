"""Calls of a period, by person, line, subject and outcome: all of them, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from pydantic_core import to_json

from ..ground.caller import Caller
from ..ground.performs import performs
from ..ground.secrets import cut
from ..offer.shape import LARGEST, shape
from .call_filter import CallFilter, missed_test, name_of
from .call_log import CallLog, so_far
from .kit import Json, Kit, object_of, text_of
from .kpis import moment, party_of

COLUMNS = ("id", "at", "dir", "phone", "contact", "user", "number", "outcome", "talk_s", "tags")
_LONGEST = 24
"""Characters of a name in the table; a call has 45 tokens."""
_ROOM = LARGEST - 4_000
"""Bytes of the rows of one answer."""


class FindCalls:
    def __init__(self, kit: Kit, log: CallLog) -> None:
        self._kit = kit
        self._filter = CallFilter(kit, log)

    @performs("find_calls")
    async def find_calls(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        meant = await self._filter.meant(arguments, caller, "today")
        if (missed := arguments.get("missed")) is not None:
            meant.tests.append(missed_test(str(missed).casefold()))
        if (least := arguments.get("min_seconds")) is not None:
            meant.tests.append(lambda call: talk_of(call) >= least)
        if (voicemail := arguments.get("voicemail")) is not None:
            meant.tests.append(lambda call: bool(call.get("voicemail")) == voicemail)
        full = arguments.get("detail") == "full"
        skip = int(arguments.get("skip", 0))
        calls, found = await self._filter.read(meant, caller, whole=full, again=skip > 0)
        found = found[::-1]  # newest first, like all lists here
        zone = calls.period.zone
        if full:
            answer = self._kit.operations["get_call"].answer
            rows = [shape(call, answer, "full")[0] for call in found]
        else:
            rows = [self.row(call, zone) for call in found]
        given = fitting(rows[skip:], _ROOM)
        page = calls.page(len(given))
        page["total"] = len(found)
        if skip + len(given) < len(rows):
            page |= {"complete": False, "next": {**arguments, "skip": skip + len(given)}}
        elif skip:
            page |= {"complete": False}
            page.setdefault("why", "What comes before is in the answers before.")
        said = " ".join(["calls", *meant.words])
        many = f"{len(found)} {said}, {calls.period.words}"
        data: Json = {"summary": f"{many}{so_far(calls)}."}
        data |= {"calls": given} if full else {"columns": list(COLUMNS), "rows": given}
        return await self._kit.result(
            data, notes=meant.notes, page=page, window=calls.period.told(),
            key="calls" if full else "rows",
        )  # fmt: skip

    def row(self, call: Json, zone: tzinfo) -> list[Any]:
        """A call as a line of the table, in the order of `COLUMNS`."""
        started = moment(call, "started_at")
        digits = party_of(call)
        tags = ", ".join(text_of(tag.get("name")) for tag in call.get("tags", ()))
        return [
            call["id"],
            f"{datetime.fromtimestamp(started, zone):%Y-%m-%d %H:%M}" if started else "",
            "out" if call.get("direction") == "outbound" else "in",
            f"+{digits}" if digits else "",
            self._short(name_of(call)),
            self._short(text_of(object_of(call.get("user")).get("name"))),
            self._short(text_of(object_of(call.get("number")).get("name"))),
            outcome_of(call),
            talk_of(call),
            self._short(tags),
        ]

    def _short(self, text: str) -> str:
        return str(cut(self._kit.scrubber.text(text), _LONGEST, "…"))


def talk_of(call: Json) -> int:
    """Seconds from the pick-up to the end, 0 where nobody picked up or it goes on."""
    answered, ended = moment(call, "answered_at"), moment(call, "ended_at")
    return max(0, ended - answered) if answered is not None and ended is not None else 0


def outcome_of(call: Json) -> str:
    if call.get("status") != "done":
        return "ongoing" if moment(call, "answered_at") is not None else "ringing"
    if moment(call, "answered_at") is not None:
        return "answered"
    if call.get("direction") == "outbound":
        return "no answer"
    mark = " +voicemail" if call.get("voicemail") else ""
    if call.get("ai_voice_agents"):
        return f"AI agent{mark}"
    return f"{text_of(call.get('missed_call_reason')) or 'missed'}{mark}"


def fitting(rows: list[Any], room: int) -> list[Any]:
    """The first of them that have room together, one at least."""
    given: list[Any] = []
    for row in rows:
        room -= len(to_json(row)) + 1
        if room < 0 and given:
            break
        given.append(row)
    return given
