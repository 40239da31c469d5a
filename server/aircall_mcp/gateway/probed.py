"""What only our own sandbox may be asked for is sent only while the sandbox really listens
there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import urlsplit

from ..ground import probe
from ..ground.secrets import LOOPBACK
from .body import Broken, json_of
from .connections import Connections
from .refusals import not_allowed
from .request import Attempt, Request, Trying

PROBE = 2.0
"""Seconds in which our own sandbox answers that it is one."""

ProofAt: TypeAlias = Callable[[str], probe.Proof | None]
"""The proof of the sandbox that is registered at an address."""


def nobody(_address: str) -> None:
    """No sandbox listens on this machine."""


async def _leaving() -> None:
    """A probe's first byte is not recorded."""


class Prober:
    """Checks whether our own sandbox is asked."""

    def __init__(
        self, base_url: str, connections: Connections, proof_at: ProofAt, *, sandbox: bool
    ) -> None:
        self._base_url = base_url
        self._connections = connections
        self._proof_at = proof_at
        self._sandbox = sandbox

    async def at_sandbox(self) -> bool:
        """Whether our own sandbox answers, built in or on a port of this machine."""
        return self._sandbox or await self.listens()

    async def listens(self) -> bool:
        """Whether it listens there, at this moment. Nothing of it is kept: what listens on a port
        of this machine may be another one the next time."""
        if self._sandbox:
            return False  # nobody listens there, and the owner decides as anywhere
        proof = self._proof_at(self._base_url)
        if proof is None:
            return False
        asked = probe.nonce()
        try:
            status, _, raw = await self._connections.exchange(
                "GET",
                self._base_url + probe.PATH + asked,
                headers={},
                content=None,
                deadline=PROBE,
                leaving=_leaving,
                alone=True,
                company="",
            )
            return status == 200 and proof.is_answer(json_of(status, raw), asked)
        except Broken:
            return False

    @property
    def loopback(self) -> str:
        """The address, if it is on this machine."""
        there = urlsplit(self._base_url)
        here = there.scheme == "http" and there.hostname in LOOPBACK
        return self._base_url if here else ""


class Probed:
    """The link: the gate's waiver is checked again before each attempt."""

    def __init__(self, then: Trying, prober: Prober) -> None:
        self._then = then
        self._prober = prober

    async def send(self, request: Request) -> Attempt:
        """Raises `NotAllowed` if the sandbox is gone."""
        if request.waived and not await self._prober.listens():
            raise not_allowed(request.bound, request.waived, self._prober.loopback)
        return await self._then.send(request)
