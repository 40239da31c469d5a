from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from .api import SandboxApi

pytestmark = pytest.mark.anyio

BACK = "http://127.0.0.1:8765/callback"


async def authorize(api: SandboxApi, **more: str) -> httpx2.Response:
    query = {
        "client_id": api.sandbox.client_id,
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": "public_api",
        **more,
    }
    async with api.client(signed=False) as client:
        return await client.get("/oauth/authorize", params=query)


async def consent(api: SandboxApi, **more: str) -> str:
    answer = await authorize(api, **more)
    assert answer.status_code == 302
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


async def token(api: SandboxApi, **fields: str) -> httpx2.Response:
    sandbox = api.sandbox
    body = {
        "grant_type": "authorization_code",
        "redirect_uri": BACK,
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        **fields,
    }
    async with api.client(signed=False) as client:
        return await client.post("/v1/oauth/token", json=body)


async def ping(api: SandboxApi, access: str) -> int:
    async with api.client(signed=False) as client:
        answer = await client.get("/v1/ping", headers={"Authorization": f"Bearer {access}"})
    return answer.status_code


def why(answer: httpx2.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()["error"]


async def test_a_permanent_token_opens_the_api_for_good() -> None:
    api = SandboxApi()
    granted = (await token(api, code=await consent(api))).json()
    assert granted.keys() == {"access_token", "token_type", "created_at"}
    api.clock.pass_by(10 * 365 * 86_400)
    assert await ping(api, granted["access_token"]) == 200
    refresh = await token(api, grant_type="refresh_token", refresh_token="x")
    assert why(refresh) == (400, "unsupported_grant_type")


async def test_a_code_is_traded_as_json_and_as_a_form() -> None:
    api = SandboxApi()
    sandbox = api.sandbox
    for form in (False, True):
        fields = {
            "grant_type": "authorization_code",
            "redirect_uri": BACK,
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
            "code": await consent(api),
        }
        async with api.client(signed=False) as client:
            sent: dict[str, Any] = {"data" if form else "json": fields}
            answer = await client.post("/v1/oauth/token", **sent)
            assert answer.status_code == 200, form
            assert await ping(api, answer.json()["access_token"]) == 200
            again = await client.post("/v1/oauth/token", **sent)
            assert why(again) == (400, "invalid_grant")
            text = await client.post(
                "/v1/oauth/token", content="code=x", headers={"Content-Type": "text/plain"}
            )
            assert why(text) == (400, "InvalidContentType")


async def test_the_state_comes_back_and_a_refusal_too() -> None:
    api = SandboxApi()
    answer = await authorize(api, state="a b&c")
    assert parse_qs(urlsplit(answer.headers["location"]).query)["state"] == ["a b&c"]
    denied = await authorize(api, approve="false", state="s")
    assert parse_qs(urlsplit(denied.headers["location"]).query) == {
        "error": ["access_denied"],
        "state": ["s"],
    }
    for wrong in ({"response_type": "token"}, {"scope": "all"}, {"code_challenge_method": "S1"}):
        location = (await authorize(api, **wrong)).headers["location"]
        assert "error" in parse_qs(urlsplit(location).query)


async def test_nobody_is_sent_to_an_unsafe_or_unknown_place() -> None:
    api = SandboxApi()
    for wrong in ("http://example.com/cb", "javascript:alert(1)", "", "https://", "https://a b/"):
        assert (await authorize(api, redirect_uri=wrong)).status_code == 400
    assert (await authorize(api, client_id="other")).status_code == 400


async def test_a_code_works_once_soon_and_where_it_was_sent() -> None:
    api = SandboxApi()
    code = await consent(api)
    elsewhere = await token(api, code=code, redirect_uri="http://127.0.0.1:1/callback")
    assert why(elsewhere) == (400, "invalid_grant")
    assert why(await token(api, code="guess")) == (400, "invalid_grant")
    granted = (await token(api, code=code)).json()
    assert why(await token(api, code=code)) == (400, "invalid_grant")
    assert await ping(api, granted["access_token"]) == 403
    late = await consent(api)
    api.clock.pass_by(600)
    assert why(await token(api, code=late)) == (400, "invalid_grant")


async def test_the_client_must_know_its_secret() -> None:
    api = SandboxApi()
    code = await consent(api)
    assert why(await token(api, code=code, client_secret="no")) == (400, "invalid_client")
    assert (await token(api, code=code)).status_code == 200


async def test_a_code_with_a_challenge_wants_its_verifier() -> None:
    api = SandboxApi()
    verifier = "v" * 43
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    code = await consent(api, code_challenge=challenge, code_challenge_method="S256")
    assert why(await token(api, code=code)) == (400, "invalid_grant")
    assert why(await token(api, code=code, code_verifier="w" * 43)) == (400, "invalid_grant")
    assert (await token(api, code=code, code_verifier=verifier)).status_code == 200


async def test_expiring_tokens_expire_and_are_renewed() -> None:
    api = SandboxApi(oauth="expiring", token_lifetime=300)
    granted = (await token(api, code=await consent(api))).json()
    assert granted["expires_in"] == 300
    api.clock.pass_by(299)
    assert await ping(api, granted["access_token"]) == 200
    api.clock.pass_by(1)
    assert await ping(api, granted["access_token"]) == 403
    again = {"grant_type": "refresh_token", "refresh_token": granted["refresh_token"]}
    renewed = (await token(api, **again)).json()
    assert await ping(api, renewed["access_token"]) == 200
    assert (api.sandbox.oauth.refreshes, api.sandbox.oauth.reuses) == (1, 0)


async def test_a_refresh_token_shown_twice_ends_the_whole_family() -> None:
    api = SandboxApi(oauth="expiring")
    granted = (await token(api, code=await consent(api))).json()
    other = (await token(api, code=await consent(api))).json()
    again = {"grant_type": "refresh_token", "refresh_token": granted["refresh_token"]}
    renewed = (await token(api, **again)).json()
    assert why(await token(api, **again)) == (400, "invalid_grant")
    assert await ping(api, renewed["access_token"]) == 403
    newest = {"grant_type": "refresh_token", "refresh_token": renewed["refresh_token"]}
    assert why(await token(api, **newest)) == (400, "invalid_grant")
    assert await ping(api, other["access_token"]) == 200
    family = api.sandbox.oauth.families[0]
    assert (family.refreshes, family.reuses, family.revoked) == (1, 1, True)


async def test_webhooks_of_a_key_and_of_a_grant_do_not_mix() -> None:
    api = SandboxApi()
    access = (await token(api, code=await consent(api))).json()["access_token"]
    signed = {"Authorization": f"Bearer {access}"}
    async with api.client(signed=False) as client:
        assert (await client.get("/v1/webhooks", headers=signed)).json()["webhooks"] == []
        made = await client.post(
            "/v1/webhooks", headers=signed, json={"url": "https://hooks.example.com"}
        )
    uuid = made.json()["webhook"]["webhook_id"]
    assert await api.status("GET", f"/v1/webhooks/{uuid}") == 404
