"""The company a new user finds in the sandbox: Brightleaf Coffee, its people and its last weeks.

Fixed by the seed and told relative to the clock, so that there is always a yesterday.
"""

from __future__ import annotations

from itertools import count, islice
from random import Random
from typing import Literal, TypeAlias

from . import company
from .entities import (
    Campaign,
    Configuration,
    Contact,
    Detail,
    Dialer,
    Export,
    Integration,
    Lead,
    Number,
    Queued,
    SmsTemplate,
    Tag,
    Team,
    User,
    VoiceAgent,
    Webhook,
    WhatsAppTemplate,
)
from .history import DAY, calls_from, digits, last_weeks, months_before
from .world import World, seeded

Size: TypeAlias = Literal["small", "empty", "large"]

_CONTACTS, _MORE_CONTACTS = 200, 12_000


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
        months_before(world, crowd, contacts_of_many, now)
    last_weeks(world, source, contacts, now)
    _outreach(world, source, people, lines, contacts, now)


def _people(world: World, now: float, size: int) -> list[User]:
    people: list[User] = []
    for index, (first, last, zone, language, wrap_up) in enumerate(company.USERS[:size]):
        email = company.ADDRESSES.get(index, f"{first}.{last}@example.com".lower())
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
    for index, (name, line, country, zone, _, staff, _) in enumerate(company.NUMBERS[:size]):
        number = Number(
            id=world.next_id("number"),
            name=name,
            digits=line,
            country=country,
            created=now - (395 - 5 * index) * DAY,
            time_zone=zone,
            users=[people[i].id for i in staff if i < len(people)],
            recorded=country != "DE",
            texts=country != "DE",
            waba="104920017734001" if country in ("FR", "GB") and size > 1 else None,
            menu=country == "GB",
            priority=1 if country == "GB" else None,
        )
        for slot in ("welcome", "waiting", "voicemail"):
            number.messages[slot] = f"https://media.aircall.example/{country.lower()}/{slot}.mp3"
        world.numbers[number.id] = number
    return list(world.numbers.values())


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
        number = digits(country, next(taken[country]))
        phones = [Detail(world.next_id("detail"), "Work", number)]
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


def _write_to(world: World, lines: list[Number], now: float) -> None:
    """Texting, templates and subscriptions."""
    url = "https://hooks.brightleaf.example"
    london = next(line for line in lines if line.country == "GB")
    for channel in ("sms", "whatsapp"):
        london.configurations[channel] = Configuration(world.token(), f"{url}/texts")
    world.sms_templates = [
        SmsTemplate(8_820 + i, *row) for i, row in enumerate(company.SMS_TEMPLATES)
    ]
    waba = next(line.waba for line in lines if line.waba)
    world.whatsapp_templates = [
        WhatsAppTemplate(1_180 + i, waba, *row) for i, row in enumerate(company.WHATSAPP_TEMPLATES)
    ]
    for uuid, name, where, events in company.WEBHOOKS:
        world.webhooks[uuid] = Webhook(
            uuid,
            world.next_id("webhook"),
            f"{url}/{where}",
            name,
            world.token(),
            list(events),
            now - 200 * DAY,
            "basic",
        )


def _outreach(
    world: World,
    source: Random,
    people: list[User],
    lines: list[Number],
    contacts: list[Contact],
    now: float,
) -> None:
    """Two dialers, a campaign, AI voice agents, an export, and open WhatsApp conversations."""
    paris, york = lines[0], lines[1]
    american = [c for c in contacts if calls_from("US", c)]
    french = [c for c in contacts if calls_from("FR", c)]
    for who, called in ((company.MAYA, american[:8]), (company.JAMES, american[8:11])):
        dialer = Dialer(world.next_id("dialer"), now - 2 * DAY)
        dialer.queue += [
            Queued(world.next_id("queued"), one.phones[0].value, now - 2 * DAY, called=index < 3)
            for index, one in enumerate(called)
        ]
        world.dialers[people[who].id] = dialer
    world.exports[company.EXPORT] = Export(company.EXPORT, "calls-last-month", now - DAY, False)
    agent = VoiceAgent("agent-reminders", "Visit reminders", york.id, ("first_name", "visit_at"))
    world.voice_agents[agent.id] = agent
    desk = VoiceAgent("agent-night-desk", "Night desk", york.id, ())
    world.voice_agents[desk.id] = desk
    late = (c for c in world.calls if c.missed == "out_of_opening_hours" and not c.voicemail)
    for call in islice(late, 2):
        call.voice_agent = desk.id
    campaign = Campaign(
        id=company.CAMPAIGN,
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
    for number in (french[0].phones[0].value, company.WRITER):
        world.whatsapp_windows[paris.id, number] = now - 3_600
