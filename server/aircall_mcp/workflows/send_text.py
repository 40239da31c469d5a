"""Text one person or several: with one question to a person, and each text once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ArgumentError, NotAllowed, Refused, ToolError, quoted
from ..events.messages import newest
from ..events.query import Query
from ..ground.caller import Caller
from ..ground.operation import Bound
from ..ground.performs import performs
from ..ground.reply import Reply
from ..ground.segments import segments_of
from ..safety.plans import Performed
from .destination import e164_of, is_number
from .directory import Directory, named
from .kit import Json, Kit, id_of, object_of, text_of, told_of
from .meant import Found, unclear

NATIVE, PROXY = "send_message_in_conversation", "send_message"
_OVER = frozenset({"delivered", "undelivered", "failed", "read", "deleted"})
"""Statuses after which nothing more is heard, or nothing that matters."""
_MOST_EVENTS = 200
_REGISTERED = {"US", "CA"}
"""Countries in whose networks a number must be registered before a program may text from it."""


@dataclass(frozen=True, slots=True)
class Sender:
    """The number that is texted from, as Aircall lists it, and how: the id of the operation."""

    row: Json
    operation: str

    @property
    def country(self) -> str:
        return text_of(self.row.get("country"))


class SendText:
    """See the module docstring."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    @performs("send_text")
    async def send_text(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        """What became of the text, for each recipient."""
        sender = await self._sender(arguments.get("from"), caller)
        body: str = arguments["body"]
        people = _recipients(arguments["to"], sender.country)
        number = id_of(sender.row)
        steps = [
            self._kit.operations[sender.operation].bind(
                {"number_id": number, "to": to, "body": body}
            )
            for to in people
        ]
        after = await self._listening() if arguments.get("wait_seconds") else None
        if len(steps) == 1:
            rows, notes = [await self._one(steps[0], sender, caller)], list[str]()
            data: Json = {"texts": rows}
        else:
            data, notes = await self._several(steps, sender, caller)
            rows = data["texts"]
        if seconds := arguments.get("wait_seconds"):
            notes += await self._followed(rows, after, float(seconds))
        data["from"] = {"id": number, "name": text_of(sender.row.get("name"))}
        data["mode"] = "conversation" if sender.operation == NATIVE else "automated"
        data["segments"] = segments_of(body).count
        return await self._kit.result(data, notes=notes, key="texts", strangers=False)

    async def _one(self, step: Bound, sender: Sender, caller: Caller) -> Json:
        try:
            reply = await self._kit.gateway.send(step, caller)
        except Refused as error:
            error.hint = f"{error.hint} {await self._why(sender, step, error, caller)}".strip()
            raise
        return _sent(step, reply)

    async def _several(
        self, steps: Sequence[Bound], sender: Sender, caller: Caller
    ) -> tuple[Json, list[str]]:
        plans = self._kit.plans
        if plans is None:
            raise NotAllowed("Plans are not available here.", hint="Text one person at a time.")
        plan = await plans.propose(steps, caller, tool="aircall_send_text")
        performed = await plans.perform(plan, caller)
        kept = performed.kept
        rows = [_of_item(performed, place, step) for place, step in enumerate(steps)]
        data: Json = {"texts": rows, "plan": kept.id, "standing": _standing(performed)}
        notes: list[str] = []
        if performed.why:
            data |= {"why": performed.why, "next": performed.hint}
        elif kept.why:
            data["why"] = kept.why
        if any(item.outcome == "failed" for item in kept.items):
            notes.append(await self._why(sender, steps[0], None, caller))
        return data, [note for note in notes if note]

    async def _sender(self, said: str | None, caller: Caller) -> Sender:
        """The number that is meant; the only one there is where none is named."""
        known = await Directory(self._kit).known("number", caller)
        if said is None and len(known.rows) != 1:
            fits = tuple(named(row, "number") for row in known.rows.values())
            choices = unclear("", Found(fits), "number").hint
            raise ArgumentError(
                "It is not clear which number it should come from.", hint=f"Give `from`. {choices}"
            )
        row = known.one(str(next(iter(known.rows))) if said is None else said)
        return Sender(row, await self._mode(row["id"], caller))

    async def _mode(self, number: int, caller: Caller) -> str:
        """In the agents' conversation, unless the number was set up for a program's texts, which
        takes it from them."""
        try:
            reply = await self._kit.asking(caller).ask(
                "get_message_configuration", number_id=number
            )
        except Refused as error:
            if error.status in (400, 403, 404):
                return NATIVE
            raise
        kind = text_of(object_of(reply.body).get("type"))  # "Public Api", as far as anybody saw
        return NATIVE if "whatsapp" in kind.lower() else PROXY

    async def _why(self, sender: Sender, step: Bound, error: Refused | None, caller: Caller) -> str:
        """What Aircall's refusal may be about, beyond its words."""
        if error is not None and error.status not in (400, 403, 422):
            return ""
        said = ["Texting by API is part of Aircall's Professional plan and up."]
        to = str(step.arguments["to"])
        if sender.country in _REGISTERED or to.startswith("+1"):
            try:
                reply = await self._kit.asking(caller).ask(
                    "get_number_registration_status", number_id=id_of(sender.row)
                )
                status = text_of(object_of(reply.body).get("registration_status"))
            except ToolError as trouble:
                status = f"not known ({told_of(trouble)})"
            said.append(
                "Networks in the US and Canada carry a program's texts (A2P) only from numbers that"
                " are registered, which an admin does in Aircall's dashboard: this one is"
                f" {status}."
            )
        return " ".join(said)

    async def _listening(self) -> int | None:
        """Where the event log is now, None where no webhook tells it anything."""
        log = self._kit.log()
        if await log.aside(lambda: log.exists and bool(log.webhooks.active())):
            return await log.aside(log.latest)
        return None

    async def _followed(self, rows: Sequence[Json], after: int | None, seconds: float) -> list[str]:
        """Each row's status as webhooks tell it within `seconds`, and what to know of that."""
        mine = {row["id"]: row for row in rows if row.get("id")}
        if after is None:
            return ["No webhook is registered, so what became of a text is not heard of here."]
        log = self._kit.log()
        try:
            async with asyncio.timeout(seconds):
                while any(row.get("status") not in _OVER for row in mine.values()):
                    there = await log.beyond(after)
                    query = Query(messages=True, after=after, before=there + 1, limit=_MOST_EVENTS)
                    found = await log.aside(lambda query=query: log.read(query))
                    for event in reversed(newest(found)):
                        status = event.data.get("status")
                        if event.data.get("id") in mine and isinstance(status, str):
                            mine[event.data["id"]]["status"] = status
                    after = found[-1].sequence if len(found) == _MOST_EVENTS else there
        except TimeoutError:
            return [
                "Not every text's end was heard of in this time: aircall_list_messages shows it."
            ]
        return []


def _recipients(said: Sequence[str], country: str) -> list[str]:
    """Each person once, in E.164; national notation is that of the number texted from."""
    return list(dict.fromkeys(_recipient(one, country or None) for one in said))


def _recipient(said: str, country: str | None) -> str:
    try:
        return e164_of(said, country)
    except ArgumentError:
        if is_number(said) or not any(map(str.isalpha, said)):
            raise
        raise ArgumentError(
            f"`{quoted(said)}` is not a phone number, and texts go to phone numbers only.",
            hint="aircall_find_person finds the numbers of a person by their name.",
        ) from None


def _sent(step: Bound, reply: Reply) -> Json:
    body = object_of(reply.body)
    told: Json = {"to": step.arguments["to"], "outcome": "done"}
    for name in ("id", "status"):
        if isinstance(body.get(name), str | int):
            told[name] = body[name]
    if reply.notes:
        told["notes"] = list(reply.notes)
    return told


def _of_item(performed: Performed, place: int, step: Bound) -> Json:
    item = performed.kept.items[place]
    if place in performed.replies:
        return _sent(step, performed.replies[place])
    told: Json = {"to": step.arguments["to"], "outcome": item.outcome}
    return told | ({"why": item.said} if item.said and item.outcome != "waiting" else {})


def _standing(performed: Performed) -> str:
    return "waits" if performed.kept.standing == "running" else performed.kept.standing
