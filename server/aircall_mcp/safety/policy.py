"""Whether something may be done: a pure function of a policy, a deed and known facts.

Nothing is read, counted or asked for here. The base is the most particular line that names the
deed; every other rule can only make it stricter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from functools import reduce
from typing import Final, Literal
from zoneinfo import ZoneInfo

from ..ground.effects import Allowance
from .deed import Counted, Deed
from .destinations import Destination, countries_of, destination_of

Say = Literal["allow", "ask", "deny"]
Grade = Literal[1, 2]
"""How surely a person said yes: 1, a client says so; 2, the person was seen by us."""

_STRICTER: Final[Sequence[Say]] = ("allow", "ask", "deny")
"""Each than the one before."""

HOUR: Final = 3600.0
DAY: Final = 86_400.0
QUARTER: Final = 900


@dataclass(frozen=True, slots=True)
class Ruling:
    """`say` goes, by `rule` (as the policy file spells it) and for the reason `why`. `grade` is
    the least that a yes must have, where somebody is asked; `quiet`: among what asks are the quiet
    hours, so that no yes will do that was given ahead."""

    say: Say
    rule: str = ""
    why: str = ""
    grade: Grade = 1
    quiet: bool = False

    def stricter(self, other: Ruling) -> Ruling:
        """The stricter of the two; of two that ask, with the higher grade."""
        mine, theirs = ((_STRICTER.index(one.say), one.grade) for one in (self, other))
        return other if theirs > mine else self


ALLOWED: Final = Ruling("allow")
SUPPRESSED: Final = Ruling("deny", "suppression list", "somebody asked not to be contacted")


@dataclass(frozen=True, slots=True)
class Look:
    """What the policy says of a call, and of which account it is."""

    ruling: Ruling
    account: str


@dataclass(frozen=True, slots=True)
class Line:
    """What a line of the policy says: one of the three words, with the least grade of a yes."""

    say: Say
    grade: Grade = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """Takes the place of the base where all that it names fits; what is empty fits everything.
    `over` is a number of recipients that must be exceeded."""

    name: str
    line: Line
    operations: frozenset[str] = frozenset()
    toolsets: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    principals: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    over: int = 0

    def fits(self, deed: Deed, country: str) -> bool:
        """Whether it is about what `deed` does in `country`, "" for none that is known."""
        return (
            (not self.operations or deed.operation in self.operations)
            and (not self.toolsets or deed.toolset in self.toolsets)
            and (not self.accounts or deed.account in self.accounts)
            and (not self.principals or deed.principal in self.principals)
            and (not self.countries or country in self.countries)
            and deed.reached >= self.over + (1 if self.over else 0)
        )


@dataclass(frozen=True, slots=True)
class Quiet:
    """Local times between which nobody is called or texted; past midnight where `since` is the
    later one, and all day where both are the same."""

    since: time
    until: time
    line: Line = Line("deny")
    kinds: frozenset[Counted] = frozenset()
    """What they are for; all where there is none."""

    def holds(self, moment: time) -> bool:
        if self.since < self.until:
            return self.since <= moment < self.until
        return moment >= self.since or moment < self.until


@dataclass(frozen=True, slots=True)
class Cap:
    """How many in any hour and in any 24 hours; None for as many as there are."""

    hour: int | None = None
    day: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What a policy file says, or the defaults where there is none.

    `home` as a country stands for those of the company's own numbers. `only` and `never` are
    numbers in E.164, or their beginnings with a `*`. `numbers` are ids of the company's own numbers
    that may be used, `phones` more of these, in E.164. `places`: whether the rules about countries
    and quiet hours hold for what the owner's `--allow` names, too.
    """

    effects: Mapping[Allowance, Line] = field(default_factory=dict[Allowance, Line])
    operations: Mapping[str, Line] = field(default_factory=dict[str, Line])
    toolsets: Mapping[str, Line] = field(default_factory=dict[str, Line])
    rules: tuple[Rule, ...] = ()
    countries: frozenset[str] = frozenset({"home"})
    elsewhere: Line = Line("ask", 2)
    costly: Line = Line("deny")
    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    strangers: Line = Line("ask", 2)
    batches: Line = Line("ask", 2)
    quiet: Quiet | None = None
    caps: Mapping[Counted, Cap] = field(default_factory=dict[Counted, Cap])
    numbers: frozenset[int] = frozenset()
    phones: frozenset[str] = frozenset()
    users: frozenset[int] = frozenset()
    hosts: frozenset[str] = frozenset()
    written: bool = False


