"""The company's users, numbers, tags and teams by name, from the cached lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ArgumentError, ToolError, Unreachable
from ..ground.caller import Caller
from .kit import Json, Kit, id_of, object_of, rows_of, text_of
from .meant import Kind, Named, unclear
from .names import Names

ME = frozenset({"me", "myself", "i", "my", "mine", "self"})

_LISTS: Mapping[Kind, str] = {
    "user": "list_users_v2", "number": "list_numbers", "tag": "list_tags", "team": "list_teams",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """A list as a whole, ready to be asked. `why` says why some may be missing."""

    kind: Kind
    names: Names
    rows: Mapping[int, Json]
    why: str = ""

    def one(self, said: str) -> Json:
        """The row that is meant, for sure. Raises `ArgumentError` with the choices or the nearest;
        `Unreachable` of a list that was not read to its end: nobody is said not to be in it."""
        found = self.names.find(said)
        if found.one is not None:
            return self.rows[found.one.id]
        error = unclear(said, found, self.kind)
        if not found.fits and not found.near:
            error.hint += f" aircall_{_LISTS[self.kind]} lists them."
        if not self.why:
            raise error
        raise Unreachable(
            f"Not all {self.kind}s could be read, and none of those read is certainly meant:"
            f" {self.why}",
            hint=f"Ask again. {error.hint}",
        )


class Directory:
    """All raise what `Known.one` does, and what the gateway raises."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def known(self, kind: Kind, caller: Caller) -> Known:
        listed = await self._kit.whole(_LISTS[kind], caller)
        rows = {one: row for row in listed.items if (one := id_of(row)) is not None}
        return Known(kind, Names(named(row, kind) for row in rows.values()), rows, listed.why)

    async def one(self, kind: Kind, said: str, caller: Caller) -> Named:
        """The one that is meant. "me" among the users is the owner's own, else who made the
        integration that we act by."""
        if kind == "user" and said.strip().casefold() in ME:
            if (await self._kit.owner(caller.account)).user is None:
                return await self._integrator(caller)
            return named(await self.user(said, caller), kind)
        return named((await self.known(kind, caller)).one(said), kind)

    async def user(self, said: str, caller: Caller) -> Json:
        """The user of this id, e-mail or name, as Aircall lists it; "me" is the owner's own, and
        nobody else: calls are placed as them."""
        if said.strip().casefold() not in ME:
            return (await self.known("user", caller)).one(said)
        user = (await self._kit.owner(caller.account)).user
        if user is None:
            raise ArgumentError(
                f"Which Aircall user `{said.strip()}` is, is not known here.",
                hint="Name the user by id, e-mail or name. A person runs `aircall-mcp setup` to"
                " say who they are.",
            )
        rows = (await self.known("user", caller)).rows
        if user not in rows:
            raise ArgumentError(
                f"The user {user}, whom the owner named as themselves, is not in this company.",
                hint="Name the user by id, e-mail or name; a person runs `aircall-mcp setup`.",
            )
        return rows[user]

    async def members(self, said: str, caller: Caller) -> tuple[Named, frozenset[int]]:
        """A team, and the ids of its users."""
        row = (await self.known("team", caller)).one(said)
        ids = frozenset(one for user in rows_of(row, "users") if (one := id_of(user)) is not None)
        return named(row, "team"), ids

    async def _integrator(self, caller: Caller) -> Named:
        try:
            reply = await self._kit.asking(caller).ask("get_integration")
        except ToolError as error:
            raise ArgumentError(
                f"Who you are at Aircall is not known: {error.message}",
                hint="Give the user's name, e-mail or id.",
            ) from None
        row = object_of(object_of(object_of(reply.body).get("integration")).get("user"))
        if id_of(row) is None:
            raise ArgumentError(
                "Aircall does not say which user this key belongs to.",
                hint="Give the user's name, e-mail or id.",
            )
        return named(row, "user")


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
