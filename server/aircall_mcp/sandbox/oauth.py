"""Aircall's OAuth: automatic consent, codes, and tokens of both kinds."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from .deed import Answer, Json, Refusal, Request, bad
from .edge import Keys
from .world import World, seeded

Lifetimes: TypeAlias = Literal["permanent", "expiring"]

CODE_LIFETIME = 600  # seconds


@dataclass(slots=True)
class Family:
    """One consent and every token that came of it, in the order of issue.

    `reuses` counts refresh tokens (or codes) that were shown again after their use: each of them
    revokes the family.
    """

    access: dict[str, float | None] = field(default_factory=dict[str, "float | None"])
    refresh: dict[str, bool] = field(default_factory=dict[str, bool])  # token -> used
    refreshes: int = 0
    reuses: int = 0
    revoked: bool = False


@dataclass(slots=True)
class Code:
    redirect_uri: str
    challenge: str
    method: str
    expires: float
    family: Family | None = None  # set by its use


class OAuth:
    """The grants of the sandbox. `families` is there to be looked at."""

    def __init__(self, keys: Keys, lifetimes: Lifetimes, token_lifetime: float, seed: int) -> None:
        self._keys = keys
        self._expiring = lifetimes == "expiring"
        self._lifetime = token_lifetime
        self._random = seeded("oauth", seed)
        self._codes: dict[str, Code] = {}
        self.families: list[Family] = []

    @property
    def refreshes(self) -> int:
        return sum(family.refreshes for family in self.families)

    @property
    def reuses(self) -> int:
        return sum(family.reuses for family in self.families)

    def accepts(self, token: str, now: float) -> bool:
        for family in self.families:
            if token in family.access:
                expires = family.access[token]
                return not family.revoked and (expires is None or now < expires)
        return False

    def authorize(self, query: dict[str, str], now: float) -> Answer:
        """Consent at once (or refuse it, with `approve=false`) and send the browser back.

        A wrong client or an unsafe redirect_uri is answered here; anything else goes back as an
        `error` of the redirect.
        """
        target = query.get("redirect_uri", "")
        if query.get("client_id") != self._keys.client_id:
            raise bad("client_id is unknown")
        if not _returnable(target):
            raise bad("redirect_uri must be https, or http on the loopback interface")
        back = {"state": query["state"]} if "state" in query else {}
        method = query.get("code_challenge_method", "plain")
        if query.get("response_type") != "code":
            return _redirect(target, {"error": "unsupported_response_type", **back})
        if query.get("scope", "public_api") != "public_api":
            return _redirect(target, {"error": "invalid_scope", **back})
        if method not in ("plain", "S256"):
            return _redirect(target, {"error": "invalid_request", **back})
        if query.get("approve", "true").lower() in ("false", "0", "no"):
            return _redirect(target, {"error": "access_denied", **back})
        code = self._secret("code")
        self._codes[code] = Code(
            target, query.get("code_challenge", ""), method, now + CODE_LIFETIME
        )
        return _redirect(target, {"code": code, **back})

    def exchange(self, _world: World, request: Request) -> Answer:
        """Tokens for a code, or for a refresh token where grants expire."""
        body = request.body
        for name in ("grant_type", "client_id", "client_secret"):
            if not isinstance(body.get(name), str):
                raise _denied("invalid_request", f"{name} is missing")
        given = (body["client_id"], body["client_secret"])
        if given != (self._keys.client_id, self._keys.client_secret):
            raise _denied("invalid_client", "The client is unknown")
        if body["grant_type"] == "authorization_code":
            family = self._redeem(request)
        elif body["grant_type"] == "refresh_token" and self._expiring:
            family = self._renew(request)
        else:
            raise _denied("unsupported_grant_type", "This grant type is not supported")
        return Answer(200, self._issue(family, request.now))

    def _redeem(self, request: Request) -> Family:
        body = request.body
        text = body.get("code")
        code = self._codes.get(text) if isinstance(text, str) else None
        if code is None or request.now >= code.expires:
            raise _denied("invalid_grant", "The code is unknown or has expired")
        if code.family is not None:
            code.family.reuses += 1
            code.family.revoked = True
            raise _denied("invalid_grant", "The code was used before")
        if body.get("redirect_uri") != code.redirect_uri:
            raise _denied("invalid_grant", "redirect_uri is not the one of the authorization")
        if code.challenge and code.challenge != _challenge(body.get("code_verifier"), code.method):
            raise _denied("invalid_grant", "code_verifier does not fit the challenge")
        code.family = Family()
        self.families.append(code.family)
        return code.family

    def _renew(self, request: Request) -> Family:
        token = request.body.get("refresh_token")
        family = next((one for one in self.families if token in one.refresh), None)
        if family is None or not isinstance(token, str):
            raise _denied("invalid_grant", "The refresh token is unknown")
        if family.refresh[token]:
            family.reuses += 1
            family.revoked = True
        if family.revoked:
            raise _denied("invalid_grant", "The refresh token was used before, or is revoked")
        family.refresh[token] = True
        family.refreshes += 1
        return family

    def _issue(self, family: Family, now: float) -> Json:
        access = self._secret("access")
        granted: Json = {
            "access_token": access,
            "token_type": "Bearer",
            "created_at": int(now),
        }
        family.access[access] = now + self._lifetime if self._expiring else None
        if self._expiring:
            refresh = self._secret("refresh")
            family.refresh[refresh] = False
            granted |= {"expires_in": int(self._lifetime), "refresh_token": refresh}
        return granted

    def _secret(self, kind: str) -> str:
        return f"sandbox-{kind}-{self._random.getrandbits(160):040x}"


def _denied(error: str, description: str) -> Refusal:
    body = {"error": error, "error_description": description, "troubleshoot": description}
    return Refusal(Answer(400, body))


def _returnable(target: str) -> bool:
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    if not parts.hostname or parts.fragment or not re.fullmatch(r"[!-~]+", target):
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    )


def _redirect(target: str, more: dict[str, str]) -> Answer:
    parts = urlsplit(target)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *more.items()])
    return Answer(302, None, {"Location": urlunsplit(parts._replace(query=query))})


def _challenge(verifier: object, method: str) -> str | None:
    if not isinstance(verifier, str):
        return None
    if method == "plain":
        return verifier
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
