"""The state of the sandbox. Everything that changes is a function of the clock.

A call knows when it is answered and when it ends; a message when it is delivered; an export when
it is ready. Nothing runs in the background: an instant is handed in, and the world says how things
stand at it.
"""

from __future__ import annotations

import itertools
import random
import re
from bisect import bisect_left
from collections.abc import Iterator
from uuid import UUID

from .entities import (
    Availability,
    Call,
    Campaign,
    Contact,
    Dialer,
    Export,
    Integration,
    Message,
    Number,
    Pace,
    SmsTemplate,
    Tag,
    Team,
    User,
    VoiceAgent,
    VoiceCall,
    Webhook,
    WhatsAppTemplate,
)

_OTHER = re.compile(r"[^0-9]+")

_FIRSTS = {
    "user": 1_204_411,
    "number": 88_012,
    "team": 5_103,
    "tag": 3_307,
    "contact": 7_719_003,
    "detail": 41_001,
    "queued": 901,
    "earlier call": 4_223_000_001,
    "call": 4_223_079_116,
}
"""The first ids of things. The examples of the tools name some, and hold in a fresh sandbox."""

HISTORY = 183 * 86_400  # calls older than six months are no longer listed, in seconds


class World:
    """All that the company has, and the rules by which it lives.

    `events` are those that a webhook can ask for.
    """

    def __init__(self, *, base_url: str, seed: int, pace: Pace, events: tuple[str, ...]) -> None:
        self.base_url = base_url
        self.events = events
        self.pace = pace
        self.random = seeded("world", seed)
        self.company = "Brightleaf Coffee"
        self.users: dict[int, User] = {}
        self.teams: dict[int, Team] = {}
        self.numbers: dict[int, Number] = {}
        self.tags: dict[int, Tag] = {}
        self.contacts: dict[int, Contact] = {}
        self.calls: list[Call] = []  # by start, oldest first
        self.messages: list[Message] = []
        self.sms_templates: list[SmsTemplate] = []
        self.whatsapp_templates: list[WhatsAppTemplate] = []
        self.whatsapp_windows: dict[tuple[int, str], float] = {}  # last message from outside
        self.webhooks: dict[str, Webhook] = {}
        self.dialers: dict[int, Dialer] = {}
        self.voice_agents: dict[str, VoiceAgent] = {}
        self.voice_calls: dict[str, VoiceCall] = {}
        self.exports: dict[str, Export] = {}
        self.campaigns: dict[str, Campaign] = {}
        self.integration = Integration("Sandbox Integration", None, [])
        self._calls: dict[int, Call] = {}
        self._latest: dict[int, Call] = {}
        self._phonebook: dict[str, list[int]] = {}
        self._ids: dict[str, Iterator[int]] = {}

    # identities

    def next_id(self, kind: str) -> int:
        """The next number of a kind of thing; call ids are as large as the real ones."""
        if kind not in self._ids:
            first = _FIRSTS.get(kind, 1_100_001 + 10_000 * len(self._ids))
            self._ids[kind] = itertools.count(first)
        return next(self._ids[kind])

    def uuid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def token(self) -> str:
        return f"sandbox-webhook-{self.random.getrandbits(128):032x}"

    # people

    def user_by(self, key: object) -> User | None:
        """By id, or by e-mail address as Aircall allows."""
        if isinstance(key, int):
            return self.users.get(key)
        return next((user for user in self.users.values() if user.email == key), None)

    def availability(self, user: User, now: float) -> Availability:
        if not user.connected:
            return "offline"
        last = self._latest.get(user.id)
        if last is not None and last.started <= now < last.ended:
            return "in_call"
        if last is not None and last.ended <= now < last.ended + user.wrap_up:
            return "after_call_work"
        return "do_not_disturb" if user.availability_status == "unavailable" else "available"

    # calls

    def add_call(self, call: Call) -> Call:
        """Keep a call; calls are added in the order they start."""
        self.calls.append(call)
        self._calls[call.id] = call
        if call.user is not None:
            self._latest[call.user] = call
        return call

    def call(self, call_id: int) -> Call | None:
        return self._calls.get(call_id)

    def calls_since(self, start: float, end: float) -> list[Call]:
        """Those that started within [start, end], oldest first."""
        first = bisect_left(self.calls, start, key=lambda call: call.started)
        last = bisect_left(self.calls, end + 1, key=lambda call: call.started)
        return self.calls[first:last]

    def dial(self, user: User, number: Number, digits: str, now: float) -> Call:
        """A call from a user to the outside: it rings, is answered and ends by itself."""
        started = int(now)
        answered = started + self.pace.ring
        call = Call(
            id=self.next_id("call"),
            direction="outbound",
            number=number.id,
            user=user.id,
            digits=digits,
            started=started,
            answered=answered,
            ended=answered + self.pace.talk,
            recorded=number.recorded,
            fresh=True,
        )
        call.talk = call.id if number.recorded else -1
        return self.add_call(call)

    def ring(self, number: Number, digits: str, now: float, *, answer: bool = True) -> Call:
        """A call from outside: it rings until the first free user of the number takes it."""
        started = int(now)
        free = [
            user
            for user_id in number.users
            if (user := self.users.get(user_id)) and self.availability(user, now) == "available"
        ]
        call = Call(
            id=self.next_id("call"),
            direction="inbound",
            number=number.id,
            user=None,
            digits=digits,
            started=started,
            answered=None,
            ended=started + self.pace.no_answer,
            teams=tuple(t.id for t in self.teams.values() if set(t.users) & set(number.users)),
            fresh=True,
        )
        if free and answer:
            call.user = free[0].id
            call.answered = started + self.pace.ring
            call.ended = call.answered + self.pace.talk
            call.recorded = number.recorded
            call.talk = call.id if number.recorded else -1
        else:
            call.missed = "agents_did_not_answer" if free else "no_available_agent"
        return self.add_call(call)

    def hand_over(self, call: Call, target: User, now: float) -> None:
        """A cold transfer: the target takes the call, or nobody does and it ends unanswered."""
        ringing = call.status(now) == "initial"
        free = self.availability(target, now) == "available"
        if call.user is not None and self._latest.get(call.user) is call:
            del self._latest[call.user]
        call.transferred_by, call.transferred_to = call.user, target.id
        if not free:
            call.ended = int(now) + self.pace.no_answer
            if ringing:
                call.user, call.answered, call.missed = None, None, "agents_did_not_answer"
            return
        call.user, call.missed = target.id, None
        self._latest[target.id] = call
        if ringing:
            call.answered = int(now) + self.pace.ring
            call.ended = call.answered + self.pace.talk

    def has_recording(self, call: Call, now: float) -> bool:
        return (
            call.recorded
            and call.answered is not None
            and now >= call.ended + self.pace.media
            and (call.recording_gone is None or now < call.recording_gone)
        )

    def has_voicemail(self, call: Call, now: float) -> bool:
        return (
            call.voicemail
            and now >= call.ended + self.pace.media
            and (call.voicemail_gone is None or now < call.voicemail_gone)
        )

    # contacts

    def index(self, contact: Contact) -> None:
        for phone in contact.phones:
            self._phonebook.setdefault(dialled(phone.value), []).append(contact.id)

    def unindex(self, contact: Contact) -> None:
        for phone in contact.phones:
            known = self._phonebook.get(dialled(phone.value), [])
            if contact.id in known:
                known.remove(contact.id)

    def contacts_at(self, digits: str) -> list[Contact]:
        """Every contact that has this phone number, oldest first."""
        return [self.contacts[known] for known in self._phonebook.get(dialled(digits), ())]


def seeded(*parts: object) -> random.Random:
    """Chance that falls the same way for the same parts; nothing secret hangs on it."""
    return random.Random(" ".join(map(str, parts)))


def dialled(digits: str) -> str:
    """Only the digits, so that numbers compare however they are written."""
    return _OTHER.sub("", digits)
