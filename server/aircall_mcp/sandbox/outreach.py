"""Calling many people: the dialer of a user, AI voice agents, outbound campaigns."""

from __future__ import annotations

import re

from . import views
from .deed import Answer, Json, Refusal, Request, absent, bad, e164, performs, refused
from .entities import Campaign, Dialer, Lead, Queued, User, VoiceCall
from .paging import page
from .world import World, dialled

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?Z")


# the dialer


def _user(world: World, request: Request) -> User:
    user = world.users.get(request.path["user_id"])
    if user is None:
        raise absent("User")
    return user


def _dialer(world: World, request: Request) -> Dialer:
    dialer = world.dialers.get(_user(world, request).id)
    if dialer is None:
        raise absent("Dialer campaign")
    return dialer


def _queued(one: Queued) -> Json:
    return {
        "id": one.id,
        "number": views.spaced(one.number),
        "called": one.called,
        "created_at": views.iso(one.created),
    }


def _import(world: World, request: Request, dialer: Dialer) -> Answer:
    """Append what is new; name what was queued before, after the rest has been appended."""
    asked: list[str] = request.body["phone_numbers"]
    if not asked:
        raise bad("phone_numbers can't be empty")
    numbers = [e164(one, "phone_numbers") for one in asked]
    twice: list[str] = []
    for number in numbers:
        if any(one.number == number and not one.called for one in dialer.queue):
            twice.append(f"{number} is already imported, but not called")
        else:
            dialer.queue.append(Queued(world.next_id("queued"), number, request.now))
    if twice:
        body: Json = {
            "error": "Unprocessable Entity",
            "success": False,
            "errors": {"dialer_campaign": twice},
        }
        raise Refusal(Answer(422, body))
    return Answer(204)


@performs("get_dialer_campaign")
def get_dialer_campaign(world: World, request: Request) -> Answer:
    dialer = _dialer(world, request)
    shown: Json = {
        "id": dialer.id,
        "number_id": None,
        "created_at": views.iso(dialer.created),
        "phone_numbers": [_queued(one) for one in dialer.queue],
    }
    return Answer(200, {"dialer_campaign": shown})


@performs("create_dialer_campaign")
def create_dialer_campaign(world: World, request: Request) -> Answer:
    """A second creation appends to the first."""
    user = _user(world, request)
    fresh = Dialer(world.next_id("dialer"), request.now)
    return _import(world, request, world.dialers.setdefault(user.id, fresh))


@performs("delete_dialer_campaign")
def delete_dialer_campaign(world: World, request: Request) -> Answer:
    _dialer(world, request)
    del world.dialers[request.path["user_id"]]
    return Answer(204)


@performs("list_dialer_campaign_numbers")
def list_dialer_campaign_numbers(world: World, request: Request) -> Answer:
    return page(request, "numbers", _dialer(world, request).queue, _queued)


@performs("add_dialer_campaign_numbers")
def add_dialer_campaign_numbers(world: World, request: Request) -> Answer:
    return _import(world, request, _dialer(world, request))


@performs("delete_dialer_campaign_number")
def delete_dialer_campaign_number(world: World, request: Request) -> Answer:
    queue = _dialer(world, request).queue
    for one in queue:
        if one.id == request.path["id"]:
            queue.remove(one)
            return Answer(204)
    raise absent("Phone number")


# AI voice agents


@performs("trigger_ai_voice_agent_call")
def trigger_ai_voice_agent_call(world: World, request: Request) -> Answer:
    agent, body = world.voice_agents.get(request.path["agent_id"]), request.body
    if agent is None:
        raise absent("Agent")
    phone = e164(body["contact_phone"], "contact_phone")
    key: str = body["idempotency_key"]
    if not key.strip():
        raise bad("idempotency_key can't be blank")
    if key in world.voice_calls:
        raise refused(409, "This idempotency_key was used before")
    context: Json = body.get("context", {})
    if missing := [name for name in agent.variables if name not in context]:
        raise bad(f"context is missing {', '.join(missing)}")
    instants = [v for v in context.values() if isinstance(v, str) and _INSTANT.fullmatch(v)]
    if instants and "timezone" not in context:
        raise bad("context is missing timezone, which its dates need")
    bits = (int(request.now * 1000) << 80) | world.random.getrandbits(80)
    ulid = "".join(_CROCKFORD[bits >> shift & 31] for shift in range(125, -1, -5))
    world.voice_calls[key] = VoiceCall(ulid, agent.id, key, phone, request.now)
    shown: Json = {
        "id": ulid,
        "idempotency_key": key,
        "status": "PENDING",
        "virtual_agent_id": agent.id,
    }
    return Answer(202, shown)


# campaigns


@performs("create_campaign")
def create_campaign(world: World, request: Request) -> Answer:
    body = request.body
    if not body["name"].strip():
        raise bad("name can't be blank")
    agent: str | None = body.get("aiva_agent_id")
    if agent is not None and agent not in world.voice_agents:
        raise bad("aiva_agent_id names no AI voice agent")
    campaign = Campaign(
        id=world.uuid(),
        name=body["name"],
        description=body.get("description", ""),
        caller_id_strategy=body.get("caller_id_strategy", "agent_number_pool"),
        attempts=body.get("call_attempts", 3),
        ringing_timeout=body.get("external_ringing_timeout", 30),
        agent=agent,
    )
    if not 1 <= campaign.attempts <= 20:
        raise bad("call_attempts must be between 1 and 20")
    if not 1 <= campaign.ringing_timeout <= 300:
        raise bad("external_ringing_timeout must be between 1 and 300")
    world.campaigns[campaign.id] = campaign
    shown: Json = {
        "id": campaign.id,
        "name": campaign.name,
        "description": campaign.description,
        "status": "draft",
        "caller_id_strategy": campaign.caller_id_strategy,
        "call_attempts": campaign.attempts,
        "external_ringing_timeout": campaign.ringing_timeout,
        "aiva_agent_id": campaign.agent,
    }
    return Answer(201, shown)


def _lead(one: Lead) -> Json:
    return {
        "phone_number": dialled(one.phone),
        "first_name": one.first_name,
        "last_name": one.last_name,
        "email": one.email,
        "company_name": one.company,
        "note": one.note,
    }


@performs("list_campaign_contacts")
def list_campaign_contacts(world: World, request: Request) -> Answer:
    campaign = world.campaigns.get(request.path["campaign_id"].lower())
    if campaign is None:
        raise absent("Campaign")
    leads = campaign.leads
    if "phone_number" in request.query:
        wanted = dialled(request.query["phone_number"])
        leads = [one for one in leads if dialled(one.phone) == wanted]
    return Answer(200, {"contacts": [_lead(one) for one in leads]})


_OUTCOMES: list[Json] = [
    {"id": "CONNECTED", "label": "Connected"},
    {"id": "NO_ANSWER", "label": "No answer"},
    {"id": "0199fb20-3333-4a44-9c0d-3f5a7be01c21", "label": "Wants a tasting"},
]


@performs("list_campaign_outcomes")
def list_campaign_outcomes(_world: World, _request: Request) -> Answer:
    """What nobody has seen answered: made up after the event, as the description is."""
    return Answer(200, {"outcomes": _OUTCOMES})


@performs("list_campaign_call_outcomes")
def list_campaign_call_outcomes(world: World, request: Request) -> Answer:
    """Nobody of the campaign has been called yet."""
    if request.path["campaign_id"].lower() not in world.campaigns:
        raise absent("Campaign")
    return Answer(200, {"outcomes": []})
