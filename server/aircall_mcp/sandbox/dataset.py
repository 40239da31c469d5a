"""The company a new user finds in the sandbox: Brightleaf Coffee, its people and its last weeks.

Fixed by the seed and told relative to the clock, so that there is always a yesterday.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from random import Random
from typing import Literal, TypeAlias

from . import company
from .entities import (
    Call,
    Campaign,
    Comment,
    Configuration,
    Contact,
    Detail,
    Dialer,
    Integration,
    Lead,
    Number,
    Queued,
    SmsTemplate,
    Tag,
    Tagging,
    Team,
    User,
    VoiceAgent,
    Webhook,
    WhatsAppTemplate,
)
from .insights import chosen
from .world import World, seeded

Size: TypeAlias = Literal["small", "empty", "large"]

DAY = 86_400
_CALLS, _CONTACTS = 300, 200
_MORE_CALLS, _MORE_CONTACTS = 50_000, 12_000
_WEEKS = 42 * DAY
_TRANSCRIBED = 40


def fill(world: World, size: Size, *, seed: int, now: float) -> None:
    """Furnish the world. `empty` leaves one user and one number, the least an account has."""
    source = seeded("company", seed)
    people = _people(world, now, 1 if size == "empty" else len(company.USERS))
    lines = _lines(world, people, now, 1 if size == "empty" else len(company.NUMBERS))
    world.integration = Integration("Brightleaf CRM", people[0].id, [line.id for line in lines])
    if size == "empty":
        return
    for name, members in company.TEAMS:
        team = Team(world.next_id("team"), name, now - 380 * DAY, [people[i].id for i in members])
        world.teams[team.id] = team
    for name, color, description in company.TAGS:
        tag = Tag(world.next_id("tag"), name, color, description, now - 370 * DAY)
        world.tags[tag.id] = tag
    _write_to(world, lines, now)
    contacts = _contacts(world, source, _CONTACTS, now)
    if size == "large":
        crowd = seeded("crowd", seed)
        contacts_of_many = _contacts(world, crowd, _MORE_CONTACTS, now)
        _many_calls(world, crowd, contacts_of_many, now)
    for call in _history(world, source, contacts, now):
        world.add_call(call)
    _now_on_the_phone(world, contacts, now)
    _outreach(world, source, people, lines, contacts, now)


def _people(world: World, now: float, size: int) -> list[User]:
    people: list[User] = []
    for index, (first, last, zone, language, wrap_up) in enumerate(company.USERS[:size]):
        email = f"{first}.{last}@example.com".lower()
        created = now - (400 - 9 * index) * DAY
        user = User(world.next_id("user"), first, last, email, created, zone, language, wrap_up)
        world.users[user.id] = user
        people.append(user)
    if size > company.LUCA:
        people[company.NORA].connected = False
        people[company.LUCA].availability_status = "unavailable"
        people[company.LUCA].substatus = "Out for lunch"
        people[company.MAYA].availability_status = "custom"
    return people


def _lines(world: World, people: list[User], now: float, size: int) -> list[Number]:
    for index, (name, digits, country, zone, _, staff, _) in enumerate(company.NUMBERS[:size]):
        number = Number(
            id=world.next_id("number"),
            name=name,
            digits=digits,
            country=country,
            created=now - (395 - 5 * index) * DAY,
            time_zone=zone,
            users=[people[i].id for i in staff if i < len(people)],
            recorded=country != "DE",
            texts=country != "DE",
            waba="104920017734001" if country == "FR" and size > 1 else None,
            menu=country == "GB",
            priority=1 if country == "GB" else None,
        )
        for slot in ("welcome", "waiting", "voicemail"):
            number.messages[slot] = f"https://media.aircall.example/{country.lower()}/{slot}.mp3"
        world.numbers[number.id] = number
    return list(world.numbers.values())


def _digits(country: str, index: int) -> str:
    """A number nobody has, from the ranges kept free for fiction; unlike for each index."""
    if country == "FR":
        return f"+33199{index % 10_000:06d}" if index < 10_000 else f"+33639{980000 + index % 9999}"
    if country == "US":
        return f"+1{company.AREAS[index // 100 % len(company.AREAS)]}55501{index % 100:02d}"
    if country == "GB":
        return f"+44207946{index % 1000:04d}"
    return f"+493023125{index % 1000:03d}"


def _contacts(world: World, source: Random, size: int, now: float) -> list[Contact]:
    """Spread over the last year; most of them French once the other ranges are used up."""
    names = {c: (first.split(), last.split()) for c, (first, last) in company.NAMES.items()}
    taken = {country: count(200 if size <= 1000 else 1_100) for country in company.NAMES}
    shares = ("FR", "FR", "US", "GB", "US", "GB", "DE") if size <= 1000 else ("FR",)
    start, step = int(now) - 360 * DAY, 355 * DAY // size
    made: list[Contact] = []
    for index in range(size):
        country = shares[int(source.random() * len(shares))]
        firsts, lasts = names[country]
        first = firsts[int(source.random() * len(firsts))]
        last = lasts[int(source.random() * len(lasts))]
        firm = company.FIRMS[int(source.random() * len(company.FIRMS))]
        created = start + index * step
        digits = _digits(country, next(taken[country]))
        phones = [Detail(world.next_id("detail"), "Work", digits)]
        emails: list[Detail] = []
        if source.random() < 0.7:
            address = f"contact{index}@{country.lower()}.example.com"
            emails.append(Detail(world.next_id("detail"), "Work", address))
        note = company.NOTES[index % len(company.NOTES)] if source.random() < 0.2 else None
        updated = created + int(source.random() * 5 * DAY)
        contact = Contact(
            world.next_id("contact"), first, last, firm, note, created, updated, phones, emails
        )
        world.contacts[contact.id] = contact
        world.index(contact)
        made.append(contact)
    return made


def _opening(moment: int, east: int) -> bool:
    """Monday to Friday, nine to six, where the line is."""
    local = moment + east * 3600
    return (local // DAY + 3) % 7 < 5 and 9 <= local % DAY // 3600 < 18


def _moments(source: Random, now: float) -> Iterator[tuple[int, int]]:
    """When the calls of the last weeks started, and on which line; a few come after hours."""
    lines = [index for index, row in enumerate(company.NUMBERS) for _ in range(row[6])]
    found: list[tuple[int, int]] = []
    latest = int(now) - 1800
    while len(found) < _CALLS:
        moment = latest - int(source.random() * (_WEEKS - 1800))
        line = lines[int(source.random() * len(lines))]
        if _opening(moment, company.NUMBERS[line][4]) or source.random() < 0.02:
            found.append((moment, line))
    return iter(sorted(found))


def _history(world: World, source: Random, contacts: list[Contact], now: float) -> Iterator[Call]:
    lines, people = list(world.numbers.values()), list(world.users.values())
    abroad = {line.country: [c for c in contacts if _from(line.country, c)] for line in lines}
    busy: dict[int, int] = {}
    transcribed = 0
    for index, (moment, where) in enumerate(_moments(source, now), 1):
        number = lines[where]
        staff = [
            people[i].id for i in company.NUMBERS[where][5] if busy.get(people[i].id, 0) < moment
        ]
        open_now = _opening(moment, company.NUMBERS[where][4])
        outbound = bool(staff) and open_now and source.random() < 0.4
        call = Call(
            id=world.next_id("call"),
            direction="outbound" if outbound else "inbound",
            number=number.id,
            user=None,
            digits=_caller(source, abroad[number.country], number.country, outbound),
            started=moment,
            answered=None,
            ended=moment,
        )
        if not outbound:
            call.teams = tuple(
                t.id for t in world.teams.values() if set(t.users) & set(number.users)
            )[:1]
            if number.menu and source.random() < 0.7:
                call.menu_key = source.choice("123")
        if outbound or (staff and open_now and source.random() < 0.78):
            call.user = staff[min(int(source.random() ** 1.6 * len(staff)), len(staff) - 1)]
            _talk(world, source, call, number, _CALLS - index, transcribed)
            transcribed += call.talk >= 0
            busy[call.user] = call.ended + 60
        else:
            _miss(source, call, open_now)
        _annotate(world, source, call)
        yield call


def _from(country: str, contact: Contact) -> bool:
    prefix = {"FR": "+33", "US": "+1", "GB": "+44", "DE": "+49"}[country]
    return contact.phones[0].value.startswith(prefix)


def _caller(source: Random, known: list[Contact], country: str, outbound: bool) -> str:
    chance = source.random()
    if chance < 0.82:
        value = known[int(source.random() ** 1.5 * len(known))].phones[0].value
        return value.replace(" ", "").replace("-", "")
    if chance > 0.97 and not outbound:
        return "anonymous"
    return _digits(country, source.randrange(60, 199))


def _talk(
    world: World, source: Random, call: Call, number: Number, left: int, transcribed: int
) -> None:
    """Ringing and then a conversation; a part of them is transcribed, up to the wanted number."""
    ring = source.randrange(3, 22)
    if call.direction == "outbound" and source.random() < 0.22:
        call.ended = call.started + source.randrange(12, 45)  # nobody picked up
        return
    call.answered = call.started + ring
    call.recorded = number.recorded
    wanted = _TRANSCRIBED - transcribed
    if number.recorded and wanted > 0 and source.random() < 1.9 * wanted / (left + 1):
        call.talk = source.randrange(1_000)
        length = int(len(chosen(world, call).text) / 14 * source.uniform(0.9, 1.3))
    else:
        length = min(2_700, int(source.lognormvariate(4.9, 0.9)) + 8)
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


def _now_on_the_phone(world: World, contacts: list[Contact], now: float) -> None:
    """James has been talking for three minutes, and will for some time."""
    james = list(world.users.values())[company.JAMES]
    london = next(line for line in world.numbers.values() if line.country == "GB")
    caller = next(contact for contact in contacts if _from("GB", contact))
    started = int(now) - 190
    world.add_call(
        Call(
            id=world.next_id("call"),
            direction="inbound",
            number=london.id,
            user=james.id,
            digits=caller.phones[0].value.replace(" ", ""),
            started=started,
            answered=started + 9,
            ended=started + 1_800,
            recorded=True,
            talk=1,
            teams=tuple(t.id for t in world.teams.values() if james.id in t.users),
        )
    )


def _many_calls(world: World, source: Random, contacts: list[Contact], now: float) -> None:
    """The months before the last weeks, plainly: no notes, no transcripts."""
    lines, people = list(world.numbers.values()), list(world.users)
    digits = [contact.phones[0].value.replace(" ", "") for contact in contacts]
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
                next_id("call"),
                "inbound" if inbound else "outbound",
                number.id,
                user,
                digits[int(draw() * len(digits))],
                started,
                taken,
                ended,
                missed,
                False,
                answered and number.recorded,
            )
        )


def _write_to(world: World, lines: list[Number], now: float) -> None:
    """Texting, templates and subscriptions."""
    url = "https://hooks.brightleaf.example"
    london = next(line for line in lines if line.country == "GB")
    london.configurations["sms"] = Configuration(world.token(), f"{url}/texts")
    world.sms_templates = [
        SmsTemplate(8_820 + i, *row) for i, row in enumerate(company.SMS_TEMPLATES)
    ]
    waba = next(line.waba for line in lines if line.waba)
    world.whatsapp_templates = [
        WhatsAppTemplate(1_180 + i, waba, *row) for i, row in enumerate(company.WHATSAPP_TEMPLATES)
    ]
    hooks = (
        ("CRM", f"{url}/crm", ["call.created", "call.ended", "contact.created"]),
        ("Texts", f"{url}/messages", ["message.received", "message.status_updated"]),
    )
    for name, address, events in hooks:
        created = now - 200 * DAY
        hook = Webhook(
            world.uuid(),
            world.next_id("webhook"),
            address,
            name,
            world.token(),
            events,
            created,
            "basic",
        )
        world.webhooks[hook.uuid] = hook


def _outreach(
    world: World,
    source: Random,
    people: list[User],
    lines: list[Number],
    contacts: list[Contact],
    now: float,
) -> None:
    """Maya's dialer, a campaign, an AI voice agent, and an open WhatsApp conversation."""
    paris, york = lines[0], lines[1]
    american = [c for c in contacts if _from("US", c)]
    french = [c for c in contacts if _from("FR", c)]
    dialer = Dialer(world.next_id("dialer"), now - 2 * DAY)
    for index, contact in enumerate(american[:8]):
        digits = contact.phones[0].value.replace(" ", "").replace("-", "")
        queued = Queued(world.next_id("queued"), digits, now - 2 * DAY, called=index < 3)
        dialer.queue.append(queued)
    world.dialers[people[company.MAYA].id] = dialer
    agent = VoiceAgent("agent-reminders", "Visit reminders", york.id, ("first_name", "visit_at"))
    world.voice_agents[agent.id] = agent
    desk = VoiceAgent("agent-night-desk", "Night desk", york.id, ())
    world.voice_agents[desk.id] = desk
    late = (c for c in world.calls if c.missed == "out_of_opening_hours" and not c.voicemail)
    for call in islice(late, 2):
        call.voice_agent = desk.id
    campaign = Campaign(
        id=world.uuid(),
        name="Spring tasting",
        description="Invite last year's prospects to a tasting",
        caller_id_strategy="agent_number_pool",
        attempts=3,
        ringing_timeout=30,
        agent=None,
    )
    for contact in source.sample(american, 12):
        email = contact.emails[0].value if contact.emails else None
        campaign.leads.append(
            Lead(
                contact.phones[0].value,
                contact.first_name,
                contact.last_name,
                email,
                contact.company_name,
                None,
            )
        )
    world.campaigns[campaign.id] = campaign
    recent = french[0].phones[0].value.replace(" ", "")
    world.whatsapp_windows[paris.id, recent] = now - 3_600
