"""The test harness: everything real, over a sandbox, on a clock that stands still."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import jsonschema_rs
from pydantic_core import from_json, to_json

from aircall_mcp import spec
from aircall_mcp.accounts import Account, Accounts, ApiKey, Grant, Memory
from aircall_mcp.accounts.auth import Auth
from aircall_mcp.desk import Answer, Desk, Outcome
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.gateway.gate import Allow, Deny, Verdict
from aircall_mcp.gateway.gate import Judge as Asks
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.gateway.journal import MIGRATIONS as JOURNAL
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.gateway.refusals import not_allowed
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.clock import Clock as Handed
from aircall_mcp.ground.config import AIRCALL
from aircall_mcp.ground.operation import EVERYTHING, Allowance, Bound
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.offer.tools import answered
from aircall_mcp.safety.judge import Judge, World
from aircall_mcp.safety.plans import Plans
from aircall_mcp.safety.policy import Line, Policy
from aircall_mcp.safety.safety import Safety
from aircall_mcp.sandbox import Contract, Sandbox
from aircall_mcp.storage.lock import Alone, plan_latches
from aircall_mcp.storage.state import InMemory

THURSDAY = 1_795_082_400.0
"""2026-11-19, 10:00 UTC."""
FIRST_HOME = Path(__file__).parent / "homes" / "0.1.0"
"""A home as the first release left it."""

App = Callable[[Any, Any, Any], Awaitable[None]]


class Clock:
    """Stands still until somebody moves it."""

    def __init__(self, now: float = THURSDAY) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds

    def handed(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> Handed:
        """As the product takes it."""
        return Handed(self, self, sleep)


@cache
def _contract() -> Contract:
    return Contract(spec.document())


def sandbox_with(**choices: Any) -> Sandbox:
    """A sandbox of the document this package was built with, which is read once for all."""
    return Sandbox(_contract(), **choices)


def auth_for(base_url: str, key: tuple[str, str] | str | None) -> Auth:
    """Signs for `base_url` with an API key (id and token), a permanent token, or nothing."""
    accounts = Accounts(Memory())
    if key is not None:
        credential = (
            Grant(access_token=Secret(key))
            if isinstance(key, str)
            else ApiKey(api_id=Secret(key[0]), api_token=Secret(key[1]))
        )
        host = urlsplit(base_url).hostname or ""
        accounts.add(Account(name="tests", host=host, credential=credential))
    return Auth(accounts, latch=lambda _: Alone())


class KnownCompany:
    """A company that the policy knows all about: at home in France and the United States, with
    everybody a contact of its."""

    loopback = ""

    async def account(self, named: str | None) -> str:
        return named or "tests"

    async def home(self, _account: str) -> frozenset[str] | None:
        return frozenset({"FR", "US"})

    async def own(self, _account: str) -> Mapping[str, int] | None:
        return {"+33199001001": 88012, "+13125550155": 88016}

    async def taken_for_real(self) -> str:
        return self.loopback

    async def known(self, _account: str, numbers: tuple[str, ...]) -> frozenset[str]:
        return frozenset(numbers)

    async def at_sandbox(self) -> bool:
        return False


EFFECTS_ARE_ASKED = Policy(
    effects={word: Line("ask") for word in ("write", "reach", "delete", "exposes", "administers")}
)
"""Every effect needs a yes, and that of a form is enough."""


def refusing(allowed: frozenset[Allowance]) -> Asks:
    """Denies whatever is or has at stake what is not `allowed`, but to a person."""

    async def judge(bound: Bound, caller: Caller) -> Verdict:
        needed: tuple[Allowance, ...] = (bound.operation.effect, *bound.stakes)
        lacking: list[Allowance] = [word for word in needed if word not in allowed]
        denied = bool(lacking) and not caller.person
        return Deny(not_allowed(bound, lacking)) if denied else Allow()

    return judge


class OwnGateway(Gateway):
    """A gateway with all that it was handed, opened together and closed together."""

    def __init__(
        self,
        *,
        auth: Auth,
        budget: Budget | None = None,
        journal: Journal | None = None,
        allowed: frozenset[Allowance] = EVERYTHING,
        judges: tuple[Asks, ...] = (),
        **more: Any,
    ) -> None:
        judges = (refusing(allowed), *judges)
        super().__init__(auth=auth, budget=budget, journal=journal, judges=judges, **more)
        self._handed = auth, budget, journal

    async def aclose(self, patience: float | None = None) -> None:
        await super().aclose(patience)
        auth, budget, journal = self._handed
        await auth.aclose()
        if budget is not None:
            await budget.aclose()
        if journal is not None:
            journal.close()


class OwnDesk(Desk):
    """A desk with its gateway, opened together and closed together."""

    accounts: Accounts
    """Those it acts for, where a test changes them."""

    async def call(self, name: str, arguments: Any, caller: Caller) -> Outcome:
        outcome = await super().call(name, arguments, caller)
        if isinstance(outcome, Answer):
            hold_to_result(self.registry, name, outcome.payload)
        return outcome

    async def aclose(self) -> None:
        await self._gateway.aclose()


def hold_to_result(registry: Registry, tool: str, payload: Any) -> None:
    """What a tool of ours answers is what it says that it answers."""
    schema = registry.find(tool).result
    if schema is not None:
        # As it goes over the wire: a scrubbed text is of a kind of its own here.
        jsonschema_rs.validate(dict(answered(schema)), from_json(to_json(payload)))


class AskingDesk(OwnDesk):
    """The same, with what waits for a person."""

    def __init__(
        self,
        safety: Safety,
        offers: Offers,
        gateway: Gateway,
        *,
        plans: Plans | None = None,
        **more: Any,
    ) -> None:
        super().__init__(offers, gateway, approvals=safety.approvals, plans=plans, **more)
        self.safety = safety
        self.plans = plans

    async def aclose(self) -> None:
        await super().aclose()
        self.safety.close()


def asking_desk(
    offers: Offers,
    app: App,
    policy: Policy = EFFECTS_ARE_ASKED,
    *,
    world: World | None = None,
    clock: Handed | None = None,
    home: Path | None = None,
    standing: frozenset[Allowance] = frozenset(),
    gateway: Mapping[str, Any] | None = None,
    **more: Any,
) -> AskingDesk:
    """A desk that asks by `policy`, and not for what is `standing`; what waits is kept in `home`,
    or in memory."""
    safety = Safety.of(home or Path(), clock=clock, fleeting=home is None)
    judge = Judge(lambda: policy, world or KnownCompany(), safety, standing=standing, clock=clock)
    journal = Journal(lambda: InMemory(JOURNAL), clock=clock)
    chosen: dict[str, Any] = {"journal": journal, **(gateway or {})}
    within = gateway_to(app, judges=(judge,), **chosen)
    plans = plans_over(offers.registry, judge, safety, within, journal, home=home, clock=clock)
    return AskingDesk(safety, offers, within, look=judge.look, plans=plans, **more)


def plans_over(
    registry: Registry,
    judge: Judge,
    safety: Safety,
    gateway: Gateway,
    journal: Journal,
    *,
    home: Path | None = None,
    clock: Handed | None = None,
) -> Plans:
    """Plans as the product makes them; what is not in a `home` no other process can see."""
    return Plans(
        registry.ids["plan"],
        judge,
        safety,
        gateway.send,
        journal.of_part,
        latch=plan_latches(home) if home else lambda _: Alone(),
        brake=gateway.brake,
        clock=clock,
    )


def gateway_to(
    app: App,
    *,
    key: tuple[str, str] | str | None = ("sandbox-api-id", "sandbox-api-token"),
    allowed: frozenset[Allowance] = EVERYTHING,
    sandbox: bool = True,
    **more: Any,
) -> OwnGateway:
    """A gateway that believes `app` to be Aircall."""
    return OwnGateway(
        base_url=AIRCALL,
        auth=auth_for(AIRCALL, key),
        sandbox=sandbox,
        allowed=allowed,
        transport=httpx2.ASGITransport(app=app),
        **more,
    )


def desk_over(
    app: App, offers: Offers | Registry, *, time_zone: str | None = None, **more: Any
) -> OwnDesk:
    """All of a registry is on offer."""
    offers = Offers(offers) if isinstance(offers, Registry) else offers
    return OwnDesk(offers, gateway_to(app, **more), time_zone=time_zone)


def answering(
    status: int, body: Any = None, headers: Mapping[str, str] | None = None
) -> tuple[App, list[dict[str, Any]]]:
    """An Aircall that says one thing whatever it is asked, and a list of what it was asked."""
    asked: list[dict[str, Any]] = []
    content = (
        body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    )

    async def app(scope: Any, receive: Any, send: Any) -> None:
        taken = b""
        while True:
            message = await receive()
            taken += message.get("body", b"")
            if not message.get("more_body"):
                break
        sent = {name.decode(): value.decode() for name, value in scope["headers"]}
        path = scope["raw_path"].decode()
        asked.append({"method": scope["method"], "path": path, "headers": sent, "body": taken})
        pairs = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": content})

    return app, asked


class Harness:
    """A desk over a sandbox: `call` gives the answer, `refused` the error object."""

    def __init__(self, desk: OwnDesk, sandbox: Sandbox) -> None:
        self.desk = desk
        self.sandbox = sandbox
        self.world = sandbox.world

    async def call(self, tool: str, **arguments: Any) -> Any:
        """The JSON of a call that must succeed."""
        result = await self.desk.call(f"aircall_{tool}", arguments, Caller())
        assert not result.is_error, result.payload
        return result.payload

    async def refused(self, tool: str, **arguments: Any) -> Any:
        """The error of a call that must fail."""
        result = await self.desk.call(f"aircall_{tool}", arguments, Caller())
        assert result.is_error, result.payload
        return result.payload["error"]

    def user(self, first_name: str) -> int:
        return next(u.id for u in self.world.users.values() if u.first_name == first_name)

    def arrivals(self) -> list[tuple[str, str]]:
        return [(arrival.method, arrival.path) for arrival in self.sandbox.arrivals]
