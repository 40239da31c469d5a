from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from aircall_mcp.accounts import Grant
from aircall_mcp.accounts.oauth import (
    Authorization,
    Denied,
    OAuthClient,
    Stray,
    authorize,
    code_from,
    code_in,
    exchange,
    first_grant,
    renewal,
    renewed_grant,
)
from aircall_mcp.errors import CredentialError, Unreachable
from aircall_mcp.ground.secrets import Secret

from ..canaries import CANARIES

BACK = "http://127.0.0.1:8765/callback"
CLIENT = OAuthClient(Secret("client-id-1234"), Secret(CANARIES["client secret"]))
GRANT = Grant(
    access_token=Secret(CANARIES["access token"]),
    refresh_token=Secret(CANARIES["refresh token"]),
    client_id=Secret("client-id-1234"),
    client_secret=Secret(CANARIES["client secret"]),
)


def authorization(client: OAuthClient = CLIENT) -> Authorization:
    return authorize(client, BACK, os.urandom)


def test_the_address_says_who_asks_and_where_to_come_back_to() -> None:
    there = authorization()
    parts = urlsplit(there.url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == (
        "https://dashboard.aircall.io/oauth/authorize"
    )
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert query.keys() == {
        "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge",
        "code_challenge_method",
    }  # fmt: skip
    assert query["response_type"] == "code"
    assert query["scope"] == "public_api"
    assert query["redirect_uri"] == BACK
    assert query["code_challenge_method"] == "S256"
    assert len(bytes.fromhex(query["state"])) == 32


def test_the_challenge_fits_the_verifier_that_is_sent_later() -> None:
    there = authorization()
    challenge = parse_qs(urlsplit(there.url).query)["code_challenge"][0]
    body = json.loads(exchange(CLIENT, there, Secret("a-code")).body)
    digest = hashlib.sha256(body["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge


def test_every_authorization_is_new() -> None:
    assert len({authorization().url for _ in range(20)}) == 20


@pytest.mark.parametrize(
    "url",
    [
        "http://aircall.io/", "ftp://x/", "https://a:b@aircall.io/", "https://x/#y", "x",
        "https://[x", "https:///x", "https://\udcff/", "https://x/ y", "",
    ],
)  # fmt: skip
def test_addresses_that_are_not_safe_are_refused(url: str) -> None:
    for where in ({"authorize_url": url}, {"token_url": url}):
        with pytest.raises(CredentialError):
            OAuthClient(Secret("a"), Secret("b"), **where)


@pytest.mark.parametrize("redirect_uri", ["", "http://\udcff/", "https://x/ y"])
def test_an_address_to_which_no_browser_comes_back_is_refused(redirect_uri: str) -> None:
    with pytest.raises(CredentialError):
        authorize(CLIENT, redirect_uri, os.urandom)


def coming_back(there: Authorization, **query: str) -> str:
    state = parse_qs(urlsplit(there.url).query)["state"][0]
    words = {"state": state, **query}
    return BACK + "?" + "&".join(f"{name}={value}" for name, value in words.items())


def test_the_code_is_read_out_of_the_answer() -> None:
    there = authorization()
    answer = coming_back(there, code="a-code")
    assert code_from(there, answer) == Secret("a-code")
    assert code_from(there, f"  {answer}\n") == Secret("a-code")
    assert code_from(there, answer.partition("?")[2]) == Secret("a-code")
    assert code_from(there, " a-code\n") == Secret("a-code")


@pytest.mark.parametrize("state", ["", "00" * 32, "x"])
def test_an_answer_with_another_state_is_stray(state: str) -> None:
    there = authorization()
    with pytest.raises(CredentialError, match="does not belong"):
        code_from(there, coming_back(there, code="a-code", state=state))


def test_a_person_s_refusal_is_said() -> None:
    there = authorization()
    with pytest.raises(CredentialError, match="access_denied"):
        code_from(there, coming_back(there, error="access_denied"))
    with pytest.raises(CredentialError, match=r"\(\?\)"):
        code_from(there, coming_back(there, error="<script>alert(1)</script>"))
    with pytest.raises(CredentialError, match="no_code"):
        code_from(there, coming_back(there))


@pytest.mark.parametrize("answer", ["", "  ", "a\nb", "x" * 20_000, "\udcff", "é"])
def test_what_is_no_code_is_refused(answer: str) -> None:
    with pytest.raises(CredentialError, match="not an authorization code"):
        code_from(authorization(), answer)


@pytest.mark.parametrize("code", ["%C3%A9", "%0A", "x" * 20_000])
def test_what_is_no_code_in_an_address_is_refused(code: str) -> None:
    there = authorization()
    with pytest.raises(CredentialError, match="not an authorization code"):
        code_from(there, coming_back(there, code=code))


@pytest.mark.parametrize(
    "answer",
    [
        BACK, f"{BACK}?", "https://[x", "http://[x/cb?code=1", "state=\udcff&code=1", "a=b",
        f"{BACK}?code=1&" + "&".join(f"a{n}=1" for n in range(22)),
    ],
)  # fmt: skip
def test_what_belongs_to_no_authorization_is_stray(answer: str) -> None:
    with pytest.raises(Stray):
        code_from(authorization(), answer)


def test_a_browser_brings_no_bare_code() -> None:
    there = authorization()
    assert code_in(there, coming_back(there, code="a-code").partition("?")[2]) == (Secret("a-code"))
    for query in ("", "a-code", "code=a-code", "error=access_denied"):
        with pytest.raises(Stray):
            code_in(there, query)


def test_an_exchange_asks_with_code_and_verifier() -> None:
    request = exchange(CLIENT, authorization(), Secret("a code+with/signs&="))
    body = json.loads(request.body)
    assert request.url == "https://api.aircall.io/v1/oauth/token"
    assert request.headers["Content-Type"] == "application/json"
    assert body.pop("code_verifier")
    assert body == {
        "grant_type": "authorization_code",
        "code": "a code+with/signs&=",
        "redirect_uri": BACK,
        "client_id": "client-id-1234",
        "client_secret": CANARIES["client secret"],
    }


def test_a_renewal_asks_with_the_refresh_token() -> None:
    assert json.loads(renewal(GRANT).body) == {
        "grant_type": "refresh_token",
        "refresh_token": CANARIES["refresh token"],
        "client_id": "client-id-1234",
        "client_secret": CANARIES["client secret"],
    }
    with pytest.raises(CredentialError):
        renewal(Grant(access_token=Secret("for-ever")))


def test_no_answer_says_where_secrets_go_next() -> None:
    elsewhere = {"token_url": "https://evil.example/", "client_id": "x", "host": "evil.example"}
    content = json.dumps({"access_token": "new", "refresh_token": "next", **elsewhere}).encode()
    for grant in (
        renewed_grant(GRANT, 200, content, 0),
        first_grant(CLIENT, 200, content, 0),
    ):
        assert renewal(grant).url == GRANT.token_url
        assert grant.client_id == GRANT.client_id


def test_no_request_prints_its_secrets() -> None:
    asked = exchange(CLIENT, authorization(), Secret("a-code"))
    shown = f"{asked} {renewal(GRANT)} {authorization()} {CLIENT}"
    for part in ("a-code", "1234", "5678", "old-"):
        assert part not in shown


def renewed_by(status: int = 200, **fields: Any) -> Grant:
    content = json.dumps({"access_token": "new-access", **fields}).encode()
    return renewed_grant(GRANT, status, content, 1000.0)


def test_a_permanent_token_has_no_end() -> None:
    grant = first_grant(CLIENT, 200, b'{"access_token": "for-ever"}', 1000.0)
    assert grant.access_token == Secret("for-ever")
    assert grant.expires_at is None
    assert not grant.renewable
    assert grant.client_id == CLIENT.client_id
    assert grant.token_url == CLIENT.token_url


@pytest.mark.parametrize("seconds", [3600, "3600", 3600.0])
def test_an_expiring_token_has_its_end(seconds: Any) -> None:
    grant = renewed_by(expires_in=seconds, refresh_token="new-refresh", token_type="bearer")
    assert (grant.issued_at, grant.expires_at) == (1000.0, 4600.0)
    assert grant.refresh_token == Secret("new-refresh")
    assert grant.client_secret == GRANT.client_secret


def test_an_old_refresh_token_stays_in_use() -> None:
    assert renewed_by(expires_in=60).refresh_token == GRANT.refresh_token


@pytest.mark.parametrize("seconds", [None, 0, -5, "soon", [], float("nan")])
def test_a_lifetime_that_says_nothing_is_none(seconds: Any) -> None:
    assert renewed_by(expires_in=seconds).expires_at is None


@pytest.mark.parametrize("written", ["1e300", "9" * 400, "9" * 5000, f'"{"9" * 400}"'])
def test_an_absurd_lifetime_is_a_year(written: str) -> None:
    content = f'{{"access_token": "new-access", "expires_in": {written}}}'.encode()
    assert renewed_grant(GRANT, 200, content, 1000.0).expires_at == 1000.0 + 31_536_000


@pytest.mark.parametrize(
    "token", [None, "", 7, [], "two words", "new\r\nline", "é", "x" * 20_000, "\x00"]
)
def test_a_token_that_cannot_be_one_is_refused(token: Any) -> None:
    with pytest.raises(Unreachable):
        renewed_by(access_token=token)
    if token in (None, ""):
        assert renewed_by(refresh_token=token).refresh_token == GRANT.refresh_token
    else:
        with pytest.raises(Unreachable):
            renewed_by(refresh_token=token)


@pytest.mark.parametrize("kind", ["Bearer", "bearer", None, ""])
def test_a_bearer_token_is_taken(kind: str | None) -> None:
    assert renewed_by(token_type=kind).access_token == Secret("new-access")


def test_another_kind_of_token_is_refused() -> None:
    with pytest.raises(Unreachable):
        renewed_by(token_type="mac")


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "unauthorized_client"])
@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_of_the_grant_is_told_from_other_failures(error: str, status: int) -> None:
    with pytest.raises(Denied) as caught:
        renewed_grant(GRANT, status, json.dumps({"error": error}).encode(), 0)
    assert caught.value.reason == error


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (400, b'{"error": "Bad Request", "troubleshoot": "The grant is gone"}'),
        (400, b'{"error": "access_denied"}'),
        (401, b'{"message": "Unauthorized"}'),
        (401, b""),
        (403, b'{"error": "Forbidden"}'),
    ],
)
def test_a_refusal_in_other_words_is_one(status: int, content: bytes) -> None:
    with pytest.raises(Denied) as caught:
        renewed_grant(GRANT, status, content, 0)
    assert caught.value.reason == f"status {status}"


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (500, b'{"error": "invalid_grant"}'),
        (503, b"<html>"),
        (403, b'{"message": "Forbidden"}'),
        (403, b"<html>"),
        (400, b"Bad Request"),
        (400, b'{"error": "temporarily_unavailable"}'),
        (404, b'{"error": "Not Found"}'),
        (400, b'{"error": ""}'),
        (429, b'{"error": "Too Many Requests"}'),
        (400, b'{"error": ["invalid_grant"]}'),
        (400, b'{"error": {}}'),
        (200, b""),
        (200, b"[]"),
        (200, b"[" * 100_000),
        (200, b"\xff\xfe"),
        (204, b'{"error": "invalid_grant"}'),
        (302, b'{"access_token": "x"}'),
    ],
)
def test_what_may_pass_is_no_refusal(status: int, content: bytes) -> None:
    with pytest.raises(Unreachable) as caught:
        renewed_grant(GRANT, status, content, 0)
    assert "accounts login" in caught.value.hint
