from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from aircall_mcp.accounts import Grant
from aircall_mcp.errors import CredentialError, Unreachable
from aircall_mcp.oauth import (
    Client,
    Denied,
    Errand,
    authorization,
    code_from,
    exchange,
    first_grant,
    renewal,
    renewed_grant,
)
from aircall_mcp.secrets import Secret

BACK = "http://127.0.0.1:8765/callback"
CLIENT = Client(Secret("client-id-1234"), Secret("client-secret-5678"))
GRANT = Grant(
    access_token=Secret("old-access"),
    refresh_token=Secret("old-refresh"),
    client_id=Secret("client-id-1234"),
    client_secret=Secret("client-secret-5678"),
)


def errand(client: Client = CLIENT) -> Errand:
    return authorization(client, BACK, os.urandom)


class TestAuthorization:
    def test_the_address(self) -> None:
        there = errand()
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

    def test_the_challenge_fits_the_verifier_that_is_sent_later(self) -> None:
        there = errand()
        challenge = parse_qs(urlsplit(there.url).query)["code_challenge"][0]
        body = json.loads(exchange(CLIENT, there, Secret("a-code")).body)
        digest = hashlib.sha256(body["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge

    def test_every_errand_is_new(self) -> None:
        assert len({errand().url for _ in range(20)}) == 20

    @pytest.mark.parametrize(
        "url", ["http://aircall.io/", "ftp://x/", "https://a:b@aircall.io/", "https://x/#y", "x"]
    )
    def test_addresses_that_are_not_safe(self, url: str) -> None:
        for where in ({"authorize_url": url}, {"token_url": url}):
            with pytest.raises(CredentialError):
                Client(Secret("a"), Secret("b"), **where)


class TestAnswers:
    def answer(self, there: Errand, **query: str) -> str:
        state = parse_qs(urlsplit(there.url).query)["state"][0]
        words = {"state": state, **query}
        return BACK + "?" + "&".join(f"{name}={value}" for name, value in words.items())

    def test_the_code(self) -> None:
        there = errand()
        answer = self.answer(there, code="a-code")
        assert code_from(there, answer) == Secret("a-code")
        assert code_from(there, f"  {answer}\n") == Secret("a-code")
        assert code_from(there, answer.partition("?")[2]) == Secret("a-code")
        assert code_from(there, " a-code\n") == Secret("a-code")

    @pytest.mark.parametrize("state", ["", "00" * 32, "x"])
    def test_another_state(self, state: str) -> None:
        there = errand()
        with pytest.raises(CredentialError, match="does not belong"):
            code_from(there, self.answer(there, code="a-code", state=state))

    def test_a_refusal(self) -> None:
        there = errand()
        with pytest.raises(CredentialError, match="access_denied"):
            code_from(there, self.answer(there, error="access_denied"))
        with pytest.raises(CredentialError, match=r"\(\?\)"):
            code_from(there, self.answer(there, error="<script>alert(1)</script>"))

    @pytest.mark.parametrize("answer", ["", "  ", "a\nb", "x" * 20_000])
    def test_what_is_no_code(self, answer: str) -> None:
        with pytest.raises(CredentialError):
            code_from(errand(), answer)


class TestRequests:
    def test_an_exchange(self) -> None:
        request = exchange(CLIENT, errand(), Secret("a code+with/signs&="))
        body = json.loads(request.body)
        assert request.url == "https://api.aircall.io/v1/oauth/token"
        assert request.headers["Content-Type"] == "application/json"
        assert body.pop("code_verifier")
        assert body == {
            "grant_type": "authorization_code",
            "code": "a code+with/signs&=",
            "redirect_uri": BACK,
            "client_id": "client-id-1234",
            "client_secret": "client-secret-5678",
        }

    def test_a_renewal(self) -> None:
        assert json.loads(renewal(GRANT).body) == {
            "grant_type": "refresh_token",
            "refresh_token": "old-refresh",
            "client_id": "client-id-1234",
            "client_secret": "client-secret-5678",
        }
        with pytest.raises(CredentialError):
            renewal(Grant(access_token=Secret("for-ever")))

    def test_nothing_prints(self) -> None:
        shown = (
            f"{exchange(CLIENT, errand(), Secret('a-code'))} {renewal(GRANT)} {errand()} {CLIENT}"
        )
        for part in ("a-code", "1234", "5678", "old-"):
            assert part not in shown


class TestTokens:
    def read(self, status: int = 200, **fields: Any) -> Grant:
        content = json.dumps({"access_token": "new-access", **fields}).encode()
        return renewed_grant(GRANT, status, content, 1000.0)

    def test_a_permanent_token(self) -> None:
        grant = first_grant(CLIENT, 200, b'{"access_token": "for-ever"}', 1000.0)
        assert grant.access_token == Secret("for-ever")
        assert grant.expires_at is None
        assert not grant.renewable
        assert grant.client_id == CLIENT.client_id
        assert grant.token_url == CLIENT.token_url

    @pytest.mark.parametrize("seconds", [3600, "3600", 3600.0])
    def test_an_expiring_one(self, seconds: Any) -> None:
        grant = self.read(expires_in=seconds, refresh_token="new-refresh", token_type="bearer")
        assert (grant.issued_at, grant.expires_at) == (1000.0, 4600.0)
        assert grant.refresh_token == Secret("new-refresh")
        assert grant.client_secret == GRANT.client_secret

    def test_an_old_refresh_token_stays_in_use(self) -> None:
        assert self.read(expires_in=60).refresh_token == GRANT.refresh_token

    @pytest.mark.parametrize("seconds", [None, 0, -5, "soon", [], float("nan")])
    def test_a_lifetime_that_says_nothing(self, seconds: Any) -> None:
        assert self.read(expires_in=seconds).expires_at is None

    def test_an_absurd_lifetime(self) -> None:
        assert self.read(expires_in=1e300).expires_at == 1000.0 + 31_536_000

    @pytest.mark.parametrize(
        "token", [None, "", 7, [], "two words", "new\r\nline", "é", "x" * 20_000, "\x00"]
    )
    def test_a_token_that_cannot_be_one(self, token: Any) -> None:
        with pytest.raises(Unreachable):
            self.read(access_token=token)
        if token is not None:
            with pytest.raises(Unreachable):
                self.read(refresh_token=token)

    def test_another_kind_of_token(self) -> None:
        with pytest.raises(Unreachable):
            self.read(token_type="mac")

    @pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "unauthorized_client"])
    @pytest.mark.parametrize("status", [400, 401, 403])
    def test_a_refusal(self, error: str, status: int) -> None:
        with pytest.raises(Denied) as caught:
            renewed_grant(GRANT, status, json.dumps({"error": error}).encode(), 0)
        assert caught.value.reason == error

    @pytest.mark.parametrize(
        ("status", "content"),
        [
            (500, b'{"error": "invalid_grant"}'),
            (503, b"<html>"),
            (403, b'{"message": "Forbidden"}'),
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
    def test_what_may_pass(self, status: int, content: bytes) -> None:
        with pytest.raises(Unreachable):
            renewed_grant(GRANT, status, content, 0)
