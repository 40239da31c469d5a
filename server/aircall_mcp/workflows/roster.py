"""The company's users, numbers, tags and teams as somebody calls them, by the cached lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import ArgumentError
from ..ground.caller import Caller
from .kit import Json, Kit, id_of, text_of
from .names import Kind, Named, Names, unclear

MYSELF = frozenset({"me", "myself", "i", "my", "mine", "self"})

_LISTS: Mapping[Kind, str] = {
    "user": "list_users_v2", "number": "list_numbers", "tag": "list_tags", "team": "list_teams",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """A list as a whole, ready to be asked. `why` says why some may be missing."""

    names: Names
    rows: Mapping[int, Json]
    why: str = ""


class Roster:
    """See the module docstring. All raise `ArgumentError`, with the choices or the nearest, and
    what the gateway raises."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def known(self, kind: Kind, caller: Caller) -> Known:
        listed = await self._kit.whole(_LISTS[kind], caller)
        rows = {one: row for row in listed.items if (one := id_of(row)) is not None}
        return Known(Names(named(row, kind) for row in rows.values()), rows, listed.why)

    async def user(self, said: str, caller: Caller) -> Json:
        """The user of this id, e-mail or name, as Aircall lists it; "me" is the owner's own."""
        return await self.one("user", said, caller)

    async def number(self, said: str, caller: Caller) -> Json:
        return await self.one("number", said, caller)

    async def team(self, said: str, caller: Caller) -> Json:
        return await self.one("team", said, caller)

    async def tags(self, said: Sequence[str], caller: Caller) -> list[Json]:
        return [await self.one("tag", one, caller) for one in said]

    async def one(self, kind: Kind, said: str, caller: Caller) -> Json:
        known = await self.known(kind, caller)
        if kind == "user" and said.strip().casefold() in MYSELF:
            return await self._me(known, said, caller)
        return chosen(known, said, kind)

    async def _me(self, known: Known, said: str, caller: Caller) -> Json:
        user = (await self._kit.owner(caller.account)).user
        if user is None:
            raise ArgumentError(
                f"Which Aircall user `{said.strip()}` is, is not known here.",
                hint="Name the user by id, e-mail or name. A person runs `aircall-mcp setup` to"
                " say who they are.",
            )
        if user not in known.rows:
            raise ArgumentError(
                f"The user {user}, whom the owner named as themselves, is not in this company.",
                hint="Name the user by id, e-mail or name; a person runs `aircall-mcp setup`.",
            )
        return known.rows[user]


def chosen(known: Known, said: str, kind: Kind) -> Json:
    """The row that is meant, for sure."""
    found = known.names.find(said)
    if found.one is None:
        error = unclear(said, found, kind)
        if known.why:
            error.hint = f"{error.hint} Not all {kind}s were read: {known.why}"
        raise error
    return known.rows[found.one.id]


def named(row: Json, kind: Kind) -> Named:
    """A row of a list as what can be meant."""
    emails, phones = text_of(row.get("email")), text_of(row.get("digits"))
    return Named(
        id_of(row) or 0,
        text_of(row.get("name")),
        kind,
        (emails,) if emails else (),
        (phones,) if phones else (),
    )
