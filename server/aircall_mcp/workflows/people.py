"""Users and contacts by name, e-mail or number: by list, by Aircall's search and by the index."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from ..errors import ArgumentError, Refused, quoted
from ..ground.caller import Caller
from .contacts import Standing, card_of
from .destination import e164_of, is_number
from .directory import ME, Directory
from .kit import Json, Kit, id_of, object_of, rows_of, text_of
from .meant import Found, Named, merged, unclear

PATIENCE = 20.0
"""Seconds that somebody waits for the contacts that are read for the first time."""

# It begins where a word does: else each letter of a long one is a beginning to go on from.
_ADDRESS = re.compile(r"(?<![^\s@<>])[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")


@dataclass(frozen=True, slots=True)
class Sought:
    """Who fits. `standing` is that of the contacts, None where the index was not needed; `why` says
    why users may be missing."""

    found: Found
    standing: Standing | None = None
    why: str = ""

    @property
    def whole(self) -> bool:
        return (self.standing is None or self.standing.whole) and not self.why


class People:
    """See the module docstring. Both raise what the gateway raises."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._directory = Directory(kit)

    async def find(
        self,
        said: str,
        caller: Caller,
        *,
        users: bool = True,
        contacts: bool = True,
        patience: float = PATIENCE,
    ) -> Sought:
        """Everybody who is meant by `said`, as well as that can be told now; contacts that were
        never read before are waited for with `patience`, in seconds."""
        found: list[Found] = []
        why, standing = "", None
        if users:
            known = await self._directory.known("user", caller)
            if said.strip().casefold() in ME:
                me = id_of(await self._directory.user(said, caller)) or 0
                return Sought(known.names.find(str(me)), why=known.why)
            found.append(known.names.find(said))
            why = known.why
        if contacts:
            there, standing = await self._contacts(said, caller, patience)
            found.append(there)
        return Sought(merged(*found), standing, why)

    async def contact(self, said: str, caller: Caller) -> Named:
        """The one contact that is meant, as Aircall shows it now. Raises `ArgumentError` with the
        choices, or with why that cannot be told yet."""
        sought = await self.find(said, caller, users=False)
        found = sought.found
        if found.one is None or not sought.whole:
            error = unclear(said, found, "contact") if found.one is None else _unsure(said, found)
            if not sought.whole:
                error.hint = f"{told_of(sought)} {error.hint}".strip()
            raise error
        if sought.standing is None:
            return found.one
        return await self.current(found.one, caller)

    async def current(self, one: Named, caller: Caller) -> Named:
        """A contact of the index as it is at this moment. Raises `ArgumentError` where it is gone
        or called otherwise by now."""
        try:
            reply = await self._kit.asking(caller, fresh=True).ask("get_contact", contact_id=one.id)
        except Refused as error:
            if error.status != 404:
                raise
            await self._kit.contacts.changed(caller, None, one.id)
            raise ArgumentError(
                f"The contact {one.name} (id {one.id}) was deleted.", hint="Ask for it again."
            ) from None
        row = object_of(object_of(reply.body).get("contact"))
        now = card_of(row)
        if now is None:
            return one
        if now != one:
            await self._kit.contacts.changed(caller, row, one.id)
        if now.name != one.name:
            raise ArgumentError(
                f"The contact {one.id} is now called {now.name}.", hint="Ask for it again."
            )
        return now

    async def _contacts(
        self, said: str, caller: Caller, patience: float
    ) -> tuple[Found, Standing | None]:
        """By number and address Aircall finds them itself, as they are now."""
        address = _ADDRESS.search(said)
        if address is not None:
            return await self._searched(caller, email=address[0].rstrip(".,;")), None
        if is_number(said) and not said.strip().isdigit():
            found = [await self._searched(caller, phone_number=number)
                     for number in await self._numbers(said, caller)]  # fmt: skip
            if (by_number := merged(*found)).fits:
                return by_number, None
        standing = await self._kit.contacts.standing(caller, patience)
        return standing.names.find(said), standing

    async def _searched(self, caller: Caller, **by: str) -> Found:
        reply = await self._kit.asking(caller, fresh=True).ask("search_contacts", **by)
        cards = [card_of(row) for row in rows_of(reply.body, "contacts")]
        return Found(tuple(one for one in cards if one is not None))

    async def _numbers(self, said: str, caller: Caller) -> list[str]:
        """What `said` may be in E.164: in national notation, that of the company's countries."""
        countries: Sequence[str | None] = [None]
        if not said.strip().startswith(("+", "(+", "00", "tel:")):
            listed = await self._kit.whole("list_numbers", caller)
            lands: list[str | None] = [text_of(row.get("country")) for row in listed.items]
            countries = [*islice((land for land in dict.fromkeys(lands) if land), 5)]
        numbers: list[str] = []
        for country in countries:
            try:
                numbers.append(e164_of(said, country))
            except ArgumentError:
                continue
        return list(dict.fromkeys(numbers))


def told_of(sought: Sought) -> str:
    """What is missing from what was looked through, for who has to judge by it."""
    words = [f"Not all users were read: {sought.why}"] if sought.why else []
    standing = sought.standing
    if standing is not None and not standing.whole:
        words.append(
            f"Contacts are still being read, {standing.read} of"
            f" {max(standing.total, standing.read)} so far: ask again in a minute, or give a number"
            " or an e-mail."
        )
    if standing is not None and standing.fault:
        words.append(standing.fault)
    return " ".join(words)


def _unsure(said: str, found: Found) -> ArgumentError:
    return ArgumentError(
        f"Whether `{quoted(' '.join(said.split()))}` is only one contact is not known yet.",
        hint=f"So far: {found.fits[0]}.",
    )


def row_of(one: Named) -> Json:
    """One that was found, in the words of an answer."""
    row: Json = {"kind": one.kind, "id": one.id, "name": one.name}
    if one.emails:
        row["emails"] = list(one.emails)
    if one.phones:
        row["phone_numbers"] = list(one.phones)
    if one.beside:
        row["company"] = one.beside
    return row