@dataclass(frozen=True, slots=True)
class Used:
    """How many there were in the last hour and in the last 24 hours."""

    hour: int = 0
    day: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known besides. `now` is UNIX seconds. `home` are the countries of the company's own
    numbers, None where they could not be read; `suppressed` are those who asked to be left alone
    (each as `phones.reached` spells it), `known` those of the recipients that the company has
    had to do with. `own` are the ids of the company's own numbers, by how `phones.meant` spells
    these, None where they could not be read. `standing` is what
    the owner allows once and for all by `--allow`."""

    now: float
    home: frozenset[str] | None = None
    suppressed: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    used: Mapping[Counted, Used] = field(default_factory=dict[Counted, Used])
    standing: frozenset[Allowance] = frozenset()
    own: Mapping[str, int] | None = None


def ruling_of(policy: Policy, deed: Deed, facts: Facts) -> Ruling:
    """What goes for `deed`: the strictest of the base and of every rule that touches it."""
    if deed.needs == ("read",):
        return _base(policy, deed)
    places = [destination_of(number) for number in deed.recipients]
    base = _base_in(policy, deed, places)
    standing = base.say != "deny" and _standing(policy, deed, facts)
    if standing:
        base = replace(ALLOWED, rule="--allow")
    ruling = base
    for other in _bans(policy, deed, facts, places):
        ruling = ruling.stricter(other)
    quiet = False
    if not standing or policy.written:
        for other in _places(policy, deed, facts, places):
            ruling, quiet = ruling.stricter(other), quiet or other.quiet
    if ruling.say == "ask":
        for other in _graver(policy, deed, facts):
            ruling = ruling.stricter(other)
    return replace(ruling, quiet=True) if quiet else ruling


def _standing(policy: Policy, deed: Deed, facts: Facts) -> bool:
    """Whether `--allow` names all of it that would not go anyway, and something of it."""
    asked = [n for n in deed.needs if policy.effects.get(n, DEFAULTS[n]).say != "allow"]
    return bool(asked) and all(need in facts.standing for need in asked)


def _base_in(policy: Policy, deed: Deed, places: list[Destination]) -> Ruling:
    """The strictest over all countries where it may ring: one more recipient, or one more digit,
    leads around no rule."""
    countries: set[str] = set()
    if any(rule.countries for rule in policy.rules):
        countries.update(*(countries_of(place) for place in places))
    return reduce(Ruling.stricter, [_base(policy, deed, one) for one in sorted(countries or {""})])


def _base(policy: Policy, deed: Deed, country: str = "") -> Ruling:
    for rule in policy.rules:
        if rule.fits(deed, country):
            return _said(rule.line, f"rule {rule.name!r}")
    if deed.operation in policy.operations:
        return _said(policy.operations[deed.operation], f"operations.{deed.operation}")
    if deed.toolset in policy.toolsets:
        return _said(policy.toolsets[deed.toolset], f"toolsets.{deed.toolset}")
    ruling = ALLOWED
    for need in deed.needs:
        line = policy.effects.get(need, DEFAULTS[need])
        ruling = ruling.stricter(_said(line, f"effects.{need}", f"it {WHAT[need]}"))
    return ruling


def _bans(policy: Policy, deed: Deed, facts: Facts, places: list[Destination]) -> Iterator[Ruling]:
    """What holds whatever else is allowed."""
    for place in places:
        if not facts.suppressed.isdisjoint(place.rings):
            yield SUPPRESSED
        if any(named(ringing, policy.never) for ringing in (place.number, *place.rings)):
            yield Ruling("deny", "destinations.never", "the number is on the list")
        if policy.only and not named(place.rings[0], policy.only):
            yield Ruling("deny", "destinations.only", "the number is not on the list")
        if place.kind not in ("ordinary", "unassigned"):
            why = f"it is a {place.kind.replace('_', '-')} number"
            yield _said(policy.costly, "destinations.costly", why)
    own = facts.own or {}
    usable = policy.numbers | {own[phone] for phone in policy.phones if phone in own}
    chosen = bool(policy.numbers or policy.phones)
    for sender in deed.senders:
        if chosen and sender not in usable:
            why = f"number {sender} may not be used"
            if policy.phones and facts.own is None:
                why = f"which of your numbers is {sender} cannot be read from Aircall now"
            yield Ruling("deny", "from.numbers", why)
    if chosen and deed.recipients and not deed.senders:
        yield Ruling("ask", "from.numbers", "it does not say which number it comes from", 2)
    for user in deed.users:
        if policy.users and user not in policy.users:
            yield Ruling("deny", "from.users", f"user {user} may not be used")
    for host in deed.hosts:
        if policy.hosts and host is None:
            yield Ruling("ask", "webhooks.hosts", "it does not say where the address leads", 2)
        elif policy.hosts and not any(_within(host or "", named) for named in policy.hosts):
            yield Ruling("deny", "webhooks.hosts", "the address leads to another host")
    if deed.counted is not None:
        cap = policy.caps.get(deed.counted, Cap())
        used = facts.used.get(deed.counted, Used())
        for most, already, period in (
            (cap.hour, used.hour, "hour"),
            (cap.day, used.day, "24 hours"),
        ):
            if most is not None and already + deed.size > most:
                rule = f"caps.{deed.counted}"
                why = f"{already} of {most} in the last {period} are used"
                more = f", and it takes {deed.size}" if deed.size > 1 else ""
                yield Ruling("deny", rule, why + more)


def _places(
    policy: Policy, deed: Deed, facts: Facts, places: list[Destination]
) -> Iterator[Ruling]:
    countries = policy.countries - {"home"}
    if "home" in policy.countries and facts.home is not None:
        countries |= facts.home
    for place in places:
        if "any" not in policy.countries and place.country not in countries:
            why = f"it is in {place.country}" if place.country else "its country is not known"
            yield _said(policy.elsewhere, "destinations.countries", why)
        quiet = policy.quiet
        if quiet is None or (quiet.kinds and deed.counted not in quiet.kinds):
            continue
        if _quiet(quiet, facts.now, deed.lasting, place):
            line = quiet.line
            said = _said(line, "quiet_hours", "it is not a time to call there")
            yield replace(said, quiet=line.say == "ask")


def _quiet(quiet: Quiet, now: float, lasting: int, place: Destination) -> bool:
    """Whether the quiet hours hold in any zone that the number may be in, or in doubt: now, or as
    long as it is tried, whatever the clocks are turned to meanwhile."""
    if not place.zones:
        return True
    return any(
        quiet.holds(datetime.fromtimestamp(now + later, ZoneInfo(zone)).time())
        for zone in place.zones
        for later in (*range(0, lasting, QUARTER), lasting)
    )


def _graver(policy: Policy, deed: Deed, facts: Facts) -> Iterator[Ruling]:
    """What makes a question that is asked anyway a graver one: a line that allows, none of it."""
    if deed.reached > 1:
        yield _said(policy.batches, "destinations.batches", "it reaches several people")
    if any(number not in facts.known for number in deed.recipients):
        yield _said(policy.strangers, "destinations.strangers", "it reaches a stranger")


def _said(line: Line, rule: str, why: str = "") -> Ruling:
    return Ruling(line.say, rule, why, line.grade)


def named(number: str, patterns: tuple[str, ...]) -> bool:
    """Whether `number` (E.164) is one of `patterns`, or begins like one that ends in a `*`."""
    return any(
        number.startswith(pattern[:-1]) if pattern.endswith("*") else number == pattern
        for pattern in patterns
    )


def _within(host: str, named: str) -> bool:
    return host == named or (named.startswith("*.") and host.endswith(named[1:]))


DEFAULTS: Final[Mapping[Allowance, Line]] = {
    "read": Line("allow"),
    "write": Line("allow"),
    "reach": Line("ask", 1),
    "delete": Line("ask", 2),
    "exposes": Line("ask", 2),
    "administers": Line("ask", 2),
}

WHAT: Final[Mapping[Allowance, str]] = {
    "read": "reads",
    "write": "changes the company's data",
    "reach": "reaches a person or costs money",
    "delete": "deletes for good",
    "exposes": "lets the company's words out",
    "administers": "decides who may do what, or whether callers get through",
}
"""What an effect or a stake means, after `it`."""
