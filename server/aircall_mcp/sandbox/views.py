"""The entities of the world as JSON. Nested ones are shortened like Aircall's."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from .deed import Json
from .entities import (
    Call,
    Configuration,
    Contact,
    Detail,
    Message,
    Number,
    Tag,
    Team,
    User,
    Webhook,
)
from .world import World

_MEDIA = "https://media.aircall.example"
_SLOTS = (
    "welcome",
    "waiting",
    "ringing_tone",
    "after_hours",
    "ivr",
    "voicemail",
    "unanswered_call",
    "closed",
    "callback_later",
)


@lru_cache(maxsize=1024)
def iso(instant: float) -> str:
    """UTC with milliseconds and a Z, as Aircall writes creation dates."""
    seconds, millis = divmod(round(instant * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{millis:03d}Z"


@lru_cache(maxsize=4096)
def spaced(digits: str) -> str:
    """An E.164 number in the spaced form that Aircall displays."""
    if digits.startswith("+1") and len(digits) == 12:
        return f"+1 {digits[2:5]}-{digits[5:8]}-{digits[8:]}"
    if digits.startswith("+33") and len(digits) == 12:
        rest = digits[4:]
        pairs = " ".join(rest[i : i + 2] for i in range(0, 8, 2))
        return f"+33 {digits[3]} {pairs}"
    if digits.startswith("+4420") and len(digits) == 13:
        return f"+44 20 {digits[5:9]} {digits[9:]}"
    if digits.startswith("+4930"):
        return f"+49 30 {digits[5:]}"
    return digits


def user(world: World, one: User) -> Json:
    return {
        **brief_user(world, one, version=2),
        "default_number_id": _default_number(world, one),
        "substatus": one.substatus or _state(one),
    }


def user_v1(world: World, one: User) -> Json:
    """The older shape: neither substatus nor default number, and dates to the second."""
    return {**brief_user(world, one), "created_at": iso(one.created)[:19] + "Z"}


def brief_user(world: World, one: User, *, version: int = 1) -> Json:
    """A user inside a call or a number."""
    return {
        **slim_user(world, one, version=version),
        "time_zone": one.time_zone,
        "language": one.language,
        "state": _state(one),
        "wrap_up_time": one.wrap_up,
        "extension": f"{one.id % 1_000:03d}",
    }


def slim_user(world: World, one: User, *, version: int = 1) -> Json:
    """A user as the author of something."""
    return {
        "id": one.id,
        "direct_link": f"{world.base_url}/v{version}/users/{one.id}",
        "name": one.name,
        "email": one.email,
        "available": one.connected and one.availability_status != "unavailable",
        "availability_status": one.availability_status,
        "created_at": iso(one.created),
    }


def _state(one: User) -> str:
    return "always_closed" if one.availability_status == "unavailable" else "always_opened"


def _default_number(world: World, one: User) -> int | None:
    return next((n.id for n in world.numbers.values() if one.id in n.users), None)


def _author(world: World, user_id: int | None) -> Json | None:
    one = world.users.get(user_id) if user_id is not None else None
    return slim_user(world, one) if one else None


def team(world: World, one: Team) -> Json:
    members: list[Json] = [
        {
            "id": member.id,
            "direct_link": f"{world.base_url}/v1/users/{member.id}",
            "name": member.name,
            "email": member.email,
            "availability_status": member.availability_status,
            "default_number_id": _default_number(world, member),
            "created_at": iso(member.created),
            "time_zone": member.time_zone,
            "language": member.language,
            "wrap_up_time": member.wrap_up,
        }
        for member in filter(None, map(world.users.get, one.users))
    ]
    return {**_team(world, one), "users": members}


def _team(world: World, one: Team) -> Json:
    return {
        "id": one.id,
        "direct_link": f"{world.base_url}/v1/teams/{one.id}",
        "name": one.name,
        "created_at": iso(one.created),
    }


def number(world: World, one: Number, *, users: bool = False) -> Json:
    shown: Json = {
        "id": one.id,
        "direct_link": f"{world.base_url}/v1/numbers/{one.id}",
        "name": one.name,
        "digits": spaced(one.digits),
        "created_at": iso(one.created),
        "country": one.country,
        "time_zone": one.time_zone,
        "open": one.availability_status != "closed",
        "availability_status": one.availability_status,
        "is_ivr": one.menu,
        "live_recording_activated": one.recorded,
        "priority": one.priority,
        "flow_editor_enabled": one.menu,
        "messages": {slot: one.messages.get(slot) for slot in _SLOTS},
    }
    if users:
        shown["users"] = [
            brief_user(world, member) for member in filter(None, map(world.users.get, one.users))
        ]
    return shown


def configuration(one: Configuration) -> Json:
    return {"token": one.token, "callbackUrl": one.callback_url, "type": "Public Api"}


def tag(one: Tag) -> Json:
    return {
        "id": one.id,
        "name": one.name,
        "color": one.color,
        "description": one.description,
    }


def detail(one: Detail) -> Json:
    return {"id": one.id, "label": one.label, "value": one.value}


def contact(world: World, one: Contact) -> Json:
    return {
        "id": one.id,
        "direct_link": f"{world.base_url}/v1/contacts/{one.id}",
        "first_name": one.first_name,
        "last_name": one.last_name,
        "company_name": one.company_name,
        "information": one.information,
        "is_shared": True,
        "created_at": one.created,
        "updated_at": one.updated,
        "phone_numbers": [detail(phone) for phone in one.phones],
        "emails": [detail(email) for email in one.emails],
    }


def call(world: World, one: Call, now: float, wanted: Mapping[str, Any]) -> Json:
    """A call at `now`; `wanted` holds the fetch_… choices of the request."""
    status = one.status(now)
    over, final = status == "done", one.final(now, world.pace)
    started = one.began(now, world.pace)
    recording, voicemail = world.has_recording(one, now), world.has_voicemail(one, now)
    kind = "recording" if recording else "voicemail"
    taken = one.direction == "outbound" or (status != "initial" and one.answered is not None)
    taker = world.users.get(one.user) if one.user is not None and taken else None
    line = world.numbers.get(one.number)
    shown: Json = {
        "id": one.id,
        "sid": f"CA{one.id:032x}",
        "direct_link": f"{world.base_url}/v1/calls/{one.id}",
        "direction": one.direction,
        "status": status,
        "missed_call_reason": one.missed if over else None,
        "started_at": started,
        "answered_at": None if status == "initial" or one.missed else one.answered,
        "ended_at": one.ended if over else None,
        "duration": one.ended - started if over else 0,
        "raw_digits": spaced(one.digits),
        "voicemail": _media(one, "voicemail", now, 3600) if voicemail else None,
        "recording": _media(one, "recording", now, 3600) if recording else None,
        "asset": f"{_MEDIA}/calls/{one.id}/{kind}" if recording or voicemail else None,
        "user": brief_user(world, taker) if taker else None,
        "contact": None,
        "archived": one.archived,
        "assigned_to": _author(world, one.assigned_to),
        "transferred_by": _author(world, one.transferred_by),
        "transferred_to": _author(world, one.transferred_to),
        "cost": _cost(one) if final else "0.0",
        "pricing_type": "in_bundle" if final else None,
        "country_code_a2": line.country if line else None,
        "number": number(world, line) if line else None,
        "comments": [
            {
                "id": comment.id,
                "content": comment.content,
                "posted_at": comment.posted,
                "posted_by": _author(world, comment.user),
            }
            for comment in one.comments
        ],
        "tags": [
            {
                "id": label.id,
                "name": label.name,
                "created_at": tagging.at,
                "tagged_by": _author(world, tagging.user),
            }
            for tagging in one.tags
            if (label := world.tags.get(tagging.tag))
        ],
        "teams": [_team(world, t) for t in filter(None, map(world.teams.get, one.teams))],
        "conference_participants": _participants(world, one, taker),
        "recording_short_url": None,
        "voicemail_short_url": None,
    }
    if wanted.get("fetch_contact"):
        known = world.contacts_at(one.digits)
        shown["contact"] = contact(world, known[0]) if known else None
    if wanted.get("fetch_short_urls"):
        shown["recording_short_url"] = _media(one, "r", now, 3 * 3600) if recording else None
        shown["voicemail_short_url"] = _media(one, "v", now, 3 * 3600) if voicemail else None
    if wanted.get("fetch_call_timeline"):
        shown["ivr_options_selected"] = _timeline(one, now)
    if wanted.get("fetch_aiva_conv"):
        shown["ai_voice_agents"] = _agents(world, one, now)
    return shown


def _cost(one: Call) -> str:
    """A leftover, in cents: three for each minute of talking that began, outbound."""
    talked = one.ended - one.answered if one.answered is not None else 0
    return f"{3.0 * -(-talked // 60)}" if one.direction == "outbound" else "0.0"


def _media(one: Call, kind: str, now: float, lifetime: int) -> str:
    return f"{_MEDIA}/{kind}/{one.id}.mp3?expires={int(now) + lifetime}"


def _participants(world: World, one: Call, taker: User | None) -> list[Json]:
    known = world.contacts_at(one.digits)
    outside: Json = {"type": "external", "phone_number": spaced(one.digits)}
    if known:
        outside = {**outside, "type": "contact", "id": known[0].id, "name": known[0].name}
    inside = [{"type": "user", "id": taker.id, "name": taker.name}] if taker else []
    return [outside, *inside]


def _timeline(one: Call, now: float) -> list[Json]:
    if one.menu_key is None or now - one.started > 61 * 86_400:
        return []
    titles = {"1": "Orders and deliveries", "2": "Billing", "3": "Technical support"}
    pressed = one.started + 3
    return [
        {
            "id": f"{one.id}-{one.menu_key}",
            "title": titles[one.menu_key],
            "key": one.menu_key,
            "branch": titles[one.menu_key].lower(),
            "created_at": iso(pressed),
            "transition_started_at": iso(one.started),
            "transition_ended_at": iso(pressed),
        }
    ]


def _agents(world: World, one: Call, now: float) -> list[Json]:
    agent = world.voice_agents.get(one.voice_agent or "")
    if agent is None:
        return []
    return [
        {
            "agent_id": agent.id,
            "agent_name": agent.name,
            "end_reason": "answered",
            "started_at": one.answered or one.started,
            "ended_at": one.ended if now >= one.ended else None,
            "escalation_reason": None,
            "escalation_target": None,
        }
    ]


def message(world: World, one: Message, now: float) -> Json:
    """The answer to a send. Times are in UNIX milliseconds."""
    known = world.contacts_at(one.to[0])
    line = world.numbers[one.number]
    shown: Json = {
        "id": one.id,
        **_sent(world, one, now),
        "raw_digits": one.to[0],
        "channel": "whatsapp" if one.channel == "whatsapp" else None,
        "number": number(world, line),
        "contact": contact(world, known[0]) if known else None,
    }
    return shown


def group_message(world: World, one: Message, now: float) -> Json:
    shown = _sent(world, one, now)
    return {
        "group_message_id": one.id,
        "group_conversation_id": one.group,
        "participants": list(one.to),
        **shown,
    }


def _sent(world: World, one: Message, now: float) -> Json:
    status = one.status(now, world.pace)
    created = int(one.created * 1000)
    return {
        "status": status,
        "direct_link": f"{world.base_url}/v1/numbers/{one.number}/messages/{one.id}",
        "direction": "outbound",
        "created_at": created,
        "sent_at": None if status == "pending" else created + world.pace.sent * 1000,
        "updated_at": created,
        "body": one.body,
        "media_url": list(one.media),
    }


def webhook(world: World, one: Webhook, *, read: bool = True) -> Json:
    """A webhook; what was just made or changed, instead of `read`, comes without its older id.

    Its events are in another order than they were asked for.
    """
    named = {"custom_name": one.name} if one.name else {}
    return {
        **({"id": one.id} if read else {}),
        "direct_link": f"{world.base_url}/v1/webhooks/{one.uuid}",
        "url": one.url,
        **named,
        "active": one.active,
        "events": sorted(one.events, reverse=True),
        "token": one.token,
        "created_at": iso(one.created),
        "webhook_id": one.uuid,
    }


def members(world: World, ids: Iterable[int]) -> list[User]:
    return [one for one in map(world.users.get, ids) if one is not None]
