from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from aircall_mcp.accounts.login import Loopback, by_hand, through_browser
from aircall_mcp.accounts.oauth import OAuthClient, authorize
from aircall_mcp.errors import CredentialError
from aircall_mcp.ground.browser import open_browser
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.sandbox import Sandbox

from ..harness import Clock, sandbox_with
from ..processes import free_port

pytestmark = pytest.mark.anyio


class Browser:
    """Goes where it is sent, agrees, and comes back as browsers do."""

    def __init__(self, sandbox: Sandbox, **changes: str) -> None:
        self.sandbox = sandbox
        self.changes = changes
        self.answers: list[httpx2.Response] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def show(self, url: str) -> None:
        self.tasks.append(asyncio.create_task(self._go(url)))

    async def _go(self, url: str) -> None:
        back = await self.consent(url)
        async with httpx2.AsyncClient() as client:
            self.answers.append(await client.get(back))

    async def consent(self, url: str) -> str:
        transport = httpx2.ASGITransport(app=self.sandbox)
        async with httpx2.AsyncClient(transport=transport) as client:
            answer = await client.get(url)
        location = answer.headers["location"]
        query = {k: v[0] for k, v in parse_qs(urlsplit(location).query).items()} | self.changes
        return str(httpx2.URL(location, params=query))


def client_of(sandbox: Sandbox) -> OAuthClient:
    return OAuthClient(Secret(sandbox.client_id), Secret(sandbox.client_secret))


def http_to(sandbox: Sandbox) -> Any:
    return lambda: httpx2.AsyncClient(transport=httpx2.ASGITransport(app=sandbox))


CLOCK = Clock(1000.0).handed()


async def log_in(sandbox: Sandbox, browser: Browser, **choices: Any) -> Any:
    return await through_browser(
        client_of(sandbox), browser.show, http=http_to(sandbox), clock=CLOCK, **choices
    )


@pytest.mark.parametrize("oauth", ["permanent", "expiring"])
async def test_a_grant_comes_home(oauth: Any) -> None:
    sandbox = sandbox_with(oauth=oauth)
    browser = Browser(sandbox)
    grant = await log_in(sandbox, browser)
    assert grant.client_secret == Secret(sandbox.client_secret)
    assert grant.renewable == (oauth == "expiring")
    assert (grant.expires_at is None) == (oauth == "permanent")
    await asyncio.gather(*browser.tasks)
    (answer,) = browser.answers
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "code" not in answer.text.lower().replace("doctype", "")


async def test_a_person_who_says_no_is_understood() -> None:
    sandbox = sandbox_with()
    browser = Browser(sandbox)

    async def refuse(url: str) -> None:
        await browser.show(url + "&approve=false")

    with pytest.raises(CredentialError, match="access_denied"):
        await through_browser(client_of(sandbox), refuse, http=http_to(sandbox))
    await asyncio.gather(*browser.tasks)
    assert browser.answers[0].status_code == 400
    assert "access_denied" not in browser.answers[0].text


async def test_connections_that_ask_for_nothing_keep_no_browser_out() -> None:
    sandbox = sandbox_with()
    browser = Browser(sandbox)
    held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def show(url: str) -> None:
        back = urlsplit(parse_qs(urlsplit(url).query)["redirect_uri"][0])
        held.extend([await asyncio.open_connection(back.hostname, back.port) for _ in range(200)])
        for reader, _ in held[:160]:
            with suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 4) == b""  # cut off, and not by time
        await browser.show(url)

    grant = await through_browser(client_of(sandbox), show, http=http_to(sandbox), clock=CLOCK)
    assert grant.client_secret == Secret(sandbox.client_secret)
    await asyncio.gather(*browser.tasks)
    for _, writer in held:
        writer.close()


