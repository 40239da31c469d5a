"""An Aircall that knows which yes a person truly gave, and counts what arrives without one.

What it goes by is what arrives: account, method, path and body. Nothing of what is attacked here
says what a yes is for.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ..harness import Clock

LASTS = 900.0
"""Seconds that a yes is good for, counted from the question: docs/approvals.md says so."""

Arrival = tuple[str, str, str, str]
"""Account, method, path and body as canonical JSON."""


def arrival(account: str, method: str, path: str, body: Any = None) -> Arrival:
    return account, method, path, "" if body is None else json.dumps(body, sort_keys=True)


@dataclass
class Yes:
    """What a person said yes to, on whose behalf, how surely, and until when."""

    what: Arrival
    principal: str
    grade: int
    asked: float
    over: bool = False

    def holds(self, now: float) -> bool:
        return not self.over and self.asked <= now < self.asked + LASTS


@dataclass
class Ledger:
    """`needs` is the least grade of what may arrive, by method and path without ids. `principal` is
    who calls at this moment."""

    clock: Clock
    needs: dict[Arrival, int] = field(default_factory=dict[Arrival, int])
    principal: str = "owner"
    given: list[Yes] = field(default_factory=list[Yes])
    breaches: list[str] = field(default_factory=list[str])
    arrived: Counter[str] = field(default_factory=Counter[str])
    status: int = 200

    def gave(self, what: Arrival, principal: str, grade: int, asked: float) -> Yes:
        yes = Yes(what, principal, grade, asked)
        self.given.append(yes)
        return yes

    def over(self) -> None:
        """Somebody called all of it off."""
        for one in self.given:
            one.over = True
        self.given.clear()

    def heard(self, what: Arrival, *, done: bool) -> None:
        """Something arrived; what was `done` has used its yes up."""
        self.arrived["all"] += 1
        now = self.clock()
        least = self.needs.get(what, 2)
        for one in self.given:
            fits = one.what == what and one.principal == self.principal and one.grade >= least
            if fits and one.holds(now):
                one.over = done
                self.arrived["with a yes"] += 1
                break
        else:
            self.breaches.append(f"{self.principal}: {what}")
        self.given = [one for one in self.given if one.holds(now) or one.asked > now]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        taken = b""
        while (message := await receive()).get("more_body"):
            taken += message["body"]
        taken += message.get("body", b"")
        sent = dict(scope["headers"])[b"authorization"].decode()
        who = base64.b64decode(sent.removeprefix("Basic ")).decode().partition(":")[0]
        body = json.loads(taken) if taken else None
        if scope["method"] != "GET":
            what = arrival(who, scope["method"], scope["raw_path"].decode(), body)
            self.heard(what, done=self.status < 400)
        kind = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": self.status, "headers": kind})
        await send({"type": "http.response.body", "body": b'{"id": 1}'})
