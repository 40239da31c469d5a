"""The documented example of every operation, brought to life: its ids are of things that exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aircall_mcp.ground.operation import Operation
from aircall_mcp.sandbox import World

from ..house import THURSDAY, Office

Arguments = dict[str, Any]
AMINA = "+14155550143"


def _user(world: World, first_name: str = "Maya") -> int:
    return next(user.id for user in world.users.values() if user.first_name == first_name)


def _number(world: World, country: str = "US") -> int:
    return next(number.id for number in world.numbers.values() if number.country == country)


def _ongoing(world: World) -> int:
    return next(call.id for call in world.calls if call.status(THURSDAY) == "answered")


def _recorded(world: World) -> int:
    ended = (call for call in world.calls if call.ended < THURSDAY - 3600)
    return next(call.id for call in ended if call.talk >= 0 and call.recorded)


def _with_mail(world: World) -> Any:
    return next(contact for contact in world.contacts.values() if contact.emails)


IDS: dict[str, Callable[[World], Any]] = {
    "user_id": _user,
    "number_id": _number,
    "lineId": lambda world: _number(world, "FR"),
    "call_id": _recorded,
    "team_id": lambda world: next(iter(world.teams)),
    "tag_id": lambda world: next(iter(world.tags)),
    "tags": lambda world: [next(iter(world.tags))],
    "contact_id": lambda world: _with_mail(world).id,
    "webhook_id": lambda world: next(iter(world.webhooks)),
    "agent_id": lambda world: next(iter(world.voice_agents)),
    "aiva_agent_id": lambda world: next(iter(world.voice_agents)),
    "campaign_id": lambda world: next(iter(world.campaigns)),
}

_IN_THE_CALL = ("transfer_call", "push_insight_card", "pause_call_recording",
                "resume_call_recording")  # fmt: skip
SPECIAL: dict[str, Callable[[World], Arguments]] = {
    **{name: lambda world: {"call_id": _ongoing(world)} for name in _IN_THE_CALL},
    **{f"{verb}_contact_phone_number": lambda world: {"detail_id": _with_mail(world).phones[0].id}
       for verb in ("update", "delete")},
    **{f"{verb}_contact_email": lambda world: {"detail_id": _with_mail(world).emails[0].id}
       for verb in ("update", "delete")},
    "add_user_to_team": lambda world: {
        "user_id": next(u for u in world.users if u not in next(iter(world.teams.values())).users)},
    "remove_user_from_team": lambda world: {
        "user_id": next(iter(world.teams.values())).users[0]},
    "send_message": lambda world: {"number_id": _number(world, "GB")},
    "send_group_message": lambda world: {"number_id": _number(world, "GB")},
    "send_whatsapp_message": lambda world: {
        "lineId": _number(world, "FR"), "templateParams": _template(world)},
    "send_whatsapp_in_conversation": lambda world: _conversation(world),
    "trigger_ai_voice_agent_call": lambda world: {
        "context": dict.fromkeys(next(iter(world.voice_agents.values())).variables, "Amina")},
    "list_whatsapp_templates": lambda world: {"number_id": _number(world, "FR")},
    "get_whatsapp_status": lambda world: {"number_id": _number(world, "FR")},
}  # fmt: skip


def _template(world: World) -> Arguments:
    approved = next(one for one in world.whatsapp_templates if one.status.lower() == "approved")
    return {"id": str(approved.id), "body": [{"key": "{{1}}", "value": "20417"}]}


def _conversation(world: World) -> Arguments:
    """A number whose owner wrote to us within the day, so that free text may answer."""
    line, customer = next(iter(world.whatsapp_windows))
    return {"lineId": line, "externalNumber": customer}


async def alive(office: Office, operation: Operation) -> Arguments:
    """The arguments of the example as somebody would give them who looked the ids up."""
    await _prepare(office, operation.id)
    world = office.world
    arguments = dict(operation.example)
    for name, find in IDS.items():
        if name in arguments:
            arguments[name] = find(world)
    special = SPECIAL.get(operation.id, lambda _world: {})(world)
    arguments |= special
    if operation.id == "get_analytics_export":
        arguments["export_id"] = next(iter(world.exports))
    if operation.id == "delete_dialer_campaign_number":
        arguments["phone_number_id"] = world.dialers[arguments["user_id"]].queue[0].id
    return arguments


async def _prepare(office: Office, name: str) -> None:
    """Bring about what `name` needs, through the same door."""
    world = office.world
    if "dialer_campaign" in name:
        world.dialers.clear()
        if name != "create_dialer_campaign":
            await office.call("create_dialer_campaign", user_id=_user(world), phone_numbers=[AMINA])
    if name == "create_message_configuration":
        world.numbers[_number(world)].configurations.clear()
    elif "message_configuration" in name:
        world.numbers[_number(world)].configurations.clear()
        await office.call(
            "create_message_configuration",
            number_id=_number(world),
            callbackUrl="https://hooks.larkspur.example.com/texts",
        )
    if name == "send_whatsapp_message":
        await office.call(
            "create_message_configuration",
            number_id=_number(world, "FR"),
            callbackUrl="https://hooks.larkspur.example.com/texts",
            type="whatsapp",
        )
    if name == "get_analytics_export":
        example = office.desk.registry.ids["create_analytics_export"].example
        await office.call("create_analytics_export", **example)
