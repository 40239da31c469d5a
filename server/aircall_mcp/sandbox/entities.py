"""What a company has: users, numbers, calls, messages and others, each with plain fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Availability: TypeAlias = Literal[
    "available", "offline", "do_not_disturb", "in_call", "after_call_work"
]
Channel: TypeAlias = Literal["sms", "whatsapp"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, in seconds."""

    ring: int = 4
    talk: int = 45
    no_answer: int = 20
    media: int = 30
    analysis: int = 60
    recording_deletion: int = 600
    voicemail_deletion: int = 60
    sent: int = 1
    delivered: int = 3
    export: int = 60
    rewriting: int = 900


@dataclass(slots=True)
class User:
    id: int
    first_name: str
    last_name: str
    email: str
    created: float
    time_zone: str = "Etc/UTC"
    language: str = "en-US"
    wrap_up: int = 0
    availability_status: str = "available"
    substatus: str = ""
    connected: bool = True

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(slots=True)
class Team:
    id: int
    name: str
    created: float
    users: list[int] = field(default_factory=list[int])


@dataclass(slots=True)
class Configuration:
    token: str
    callback_url: str | None


@dataclass(slots=True)
class Number:
    """`texts` says whether the line can carry messages; `waba` is its WhatsApp account."""

    id: int
    name: str
    digits: str
    country: str
    created: float
    time_zone: str
    users: list[int]
    recorded: bool = True
    texts: bool = True
    waba: str | None = None
    menu: bool = False
    availability_status: str = "custom"
    priority: int | None = None
    messages: dict[str, str | None] = field(default_factory=dict[str, str | None])
    configurations: dict[Channel, Configuration] = field(
        default_factory=dict[Channel, Configuration]
    )


@dataclass(slots=True)
class Tag:
    id: int
    name: str
    color: str
    description: str | None
    created: float


@dataclass(slots=True)
class Detail:
    id: int
    label: str
    value: str


@dataclass(slots=True)
class Contact:
    id: int
    first_name: str | None
    last_name: str | None
    company_name: str | None
    information: str | None
    created: int
    updated: int
    phones: list[Detail]
    emails: list[Detail]

    @property
    def name(self) -> str:
        return " ".join(filter(None, (self.first_name, self.last_name)))


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    content: str
    posted: int
    user: int | None


@dataclass(frozen=True, slots=True)
class Tagging:
    tag: int
    at: int
    user: int | None


@dataclass(slots=True)
class Call:
    """A call with its whole course laid out in UNIX seconds; `answered` is None when nobody will.

    `talk` picks what was said, -1 for a call that is not transcribed. The start of a `fresh` one
    turns out to be a second later when it is rewritten, some time after its end.
    """

    id: int
    direction: Literal["inbound", "outbound"]
    number: int
    user: int | None
    digits: str
    started: int
    answered: int | None
    ended: int
    missed: str | None = None
    voicemail: bool = False
    recorded: bool = False
    paused: bool = False
    archived: bool = False
    talk: int = -1
    comments: tuple[Comment, ...] = ()
    tags: tuple[Tagging, ...] = ()
    teams: tuple[int, ...] = ()
    assigned_to: int | None = None
    transferred_by: int | None = None
    transferred_to: int | None = None
    external_to: str | None = None
    menu_key: str | None = None
    voice_agent: str | None = None
    recording_gone: int | None = None
    voicemail_gone: int | None = None
    fresh: bool = False

    def final(self, now: float, pace: Pace) -> bool:
        """Whether it will not be rewritten any more."""
        return now >= self.ended + pace.rewriting

    def began(self, now: float, pace: Pace) -> int:
        """The start as it is told at `now`."""
        return self.started + (self.fresh and self.final(now, pace))

    def status(self, now: float) -> Literal["initial", "answered", "done"]:
        if now >= self.ended:
            return "done"
        return "answered" if self.answered is not None and now >= self.answered else "initial"


@dataclass(slots=True)
class Message:
    """A text that was accepted; `to` holds one recipient, or those of a group."""

    id: str
    number: int
    to: tuple[str, ...]
    body: str
    media: tuple[str, ...]
    channel: Channel
    proxy: bool
    user: int | None
    created: float
    group: str | None = None
    template: int | None = None

    def status(self, now: float, pace: Pace) -> Literal["pending", "sent", "delivered"]:
        age = now - self.created
        if age < pace.sent:
            return "pending"
        return "sent" if age < pace.delivered else "delivered"


@dataclass(frozen=True, slots=True)
class SmsTemplate:
    id: int
    name: str
    body: str


@dataclass(frozen=True, slots=True)
class WhatsAppTemplate:
    id: int
    waba: str
    name: str
    category: str
    status: str
    language: str


@dataclass(slots=True)
class Webhook:
    uuid: str
    id: int
    url: str
    name: str
    token: str
    events: list[str]
    created: float
    scheme: Literal["basic", "oauth"]
    active: bool = True


@dataclass(slots=True)
class Queued:
    id: int
    number: str
    created: float
    called: bool = False


@dataclass(slots=True)
class Dialer:
    id: int
    created: float
    queue: list[Queued] = field(default_factory=list[Queued])


@dataclass(frozen=True, slots=True)
class VoiceAgent:
    id: str
    name: str
    number: int
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VoiceCall:
    id: str
    agent: str
    key: str
    phone: str
    created: float


@dataclass(frozen=True, slots=True)
class Export:
    id: str
    name: str
    created: float
    zipped: bool


@dataclass(frozen=True, slots=True)
class Lead:
    phone: str
    first_name: str | None
    last_name: str | None
    email: str | None
    company: str | None
    note: str | None


@dataclass(slots=True)
class Campaign:
    id: str
    name: str
    description: str
    caller_id_strategy: str
    attempts: int
    ringing_timeout: int
    agent: str | None
    leads: list[Lead] = field(default_factory=list[Lead])


@dataclass(slots=True)
class Integration:
    name: str
    user: int | None
    numbers: list[int]
    active: bool = True
