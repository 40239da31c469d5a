"""Where yeses are attacked: everything real but the Aircall, which knows what it may be asked."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from aircall_mcp.accounts import Account, Accounts, ApiKey, Memory
from aircall_mcp.accounts.auth import Auth
from aircall_mcp.desk import Outcome, Question
from aircall_mcp.gateway.journal import MIGRATIONS as JOURNAL
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import AIRCALL
from aircall_mcp.ground.operation import Allowance
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.offer import Offers, Registry, Selection
from aircall_mcp.safety.judge import Judge
from aircall_mcp.safety.policy import Grade, Policy
from aircall_mcp.safety.safety import Safety
from aircall_mcp.storage.lock import Alone
from aircall_mcp.storage.state import InMemory

from ..harness import AskingDesk, Clock, KnownCompany, OwnGateway, plans_over
from .yeses import Arrival, Ledger, arrival

ACCOUNTS = ("acme", "globex")
PRINCIPALS = ("owner", "bert")
BY_DEFAULT = Policy()
FRIEND = "+33184880017"


@dataclass(frozen=True)
class Wish:
    """A call, what of it arrives, and the least grade of its yes by the default policy."""

    tool: str
    arguments: dict[str, Any]
    method: str
    path: str
    body: Any
    grade: Grade

    def at(self, account: str) -> Arrival:
        return arrival(account, self.method, self.path, self.body)


def wishes(chance: random.Random) -> Wish:
    one, line = chance.randrange(10**6, 10**9), chance.randrange(10**4, 10**6)
    words = f"Your café № {one} is ready"
    hook = {"url": f"https://hooks.example.com/{one}", "events": ["call.ended"]}
    return chance.choice([
        Wish("start_outbound_call", {"user_id": one, "number_id": line, "to": FRIEND},
             "POST", f"/v1/users/{one}/calls", {"number_id": line, "to": FRIEND}, 1),
        Wish("send_message", {"number_id": line, "to": FRIEND, "body": words},
             "POST", f"/v1/numbers/{line}/messages/send", {"to": FRIEND, "body": words}, 1),
        Wish("delete_contact", {"contact_id": one}, "DELETE", f"/v1/contacts/{one}", None, 2),
        Wish("delete_tag", {"tag_id": one}, "DELETE", f"/v1/tags/{one}", None, 2),
        Wish("update_user_v2", {"user_id": one, "role_ids": ["owner"]},
             "PUT", f"/v2/users/{one}", {"role_ids": ["owner"]}, 2),
        Wish("create_webhook", hook, "POST", "/v1/webhooks", hook, 2),
    ])  # fmt: skip


class Company(KnownCompany):
    async def account(self, named: str | None) -> str:
        return named or ACCOUNTS[0]


class ApprovalHarness:
    """Everything real but the Aircall, with a person whose every yes is written down."""

    def __init__(
        self,
        home: Path | None,
        registry: Registry,
        clock: Clock,
        chance: random.Random,
        policy: Policy = BY_DEFAULT,
        standing: frozenset[Allowance] = frozenset(),
    ) -> None:
        self.clock, self.chance = clock, chance
        self.ledger = Ledger(clock)
        self.tried = Counter[str]()
        self.safety = Safety.of(home or Path(), clock=clock.handed(), fleeting=home is None)
        accounts = Accounts(Memory())
        for name in ACCOUNTS:
            key = ApiKey(api_id=Secret(name), api_token=Secret(f"token-of-{name}"))
            accounts.add(Account(name=name, host="api.aircall.io", credential=key))

        async def acting(named: str | None) -> str | None:
            return named or ACCOUNTS[0]

        judge = Judge(
            lambda: policy, Company(), self.safety, standing=standing, clock=clock.handed()
        )
        gateway = OwnGateway(
            base_url=AIRCALL,
            auth=Auth(accounts, latch=lambda _: Alone()),
            judges=(judge,),
            acting=acting,
            transport=httpx2.ASGITransport(app=self.ledger),
        )
        offers = Offers(registry, Selection(include_deprecated=True))
        journal = Journal(lambda: InMemory(JOURNAL), clock=clock.handed())
        plans = plans_over(
            registry, judge, self.safety, gateway, journal, home=home, clock=clock.handed()
        )
        self.desk = AskingDesk(self.safety, offers, gateway, look=judge.look, plans=plans)

    async def call(
        self, tool: str, arguments: Any, principal: str = "owner", account: str | None = None
    ) -> Outcome:
        self.ledger.principal = principal
        self.tried["calls"] += 1
        caller = Caller(principal=principal, account=account, interface="attacks")
        return await self.desk.call(f"aircall_{tool}", arguments, caller)

    async def answer(self, name: str, *, yes: bool, grade: Grade) -> bool:
        """What somebody says who may be no person."""
        self.tried["answers"] += 1
        return await self.desk.answer(name, yes=yes, grade=grade, way="tests")

    async def asked(self, wish: Wish, principal: str = "owner", account: str = "acme") -> str:
        """The id of what waits for `wish`."""
        self.ledger.needs[wish.at(account)] = wish.grade
        outcome = await self.call(wish.tool, wish.arguments, principal, account)
        assert isinstance(outcome, Question), (wish, outcome)
        assert outcome.grade == wish.grade
        return outcome.approval

    async def granted(
        self,
        wish: Wish,
        principal: str = "owner",
        account: str = "acme",
        grade: Grade | None = None,
    ) -> str:
        """The same, after a person said yes to it."""
        name = await self.asked(wish, principal, account)
        grade = grade or wish.grade
        if await self.answer(name, yes=True, grade=grade):
            self.ledger.gave(wish.at(account), principal, grade, self.clock())
        return name

    async def again(self, wish: Wish, principal: str = "owner", account: str = "acme") -> Outcome:
        return await self.call(wish.tool, wish.arguments, principal, account)
