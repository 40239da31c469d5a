"""Who or what of the company is meant: users, numbers, teams and tags by id, address or name."""

from __future__ import annotations

from typing import Final

from ..errors import ArgumentError, ToolError, Unreachable
from ..ground.caller import Caller
from .kit import Json, Kit, Listed, id_of, object_of, rows_of, text_of
from .names import Kind, Named, one_of

_LISTS: Final[dict[str, tuple[str, str]]] = {
    "user": ("list_users_v2", "email"),
    "number": ("list_numbers", "digits"),
    "team": ("list_teams", ""),
    "tag": ("list_tags", ""),
}
"""Of a kind: the operation that lists it, and what else it is known by."""
ME = frozenset({"me", "my", "mine", "myself", "i"})


class Directory:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def one(self, kind: Kind, said: str, caller: Caller) -> Named:
        """The one that is meant, "me" among the users. Raises `ArgumentError` with the choices."""
        if kind == "user" and said.strip().casefold() in ME:
            return await self._me(caller)
        return await self._listed(said, kind, caller)

    async def _listed(self, said: str, kind: Kind, caller: Caller) -> Named:
        operation, beside = _LISTS[kind]
        listed = await self._kit.whole(operation, caller)
        known = [_named(row, kind, beside) for row in listed.items if id_of(row) is not None]
        return _meant(said, known, kind, listed)

    async def members(self, said: str, caller: Caller) -> tuple[Named, frozenset[int]]:
        """A team, and the ids of its users."""
        listed = await self._kit.whole("list_teams", caller)
        known = [_named(row, "team", "") for row in listed.items if id_of(row) is not None]
        meant = _meant(said, known, "team", listed)
        row = next(row for row in listed.items if id_of(row) == meant.id)
        ids = frozenset(one for user in rows_of(row, "users") if (one := id_of(user)) is not None)
        return meant, ids

    async def _me(self, caller: Caller) -> Named:
        """The Aircall user whom the owner named as themselves; else who made the integration that
        we act by."""
        if (user := (await self._kit.owner(caller.account)).user) is not None:
            return await self._listed(str(user), "user", caller)
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
        return _named(row, "user", "email")


def _meant(said: str, known: list[Named], kind: Kind, listed: Listed) -> Named:
    """As `one_of`; of a list that was not read to its end, nobody is said not to be in it."""
    try:
        return one_of(said, known, kind)
    except ArgumentError as error:
        if not listed.why:
            raise
        raise Unreachable(
            f"Not all {kind}s could be read, and none of these is called so for sure: {listed.why}",
            hint=f"Ask again. {error.hint}",
        ) from None


def _named(row: Json, kind: Kind, beside: str) -> Named:
    emails = (text_of(row.get("email")),) if beside == "email" and row.get("email") else ()
    phones = (text_of(row.get("digits")),) if beside == "digits" and row.get("digits") else ()
    return Named(id_of(row) or 0, text_of(row.get("name")), kind, emails=emails, phones=phones)
