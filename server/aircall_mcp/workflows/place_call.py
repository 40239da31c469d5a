"""Place a call for somebody: once, even if an answer is lost, and then tag and comment it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ArgumentError, Duplicate, NeedsConfirmation, OutcomeUnknown, Refused, ToolError
from ..ground.caller import AccountName, Caller
from ..ground.performs import performs
from ..offer.shape import shape
from .destination import e164_of, is_number
from .dialling import Calls, Dialling, Line, over
from .directory import Directory, Known, named
from .kit import Json, Kit, id_of, object_of, rows_of, text_of
from .listening import Listening
from .meant import Named
from .people import People

REMEMBERED = 900.0
"""Seconds in which the same asking is told of a call whose answer its asker never got."""
_COLOR = "#4C7DFF"
"""Of a tag that is created: Aircall wants one, and nobody said which."""
_STEP = 4.0
"""Seconds between two looks at a call that somebody waits for."""

_FREE = "available"
_CHANGES = {
    "in_call": "They are in a call: wait until it ends.",
    "after_call_work": "They are wrapping up a call, which ends by itself in a moment.",
    "do_not_disturb": "They have paused themselves: they set themselves available in Aircall, or"
    " aircall_update_user_v2 does with availability_status.",
    "offline": "They are signed out: they open Aircall's desktop app, once, and sign in. The phone"
    " apps do not count.",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call as it was asked for, with everything looked up."""

    line: Line
    contact: Named | None
    tags: Sequence[tuple[str, Json | None]]
    comment: str


@dataclass(slots=True)
class Account:
    """What was done and what was not, as it goes. `before` are the calls that were there when
    dialling began."""

    before: Calls | None = None
    call: Json = field(default_factory=dict[str, Any])
    tagged: list[str] = field(default_factory=list[str])
    commented: bool = False
    left: list[Json] = field(default_factory=list[Json])
    notes: list[str] = field(default_factory=list[str])

    def missed(self, what: str, error: ToolError | str, tool: str, **arguments: Any) -> None:
        """`what` is not done, for the reason given; `tool` would do it."""
        if isinstance(error, str):
            why, hint = error, ""
        elif isinstance(error, NeedsConfirmation):
            why, hint = "A person must say yes to it first.", ""
        else:
            why, hint = error.message, error.hint
        unknown = isinstance(error, OutcomeUnknown)
        one: Json = {"what": what, "done": "unknown" if unknown else "no", "why": why}
        if hint and unknown:
            one["hint"] = hint
        self.left.append({**one, "next": {"tool": f"aircall_{tool}", "arguments": arguments}})


