"""What the policy asks about the company: read from Aircall if needed, and kept for a while."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Self, TypeAlias, cast

import anyio

from ..errors import AircallMCPError, StoreError, quoted
from ..gateway.ask import Aircall
from ..ground.caller import AccountName
from ..ground.clock import Clock
from ..ground.operation import Bound
from ..ground.phones import meant, phone
from .policy import Policy
from .usage import ending, endings

log = logging.getLogger(__name__)

HOME_LASTS: Final = 3600.0
"""Seconds for which the countries of the company's numbers are taken to be the same."""
UNREAD_LASTS: Final = 60.0
"""Seconds after which they are asked for again where that failed."""
KNOWN_LASTS: Final = 300.0
"""Seconds for which somebody who was found among the contacts is known."""
MOST_LOOKED_UP: Final = 5
"""Recipients that are looked for among the contacts; of more, nobody is taken to be known."""
MOST_NUMBERS: Final = 500
NAMED_LASTS: Final = 300.0
"""Seconds for which an id is taken to be called the same."""
MOST_NAMED: Final = 5
"""Ids of one call that are looked up to be named; more than that stand as they are."""
NAMING: Final = 2.0
"""Seconds in all that a question may wait for names."""
LONGEST_NAME: Final = 80

Kind = Literal["user", "number", "contact", "tag", "team"]
_Place: TypeAlias = tuple[AccountName, Kind, int]
Introduced: TypeAlias = Callable[[Collection[str]], Awaitable[frozenset[str]]]
_KINDS: Final[Mapping[str, Kind]] = {
    "user_id": "user",
    "inviter_user_id": "user",
    "number_id": "number",
    "lineId": "number",
    "contact_id": "contact",
    "tag_id": "tag",
    "tags": "tag",
    "team_id": "team",
}
"""What an argument of that name has ids of."""
_READ_BY: Final[Mapping[Kind, tuple[str, str]]] = {
    "user": ("get_user_v2", "user_id"),
    "number": ("get_number", "number_id"),
    "contact": ("get_contact", "contact_id"),
    "tag": ("get_tag", "tag_id"),
    "team": ("get_team", "team_id"),
}
_CALLED: Final[Mapping[Kind, tuple[str, ...]]] = {
    "user": ("name",),
    "number": ("name", "digits"),
    "contact": ("first_name", "last_name", "company_name"),
    "tag": ("name",),
    "team": ("name",),
}


async def _none_introduced(_numbers: Collection[str]) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, slots=True)
class _Own:
    """One of the company's own numbers, of which what is not said is empty or 0."""

    id: int
    number: str
    country: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        identity, digits, country = row.get("id"), row.get("digits"), row.get("country")
        return cls(
            identity if isinstance(identity, int) else 0,
            meant(phone(digits)) if isinstance(digits, str) else "",
            country if isinstance(country, str) and len(country) == 2 else "",
        )


