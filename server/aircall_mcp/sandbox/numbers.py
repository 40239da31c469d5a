"""Lines, their messages, and how each is set up for texts."""

from __future__ import annotations

from . import views
from .deed import Answer, Json, Request, absent, bad, https, performs
from .entities import Channel, Configuration, Number
from .paging import page, within
from .world import World


def line(world: World, number_id: int) -> Number:
    number = world.numbers.get(number_id)
    if number is None:
        raise absent("Number")
    return number


def _number(world: World, request: Request) -> Number:
    return line(world, request.path["id"])


@performs("list_numbers")
def list_numbers(world: World, request: Request) -> Answer:
    numbers = within(request, world.numbers.values(), lambda one: one.created)
    return page(request, "numbers", numbers, lambda one: views.number(world, one, users=True))


@performs("get_number")
def get_number(world: World, request: Request) -> Answer:
    return Answer(200, {"number": views.number(world, _number(world, request), users=True)})


@performs("update_number")
def update_number(world: World, request: Request) -> Answer:
    number, body = _number(world, request), request.body
    messages: dict[str, str | None] = body.get("messages", {})
    for slot, url in messages.items():
        if url is not None:
            https(url, f"messages.{slot}")
    name = body.get("name", number.name)
    if not name.strip():
        raise bad("name can't be blank")
    number.name = name
    number.priority = body.get("priority", number.priority)
    number.availability_status = body.get("availability_status", number.availability_status)
    number.time_zone = body.get("time_zone", number.time_zone)
    number.messages.update(messages)
    return Answer(200, {"number": views.number(world, number, users=True)})


@performs("get_number_registration_status")
def get_number_registration_status(world: World, request: Request) -> Answer:
    number = _number(world, request)
    if not number.texts:
        status = "not_supported"
    else:
        status = "verified" if number.country in ("US", "CA") else "not_required"
    return Answer(200, {"registration_status": status})


@performs("create_message_configuration")
def create_message_configuration(world: World, request: Request) -> Answer:
    number = _number(world, request)
    channel: Channel = request.body.get("type", "sms")
    given = request.body.get("callbackUrl")
    url = None if given is None else https(given, "callbackUrl")
    if not (number.waba if channel == "whatsapp" else number.texts):
        raise bad("This number can't be used for messages")
    if channel in number.configurations:
        raise bad("This number is already configured")
    made = Configuration(world.token(), url)
    number.configurations[channel] = made
    return Answer(200, views.configuration(made))


@performs("get_message_configuration")
def get_message_configuration(world: World, request: Request) -> Answer:
    number = _number(world, request)
    for configuration in number.configurations.values():
        return Answer(200, views.configuration(configuration))
    raise absent("Configuration")


@performs("delete_message_configuration")
def delete_message_configuration(world: World, request: Request) -> Answer:
    number = _number(world, request)
    if not number.configurations:
        raise absent("Configuration")
    number.configurations.clear()
    return Answer(204)


@performs("get_whatsapp_status")
def get_whatsapp_status(world: World, request: Request) -> Answer:
    number = _number(world, request)
    if number.waba is None:
        raise absent("WhatsApp line")
    status: Json = {
        "wabaId": number.waba,
        "status": "ONLINE",
        "canSendMessage": True,
        "messagingLimitTier": "TIER_1K",
        "qualityRating": "GREEN",
        "businessVerificationStatus": "VERIFIED",
    }
    return Answer(200, status)
