"""Who is free, in a call or paused, and since when, as far as that is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ToolError
from ..events.query import Query
from ..ground.caller import Caller
from ..ground.performs import performs
from ..ground.times import iso
from .directory import Directory
from .kit import Json, Kit, id_of, object_of, rows_of, text_of, told_of

WORDS = {
    "available": "free",
    "in_call": "in a call",
    "after_call_work": "wrapping up",
    "do_not_disturb": "paused",
    "offline": "offline",
}
"""Aircall's words for it, in ours; in the order in which they are told."""

_BEGINS = {
    "available": ("user.opened", "user.opened.v2", "user.wut_end", "user.wut_end.v2"),
    "in_call": ("call.answered", "call.created"),
    "after_call_work": ("user.wut_start", "user.wut_start.v2"),
    "do_not_disturb": ("user.closed", "user.closed.v2"),
    "offline": ("user.disconnected", "user.disconnected.v2"),
}
"""The events by which each of these begins."""
_SAY_SO = ("user.*", "call.answered", "call.created", "call.hungup", "call.ended")
_LATEST = 30
"""Events of a user that are looked through: a call and its wrap-up are some six."""
_ALWAYS = frozenset({"always_open", "always_opened", "always_closed"})
"""What Aircall calls a state that nobody gave a reason for."""


class TeamStatus:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    @performs("team_status")
    async def team_status(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        """The users of `team`, or all, with what each is doing at this moment."""
        kit = self._kit
        availabilities = await kit.whole("list_user_availabilities", caller)
        users = await kit.whole("list_users_v2", caller)
        members, team = await self._members(arguments.get("team"), caller)
        known = {id_of(user): user for user in users.items}
        notes = [f"{one.why}" for one in (availabilities, users) if one.why]
        shown: list[Json] = []
        for row in availabilities.items:
            user_id = id_of(row)
            if user_id is None or (members is not None and user_id not in members):
                continue
            user = known.get(user_id, {})
            status = text_of(row.get("availability")) or "unknown"
            one: Json = {"id": user_id, "name": text_of(user.get("name")), "status": status}
            reason = text_of(user.get("substatus"))
            if status == "do_not_disturb" and reason and reason not in _ALWAYS:
                one["reason"] = reason
            shown.append(one)
        shown.sort(key=lambda one: (_rank(one["status"]), one["name"].casefold(), one["id"]))
        notes += await self._since(shown, caller)
        counted = Counter(one["status"] for one in shown)
        said = ", ".join(f"{n} {WORDS.get(word, word)}" for word, n in sorted(
            counted.items(), key=lambda pair: _rank(pair[0])))  # fmt: skip
        data: Json = {
            "summary": f"{said or 'Nobody'}{f' in {team}' if team else ''}.",
            "at": iso(kit.clock.wall()),
            "users": shown,
        }
        if members is not None and (gone := sorted(members - {one["id"] for one in shown})):
            notes.append(f"Of these members no availability is told: {', '.join(map(str, gone))}.")
        page: Json = {"complete": not (availabilities.why or users.why), "returned": len(shown)}
        if not page["complete"]:
            page["why"] = notes[0]
        return await kit.result(data, notes=notes, page=page, key="users")

    async def _members(self, team: Any, caller: Caller) -> tuple[frozenset[int] | None, str]:
        """The ids of a team's users, and its name; None where all are meant."""
        if team is None:
            return None, ""
        meant, members = await Directory(self._kit).members(str(team), caller)
        return members, meant.name

    async def _since(self, shown: Sequence[Json], caller: Caller) -> list[str]:
        """Say since when, by events where there are some, and calls by the list of calls."""
        log = self._kit.log()
        account = self._kit.account or caller.account
        try:
            heard = await log.aside(lambda: log.exists and bool(log.webhooks.active()))
            for one in shown if heard else ():
                query = Query(
                    kinds=_SAY_SO, user_id=one["id"], account=account, limit=_LATEST
                )  # fmt: skip
                events = await log.aside(lambda query=query: log.read(query))
                begins = _BEGINS.get(one["status"], ())
                newest = next((event for event in events if event.trusted), None)
                if newest is not None and newest.kind in begins:
                    one["since"] = iso(newest.built or newest.received)
                    if newest.call_id is not None:
                        one["call_id"] = newest.call_id
        except ToolError as error:
            return [f"Events tell nothing of since when: {told_of(error)}"]
        in_call = [one for one in shown if one["status"] == "in_call" and "since" not in one]
        notes = await self._calls(in_call, caller) if in_call else []
        if not heard:
            notes.append(
                "Since when somebody is free, paused or offline, Aircall tells by webhooks alone,"
                " and none is registered."
            )
        return notes

    async def _calls(self, in_call: Sequence[Json], caller: Caller) -> list[str]:
        """The calls that go on at this moment, of the latest page of the list."""
        try:
            reply = await self._kit.asking(caller).ask("list_calls", order="desc", per_page=50)
        except ToolError as error:
            return [f"Since when calls go on is not known: {told_of(error)}"]
        by_user = {id_of(object_of(call.get("user"))): call for call in reversed(
            rows_of(reply.body, "calls")) if call.get("status") != "done"}  # fmt: skip
        for one in in_call:
            call = by_user.get(one["id"])
            at = (call.get("answered_at") or call.get("started_at")) if call else None
            if call is not None and isinstance(at, int):
                one |= {"since": iso(at), "call_id": id_of(call)}
        return []


def _rank(status: str) -> int:
    words = list(WORDS)
    return words.index(status) if status in words else len(words)
