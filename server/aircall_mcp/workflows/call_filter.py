"""Which calls are meant: the arguments that all workflows about calls have, and those that fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from ..errors import ArgumentError, ToolError, Unreachable, quoted
from ..ground.caller import Caller
from ..ground.phones import e164
from .call_log import CallLog, Calls, so_far
from .directory import ME, Directory
from .kit import Json, Kit, id_of, object_of, rows_of, text_of
from .kit import told_of as why_not
from .kpis import moment, party_of
from .meant import Found, Named, unclear
from .names import Names
from .people import People, Sought, told_of
from .periods import Period, period_of

PATIENCE = 5.0
"""Seconds that contacts are waited for that were never read before: the calls tell much without."""

_ABROAD = ("+", "(+", "00")
"""How a number begins that says its country: others are as people dial them at home."""
_END = 7
"""Digits that are the end of a phone number, where they are nobody's id."""

Fits = Callable[[Json], bool]
REASONS = (
    "out_of_opening_hours", "short_abandoned", "abandoned_in_ivr", "abandoned_in_classic",
    "no_available_agent", "agents_did_not_answer",
)  # fmt: skip


@dataclass(slots=True)
class Meant:
    """What the arguments mean. `query` is what Aircall can search by, `tests` what is held against
    each call here."""

    period: Period
    query: dict[str, Any] = field(default_factory=dict[str, Any])
    tests: list[Fits] = field(default_factory=list[Fits])
    words: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])
    user: int | None = None
    members: frozenset[int] = frozenset()
    number: int | None = None
    contact: str = ""
    """A contact by name, e-mail or id; digits that are no id are the end of a number."""

    def fits(self, call: Json) -> bool:
        return all(test(call) for test in self.tests)


class CallFilter:
    def __init__(self, kit: Kit, log: CallLog) -> None:
        self._kit = kit
        self._log = log
        self._directory = Directory(kit)
        self._people = People(kit)

    async def meant(
        self,
        arguments: Mapping[str, Any],
        caller: Caller,
        default: str,
        *,
        missed: bool = False,
        here: bool = False,
    ) -> Meant:
        """What the arguments mean; `missed` calls have no user, so that a user means their lines.
        With `here` nothing is left to Aircall's search, since other calls are looked at, too.
        Raises `ArgumentError` with the choices."""
        get = arguments.get
        number = None
        if get("number") is not None:
            number = await self._directory.one("number", str(get("number")), caller)
        zone, note = await self._zone(get("zone"), number, caller)
        said = str(get("period") or default)
        meant = Meant(period_of(said, self._kit.clock.wall(), zone), notes=[note])
        if number is not None:
            meant.number = number.id
            meant.words.append(f"on {number.name or number.id}")
            meant.tests.append(lambda call: id_of(call.get("number")) == number.id)
        if get("user") is not None:
            await self._user(meant, str(get("user")), caller, missed=missed)
        if get("team") is not None:
            team, members = await self._directory.members(str(get("team")), caller)
            meant.members = members
            meant.words.append(f"of {team.name}")
            meant.tests.append(lambda call: in_team(call, team.id, members))
        for tag in get("tags") or ():
            found = await self._directory.one("tag", str(tag), caller)
            meant.query.setdefault("tags", []).append(found.id)
            meant.words.append(f"tagged {found.name}")
        if get("direction") is not None:
            meant.query["direction"] = get("direction")
            meant.words.append(str(get("direction")))
        if get("contact") is not None:
            self._contact(meant, str(get("contact")))
        if here:
            meant.tests += _tests_of(meant.query)
            meant.query.clear()
        return meant

    async def read(self, meant: Meant, caller: Caller, **how: Any) -> tuple[Calls, list[Json]]:
        """All calls of the period, and those of them that fit. Raises as the call log does."""
        calls = await self._log.read(
            meant.period, caller, fetch_contact=True, **meant.query, **how
        )  # fmt: skip
        if meant.contact:
            meant.tests.append(await self._with(meant, calls, caller))
        return calls, [call for call in calls.items if meant.fits(call)]

    async def _zone(
        self, asked: str | None, number: Named | None, caller: Caller
    ) -> tuple[tzinfo | None, str]:
        if asked:
            return _zone_named(asked), ""
        if number is not None:
            listed = await self._kit.whole("list_numbers", caller)
            row = next((one for one in listed.items if id_of(one) == number.id), Json())
            if name := text_of(row.get("time_zone")):
                return _zone_named(name), ""
        return await self._kit.zone(caller)

    async def _user(self, meant: Meant, said: str, caller: Caller, *, missed: bool) -> None:
        user = await self._directory.one("user", said, caller)
        meant.user = user.id
        meant.words.append(f"of {user.name}")
        if not missed:
            meant.query["user_id"] = user.id
            return
        # A missed call has no user: those that came in by the user's lines are theirs.
        listed = await self._kit.whole("list_user_numbers", caller, user_id=user.id)
        lines = {id_of(row) for row in listed.items}
        shared = [row for row in listed.items if len(rows_of(row, "users")) > 1]
        if listed.why:
            raise Unreachable(
                f"Not all numbers of {user.name} could be read: {listed.why}", hint="Ask again."
            )
        meant.tests.append(lambda call: id_of(call.get("number")) in lines)
        whose = "your" if said.casefold() in ME else f"{user.name}'s"
        note = f"Aircall names no user of a missed call: these came in by {whose} numbers"
        meant.notes.append(f"{note}, some shared with others." if shared else f"{note}.")

    async def _with(self, meant: Meant, calls: Calls, caller: Caller) -> Fits:
        """Whether a call is with the contact that is meant, or from a number that ends so. Raises
        `ArgumentError` for who is no contact, and with the choices where several called."""
        said, told = meant.contact, quoted(meant.contact)
        callers, these = Names(_callers(calls.items)), f"in these calls{so_far(calls)}"
        sought, why = Sought(Found()), ""
        try:
            sought = await self._people.find(said, caller, users=False, patience=PATIENCE)
            why = told_of(sought)
        except ToolError as error:  # these calls alone can tell then
            why = why_not(error)
        found = sought.found if sought.found.fits else callers.find(said)
        end = said.strip()
        if end.isdigit() and len(end) >= _END and (found.one is None or found.one.id != int(end)):
            return lambda call: party_of(call).endswith(end.lstrip("0"))
        if not found.fits and why:
            meant.notes.append(f"Whether a contact is called `{told}` is not known: {why}")
            return _never
        if found.one is None and found.sure and found.fits:
            here = {one.id for one in callers}
            among = tuple(one for one in found.fits if one.id in here)
            many = f"`{told}` fits {len(found.fits)} contacts"
            if not among:
                meant.notes.append(f"{many}, and none of them is {these}.")
                return _never
            if len(among) == 1:
                meant.notes.append(f"{many}; of them, {among[0].name} alone is {these}.")
            found = Found(among)
        if found.one is None:
            raise unclear(said, found if found.fits else sought.found, "contact")
        person = found.one.id
        meant.words[meant.words.index(f"with {told}")] = f"with {found.one.name or told}"
        if why:
            meant.notes.append(f"Whether others are called so is not known: {why}")
        return lambda call: id_of(call.get("contact")) == person

    def _contact(self, meant: Meant, said: str) -> None:
        meant.words.append(f"with {quoted(said)}")
        digits = "".join(one for one in said if one.isdigit())
        told = len(digits) >= _END and not said.strip().isdigit()  # which may be an id
        if said.strip().startswith("+") or (told and not any(map(str.isalpha, said))):
            number = e164(said)
            if number.startswith("+") and said.strip().startswith(_ABROAD):
                meant.query["phone_number"] = number
            else:
                end = digits.lstrip("0")
                meant.tests.append(lambda call: party_of(call).endswith(end))
            return
        meant.contact = said


