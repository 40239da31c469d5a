"""The content of webhooks and message callbacks, and which event a call causes when."""

from __future__ import annotations

from collections.abc import Iterator

from . import views
from .deed import Json
from .entities import Call, Number, User
from .world import World

INSIGHTS = {
    "transcription.created": "get_call_transcription",
    "summary.created": "get_call_summary",
    "topics.created": "get_call_topics",
    "sentiment.created": "get_call_sentiments",
    "action_item.created": "get_call_action_items",
}


def course(world: World, call: Call) -> Iterator[tuple[float, str]]:
    """When what happens to a call."""
    yield call.started, "call.created"
    if call.direction == "inbound" and call.user is not None:
        yield call.started + 1, "call.ringing_on_agent"
    if call.answered is not None and not call.missed:
        yield call.answered, "call.answered"
    yield call.ended, "call.hungup"
    settled = call.ended + world.pace.media
    yield settled, "call.ended"
    if call.voicemail:
        yield settled, "call.voicemail_left"
    if call.recorded and call.answered is not None:
        yield settled, "call.comm_assets_generated"
        if call.talk >= 0:
            for kind in INSIGHTS:
                yield call.ended + world.pace.analysis, kind


def call(world: World, one: Call, now: float) -> Json:
    """A call as webhooks show it."""
    shown = views.call(world, one, now, {"fetch_contact": True, "fetch_short_urls": True})
    line = world.numbers.get(one.number)
    shown["call_uuid"] = shown["sid"]
    shown["participants"] = shown["conference_participants"]
    shown["hangup_cause"] = "normal" if one.status(now) == "done" else None
    shown["tags"] = [_tagging(tag) for tag in shown["tags"]]
    if line is not None and shown["number"] is not None:
        shown["number"] = {**shown["number"], "e164_digits": line.digits}
    return shown


def _tagging(shown: Json) -> Json:
    """A tag of a call as webhooks show it: `tagged_at`, and nobody is an empty object."""
    kept = {name: value for name, value in shown.items() if name != "created_at"}
    return {**kept, "tagged_by": shown["tagged_by"] or {}, "tagged_at": shown["created_at"]}


def user_v1(world: World, one: User) -> Json:
    """A user as the older events show it: with the lines, which no read has."""
    numbers = [views.number(world, n) for n in world.numbers.values() if one.id in n.users]
    return {**views.user_v1(world, one), "numbers": numbers}


def contact(shown: Json) -> Json:
    """A contact as webhooks show it: its dates are ISO there."""
    return {
        **shown,
        "created_at": views.iso(shown["created_at"]),
        "updated_at": views.iso(shown["updated_at"]),
    }


def text(world: World, number: Number, digits: str, body: str, now: float) -> Json:
    """A text from outside, with an id of its own."""
    known = world.contacts_at(digits)
    identity = f"SM{world.random.getrandbits(128):032x}"
    return {
        "id": identity,
        "status": "received",
        "direct_link": f"{world.base_url}/v1/numbers/{number.id}/messages/{identity}",
        "direction": "inbound",
        "created_at": int(now * 1000),
        "sent_at": int(now * 1000),
        "updated_at": int(now * 1000),
        "body": body,
        "media_url": [],
        "raw_digits": digits,
        "channel": None,
        "number": views.number(world, number),
        "contact": views.contact(world, known[0]) if known else None,
    }
