"""Subscriptions to events."""

from __future__ import annotations

import re
from typing import cast

from . import views
from .deed import Answer, Request, absent, bad, https, performs
from .entities import Webhook
from .paging import descending, page
from .world import World

_MOST = 100


def _webhook(world: World, request: Request) -> Webhook:
    """By UUID, or by the numeric id of older days."""
    key: str = request.path["webhook_id"]
    if re.fullmatch(r"[0-9]{1,19}", key):
        found = next((one for one in world.webhooks.values() if one.id == int(key)), None)
    else:
        found = world.webhooks.get(key.lower())
    if found is None or found.scheme != request.scheme:
        raise absent("Webhook")
    return found


def _events(world: World, request: Request) -> list[str]:
    """The asked events, each once; all of them when none is named."""
    asked: list[str] = list(dict.fromkeys(cast("list[str]", request.body.get("events", ()))))
    if unknown := [event for event in asked if event not in world.events]:
        raise bad(f"events: unknown {', '.join(unknown)}")
    return asked or list(world.events)


@performs("list_webhooks")
def list_webhooks(world: World, request: Request) -> Answer:
    own = [one for one in world.webhooks.values() if one.scheme == request.scheme]
    own.sort(key=lambda one: one.created, reverse=descending(request))
    return page(request, "webhooks", own, lambda one: views.webhook(world, one), linked=False)


@performs("get_webhook")
def get_webhook(world: World, request: Request) -> Answer:
    return Answer(200, {"webhook": views.webhook(world, _webhook(world, request))})


@performs("create_webhook")
def create_webhook(world: World, request: Request) -> Answer:
    body = request.body
    url, events = https(body["url"], "url"), _events(world, request)
    if len(world.webhooks) >= _MOST:
        raise bad(f"Your company can have {_MOST} webhooks at most")
    webhook = Webhook(
        uuid=world.uuid(),
        id=world.next_id("webhook"),
        url=url,
        name=body.get("custom_name") or "",
        token=world.token(),
        events=events,
        created=request.now,
        scheme=request.scheme,
    )
    world.webhooks[webhook.uuid] = webhook
    return Answer(201, {"webhook": views.webhook(world, webhook, read=False)})


@performs("update_webhook")
def update_webhook(world: World, request: Request) -> Answer:
    """Without `events_action` the list is replaced, and by all events when none is named."""
    webhook, body = _webhook(world, request), request.body
    url = https(body["url"], "url") if "url" in body else webhook.url
    events, action = _events(world, request), request.query.get("events_action")
    if action is not None and not body.get("events"):
        events = webhook.events
    elif action == "add":
        events = list(dict.fromkeys((*webhook.events, *events)))
    elif action == "remove":
        events = [event for event in webhook.events if event not in events]
    webhook.url, webhook.events = url, events
    webhook.name = body.get("custom_name", webhook.name)
    webhook.active = body.get("active", webhook.active)
    return Answer(200, {"webhook": views.webhook(world, webhook, read=False)})


@performs("delete_webhook")
def delete_webhook(world: World, request: Request) -> Answer:
    del world.webhooks[_webhook(world, request).uuid]
    return Answer(204)