class PlaceCall:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._directory = Directory(kit)
        self._people = People(kit)
        self._listening = Listening(kit)
        self._dialling = Dialling(kit)
        self._untold: dict[tuple[AccountName, str], tuple[float, Calls]] = {}

    @performs("place_call")
    async def place_call(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        """See the module docstring. Nothing is dialled before all that was named is found; nothing
        that fails afterwards hides that it was."""
        wish = json.dumps([caller.principal, arguments], sort_keys=True)
        asked = (caller.account or "", wish)
        wanted = await self._wanted(arguments, caller)
        done = Account()
        try:
            await self._place(wanted, done, self._before(asked), caller)
            seconds = float(arguments.get("wait_seconds", 0))
            if done.call and seconds:
                await self._wait(done, arguments.get("until", "ended"), seconds, caller)
            await self._tag(wanted, done, caller)
            await self._comment(wanted, done, caller)
            if done.call and (done.tagged or done.commented):
                await self._read(done, caller)
            return await self._told(wanted, done)
        except asyncio.CancelledError:
            # A client that grew impatient asks again: that must not dial a second time.
            if done.before is not None:
                self._untold[asked] = self._kit.clock.monotonic(), done.before
            raise

    def _before(self, asked: tuple[AccountName, str]) -> Calls | None:
        """The calls that were there before the same asking dialled, whose asker left."""
        since, before = self._untold.pop(asked, (0.0, None))
        return before if self._kit.clock.monotonic() - since < REMEMBERED else None

    async def _place(
        self, wanted: Wanted, done: Account, before: Calls | None, caller: Caller
    ) -> None:
        line = wanted.line
        calls = await self._dialling.calls(line, caller)
        newest = next(iter(calls.values()), None)
        if before is not None and (mine := sorted(calls.keys() - before.keys())):
            done.before, done.call = before, calls[mine[0]]
            done.notes.append("It was dialled when this was asked before, and not again.")
        elif newest is not None and not over(newest):
            done.before, done.call = calls, newest
            done.notes.append(
                f"{line.name} is in this call to {line.to} already: not dialled again."
            )
        else:
            await self._check_free(line, caller)
            done.before = calls if before is None else before
            try:
                placed = await self._dialling.dial(line, done.before, caller)
            except ToolError:
                done.before = None  # which tells of it itself
                raise
            done.call = placed.call
            done.notes += [placed.note] if placed.note else []

    # before anything is done

    async def _wanted(self, arguments: Mapping[str, Any], caller: Caller) -> Wanted:
        said = arguments.get("user", "me")
        user = await self._directory.user(said, caller)
        number = await self._number(arguments.get("number"), user, caller)
        country = text_of(number.get("country")) or None
        to, contact = await self._to(arguments["to"], country, caller)
        tags = await self._tags(arguments, caller)
        comment = arguments.get("comment", "").strip()
        return Wanted(Line(user, number, to), contact, tags, comment)

    async def _number(self, said: str | None, user: Json, caller: Caller) -> Json:
        """The number to call from: the one that is named, else the user's own."""
        user_id = id_of(user) or 0
        listed = await self._kit.whole("list_user_numbers", caller, user_id=user_id)
        own = {one: row for row in listed.items if (one := id_of(row)) is not None}
        name = text_of(user.get("name"))
        if not own:
            raise ArgumentError(
                f"{name} has no number to call from. {listed.why}".strip(),
                hint="Assign one in Aircall's dashboard, or name another user.",
            )
        if said is None:
            habits = await self._kit.owner(caller.account)
            for usual in (
                habits.number if habits.user == user_id else None,
                id_of(user.get("default_number_id")),
                next(iter(own)) if len(own) == 1 else None,
            ):
                if usual in own:
                    return own[usual]
            listed_here = "; ".join(str(named(row, "number")) for row in own.values())
            raise ArgumentError(
                f"{name} has {len(own)} numbers, and none of them is their usual one.",
                hint=f"Say which as `number`: {listed_here}.",
            )
        known = await self._directory.known("number", caller)
        number = known.one(said)
        if id_of(number) not in own:
            listed_here = "; ".join(str(named(row, "number")) for row in own.values())
            raise ArgumentError(
                f"{name} is not assigned to {named(number, 'number')}, so cannot call from it.",
                hint=f"Theirs: {listed_here}.",
            )
        return number

    async def _to(self, said: str, country: str | None, caller: Caller) -> tuple[str, Named | None]:
        if is_number(said):
            return e164_of(said, country), None
        contact = await self._people.contact(said, caller)
        numbers = list(dict.fromkeys(e164_of(one, country) for one in contact.phones
                                     if is_number(one)))  # fmt: skip
        if len(numbers) != 1:
            raise ArgumentError(
                f"{contact} has {len(numbers) or 'no'} phone numbers.",
                hint=f"Say which as `to`: {', '.join(numbers)}." if numbers else "Give a number.",
            )
        return numbers[0], contact

    async def _tags(
        self, arguments: Mapping[str, Any], caller: Caller
    ) -> list[tuple[str, Json | None]]:
        """Each tag that is named and its row; None for one that is to be created."""
        names: list[str] = list(dict.fromkeys(arguments.get("tags", ())))
        if not names:
            return []
        known = await self._directory.known("tag", caller)
        create = bool(arguments.get("create_tags"))
        return [(name, _tag(known, name, create=create)) for name in names]

    async def _check_free(self, line: Line, caller: Caller) -> None:
        """Raise `Refused` where Aircall would not dial, with what would have to change."""
        asking = self._kit.asking(caller, fresh=True)
        reply = await asking.ask("get_user_availability", user_id=id_of(line.user))
        state = text_of(object_of(reply.body).get("availability"))
        if state in ("", _FREE):
            return
        raise Refused(
            f"{line.name} is `{state}`, and Aircall dials only for a user who is available."
            " Nothing was dialled.",
            status=405,
            hint=_CHANGES.get(state, "Try when they are available (aircall_team_status)."),
        )

    # the call

    async def _wait(self, done: Account, until: str, seconds: float, caller: Caller) -> None:
        """Follow the call until it is answered, or has ended, for at most so many seconds."""
        clock = self._kit.clock
        ears = await self._listening.from_now(caller)
        began = clock.monotonic()
        while not _reached(done.call, until):
            left = began + seconds - clock.monotonic()
            if left <= 0:
                done.notes.append(f"After {seconds:.0f} s it was not {until} yet.")
                return
            await caller.progress(seconds - left, seconds, f"waiting until the call is {until}")
            await ears(min(_STEP, left))
            if not await self._read(done, caller):
                return

    async def _read(self, done: Account, caller: Caller) -> bool:
        try:
            reply = await self._kit.asking(caller, fresh=True).ask(
                "get_call", call_id=id_of(done.call), fetch_contact=True
            )
        except ToolError as error:
            done.notes.append(f"The call could not be read anew: {error.message}")
            return False
        done.call = object_of(object_of(reply.body).get("call")) or done.call
        return True

    # and afterwards

    async def _tag(self, wanted: Wanted, done: Account, caller: Caller) -> None:
        names = [name for name, _ in wanted.tags]
        if not names:
            return
        call_id = id_of(done.call)
        if call_id is None:
            done.missed(f"tag it {', '.join(names)}", _UNLISTED, "add_call_tags", tags=names)
            return
        there = {id_of(tag) for tag in rows_of(done.call, "tags")}
        ids: dict[int, str] = {}
        for name, row in wanted.tags:
            tag_id = id_of(row) or await self._created(name, done, caller)
            if tag_id is not None:
                ids[tag_id] = name
        done.tagged = [name for tag_id, name in ids.items() if tag_id in there]
        if not (left := {one: name for one, name in ids.items() if one not in there}):
            return
        try:
            await self._kit.asking(caller).ask("add_call_tags", call_id=call_id, tags=list(left))
        except Duplicate:
            pass
        except ToolError as error:
            what = f"tag it {', '.join(left.values())}"
            done.missed(what, error, "add_call_tags", call_id=call_id, tags=list(left))
            return
        done.tagged += left.values()

    async def _created(self, name: str, done: Account, caller: Caller) -> int | None:
        try:
            reply = await self._kit.asking(caller).ask("create_tag", name=name, color=_COLOR)
        except Duplicate:
            known = await self._kit.whole("list_tags", caller, fresh=True)
            return next((id_of(row) for row in known.items if row.get("name") == name), None)
        except ToolError as error:
            done.missed(
                f"create the tag {name} and put it on the call", error, "create_tag", name=name
            )
            return None
        return id_of(object_of(reply.body).get("tag"))

    async def _comment(self, wanted: Wanted, done: Account, caller: Caller) -> None:
        if not wanted.comment:
            return
        if any(one.get("content") == wanted.comment for one in rows_of(done.call, "comments")):
            done.commented = True
            return
        call_id = id_of(done.call)
        if call_id is None:
            done.missed("comment it", _UNLISTED, "add_call_comment", content=wanted.comment)
            return
        try:
            await self._kit.asking(caller).ask(
                "add_call_comment", call_id=call_id, content=wanted.comment
            )
        except Duplicate:
            pass  # which an earlier asking for the same call did
        except ToolError as error:
            done.missed(
                "comment it", error, "add_call_comment", call_id=call_id, content=wanted.comment
            )
            return
        done.commented = True

    async def _told(self, wanted: Wanted, done: Account) -> Json:
        line, like = wanted.line, self._kit.operations["get_call"].answer
        shaped, notes = shape({"call": done.call}, like, "concise")
        data: Json = {
            "placed": True,
            "from": {"user": line.name, "user_id": id_of(line.user),
                     "number": text_of(line.number.get("name")), "number_id": id_of(line.number)},
            "to": line.to,
            "call": shaped["call"] if done.call else None,
        }  # fmt: skip
        if wanted.contact:
            data["contact"] = {"id": wanted.contact.id, "name": wanted.contact.name}
        if wanted.tags:
            data["tagged"] = done.tagged
        if wanted.comment:
            data["commented"] = done.commented
        if done.left:
            data["not_done"] = done.left
        return await self._kit.result(data, notes=[*done.notes, *notes], strangers=False)


_UNLISTED = "Aircall does not list the call yet, so its id is not known."


def _tag(known: Known, name: str, *, create: bool) -> Json | None:
    """The tag of that name; None where it is to be created. Raises `ArgumentError`."""
    found = known.names.find(name)
    if create and not (found.fits and found.grade <= 1):
        return None
    return known.one(name)


def _reached(call: Json, until: str) -> bool:
    return over(call) or (until == "answered" and call.get("answered_at") is not None)
