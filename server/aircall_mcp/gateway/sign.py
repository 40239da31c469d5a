"""The credential: signs each attempt, once more if that makes sense, and learns new secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from ..ground.secrets import Scrubbed, Secret, secrets_in
from ..ground.weight import Aside
from .request import Answered, Attempt, Request, Trying


class Signature(Protocol):
    """What signs one request."""

    @property
    def headers(self) -> Mapping[str, str]: ...


class Auth(Protocol):
    """Signs requests and is told of rejections; the only one that knows a credential."""

    async def sign(self, account: str | None, url: str) -> Signature:
        """The headers for exactly this url. Raises `CredentialError`."""
        ...

    async def rejected(self, signature: Any, status: int) -> bool:
        """After a 401 or 403 for this signature: whether to sign again."""
        ...

    def learn(self, secret: Secret) -> None:
        """Mask this value from now on."""
        ...

    def scrub(self, text: str) -> Scrubbed:
        """`text` with every known secret masked by value."""
        ...


class Sign:
    """The link. The only one of the chain that sees a credential."""

    def __init__(self, then: Trying, auth: Auth, aside: Aside) -> None:
        self._then = then
        self._auth = auth
        self._aside = aside

    async def send(self, request: Request) -> Attempt:
        """Raises `CredentialError`."""
        signature = await self._auth.sign(request.account, request.url)
        attempt = await self._signed(request, signature)
        if (
            isinstance(attempt, Answered)
            and attempt.status in (401, 403)
            and await self._auth.rejected(signature, attempt.status)
        ):
            signature = await self._auth.sign(request.account, request.url)
            attempt = await self._signed(request.after(attempt), signature)
        return attempt

    async def _signed(self, request: Request, signature: Signature) -> Attempt:
        attempt = await self._then.send(replace(request, signed=signature.headers))
        kinds = request.operation.answer.secrets
        if kinds and isinstance(attempt, Answered):
            body, weight = attempt.body, attempt.weight
            await self._aside(lambda: self._learn(body, kinds), weight=weight)
        return attempt

    def _learn(self, body: Any, kinds: Any) -> None:
        for secret in secrets_in(body, kinds):
            self._auth.learn(secret)
