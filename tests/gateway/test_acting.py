"""Which account acts is decided once: nobody is asked about one, and another one sends."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.accounts import Account, Accounts, ApiKey, Memory
from aircall_mcp.accounts.auth import Auth
from aircall_mcp.errors import CredentialError, NotAllowed
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.gateway.gate import Allow
from aircall_mcp.gateway.journal import MIGRATIONS as JOURNAL
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.gateway.ledger import MIGRATIONS
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.clock import Clock as Handed
from aircall_mcp.ground.config import AIRCALL
from aircall_mcp.ground.operation import Bound
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.storage.lock import Alone
from aircall_mcp.storage.state import InMemory

from ..harness import Clock, OwnGateway, answering
from ..upstream import REGISTRY, bound

pytestmark = pytest.mark.anyio

DIAL = ("start_outbound_call", {"user_id": 1, "number_id": 2, "to": "+33199001234"})


def accounts() -> Accounts:
    """Lyon's is the one that is meant by naming none."""
    made = Accounts(Memory())
    for name in ("lyon", "paris"):
        key = ApiKey(api_id=Secret(f"id of {name}"), api_token=Secret(f"token of {name}"))
        made.add(Account(name=name, credential=key))
    made.make_default("lyon")
    return made


def senders(asked: list[dict[str, Any]]) -> list[str]:
    """Whose keys they were signed with."""
    heads = [base64.b64decode(one["headers"]["authorization"].split()[1]) for one in asked]
    return [head.decode().partition(":")[0].removeprefix("id of ") for head in heads]


@dataclass
class Switching:
    """A gateway to an Aircall that counts, and a person who makes another account the default."""

    gateway: OwnGateway
    accounts: Accounts
    asked: list[dict[str, Any]]
    journal: Journal
    judged: list[str | None]
    at: str = ""

    def switch(self, at: str) -> None:
        if at == self.at:
            self.accounts.make_default("paris")


@pytest.fixture
async def switching(clock: Clock) -> AsyncGenerator[Switching]:
    app, asked = answering(200, {})
    known, pauses = accounts(), clock.handed()
    auth = Auth(known, latch=lambda _: Alone())

    async def judge(_bound: Bound, caller: Caller) -> Allow:
        made.judged.append(caller.account)
        made.switch("while it is judged")
        return Allow()

    async def pause(seconds: float) -> None:
        made.switch("while it waits for its slot")
        clock.pass_by(seconds)

    import httpx2

    handed = Handed(clock, clock, pause)
    journal = Journal(lambda: InMemory(JOURNAL), clock=pauses)
    gateway = OwnGateway(
        base_url=AIRCALL, auth=auth, company=auth.company, acting=auth.acting, judges=(judge,),
        budget=Budget(lambda: InMemory(MIGRATIONS), clock=handed), journal=journal, clock=handed,
        operations=REGISTRY.ids, transport=httpx2.ASGITransport(app=app),
    )  # fmt: skip
    made = Switching(gateway, known, asked, journal, [])
    yield made
    await gateway.aclose()


@pytest.mark.parametrize("at", ["while it is judged", "while it waits for its slot"])
async def test_the_one_that_was_meant_sends_whoever_is_meant_by_now(
    switching: Switching, at: str
) -> None:
    if "slot" in at:
        for number in range(60):
            await switching.gateway.send(bound("get_call", call_id=number + 1), Caller())
        switching.asked.clear()
    switching.at = at
    await switching.gateway.send(bound(DIAL[0], **DIAL[1]), Caller(patience=600.0))
    assert switching.accounts.default() == "paris"
    assert senders(switching.asked) == ["lyon"]
    assert switching.judged[-1] == "lyon"
    [intent] = await switching.journal.since(0)
    assert (intent.outcome, intent.asking.account) == ("done", "lyon")


async def test_the_next_call_is_of_the_new_one(switching: Switching) -> None:
    switching.at = "while it is judged"
    for _ in range(2):
        await switching.gateway.send(bound("get_company"), Caller())
    assert senders(switching.asked) == ["lyon", "paris"]


async def test_a_named_one_is_nobody_else(switching: Switching) -> None:
    switching.at = "while it is judged"
    await switching.gateway.send(bound(DIAL[0], **DIAL[1]), Caller(account="lyon"))
    assert senders(switching.asked) == ["lyon"]


async def test_without_an_account_the_judges_are_heard_first(home: Path) -> None:
    """Somebody who may not hears that, and not which command makes an account."""
    app, asked = answering(200, {})
    auth = Auth(Accounts(Memory()), latch=lambda _: Alone())

    async def never(_bound: Bound, _caller: Caller) -> Allow:
        raise NotAllowed("no")

    for judges, error in (((never,), NotAllowed), ((), CredentialError)):
        import httpx2

        gateway = OwnGateway(
            base_url=AIRCALL, auth=auth, company=auth.company, acting=auth.acting,
            judges=judges, transport=httpx2.ASGITransport(app=app),
        )  # fmt: skip
        with pytest.raises(error):
            await gateway.send(bound(DIAL[0], **DIAL[1]), Caller())
        await gateway.aclose()
    assert asked == []
