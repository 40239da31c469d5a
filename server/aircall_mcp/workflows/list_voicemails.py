"""Voicemails of callers: when, who, how long, and where they can be heard permanently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..ground.caller import Caller
from ..ground.performs import performs
from ..ground.times import iso
from .call_filter import CallFilter, name_of
from .call_log import CallLog, so_far
from .find_calls import fitting
from .kit import Json, Kit, object_of, text_of
from .kpis import moment, party_of

LAG = 86_400
"""Seconds after a call within which its media may still come."""
_REASONS_WITH_VOICEMAIL = ("out_of_opening_hours", "no_available_agent", "agents_did_not_answer")
_ROOM = 50_000


class ListVoicemails:
    def __init__(self, kit: Kit, log: CallLog) -> None:
        self._kit = kit
        self._filter = CallFilter(kit, log)

    @performs("list_voicemails")
    async def list_voicemails(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        """Newest first."""
        meant = await self._filter.meant(arguments, caller, "last 7 days", missed=True)
        meant.query["direction"] = "inbound"
        calls, found = await self._filter.read(meant, caller)
        now = int(self._kit.clock.wall())
        rows = [_row(call) for call in reversed(found) if call.get("voicemail")]
        late = sum(_may_come(call, now) for call in found)
        given = fitting(rows, _ROOM) if rows else []
        page = calls.page(len(given))
        page["total"] = len(rows)
        if len(given) < len(rows):
            page |= {"complete": False, "why": "The newest are given; narrow the period."}
        said = " ".join(meant.words)
        many = "voicemail" if len(rows) == 1 else "voicemails"
        summary = (
            f"{len(rows)} {many}{f' {said}' if said else ''}, {calls.period.words}{so_far(calls)}."
        )
        notes = [*meant.notes]
        if late:
            notes.append(
                f"Not yet: {late} unanswered calls of the last day may still get one, since media"
                " can lag a day behind."
            )
        if any("page" not in row for row in given):
            notes.append("Where no page is told, aircall_get_call has a link that lasts an hour.")
        return await self._kit.result(
            {"summary": summary, "not_yet": late, "voicemails": given}, notes=notes, page=page,
            window=calls.period.told(), key="voicemails",
        )  # fmt: skip


def _row(call: Json) -> Json:
    digits = party_of(call)
    started, ended = moment(call, "started_at"), moment(call, "ended_at")
    row: Json = {
        "call_id": call["id"],
        "at": iso(started) if started is not None else "",
        "phone": f"+{digits}" if digits else "anonymous",
        "number": text_of(object_of(call.get("number")).get("name")),
        # The call with its voicemail: Aircall does not say how long the message alone is.
        "call_seconds": max(0, ended - started) if started is not None and ended else 0,
    }
    if name := name_of(call):
        row["name"] = name
    if page := text_of(call.get("asset")):
        row["page"] = page
    return row


def _may_come(call: Json, now: int) -> bool:
    """Whether a voicemail may still come of it."""
    ended = moment(call, "ended_at")
    return (
        not call.get("voicemail")
        and moment(call, "answered_at") is None
        and call.get("missed_call_reason") in _REASONS_WITH_VOICEMAIL
        and ended is not None
        and now - ended < LAG
    )
