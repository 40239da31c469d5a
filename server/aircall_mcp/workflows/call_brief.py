"""Short summaries of calls: who, when, what about and what was said, within a number of tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from ..errors import Refused, ToolError
from ..ground.caller import Caller
from ..ground.performs import performs
from ..ground.secrets import cut
from ..offer.shape import shape
from .kit import Json, Kit, object_of, rows_of, told_of
from .transcripts import Line, transcript_of

TOKENS = 2_000
"""Of an answer for which nobody says otherwise; a token is some four bytes."""
_PARTS = {
    "summary": ("get_call_summary", "summary"),
    "topics": ("get_call_topics", "topic"),
    "sentiments": ("get_call_sentiments", "sentiment"),
    "action_items": ("get_call_action_items", ""),
}
_LEAST = 400
"""Bytes of one call, whatever was asked."""
_KEPT = frozenset({
    "id", "direction", "status", "missed_call_reason", "started_at", "answered_at", "ended_at",
    "duration", "raw_digits", "user", "contact", "number", "tags", "comments", "asset",
    "transferred_to",
})  # fmt: skip


class CallBrief:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    @performs("call_brief")
    async def call_brief(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        ids: list[int] = list(dict.fromkeys(arguments["call_ids"]))
        room = max(_LEAST, 4 * int(arguments.get("max_tokens", TOKENS)) // len(ids) - 100)
        since = float(arguments.get("from_seconds", 0))
        missing: dict[str, str] = {}
        told: list[Json] = []
        for done, call_id in enumerate(ids):
            await caller.progress(done, len(ids), "calls looked at")
            told.append(await self._brief(call_id, room, since, missing, caller))
        notes = [f"{why} Without it: {', '.join(parts)}." for why, parts in _by_why(missing)]
        failed = [one["id"] for one in told if "error" in one]
        if failed:
            notes.append(f"Not read: {', '.join(map(str, failed))}; `error` says why.")
        return await self._kit.result({"calls": told}, notes=notes, key="calls")

    async def _brief(
        self, call_id: int, room: int, since: float, missing: dict[str, str], caller: Caller
    ) -> Json:
        """One call within `room` bytes; what the company lacks goes into `missing`, by part."""
        asking = self._kit.asking(caller)
        try:
            reply = await asking.ask("get_call", call_id=call_id, fetch_contact=True)
        except ToolError as error:
            return {"id": call_id, "error": told_of(error)}
        shaped = shape(reply.body, self._kit.operations["get_call"].answer, "concise")[0]
        call = object_of(object_of(shaped).get("call"))
        brief: Json = {"id": call_id, "call": {k: v for k, v in call.items() if k in _KEPT and v}}
        if object_of(object_of(reply.body).get("call")).get("answered_at") is None:
            brief["nothing_said"] = "It was not answered."
            return brief
        names = [name for name in _PARTS if name not in missing]
        parts = await asyncio.gather(*(self._part(name, call_id, caller) for name in names))
        absent: list[str] = []
        for name, part in zip(names, parts, strict=True):
            if isinstance(part, Refused) and part.status == 403:
                missing[name] = told_of(part)
            elif isinstance(part, ToolError):
                brief.setdefault("not_read", {})[name] = told_of(part)
            elif part is None:
                absent.append(name)
            else:
                brief[name] = part
        await self._transcript(brief, call_id, room, since, missing, absent, caller)
        if absent:
            brief["not_there"] = absent
        return brief

    async def _part(self, name: str, call_id: int, caller: Caller) -> Any:
        """The part as Aircall gives it without its head, None where there is none, or the error."""
        operation, key = _PARTS[name]
        try:
            reply = await self._kit.asking(caller).ask(operation, call_id=call_id)
        except Refused as error:
            return None if error.status == 404 else error
        except ToolError as error:
            return error
        body = object_of(reply.body)
        found = object_of(body.get(key)) if key else body
        match name:
            case "action_items":
                items = rows_of(found, "action_items")
                return [item.get("content") for item in items] or None
            case "sentiments":
                return {
                    _SIDES.get(str(one.get("participant_type")), "unknown"): one.get("value")
                    for one in rows_of(found, "participants")
                } or None
            case _:
                return found.get("content") or None

    async def _transcript(
        self,
        brief: Json,
        call_id: int,
        room: int,
        since: float,
        missing: dict[str, str],
        absent: list[str],
        caller: Caller,
    ) -> None:
        """As much of what was said, from `since` on, as has room beside the rest."""
        if "transcript" in missing:
            return
        try:
            lines = await transcript_of(self._kit.asking(caller), call_id)
        except ToolError as error:
            if isinstance(error, Refused) and error.status == 403:
                missing["transcript"] = told_of(error)
            else:
                brief.setdefault("not_read", {})["transcript"] = told_of(error)
            return
        if lines is None:
            absent.append("transcript")
            return
        self._shorten(brief, room)
        left = room - len(to_json(brief))
        said: list[str] = []
        for line in lines:
            if line.at < since:
                continue
            text = _told(line)
            left -= len(to_json(text)) + 1
            if left < 0:
                brief["transcript_goes_on"] = {"from_seconds": int(line.at)}
                break
            said.append(text)
        brief["transcript"] = said

    def _shorten(self, brief: Json, room: int) -> None:
        """A summary that would leave nothing for the rest is cut."""
        summary = brief.get("summary")
        if isinstance(summary, str) and len(to_json(brief)) > room:
            brief["summary"] = str(cut(self._kit.scrubber.text(summary), room // 3, "…"))


_SIDES = {"internal": "agent", "external": "customer"}


def _told(line: Line) -> str:
    return f"{line.clock} {line.speaker}: {line.text}"


def _by_why(missing: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for part, why in missing.items():
        found.setdefault(_plainly(why), []).append(part)
    return list(found.items())


def _plainly(why: str) -> str:
    """The reason without the tool that was asked, so that one add-on is told of once."""
    _, _, said = why.partition(" (403).")
    return (said or why).strip()
