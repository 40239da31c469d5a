"""The labels that calls can carry."""

from __future__ import annotations

import re

from . import views
from .deed import Answer, Request, absent, bad, performs, plain
from .entities import Tag
from .paging import page, within
from .world import World

_COLOR = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


def _tag(world: World, request: Request) -> Tag:
    tag = world.tags.get(request.path["id"])
    if tag is None:
        raise absent("Tag")
    return tag


def _name(world: World, request: Request, own: Tag | None = None) -> str:
    name = plain(request.body["name"])
    if not name:
        raise bad("name can't be blank")
    if any(tag.name.lower() == name.lower() for tag in world.tags.values() if tag is not own):
        raise bad("name has already been taken")
    return name


def _color(request: Request) -> str:
    color: str = request.body["color"]
    if not _COLOR.fullmatch(color):
        raise bad("color must be a hexadecimal colour, for instance #0033CC")
    return color


@performs("list_tags")
def list_tags(world: World, request: Request) -> Answer:
    tags = within(request, world.tags.values(), lambda tag: tag.created)
    return page(request, "tags", tags, views.tag)


@performs("get_tag")
def get_tag(world: World, request: Request) -> Answer:
    return Answer(200, {"tag": views.tag(_tag(world, request))})


@performs("create_tag")
def create_tag(world: World, request: Request) -> Answer:
    name, color = _name(world, request), _color(request)
    description = request.body.get("description")
    tag = Tag(world.next_id("tag"), name, color, description, request.now)
    world.tags[tag.id] = tag
    return Answer(201, {"tag": views.tag(tag)})


@performs("update_tag")
def update_tag(world: World, request: Request) -> Answer:
    tag, body = _tag(world, request), request.body
    name = _name(world, request, tag) if "name" in body else tag.name
    tag.color = _color(request) if "color" in body else tag.color
    tag.name, tag.description = name, body.get("description", tag.description)
    return Answer(200, {"tag": views.tag(tag)})


@performs("delete_tag")
def delete_tag(world: World, request: Request) -> Answer:
    """The tag also leaves every call that carried it."""
    tag = _tag(world, request)
    del world.tags[tag.id]
    for call in world.calls:
        if call.tags:
            call.tags = tuple(tagging for tagging in call.tags if tagging.tag != tag.id)
    return Answer(204)