def _tests_of(query: Mapping[str, Any]) -> list[Fits]:
    """What Aircall's search would do, done here."""
    tests: list[Fits] = []
    if (user := query.get("user_id")) is not None:
        tests.append(
            lambda call: user in (id_of(call.get("user")), id_of(call.get("transferred_to")))
        )
    if (direction := query.get("direction")) is not None:
        tests.append(lambda call: call.get("direction") == direction)
    if (tags := query.get("tags")) is not None:
        tests.append(lambda call: {*tags} <= {id_of(tag) for tag in call.get("tags", ())})
    if (phone := query.get("phone_number")) is not None:
        tests.append(lambda call: f"+{party_of(call)}" == phone)
    return tests


def in_team(call: Json, team: int, members: frozenset[int]) -> bool:
    """Whether it rang at the team, or a member of it was in it."""
    if any(id_of(one) == team for one in call.get("teams", ())):
        return True
    return any(id_of(call.get(name)) in members for name in ("user", "transferred_to"))


def missed_test(missed: str) -> Fits:
    """Missed calls, or those of one reason, or those that were not. Raises
    `ArgumentError`."""

    def unanswered(call: Json) -> bool:
        ended = call.get("status") == "done"
        return ended and call.get("direction") == "inbound" and moment(call, "answered_at") is None

    if missed == "true":
        return unanswered
    if missed == "false":
        return lambda call: not unanswered(call)
    if missed not in REASONS:
        raise ArgumentError(
            f"`missed` cannot be `{quoted(missed)}`.", hint=f"true, false, {', '.join(REASONS)}."
        )
    return lambda call: unanswered(call) and call.get("missed_call_reason") == missed


def name_of(call: Json) -> str:
    """What the contact of a call is called."""
    contact = object_of(call.get("contact"))
    names = (text_of(contact.get("first_name")), text_of(contact.get("last_name")))
    return " ".join(filter(None, names)) or text_of(contact.get("company_name"))


def _never(_call: Json) -> bool:
    return False


def _callers(calls: Sequence[Json]) -> list[Named]:
    found: dict[int, Named] = {}
    for call in calls:
        contact = object_of(call.get("contact"))
        known = id_of(contact)
        if known is not None and known not in found:
            company = text_of(contact.get("company_name"))
            phones = (f"+{party_of(call)}",)
            found[known] = Named(known, name_of(call), "contact", phones=phones, beside=company)
    return list(found.values())


def _zone_named(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ArgumentError(
            f"There is no time zone `{quoted(name)}`.", hint="Write it like Europe/Paris."
        ) from None
