"""What Aircall says about a company, as proposals: its name, its users, their time zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import anyio
import click

from ...app import App
from ...errors import ToolError
from ...ground.caller import Caller
from ...ground.config import NoZone, known_zone
from ...ground.secrets import cut
from ...ground.visible import clean
from .. import options, screen

MOST = 200
"""Users that are looked at: four requests."""
LONGEST = 80
"""Characters of a name."""
SHOWN = 8
"""Users that are listed; of more, a person types a name."""


@dataclass(frozen=True, slots=True)
class Person:
    """A user of Aircall's. Name and address are strangers' words, without what moves a cursor."""

    id: int
    name: str
    email: str
    zone: str | None
    number: int | None

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.email else self.name


@dataclass(frozen=True, slots=True)
class Company:
    name: str
    people: Sequence[Person]

    @property
    def zone(self) -> str | None:
        """The one that most have, None where none is known."""
        zones = [person.zone for person in self.people if person.zone]
        return max(sorted(set(zones)), key=zones.count) if zones else None

    def found(self, typed: str) -> Person | None:
        """The user of this id, name or address; nobody for nothing. Raises `BadParameter`."""
        wanted = typed.strip().casefold()
        if wanted in ("", "nobody", "none", "skip"):
            return None
        people = [one for one in self.people if str(one.id) == wanted]
        people = people or [one for one in self.people
                            if wanted in (one.email.casefold(), one.name.casefold())]  # fmt: skip
        people = people or [one for one in self.people
                            if wanted in f"{one.name} {one.email}".casefold()]  # fmt: skip
        if len(people) == 1:
            return people[0]
        said = " or ".join(f"{one} ({one.id})" for one in people[:3])
        raise click.BadParameter(
            f"Several have this name: {said}. Type the id." if people else "Nobody has this name."
        )


async def company_of(app: App, account: str | None) -> Company:
    """By reads alone; without people where those are refused. Raises `ToolError`."""
    said = await _read(app, "aircall_get_company", {}, account)
    try:
        listed = await _read(app, "aircall_list_users_v2", {"max_items": MOST}, account)
    except ToolError as error:
        screen.say(f"Its users could not be read: {error.message}")
        listed = {}
    people = [_person(one) for one in listed.get("users", []) if isinstance(one, dict)]
    return Company(_line(said.get("company", {}).get("name")), [one for one in people if one])


async def _read(app: App, tool: str, arguments: Any, account: str | None) -> dict[str, Any]:
    outcome = await app.desk.call(tool, arguments, Caller(interface="cli", account=account))
    if outcome.is_error:
        error = outcome.payload["error"]
        raise ToolError(error["message"], hint=error.get("hint", ""))
    found = outcome.payload.get("data")
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _person(one: Any) -> Person | None:
    id_, number = one.get("id"), one.get("default_number_id")
    if not isinstance(id_, int):
        return None
    zone = one.get("time_zone")
    try:
        zone = known_zone(zone) if isinstance(zone, str) else None
    except NoZone:
        zone = None
    return Person(
        id_, _line(one.get("name")) or f"user {id_}", _line(one.get("email")), zone,
        number if isinstance(number, int) else None,
    )  # fmt: skip


def _line(value: Any) -> str:
    """A stranger's word as one line that does nothing to a terminal."""
    if not isinstance(value, str):
        return ""
    return cut(options.scrubbed(re.sub(r"\s+", " ", clean(value)).strip()), LONGEST, "…")


def look(app: App, account: str | None) -> Company:
    """`company_of`, with `app` opened and closed."""

    async def run() -> Company:
        async with app:
            return await company_of(app, account)

    return anyio.run(run)
