"""Texts: in the agents' conversation or past the inbox, to one or to a group, SMS or WhatsApp."""

from __future__ import annotations

from . import views
from .deed import Answer, Json, Request, bad, e164, performs
from .entities import Channel, Message, Number
from .numbers import line
from .paging import page
from .world import World

_LARGEST_GROUP = 10
_SERVICE_WINDOW = 86_400  # seconds in which WhatsApp allows free text after a message from outside
_TEMPLATE_PAGE = 10


def _ready(number: Number, channel: Channel, *, proxy: bool) -> None:
    """Refuse a line that cannot carry the message, or is set up for the other way of sending."""
    if not (number.waba if channel == "whatsapp" else number.texts):
        raise bad("This number can't be used for messages")
    if proxy and channel not in number.configurations:
        raise bad("This number is not configured for the Public API")
    if not proxy and channel in number.configurations:
        raise bad("This number is configured for the Public API: agents can't text from it")


def _media(request: Request, number: Number) -> tuple[str, ...]:
    media: list[str] = request.body.get("mediaUrl", [])
    if media and number.country not in ("US", "CA"):
        raise bad("mediaUrl: this number can't send media")
    for url in media:
        if not url.startswith(("https://", "http://")):
            raise bad("mediaUrl must hold public URLs")
    return tuple(media)


def _author(world: World, request: Request) -> int | None:
    user: int | None = request.body.get("user_id")
    if user is not None and user not in world.users:
        raise bad("user_id names no user")
    return user


def _filled(text: str) -> str:
    if not text.strip():
        raise bad("body can't be blank")
    return text


def _keep(
    world: World,
    request: Request,
    number: Number,
    to: tuple[str, ...],
    body: str,
    *,
    proxy: bool,
    channel: Channel = "sms",
    group: bool = False,
    template: int | None = None,
) -> Message:
    """What was accepted. A group keeps its conversation from message to message."""
    conversation: str | None = None
    if group:
        earlier = (m.group for m in world.messages if m.number == number.id and m.to == to)
        conversation = next(filter(None, earlier), None) or world.uuid()
    message = Message(
        id=world.uuid() if group else f"SM{world.random.getrandbits(128):032x}",
        number=number.id,
        to=to,
        body=body,
        media=_media(request, number),
        channel=channel,
        proxy=proxy,
        user=_author(world, request),
        created=request.now,
        group=conversation,
        template=template,
    )
    world.messages.append(message)
    return message


def _text(world: World, request: Request, *, proxy: bool) -> Answer:
    number = line(world, request.path["id"])
    to, body = e164(request.body["to"], "to"), _filled(request.body["body"])
    _ready(number, "sms", proxy=proxy)
    message = _keep(world, request, number, (to,), body, proxy=proxy)
    return Answer(200, views.message(world, message, request.now))


@performs("send_message_in_conversation")
def send_message_in_conversation(world: World, request: Request) -> Answer:
    return _text(world, request, proxy=False)


@performs("send_message")
def send_message(world: World, request: Request) -> Answer:
    return _text(world, request, proxy=True)


def _group(world: World, request: Request, *, proxy: bool) -> Answer:
    number = world.numbers.get(request.path["id"])
    if number is None:
        raise bad("id names no number of your company")  # no 404 is described for group sends
    asked: list[str] = request.body["participants"]
    to = tuple(sorted({e164(one, "participants") for one in asked}))
    if not 2 <= len(to) <= _LARGEST_GROUP:
        raise bad(f"participants must hold 2 to {_LARGEST_GROUP} different numbers")
    body = _filled(request.body["body"]) if "body" in request.body else ""
    _ready(number, "sms", proxy=proxy)
    message = _keep(world, request, number, to, body, proxy=proxy, group=True)
    return Answer(200, views.group_message(world, message, request.now))


@performs("send_group_message_in_conversation")
def send_group_message_in_conversation(world: World, request: Request) -> Answer:
    return _group(world, request, proxy=False)


@performs("send_group_message")
def send_group_message(world: World, request: Request) -> Answer:
    return _group(world, request, proxy=True)


# WhatsApp


def _whatsapp(world: World, request: Request, recipient: str, *, proxy: bool) -> Answer:
    body = request.body
    to = e164(body[recipient], recipient)
    number = world.numbers.get(body["lineId"])
    if number is None:
        raise bad("lineId names no number of your company")
    _ready(number, "whatsapp", proxy=proxy)
    template, text = None, body.get("text", "")
    if "templateParams" in body:
        template, text = _template(world, number, body["templateParams"])
    elif request.now - world.whatsapp_windows.get((number.id, to), 0) > _SERVICE_WINDOW:
        raise bad("text is allowed within 24 hours of their last message: send a template")
    message = _keep(
        world,
        request,
        number,
        (to,),
        _filled(text),
        proxy=proxy,
        channel="whatsapp",
        template=template,
    )
    return Answer(200, views.message(world, message, request.now))


def _template(world: World, number: Number, params: Json) -> tuple[int, str]:
    found = next((t for t in world.whatsapp_templates if str(t.id) == params.get("id")), None)
    if found is None or found.waba != number.waba:
        raise bad("templateParams.id names no template of this number")
    if found.status != "APPROVED":
        raise bad("templateParams.id names a template that is not approved")
    values = ", ".join(str(row.get("value", "")) for row in params.get("body", ()))
    return found.id, f"{found.name}: {values}" if values else found.name


@performs("send_whatsapp_in_conversation")
def send_whatsapp_in_conversation(world: World, request: Request) -> Answer:
    return _whatsapp(world, request, "externalNumber", proxy=False)


@performs("send_whatsapp_message")
def send_whatsapp_message(world: World, request: Request) -> Answer:
    return _whatsapp(world, request, "to", proxy=True)


# templates


@performs("list_sms_templates")
def list_sms_templates(world: World, request: Request) -> Answer:
    wanted = request.query.get("search", "").lower()
    found = [t for t in world.sms_templates if wanted in f"{t.name} {t.body}".lower()]
    return page(
        request,
        "templates",
        found,
        lambda one: {"id": one.id, "name": one.name, "body": one.body},
    )


@performs("list_whatsapp_templates")
def list_whatsapp_templates(world: World, request: Request) -> Answer:
    """By cursor: `token` is where to go on, `limit` how many."""
    number, query = line(world, request.path["id"]), request.query
    token, limit = query.get("token", 0), query.get("limit", _TEMPLATE_PAGE)
    if token < 0 or not 1 <= limit <= 100:
        raise bad("token must be 0 or more, and limit between 1 and 100")
    found = [
        one
        for one in world.whatsapp_templates
        if one.waba == number.waba
        and one.status == query.get("status", one.status).upper()
        and one.category == query.get("category", one.category).upper()
    ]
    shown: list[Json] = [
        {
            "id": one.id,
            "wabaId": one.waba,
            "name": one.name,
            "category": one.category,
            "status": one.status,
            "language": one.language,
        }
        for one in found[token : token + limit]
    ]
    following = token + limit
    cursor: Json = {
        "currentToken": token,
        "nextToken": following if following < len(found) else None,
        "totalCount": len(found),
    }
    return Answer(200, {"templates": shown, "pageInfo": cursor})