@pytest.mark.parametrize("approve", ["true", "false"])
async def test_a_browser_may_be_back_before_it_was_shown(approve: str) -> None:
    sandbox = sandbox_with()
    browser = Browser(sandbox)

    async def show(url: str) -> None:
        await browser.show(f"{url}&approve={approve}")
        await asyncio.gather(*browser.tasks)

    login = through_browser(client_of(sandbox), show, patience=5.0, http=http_to(sandbox))
    if approve == "true":
        assert sandbox.oauth.accepts(_bearer(await login), 0)
    else:
        with pytest.raises(CredentialError, match="access_denied"):
            await login


@pytest.mark.parametrize("query", ["", "code=x", "code=x&state=0", "error=access_denied"])
async def test_no_other_page_ends_a_login(query: str) -> None:
    sandbox, port = sandbox_with(), free_port()
    browser = Browser(sandbox)

    async def show(url: str) -> None:
        async with httpx2.AsyncClient() as another:
            answer = await another.get(f"http://127.0.0.1:{port}/callback?{query}")
        assert answer.status_code == 400
        await browser.show(url)

    grant = await through_browser(
        client_of(sandbox), show, port=port, http=http_to(sandbox), clock=CLOCK
    )
    assert sandbox.oauth.accepts(_bearer(grant), 0)
    await asyncio.gather(*browser.tasks)
    assert browser.answers[0].status_code == 200


async def test_another_state_is_no_success() -> None:
    sandbox = sandbox_with()
    browser = Browser(sandbox, state="00" * 32)

    async def show(url: str) -> None:
        await browser.show(url)
        await asyncio.gather(*browser.tasks)

    with pytest.raises(CredentialError, match="The browser did not return"):
        await through_browser(client_of(sandbox), show, patience=0.02, http=http_to(sandbox))
    assert browser.answers[0].status_code == 400
    assert sandbox.oauth.families == []


async def test_a_code_that_aircall_does_not_know_is_refused() -> None:
    sandbox = sandbox_with()
    with pytest.raises(CredentialError, match=r"refused the code \(invalid_grant"):
        await log_in(sandbox, Browser(sandbox, code="made-up"))


async def test_a_login_to_which_nobody_comes_ends() -> None:
    async def show(_url: str) -> None:
        """Nobody looks."""

    with pytest.raises(CredentialError, match="The browser did not return"):
        await through_browser(client_of(sandbox_with()), show, patience=0.02)


async def test_a_fixed_port_has_a_fixed_path() -> None:
    port = free_port()
    async with Loopback(port) as loopback:
        assert loopback.redirect_uri == f"http://127.0.0.1:{port}/callback"
        with pytest.raises(CredentialError, match=f"port {port}"):
            async with Loopback(port):
                pytest.fail("two listeners")


async def test_a_free_port_has_a_path_nobody_guesses() -> None:
    paths: set[str] = set()
    for _ in range(5):
        async with Loopback() as loopback:
            paths.add(urlsplit(loopback.redirect_uri).path)
    assert len(paths) == 5
    assert all(len(path) == len("/callback/") + 32 for path in paths)


# What knocks at a loopback port is not always a browser on its way back.


async def knock(loopback: Loopback, request: bytes) -> bytes:
    port = urlsplit(loopback.redirect_uri).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await writer.drain()
    answer = await reader.read()
    writer.close()
    return answer


async def status(loopback: Loopback, line: str, *headers: str) -> int:
    host = headers or (f"Host: {urlsplit(loopback.redirect_uri).netloc}",)
    request = "\r\n".join([line, *host, "", ""]).encode()
    return int((await knock(loopback, request)).split()[1])