class Company:
    """The `World` of the judge. `asking` gives an `Aircall` that acts for an account, `resolve` the
    account that is meant by a name or by none, `listens` whether our own sandbox is asked,
    `introduced` whom of some numbers a model made a contact. `asks`: the owner wants to be asked
    there, too; `loopback` is the address of Aircall where it is one of this machine."""

    def __init__(
        self,
        asking: Callable[[str], Aircall],
        resolve: Callable[[str | None], Awaitable[str]],
        listens: Callable[[], Awaitable[bool]],
        clock: Clock,
        introduced: Introduced = _none_introduced,
        loopback: str = "",
        *,
        asks: bool = False,
    ) -> None:
        self._asking = asking
        self._resolve = resolve
        self._listens = listens
        self._introduced = introduced
        self._clock = clock
        self._loopback = loopback
        self._asks = asks
        self._numbers: dict[AccountName, tuple[float, tuple[_Own, ...] | None]] = {}
        self._known: dict[tuple[AccountName, str], tuple[float, str, tuple[str, ...]]] = {}
        """Until when somebody is known, what they are called, and the ids of these contacts."""
        self._named: dict[_Place, tuple[float, str]] = {}

    async def account(self, named: str | None) -> str:
        return await self._resolve(named)

    async def at_sandbox(self) -> bool:
        return not self._asks and await self._listens()

    async def taken_for_real(self) -> str:
        return "" if not self._loopback or await self._listens() else self._loopback

    async def home(self, account: str) -> frozenset[str] | None:
        numbers = await self._read(account)
        return frozenset(one.country for one in numbers or () if one.country) or None

    async def own(self, account: str) -> Mapping[str, int] | None:
        numbers = await self._read(account)
        if numbers is None:
            return None
        spelled = Counter(one.number for one in numbers)  # which of two is meant nobody can tell
        return {o.number: o.id for o in numbers if o.number and o.id and spelled[o.number] == 1}

    async def strays(self, account: str, policy: Policy) -> list[str]:
        """What `policy` names as a number of the account that is none of its numbers, a sentence
        each; nothing where these cannot all be read."""
        numbers = await self._read(account) if policy.numbers or policy.phones else None
        own = await self.own(account) if numbers and len(numbers) < MOST_NUMBERS else None
        if numbers is None or own is None:
            return []
        told = [f"{one} is no number of {account}." for one in sorted(policy.phones - own.keys())]
        for one in sorted(policy.numbers - {one.id for one in numbers}):
            better = f' Write "+{one}" for that phone number.' if f"+{one}" in own else ""
            told.append(f"no number of {account} has the id {one}.{better}")
        return [f"`from.numbers`: {one}" for one in told]

    async def _read(self, account: str) -> tuple[_Own, ...] | None:
        now = self._clock.monotonic()
        until, numbers = self._numbers.get(account, (now, None))
        if now < until:
            return numbers
        try:
            numbers = await self._listed(account)
        except AircallMCPError as error:
            log.warning("the company's numbers: %s", error.message)
            numbers = None
        lasts = HOME_LASTS if numbers and any(one.country for one in numbers) else UNREAD_LASTS
        self._numbers[account] = (now + lasts, numbers)
        return numbers

    async def known(self, account: str, numbers: tuple[str, ...]) -> frozenset[str]:
        if len(numbers) > MOST_LOOKED_UP:
            return frozenset()
        return frozenset([n for n in numbers if await self._is_known(account, n)])

    async def names(self, bound: Bound, account: str) -> Mapping[tuple[str, int | str], str]:
        """What the ids and numbers among the arguments are called, by the argument's name and
        these: ids as far as that was read before, or can be read in a moment, numbers of contacts
        as far as those were looked for. It never fails."""
        now = self._clock.monotonic()
        given = [
            (name, one)
            for step in bound.steps or (bound,)
            for name, value in step.arguments.items()
            for one in (cast("list[Any]", value) if isinstance(value, list) else [value])
        ]
        wanted: dict[tuple[str, int | str], _Place] = {
            (name, one): (account, _KINDS[name], one)
            for name, one in given
            if name in _KINDS and isinstance(one, int)
        }
        unknown = [key for key in dict.fromkeys(wanted.values()) if not self._is_named(key, now)]
        if 0 < len(unknown) <= MOST_NAMED:
            with anyio.move_on_after(NAMING):
                async with anyio.create_task_group() as tasks:
                    for key in unknown:
                        tasks.start_soon(self._read_name, *key)
        called: dict[tuple[str, int | str], str] = {
            (name, one): contact
            for name, one in given
            if isinstance(one, str) and (contact := await self._contact(account, one, now))
        }
        return called | {
            place: self._named[key][1] for place, key in wanted.items() if key in self._named
        }

    async def _contact(self, account: str, number: str, now: float) -> str:
        """What the contact is called whom the policy found by `number`; "" for one whom a model
        made or renamed, since it could call anybody anything."""
        until, called, ids = self._known.get((account, number), (now, "", ()))
        if until <= now or not called:
            return ""
        try:
            return "" if await self._introduced((number, *ids)) else called
        except StoreError as error:
            log.info("who made a contact of a recipient: %s", error.message)
            return ""

    def _is_named(self, key: _Place, now: float) -> bool:
        if self._named.get(key, (now, ""))[0] > now:
            return True
        self._named.pop(key, None)
        return False

    async def _read_name(self, account: str, kind: Kind, identity: int) -> None:
        operation, parameter = _READ_BY[kind]
        asking = self._asking(account)
        # Nobody waits for the budget that a name is read, nor longer than it takes at its best.
        hasty = replace(asking.caller, patience=0.0, deadline=NAMING)
        try:
            reply = await asking.by(hasty).ask(operation, **{parameter: identity})
        except AircallMCPError as error:
            log.info("what %s %d is called: %s", kind, identity, error.message)
            return
        body: Any = reply.body
        row = cast("dict[str, Any]", body).get(kind) if isinstance(body, dict) else None
        self._name(account, kind, row, identity)

    def _name(self, account: str, kind: Kind, row: Any, identity: int | None = None) -> None:
        """Keep what a row says that it is called, if it is that of `identity`, or of any."""
        fields = cast("dict[str, Any]", row) if isinstance(row, dict) else {}
        called = _called(kind, fields)
        found = fields.get("id")
        if not called or not isinstance(found, int) or identity not in (None, found):
            return
        now = self._clock.monotonic()
        if len(self._named) > 1_000:
            for key in [key for key, (until, _) in self._named.items() if until <= now]:
                del self._named[key]
        self._named[account, kind, found] = now + NAMED_LASTS, quoted(called, LONGEST_NAME)

    async def _listed(self, account: str) -> tuple[_Own, ...]:
        listed = await self._asking(account).ask("list_numbers", max_items=MOST_NUMBERS)
        rows = _objects(listed.body, "numbers")
        for one in rows:
            self._name(account, "number", one)
        return tuple(_Own.of(one) for one in rows)

    async def _is_known(self, account: str, number: str) -> bool:
        now = self._clock.monotonic()
        if self._known.get((account, number), (now,))[0] > now:
            return True
        try:
            found = await self._asking(account).ask("search_contacts", phone_number=number)
        except AircallMCPError as error:
            log.warning("whether a recipient is a contact: %s", error.message)
            return False
        # Whatever the search gave for it: only who has that very number is known by it.
        contacts = [one for one in _objects(found.body, "contacts") if _has(one, number)]
        if not contacts:
            return False
        if len(self._known) > 1_000:
            for key in [key for key, (until, *_) in self._known.items() if until <= now]:
                del self._known[key]
        called = ", ".join(filter(None, (_called("contact", one) for one in contacts)))
        ids = tuple(str(one.get("id")) for one in contacts)
        self._known[account, number] = now + KNOWN_LASTS, quoted(called, LONGEST_NAME), ids
        return True


def _called(kind: Kind, fields: Mapping[str, Any]) -> str:
    words = [fields.get(name) for name in _CALLED[kind]]
    return " ".join(" ".join(one.split()) for one in words if isinstance(one, str))


def _has(contact: dict[str, Any], number: str) -> bool:
    """Whether it is one of the contact's numbers, which may be written without the country."""
    end = ending(number)
    values = (one.get("value") for one in _objects(contact, "phone_numbers"))
    return any(isinstance(value, str) and end in endings(value) for value in values)


def _objects(body: Any, key: str) -> list[dict[str, Any]]:
    listed: Any = cast("dict[str, Any]", body).get(key) if isinstance(body, dict) else None
    if not isinstance(listed, list):
        return []
    return [one for one in cast("list[Any]", listed) if isinstance(one, dict)]
