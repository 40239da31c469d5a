"""What is about to be done, as a policy looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from ..ground.caller import Caller
from ..ground.effects import Allowance
from ..ground.operation import Bound

Counted = Literal["calls", "texts", "deletions"]
"""What a policy counts by the hour and by the day."""

COUNTED: tuple[Counted, ...] = ("calls", "texts", "deletions")

_SENDERS = frozenset({"number_id", "lineId"})


@dataclass(frozen=True, slots=True)
class Deed:
    """`needs` are the effect and the stakes of these arguments. `recipients` are in E.164, each
    once; `senders` and `users` the ids of the company's numbers and users that are used; `hosts`
    are where URLs among the arguments lead. `counted` is what a cap counts it as, `size` how many
    people it reaches or objects it makes vanish, at least one."""

    operation: str
    toolset: str
    needs: tuple[Allowance, ...]
    account: str
    principal: str
    recipients: tuple[str, ...] = ()
    senders: tuple[int, ...] = ()
    users: tuple[int, ...] = ()
    hosts: tuple[str, ...] = ()
    counted: Counted | None = None
    size: int = 1
    own: bool = field(default=False)
    """Whether it is a tool of ours, which stays in the owner's home."""


def deed_of(bound: Bound, caller: Caller, account: str) -> Deed:
    """`account` is the one that acts, resolved."""
    operation, given = bound.operation, bound.arguments
    reaches = operation.effect == "reach"
    recipients = _recipients(bound) if reaches else ()
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
        counted=_counted(bound, recipients),
        size=max(1, len(recipients)),
        own=operation.ours,
    )


def _recipients(bound: Bound) -> tuple[str, ...]:
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


def _hosts(bound: Bound) -> tuple[str, ...]:
    hosts: dict[str, None] = {}
    for parameter in bound.operation.parameters:
        value = bound.arguments.get(parameter.name)
        if parameter.urls and isinstance(value, str):
            hosts[(urlsplit(value).hostname or "").rstrip(".").lower()] = None
    return tuple(hosts)


def _counted(bound: Bound, recipients: tuple[str, ...]) -> Counted | None:
    operation = bound.operation
    if operation.effect == "delete":
        return "deletions"
    if operation.effect != "reach" or not recipients:
        return None
    return "texts" if operation.toolset == "messages" else "calls"