async def test_only_the_right_request_counts() -> None:
    sandbox = sandbox_with()
    async with Loopback() as loopback:
        authorization = authorize(client_of(sandbox), loopback.redirect_uri, lambda n: b"s" * n)
        there = urlsplit(loopback.redirect_uri)
        query = f"code=a-code&state={(b's' * 32).hex()}"
        right = f"GET {there.path}?{query} HTTP/1.1"
        assert await status(loopback, right) == 404  # nobody waits yet
        loopback.expect(authorization)
        waiting = asyncio.create_task(loopback.code())
        ours = f"Host: {there.netloc}"
        for host in (
            "Host: localhost", "Host: 127.0.0.1", "Host: evil.example", "X: y",
            f"{ours}\r\nHost: x", f"{ours}.evil.example",
        ):  # fmt: skip
            assert await status(loopback, right, host) == 421
        for path in ("/", "/favicon.ico", "/callback", f"{there.path}/", f"{there.path}x"):
            assert await status(loopback, f"GET {path}?{query} HTTP/1.1") == 404
        for method in ("POST", "HEAD", "OPTIONS"):
            assert await status(loopback, right.replace("GET", method)) == 405
        many = "&".join(f"a{number}=1" for number in range(22))
        for foreign in ("", "?", f"?{query}0", "?code=x", f"?{many}&{query}", "?state=\xff"):
            line = f"GET {there.path}{foreign} HTTP/1.1"
            assert await status(loopback, line) == 400
        assert not waiting.done()
        assert await status(loopback, right) == 200
        assert await waiting == Secret("a-code")
        assert await status(loopback, right) == 410


async def test_noise_is_survived_and_answered_with_nothing() -> None:
    async with Loopback() as loopback:
        for noise in (b"\x16\x03\x01" * 5000, b"GET / HTTP/1.1\r\n" + b"x" * 20_000, b""):
            port = urlsplit(loopback.redirect_uri).port
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(noise)
            writer.write_eof()
            try:
                assert await reader.read() == b""
            except ConnectionError:
                continue  # it hung up before it had read everything
            finally:
                writer.close()
        assert await status(loopback, "GET / HTTP/1.1") == 404


async def test_it_listens_on_loopback_alone_and_only_while_entered() -> None:
    async with Loopback() as loopback:
        port = urlsplit(loopback.redirect_uri).port
        assert urlsplit(loopback.redirect_uri).hostname == "127.0.0.1"
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)


BACK = "https://app.example/callback"


async def bring(sandbox: Sandbox, answer: Any) -> Any:
    shown: list[str] = []

    async def show(url: str) -> None:
        shown.append(url)

    async def ask() -> str:
        return await answer(shown[0])

    return await by_hand(client_of(sandbox), show, ask, redirect_uri=BACK, http=http_to(sandbox))


async def test_by_hand_the_address_is_enough() -> None:
    sandbox = sandbox_with()
    grant = await bring(sandbox, Browser(sandbox).consent)
    assert sandbox.oauth.accepts(_bearer(grant), 0)


async def test_by_hand_the_code_alone_is_enough() -> None:
    sandbox = sandbox_with()

    async def only(url: str) -> str:
        back = await Browser(sandbox).consent(url)
        return parse_qs(urlsplit(back).query)["code"][0]

    assert sandbox.oauth.accepts(_bearer(await bring(sandbox, only)), 0)


async def test_by_hand_somebody_else_s_answer_is_refused() -> None:
    sandbox = sandbox_with()
    with pytest.raises(CredentialError, match="does not belong"):
        await bring(sandbox, Browser(sandbox, state="x").consent)


def _bearer(grant: Any) -> str:
    from aircall_mcp.accounts import Account, Accounts, Memory
    from aircall_mcp.accounts.auth import Auth
    from aircall_mcp.storage.lock import Alone

    accounts = Accounts(Memory())
    accounts.add(Account(name="x", credential=grant))
    auth = Auth(accounts, latch=lambda _name: Alone())
    signing = auth.sign("x", "https://api.aircall.io/")
    try:
        signing.send(None)
    except StopIteration as done:
        return done.value.headers["Authorization"].removeprefix("Bearer ")
    raise AssertionError(json.dumps("it had to wait"))


@pytest.mark.parametrize(
    "url",
    [
        "http://dashboard.aircall.io/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://x/`reboot`",
        'https://x/" & reboot',
        "https://x/\nreboot",
        "https://x/|reboot",
        "https://x/é",
        "--help",
        "",
    ],
)
async def test_a_browser_is_never_handed_anything_odd(url: str) -> None:
    with pytest.raises(CredentialError, match="cannot be opened"):
        open_browser(url)
