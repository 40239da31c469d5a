"""What goes into an operation and comes out, and Aircall's two forms of a refusal."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from .entities import Call, Contact, Team, User
from .world import World

Json: TypeAlias = dict[str, Any]
Scheme: TypeAlias = Literal["basic", "oauth"]

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2300-\u23ff\u200d\u20e3\ufe0e\ufe0f"
    "\U000e0020-\U000e007f]"
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that passed the edge and fits the API description.

    `path`, `query` and `body` hold typed values; `asked` is the query as it was written, for
    links to further pages. `now` is the one instant at which the whole request is answered.
    """

    now: float
    scheme: Scheme
    link: str
    path: Mapping[str, Any]
    query: Mapping[str, Any]
    asked: Sequence[tuple[str, str]]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Happened:
    """An event that a deed brought about, and what it is about, which may be gone by then."""

    event: str
    about: Call | Contact | Team | User


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, and what happened by the way, for those who are told of events."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    happened: tuple[Happened, ...] = ()

    def telling(self, about: Call | Contact | Team | User, *events: str) -> Answer:
        """The same answer, and that these events happened to `about`."""
        return replace(self, happened=tuple(Happened(event, about) for event in events))


class Refusal(Exception):
    """An answer other than the one hoped for, at either layer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


_TITLES = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
}


def refused(status: int, troubleshoot: str, *, error: str = "", **more: object) -> Refusal:
    """Aircall's application says no."""
    body = {"error": error or _TITLES[status], "troubleshoot": troubleshoot, **more}
    return Refusal(Answer(status, body))


def bad(troubleshoot: str) -> Refusal:
    return refused(400, troubleshoot)


def absent(what: str) -> Refusal:
    return refused(404, f"{what} not found")


def turned_away(status: int, message: str) -> Refusal:
    """The gateway in front of Aircall says no."""
    return Refusal(Answer(status, {"message": message}))


Deed: TypeAlias = Callable[[World, Request], Answer]


@dataclass(frozen=True, slots=True)
class Performed:
    """How an operation is performed; `unsigned` needs no credentials, `raw` checks its own body."""

    deed: Deed
    unsigned: bool = False
    raw: bool = False


PERFORMED: dict[str, Performed] = {}


def performs(operation: str, *, unsigned: bool = False) -> Callable[[Deed], Deed]:
    """Register a function as the implementation of the operationId."""

    def register(deed: Deed) -> Deed:
        if operation in PERFORMED:
            raise ValueError(f"{operation} is performed twice")
        PERFORMED[operation] = Performed(deed, unsigned=unsigned)
        return deed

    return register


def e164(value: object, name: str) -> str:
    """`value` as a number Aircall can dial, or a 400 that names the field."""
    if isinstance(value, str) and E164.fullmatch(value):
        return value
    raise bad(f"{name} must be a phone number in E.164 format, for instance +18001231234")


def https(value: object, name: str) -> str:
    if isinstance(value, str) and re.fullmatch(r"https://[^\s/?#@]+([/?#]\S*)?", value):
        return value
    raise bad(f"{name} must be a valid https URL")


def plain(text: str) -> str:
    """The text as Aircall keeps it: without emojis."""
    return _EMOJI.sub("", text).strip()
