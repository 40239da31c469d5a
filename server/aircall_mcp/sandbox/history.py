"""The calls of Brightleaf Coffee: months, the last weeks, last night, the last half hour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import TypeAlias

from . import company
from .entities import Call, Comment, Contact, Number, Tagging, User
from .insights import chosen
from .world import World

Known: TypeAlias = Mapping[str, list[Contact]]
"""Who calls from where: the contacts of each country."""

DAY = 86_400
_CALLS, _MORE_CALLS = 297, 50_000
_WEEKS = 42 * DAY
_TRANSCRIBED, _NEWEST = 30, 40
_AN_HOUR = 3_600
_LATELY = 1_800
"""Seconds that are told call by call; what came before is over by then."""


def digits(country: str, index: int) -> str:
    """A number nobody has, from the ranges kept free for fiction; unlike for each index."""
    if country == "FR":
        return f"+33199{index % 10_000:06d}" if index < 10_000 else f"+33639{980000 + index % 9999}"
    if country == "US":
        return f"+1{company.AREAS[index // 100 % len(company.AREAS)]}55501{index % 100:02d}"
    if country == "GB":
        return f"+44207946{index % 1000:04d}"
    return f"+493023125{index % 1000:03d}"


def _opening(moment: int, east: int) -> bool:
    """Monday to Friday, nine to six, where the line is."""
    local = moment + east * 3600
    return (local // DAY + 3) % 7 < 5 and 9 <= local % DAY // 3600 < 18


def _moments(source: Random, now: float) -> Iterator[tuple[int, int]]:
    """When the calls of the last weeks started, and on which line; a few come after hours."""
    lines = [index for index, row in enumerate(company.NUMBERS) for _ in range(row[6])]
    found: list[tuple[int, int]] = []
    latest = int(now) - 2 * _LATELY
    while len(found) < _CALLS:
        moment = latest - int(source.random() * (_WEEKS - 2 * _LATELY))
        line = lines[int(source.random() * len(lines))]
        if _opening(moment, company.NUMBERS[line][4]) or source.random() < 0.02:
            found.append((moment, line))
    return iter(sorted(found))


def last_weeks(world: World, source: Random, contacts: list[Contact], now: float) -> None:
    """Six weeks of calls, up to the one that is going on. The newest of them, and their ids, are
    the same whatever the hour."""
    lines = list(world.numbers.values())
    known = {line.country: [c for c in contacts if calls_from(line.country, c)] for line in lines}
    yesterday = list(_yesterday(world, known, now))
    calls = [
        *_earlier(world, source, known, now, yesterday),
        *yesterday,
        _last_night(world, known, now),
        *_lately(world, known, now),
    ]
    for call in sorted(calls, key=lambda call: call.started):
        call.id = world.next_id("call")
        world.add_call(call)
    _now_on_the_phone(world, known, now)


def _earlier(
    world: World, source: Random, known: Known, now: float, beside: list[Call]
) -> Iterator[Call]:
    """What nobody is on the phone for already: `beside` are calls that are taken."""
    lines, people = list(world.numbers.values()), list(world.users.values())
    busy: dict[int, int] = {}
    transcribed = 0
    for index, (moment, where) in enumerate(_moments(source, now), 1):
        number = lines[where]
        engaged = {one.user for one in beside if abs(one.started - moment) < _AN_HOUR}
        staff = [
            people[i].id
            for i in company.NUMBERS[where][5]
            if busy.get(people[i].id, 0) < moment and people[i].id not in engaged
        ]
        open_now = _opening(moment, company.NUMBERS[where][4])
        outbound = bool(staff) and open_now and source.random() < 0.4
        call = Call(
            id=0,
            direction="outbound" if outbound else "inbound",
            number=number.id,
            user=None,
            digits=_caller(source, known[number.country], number.country, outbound),
            started=moment,
            answered=None,
            ended=moment,
        )
        if not outbound:
            call.teams = _teams(world, number)
            if number.menu and source.random() < 0.7:
                call.menu_key = source.choice("123")
        if outbound or (staff and open_now and source.random() < 0.78):
            call.user = staff[min(int(source.random() ** 1.6 * len(staff)), len(staff) - 1)]
            left = _CALLS - index
            _talk(world, source, call, number, left, transcribed, int(now) - _LATELY)
            transcribed += call.talk >= 0
            busy[call.user] = call.ended + 60
        else:
            _miss(source, call, open_now)
        _annotate(world, source, call)
        yield call


def calls_from(country: str, contact: Contact) -> bool:
    """Whether their first number is of that country."""
    prefix = {"FR": "+33", "US": "+1", "GB": "+44", "DE": "+49"}[country]
    return contact.phones[0].value.startswith(prefix)


def _caller(source: Random, known: list[Contact], country: str, outbound: bool) -> str:
    chance = source.random()
    if chance < 0.82:
        return known[int(source.random() ** 1.5 * len(known))].phones[0].value
    if chance > 0.97 and not outbound:
        return "anonymous"
    return digits(country, source.randrange(60, 199))


def _talk(
    world: World,
    source: Random,
    call: Call,
    number: Number,
    left: int,
    transcribed: int,
    latest: int,
) -> None:
    """Ringing and then a conversation that is over by `latest`. The newest are transcribed, and of
    the older ones a part."""
    ring = source.randrange(3, 22)
    if call.direction == "outbound" and source.random() < 0.22:
        call.ended = call.started + source.randrange(12, 45)  # nobody picked up
        return
    call.answered = call.started + ring
    call.recorded = number.recorded
    wanted = _TRANSCRIBED - transcribed
    share = 1.0 if left < _NEWEST else 1.9 * max(0, wanted) / (left + 1)
    if number.recorded and source.random() < share:
        call.talk = source.randrange(1_000)
        length = int(len(chosen(world, call).text) / 14 * source.uniform(0.9, 1.3))
    else:
        length = min(latest - call.answered, int(source.lognormvariate(4.9, 0.9)) + 8)
    call.ended = call.answered + length


def _miss(source: Random, call: Call, open_now: bool) -> None:
    if not open_now:
        reason, least, most, voicemail = "out_of_opening_hours", 10, 30, True
    else:
        shares = [row[0] for row in company.MISSED]
        _, reason, least, most, voicemail = source.choices(company.MISSED, shares)[0]
    if reason == "abandoned_in_ivr" and call.menu_key is None:
        reason = "abandoned_in_classic"
    call.missed = reason
    call.ended = call.started + source.randint(least, most)
    if voicemail and source.random() < 0.5:
        call.voicemail = True
        call.ended += source.randrange(8, 70)


def _annotate(world: World, source: Random, call: Call) -> None:
    """Tags and notes of those who took the call, and a few hand-overs."""
    names = {tag.name: tag.id for tag in world.tags.values()}
    if call.talk >= 0:
        said = chosen(world, call).tags
        call.tags = tuple(Tagging(names[name], call.ended, call.user) for name in said)
    elif call.answered is not None and source.random() < 0.3:
        name = source.choice(("follow_up", "new_lead", "billing", "vip", "demo_booked"))
        call.tags = (Tagging(names[name], call.ended, call.user),)
    if call.user is not None and source.random() < 0.18:
        text = source.choice(company.COMMENTS)
        call.comments = (Comment(world.next_id("comment"), text, call.ended + 40, call.user),)
    if call.direction == "inbound" and call.answered and source.random() < 0.05:
        others = [user for user in world.users if user != call.user]
        call.transferred_by, call.transferred_to = source.choice(others), call.user
    call.archived = call.answered is not None and source.random() < 0.1


def _yesterday(world: World, known: Known, now: float) -> Iterator[Call]:
    """What user_42 said on the phone yesterday, by the clock of Chicago."""
    east = company.NUMBERS[company.NUM_555][4] * 3600
    midnight = (int(now) + east) // DAY * DAY - east - DAY
    number = list(world.numbers.values())[company.NUM_555]
    for index, (minute, way, said) in enumerate(company.TAKEN_YESTERDAY):
        call = _from_outside(world, number, known["US"][-3 - index], midnight + 60 * minute)
        if way == "outbound":
            call.direction, call.teams = "outbound", ()
        _taken(world, call, list(world.users.values())[company.USER_42], said)
        yield call


def _taken(world: World, call: Call, user: User, said: int) -> None:
    """By `user`, recorded and transcribed."""
    call.user, call.talk, call.recorded = user.id, said, True
    call.answered = call.started + 8
    call.ended = call.answered + len(chosen(world, call).text) // 13
    names = {tag.name: tag.id for tag in world.tags.values()}
    call.tags = tuple(
        Tagging(names[name], call.ended, user.id) for name in chosen(world, call).tags
    )


def _last_night(world: World, known: Known, now: float) -> Call:
    """Somebody spoke on the tape in Paris, yesterday at twenty to ten in the evening."""
    east = company.NUMBERS[company.PARIS][4] * 3600
    started = (int(now) + east) // DAY * DAY - east - 140 * 60
    number = list(world.numbers.values())[company.PARIS]
    call = _from_outside(world, number, known["FR"][-2], started)
    call.missed, call.voicemail, call.ended = "out_of_opening_hours", True, started + 52
    return call


def _lately(world: World, known: Known, now: float) -> Iterator[Call]:
    """The last half hour, on lines that record: what a newcomer looks at first."""
    lines, people = list(world.numbers.values()), list(world.users.values())
    for index, (minutes, way, where, who) in enumerate(company.TAKEN_LATELY):
        number = lines[where]
        call = _from_outside(world, number, known[number.country][index], int(now) - 60 * minutes)
        if way == "outbound":
            call.direction, call.teams = "outbound", ()
        _taken(world, call, people[who], index)
        yield call
    for index, (minutes, where, reason, spoken) in enumerate(company.MISSED_LATELY):
        number = lines[where]
        caller = known[number.country][-1 - index]
        call = _from_outside(world, number, caller, int(now) - 60 * minutes)
        call.missed, call.voicemail, call.ended = reason, spoken > 0, call.started + 29 + spoken
        yield call


def _now_on_the_phone(world: World, known: Known, now: float) -> None:
    """James has been talking for three minutes, and will for some time."""
    james = list(world.users.values())[company.JAMES]
    london = list(world.numbers.values())[company.LONDON]
    call = _from_outside(world, london, known["GB"][0], int(now) - 190)
    call.id, call.user, call.recorded, call.talk = world.next_id("call"), james.id, True, 1
    call.answered, call.ended = call.started + 9, call.started + 1_800
    call.teams = tuple(t.id for t in world.teams.values() if james.id in t.users)
    world.add_call(call)


def _from_outside(world: World, number: Number, caller: Contact, started: int) -> Call:
    return Call(
        id=0,
        direction="inbound",
        number=number.id,
        user=None,
        digits=caller.phones[0].value,
        started=started,
        answered=None,
        ended=started,
        teams=_teams(world, number),
    )


def _teams(world: World, number: Number) -> tuple[int, ...]:
    return tuple(t.id for t in world.teams.values() if set(t.users) & set(number.users))[:1]


def months_before(world: World, source: Random, contacts: list[Contact], now: float) -> None:
    """The months before the last weeks, plainly: no notes, no transcripts."""
    lines, people = list(world.numbers.values()), list(world.users)
    callers = [contact.phones[0].value for contact in contacts]
    first = int(now) - 181 * DAY
    step = (181 * DAY - _WEEKS - DAY) / _MORE_CALLS
    draw, next_id = source.random, world.next_id
    for index in range(_MORE_CALLS):
        chance = draw()
        number = lines[int(chance * chance * len(lines))]
        started = first + int(index * step)
        inbound, answered = draw() < 0.6, draw() < 0.8
        user = people[int(draw() * len(people))] if answered or not inbound else None
        taken = started + 9 if answered else None
        ended = started + 9 + int(draw() * draw() * 900) if answered else started + 30
        missed = "agents_did_not_answer" if inbound and not answered else None
        world.add_call(
            Call(
                next_id("earlier call"),
                "inbound" if inbound else "outbound",
                number.id,
                user,
                callers[int(draw() * len(callers))],
                started,
                taken,
                ended,
                missed,
                False,
                answered and number.recorded,
            )
        )
