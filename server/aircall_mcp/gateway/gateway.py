"""The chain put together: gate, pages, route, cache, effects, attempts, sign, slots, intents,
probed, wire. Each link knows only the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from ..ground.caller import Caller
from ..ground.clock import Clock
from ..ground.operation import Bound, Operation
from ..ground.reply import Reply, Room
from ..ground.weight import Aside
from .attempts import Attempts
from .breaker import Breaker, Breakers
from .budget import Budget
from .cache import Cache, Cached
from .connections import Connections
from .continuations import Continuations
from .effects import Effects
from .gate import Acting, Gate, Guard, Judge, as_named, by_brake, by_guard, never_before
from .intents import Intents
from .journal import Journal
from .looks import Looks
from .pages import Pages
from .probed import Probed, Prober, ProofAt, nobody
from .repeats import Repeats
from .request import Brake, Heard, Request, released, unheard
from .retries import Retries
from .route import Company, Route, Router, one_company
from .sign import Auth, Sign
from .slots import Slots
from .wire import Wire

if TYPE_CHECKING:
    import httpx2


class Gateway:
    """Performs an operation at Aircall and gives a `Reply`. Close it with `aclose`; what was handed
    to it is closed by whoever opened that, and later.

    Without `budget` and `journal` it neither counts nor remembers. `operations` are those by whose
    reads an unknown outcome can be settled, by id. `judges` are asked after the
    `guard`. `brake` is asked before all of them, and once more when a byte is about to
    leave. `heard` is told of every answer. `acting` says which account is meant by naming none.
    """

    def __init__(
        self,
        *,
        base_url: str,
        auth: Auth,
        sandbox: bool = False,
        brake: Brake = released,
        heard: Heard = unheard,
        guard: Guard | None = None,
        judges: tuple[Judge, ...] = (),
        proof_at: ProofAt = nobody,
        company: Company = one_company,
        acting: Acting = as_named,
        budget: Budget | None = None,
        journal: Journal | None = None,
        operations: Mapping[str, Operation] | None = None,
        retries: Retries | None = None,
        breakers: Breakers | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        proxy: str | None = None,
        ca_bundle: Path | None = None,
        aside: Aside | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.base_url = base_url
        self.brake = brake
        self.sandbox = sandbox
        self.aside = aside = aside or Aside()
        clock = clock or Clock()
        retries = retries or Retries()
        breakers = breakers or Breakers(lambda: Breaker(clock=clock))
        cache = Cache[Reply](clock=clock)
        kept = Continuations(clock)
        router = Router(base_url, company)

        def forget(company: str) -> None:
            cache.forget(company)
            kept.forget(company)

        self._connections = Connections(
            transport=transport,
            proxy=proxy,
            ca_bundle=ca_bundle,
            secure=base_url.startswith("https:") or (proxy or "").startswith("https:"),
            aside=aside,
        )
        # From the wire upwards; read it from below.
        wire = Wire(self._connections, aside, clock, heard)
        # Beyond a proxy, an address of this machine is another machine's.
        proof_at = nobody if proxy else proof_at
        self._prober = Prober(base_url, self._connections, proof_at, sandbox=sandbox)
        intents = Intents(Probed(wire, self._prober))
        sign = Sign(Slots(intents, budget, clock), auth, aside)
        attempts = Attempts(sign, retries, breakers, paced=budget is not None, clock=clock)
        looks = Looks(attempts, router, operations or {}, aside, clock)
        self._effects = Effects(
            attempts, looks, journal=journal, retries=retries, forget=forget, scrub=auth.scrub,
            aside=aside, sandbox=sandbox, brake=brake, clock=clock,
        )  # fmt: skip
        reads = Route(Cached(self._effects, cache), router)
        pages = Pages(reads, kept, company, aside, clock=clock, sandbox=sandbox)
        guards = () if guard is None else (by_guard(guard),)
        repeated = Repeats(journal, router, looks, aside) if journal else never_before
        self._gate = Gate(pages, (by_brake(brake), *guards, *judges), acting, repeated)

    async def send(self, bound: Bound, caller: Caller) -> Reply:
        """Perform `bound` with one send, or join those who read the same at this moment.

        Raises `NotAllowed`, `NeedsConfirmation`, `Duplicate`, `CredentialError`,
        `BudgetExhausted`, `Refused`, `Unreachable` (nothing was done) or `OutcomeUnknown` (an
        effect was sent and no answer came).
        """
        return await self._gate.send(Request(bound, caller))

    async def read(self, bound: Bound, caller: Caller, room: Room | None = None) -> Reply:
        """The same; a list says how much of it this is, and may take several sends, for as many
        items as have `room`."""
        return await self._gate.send(Request(bound, caller, several=True, room=room))

    def admitted(self, bound: Bound, caller: Caller) -> AbstractAsyncContextManager[object]:
        """Code that runs within passes the gate like a request; nothing is sent."""
        return self._gate.admitted(bound, caller)

    async def at_sandbox(self) -> bool:
        """Whether our own sandbox listens at the base URL, at this moment."""
        return await self._prober.at_sandbox()

    async def listens(self) -> bool:
        """Whether our own sandbox answers on a port of this machine, at this moment."""
        return await self._prober.listens()

    async def drained(self) -> None:
        """Wait for the effects that were sent and whose callers are gone."""
        await self._effects.drained()

    async def aclose(self, patience: float | None = None) -> None:
        """Wait for effects that were sent, at most `patience` seconds; then close connections."""
        with anyio.move_on_after(patience):
            await self.drained()
        await self._connections.aclose()
        self.aside.close()
