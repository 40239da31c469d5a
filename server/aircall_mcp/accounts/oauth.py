"""OAuth messages, written and read; nothing is sent from here.

Authlib knows the protocol; it is imported with the first message. Aircall takes the token request
as JSON, and grants a token that never expires; other lifetimes are read as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard, cast
from urllib.parse import parse_qsl, urlsplit

from ..errors import CredentialError, Unreachable, quoted
from ..ground.secrets import LOOPBACK, Secret, reveal
from .account import TOKEN_URL, Grant

AUTHORIZE_URL = "https://dashboard.aircall.io/oauth/authorize"
SCOPE = "public_api"
_LONGEST_TOKEN = 16 * 1024
_REFUSALS = (
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
    "unsupported_grant_type", "invalid_scope",
)  # fmt: skip
_PASSING = ("server_error", "temporarily_unavailable")


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """The application that Aircall knows, and where it asks. Both URLs are https, or loopback."""

    client_id: Secret
    client_secret: Secret
    authorize_url: str = AUTHORIZE_URL
    token_url: str = TOKEN_URL

    def __post_init__(self) -> None:
        for url in (self.authorize_url, self.token_url):
            try:
                parts = urlsplit(url)
            except ValueError:
                parts = urlsplit("")
            if not _usable(url) or not parts.hostname:
                raise CredentialError(f"{quoted(url, 200)!a} is not a web address.")
            if parts.scheme != "https" and not (
                parts.scheme == "http" and parts.hostname in LOOPBACK
            ):
                raise CredentialError(f"{url} must be https.")
            if parts.username or parts.password or parts.fragment:
                raise CredentialError(
                    "An OAuth address must not contain a user name or a fragment."
                )


@dataclass(frozen=True, slots=True)
class Authorization:
    """One authorization under way: what was asked, and what must come back with the answer."""

    url: str = field(repr=False)
    redirect_uri: str
    state: Secret
    verifier: Secret


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A POST that asks for tokens. `body` holds secrets and does not print."""

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"Content-Type": "application/json", "Accept": "application/json"}
    )


class Stray(CredentialError):
    """What came back belongs to no authorization of ours, or to another one."""


class Denied(Exception):
    """The token URL said no for good: `reason` is a word of the OAuth vocabulary, or the status."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def authorize(
    client: OAuthClient, redirect_uri: str, random: Callable[[int], bytes]
) -> Authorization:
    """Where to send a person's browser, with PKCE (S256) and a state of 32 random bytes."""
    if not _usable(redirect_uri):
        raise CredentialError("The redirect address contains an invalid character.")
    verifier, state = random(32).hex(), random(32).hex()
    url: str = _authlib().prepare_grant_uri(
        client.authorize_url,
        client_id=reveal(
            client.client_id,
            "exchange a token",
            client.authorize_url,
            host=_host(client.authorize_url),
        ),
        response_type="code",
        redirect_uri=redirect_uri,
        scope=SCOPE,
        state=state,
        code_challenge=_authlib().create_s256_code_challenge(verifier),
        code_challenge_method="S256",
    )
    return Authorization(url, redirect_uri, Secret(state), Secret(verifier))


def code_from(authorization: Authorization, answer: str) -> Secret:
    """The code in what a person pasted: the address the browser came back to, or the code alone.

    Raises what `code_in` raises.
    """
    answer = answer.strip()
    if any(mark in answer for mark in ("?", "=", "://")):
        return code_in(authorization, answer.partition("?")[2].partition("#")[0] or answer)
    return _code(answer)


def code_in(authorization: Authorization, query: str) -> Secret:
    """The code in the query that a browser came back with.

    Raises `Stray` without the authorization's state, which only Aircall and that browser know, and
    `CredentialError` for a refusal.
    """
    try:
        fields = dict(parse_qsl(query, max_num_fields=20))
    except ValueError:
        fields = {}
    state = fields.get("state", "")
    if not state.isascii() or Secret(state) != authorization.state:
        raise Stray(
            "The answer does not belong to this login.",
            hint="Start again, and use the window that opens then.",
        )
    if "code" not in fields:
        raise CredentialError(
            f"Aircall did not grant access ({_word(fields.get('error', 'no_code'))}).",
            hint="Log in as an admin, and allow it.",
        )
    return _code(fields["code"])


def exchange(client: OAuthClient, authorization: Authorization, code: Secret) -> TokenRequest:
    """Ask for the tokens of a code."""
    return _request(
        client.token_url,
        "authorization_code",
        code=code,
        code_verifier=authorization.verifier,
        redirect_uri=Secret(authorization.redirect_uri),
        client_id=client.client_id,
        client_secret=client.client_secret,
    )


