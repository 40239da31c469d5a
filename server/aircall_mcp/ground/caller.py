"""For whom something is done, and how long it may take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Lane = Literal["waiting", "bulk"]

OWNER = "owner"
"""The principal of whoever runs the server itself: on stdio, on loopback, at the command line."""


Progress = Callable[[float, float | None, str], Awaitable[None]]


CompanyId: TypeAlias = str
"""A company by a one-way hash: accounts that share a request limit share it."""
AccountName: TypeAlias = str


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose something is that outlives a call, such as an answer that is kept: a company's, by its
    one-way hash, and the account's by which it was had. What is kept of one is never another's."""

    company: CompanyId
    account: AccountName = ""


async def _silent(_done: float, _total: float | None, _message: str) -> None:
    """Nobody is watching."""


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf: nothing of an inbound request but this reaches the gateway.

    `principal` is who asks; `interface` the way they came in by: `cli`, `mcp`, or `webhooks` for
    our own look after those. `client` is what the MCP client calls itself: a stranger's word, for
    the log alone.
    `deadline` is in seconds from when the budget lets the call begin; `patience` in seconds to wait
    for that, None for the owner's choice. `progress(done, total, message)` tells a waiting person
    how far it is; `watched` says that there is one who sees it. `once`:
    who asks again by itself has nothing tried twice. `person`: a person's own command
    asked for exactly this request, which is that person's yes. Only a command of ours sets it;
    nothing that a model, a client or a setting says may lead here. `trial`: reads are sent, and the
    first effect comes back as `gateway.gate.Tried` instead. `part` names the item of a plan that
    is performed; it is no yes by itself, since the plan is looked up.
    """

    principal: str = OWNER
    interface: str = "cli"
    client: str = ""
    account: str | None = None
    lane: Lane = "waiting"
    deadline: float = 25.0
    patience: float | None = None
    watched: bool = False
    once: bool = False
    person: bool = False
    trial: bool = False
    part: str = ""
    progress: Progress = field(default=_silent, compare=False)
