"""One effect, as a policy sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from ..ground.addresses import is_url
from ..ground.caller import Caller
from ..ground.effects import Allowance
from ..ground.operation import Bound

Counted = Literal["calls", "texts", "deletions"]
"""What a policy counts by the hour and by the day."""

COUNTED: tuple[Counted, ...] = ("calls", "texts", "deletions")

_SENDERS = frozenset({"number_id", "lineId"})
_EXPIRES = "expiration_seconds"
TRIED_FOR = 3600
"""Seconds in which Aircall tries to call where nothing is said of that."""
_CALLED = frozenset({"first_name", "last_name", "company_name"})


@dataclass(frozen=True, slots=True)
class Deed:
    """`needs` are the effect and the stakes of these arguments. `recipients` are in E.164, each
    once; `senders` and `users` the ids of the company's numbers and users that are used; `hosts`
    are where URLs among the arguments lead, None for one that is not said. `introduces` are phone
    numbers as they are written into the company's contacts, and the id of a contact that is named
    anew. `counted` is what a cap counts it as, `size` how many people it reaches or objects it
    makes vanish, at least one.
    `together` is how many people all that is wished for at once reaches, where this is a part.
    `lasting` are the seconds in which Aircall may do it, one after the other."""

    operation: str
    toolset: str
    needs: tuple[Allowance, ...]
    account: str
    principal: str
    recipients: tuple[str, ...] = ()
    senders: tuple[int, ...] = ()
    users: tuple[int, ...] = ()
    hosts: tuple[str | None, ...] = ()
    introduces: tuple[str, ...] = ()
    counted: Counted | None = None
    size: int = 1
    together: int = 0
    lasting: int = 0
    own: bool = field(default=False)
    """Whether it is a tool of ours, which stays in the owner's home."""

    @property
    def reached(self) -> int:
        """How many people are reached at once."""
        return max(self.together, len(self.recipients))


def deed_of(bound: Bound, caller: Caller, account: str) -> Deed:
    """`account` is the one that acts, resolved."""
    operation, given = bound.operation, bound.arguments
    reaches = operation.effect == "reach"
    recipients = recipients_of(bound) if reaches else ()
    return Deed(
        operation=operation.id,
        toolset=operation.toolset,
        needs=(operation.effect, *bound.stakes),
        account=account,
        principal=caller.principal,
        recipients=recipients,
        senders=tuple(v for n, v in given.items() if n in _SENDERS and isinstance(v, int)),
        users=_whose(given) if reaches else (),
        hosts=_hosts(bound) if "exposes" in bound.stakes else (),
        introduces=_introduced(bound),
        counted=_counted(bound, recipients),
        size=max(1, len(recipients)),
        lasting=_lasting(bound),
        own=operation.ours,
    )


def recipients_of(bound: Bound) -> tuple[str, ...]:
    """The numbers among the arguments, in E.164, each once."""
    numbers: dict[str, None] = {}
    for parameter in bound.operation.parameters:
        value = bound.arguments.get(parameter.name)
        if parameter.form == "phone" and isinstance(value, str):
            numbers[value] = None
        elif parameter.form == "phones" and isinstance(value, list):
            numbers.update(dict.fromkeys(cast("list[str]", value)))
    return tuple(numbers)


def _whose(given: Mapping[str, Any]) -> tuple[int, ...]:
    user = given.get("user_id")
    return (user,) if isinstance(user, int) else ()


def _lasting(bound: Bound) -> int:
    if any(parameter.name == _EXPIRES for parameter in bound.operation.parameters):
        return int(bound.arguments.get(_EXPIRES, TRIED_FOR))
    return 0


def _hosts(bound: Bound) -> tuple[str | None, ...]:
    urls = (
        url
        for parameter in bound.operation.parameters
        for place in parameter.urls
        for url in _texts(bound.arguments.get(parameter.name), place.split("/") if place else [])
        if not place.endswith("**") or is_url(url)
    )
    hosts = {(urlsplit(u.strip()).hostname or "").rstrip(".").lower(): None for u in urls}
    given = bound.arguments
    unsaid = any("" in p.urls and p.name not in given for p in bound.operation.parameters)
    return (*hosts, *([None] if unsaid else []))


def _introduced(bound: Bound) -> tuple[str, ...]:
    if bound.operation.toolset != "contacts" or bound.operation.effect == "read":
        return ()
    numbers: dict[str, None] = {}
    for parameter in bound.operation.parameters:
        places = [place for place, mark in parameter.texts.items() if mark == "phone"]
        for place in places or ([""] if parameter.form == "phone" else []):
            value = bound.arguments.get(parameter.name)
            numbers.update(dict.fromkeys(_texts(value, place.split("/") if place else [])))
    if not _CALLED.isdisjoint(bound.arguments) and "contact_id" in bound.arguments:
        numbers[str(bound.arguments["contact_id"])] = None
    return tuple(numbers)


def _texts(value: Any, place: Sequence[str]) -> Iterator[str]:
    """The texts at a place of an argument, see `ground.parameter`."""
    match place, value:
        case (([] | ["**"]), str()):
            yield value
        case ["*", *within], list():
            for item in cast("list[Any]", value):
                yield from _texts(item, within)
        case ["**"], list():
            for item in cast("list[Any]", value):
                yield from _texts(item, place)
        case ["**"], Mapping():
            for part in cast("Mapping[str, Any]", value).values():
                yield from _texts(part, place)
        case [key, *within], Mapping():
            yield from _texts(cast("Mapping[str, Any]", value).get(key), within)
        case _:
            return


def _counted(bound: Bound, recipients: tuple[str, ...]) -> Counted | None:
    operation = bound.operation
    if operation.effect == "delete":
        return "deletions"
    if not recipients:
        return None
    return "texts" if operation.toolset == "messages" else "calls"