def renewal(grant: Grant) -> TokenRequest:
    """Ask for new tokens of a grant. Raises `CredentialError` if it cannot be renewed."""
    if grant.refresh_token is None:
        raise CredentialError("This grant has no refresh token.")
    fields = {"refresh_token": grant.refresh_token}
    if grant.client_id is not None and grant.client_secret is not None:
        fields |= {"client_id": grant.client_id, "client_secret": grant.client_secret}
    return _request(grant.token_url, "refresh_token", **fields)


def first_grant(client: OAuthClient, status: int, content: bytes, now: float) -> Grant:
    """The grant in the answer to an exchange; see `renewed_grant`."""
    blank = Grant(
        access_token=Secret(""),
        token_url=client.token_url,
        client_id=client.client_id,
        client_secret=client.client_secret,
    )
    return renewed_grant(blank, status, content, now)


def renewed_grant(grant: Grant, status: int, content: bytes, now: float) -> Grant:
    """`grant` with the tokens of an answer that came at `now`.

    An answer without `expires_in` never expires; one without a refresh token leaves the old one in
    use. Raises `Denied` when the answer is a refusal for good and `Unreachable` for any other.
    """
    try:
        # As floats, since a number may have more digits than an integer can be read from.
        answer: Any = json.loads(content, parse_int=float)
    except (ValueError, RecursionError):
        answer = None
    fields = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
    if reason := _refusal(status, fields.get("error")):
        raise Denied(reason)
    if not 200 <= status < 300:
        raise _no_tokens(status)
    access, refresh = fields.get("access_token"), fields.get("refresh_token")
    kind = str(fields.get("token_type") or "bearer").lower()
    if kind != "bearer" or not _usable(access) or not (refresh in (None, "") or _usable(refresh)):
        raise _no_tokens(status)
    lifetime = _lifetime(fields.get("expires_in"))
    return grant.model_copy(
        update={
            "access_token": Secret(access),
            "refresh_token": Secret(refresh) if refresh else grant.refresh_token,
            "issued_at": now,
            "expires_at": None if lifetime is None else now + lifetime,
        }
    )


def _refusal(status: int, error: Any) -> str | None:
    """Why an answer is a refusal for good, None if it is none.

    It is with a word of RFC 6749, 5.2, with a 401, and with a 400 or 403 whose `error` says that
    Aircall itself answered and not a firewall before it; a bare 400 or 403 may pass.
    """
    if 400 <= status < 500 and error in _REFUSALS:
        return error
    said = isinstance(error, str) and error != "" and error not in _PASSING
    return f"status {status}" if status == 401 or (status in (400, 403) and said) else None


def _lifetime(value: Any) -> float | None:
    """Seconds, from a number or its digits; None for never. An absurd one counts as a year."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return min(seconds, 31_536_000.0) if seconds > 0 else None


def _usable(token: Any) -> TypeGuard[str]:
    """Whether it can stand in a header: visible ASCII, of a sane length."""
    return (
        isinstance(token, str)
        and 0 < len(token) <= _LONGEST_TOKEN
        and all("!" <= character <= "~" for character in token)
    )


def _authlib() -> Any:
    """Authlib's writers of messages; it says nothing of their types."""
    from authlib.oauth2 import client

    return client


def _request(url: str, grant_type: str, **fields: Secret) -> TokenRequest:
    host = _host(url)
    shown = {
        name: reveal(text, "exchange a token", url, host=host) for name, text in fields.items()
    }
    form: str = _authlib().prepare_token_request(grant_type, **shown)
    return TokenRequest(url, json.dumps(dict(parse_qsl(form))).encode())


def _no_tokens(status: int) -> Unreachable:
    return Unreachable(
        f"The token URL answered {status} without usable tokens.",
        hint="Try again in a moment. If it fails again, a person must log in again:"
        " `aircall-mcp accounts login NAME`.",
    )


def _code(text: str) -> Secret:
    """A code has visible ASCII and blanks, says RFC 6749."""
    if not text or len(text) > _LONGEST_TOKEN or not (text.isascii() and text.isprintable()):
        raise CredentialError("That is not an authorization code.")
    return Secret(text)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _word(text: str) -> str:
    """A word of the protocol, or nothing of it."""
    return text if text.isascii() and text.replace("_", "").isalpha() and len(text) < 40 else "?"
