"""Users and contacts by name, e-mail or number; if there are several, the choices are returned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ArgumentError
from ..ground.caller import Caller
from ..ground.performs import performs
from .kit import Json, Kit
from .meant import MOST_CHOICES
from .people import People, row_of, told_of

_ASK = "Several fit: ask your user which one is meant; do not choose."
_UNLIKE = "Nobody is called exactly so: ask your user whether this one is meant."


class FindPerson:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._people = People(kit)

    @performs("find_person")
    async def find_person(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        said, kind = arguments["query"], arguments.get("kind")
        sought = await self._people.find(
            said, caller, users=kind != "contact", contacts=kind != "user"
        )
        found, notes = sought.found, [told_of(sought)]
        fits = list(found.fits)
        if len(fits) == 1 and fits[0].kind == "contact" and sought.standing is not None:
            try:
                fits = [await self._people.current(fits[0], caller)]
            except ArgumentError as error:
                fits = []
                notes.append(error.message)
        outcome = "one" if len(fits) == 1 and found.sure else "several" if fits else "none"
        if outcome == "several":
            notes.append(_ASK if len(fits) > 1 else _UNLIKE)
        people = [row_of(one) for one in fits[:MOST_CHOICES]]
        data: Json = {"outcome": outcome, "people": people}
        if len(fits) > MOST_CHOICES:
            data["more"] = len(fits) - MOST_CHOICES
        if not fits and found.near:
            data["nearest"] = [row_of(one) for one in found.near[:3]]
        if sought.standing is not None:
            data["coverage"] = sought.standing.coverage
        page: Json = {"complete": sought.whole and "more" not in data, "returned": len(people)}
        if not page["complete"]:
            page["why"] = told_of(sought) or "More fit than are told; say more of the name."
        return await self._kit.result(data, notes=notes, page=page, key="people")
