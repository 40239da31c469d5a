"""Yeses that no person gave, at the page: forged, replayed, guessed, fetched, raced."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

import pytest

from aircall_mcp.safety.visitors import GUESSES, token_for

from ..paged import FORM, Visitor, paged

pytestmark = pytest.mark.anyio

HOSTS = [
    "evil.example",
    "127.0.0.1",
    "127.0.0.1:1",
    "localhost:{port}",
    "[::1]:{port}",
    "127.0.0.1:{port}.evil.example",
    "127.0.0.1:{port}@evil.example",
    "2130706433:{port}",
    "127.1:{port}",
    "0.0.0.0:{port}",
    "rebound.evil.example:{port}",
    "",
]
"""Names that a page of somebody else's may have led here, by a rebound name above all."""

ORIGINS = [
    None,
    "null",
    "http://evil.example",
    "https://127.0.0.1:{port}",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "http://localhost:{port}",
    "http://127.0.0.1:{port}.evil.example",
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port} http://evil.example",
    "chrome-extension://abcdef",
    "file://",
]
"""Where a form that nobody saw here may come from; another port of this machine among them."""


@pytest.mark.parametrize("host", HOSTS)
async def test_another_name_for_this_machine_is_not_answered(home: Path, host: str) -> None:
    async with paged(home) as page:
        one, visitor = await page.ask(), await page.visitor()
        token = await visitor.token(one)
        forged = {"host": host.format(port=visitor.origin.rpartition(":")[2])}
        for path in ("/", f"/approvals/{one.id}"):
            got = await visitor.get(path, **forged)
            assert got.status_code in (400, 421)
            assert one.id not in got.text
        fields = {"token": token, "answer": "yes"}
        headers = {**forged, "origin": f"http://{forged['host']}"}
        for sent in (headers, {**forged, "origin": visitor.origin}):
            said = await visitor.post_as(sent, f"/approvals/{one.id}", **fields)
            assert said.status_code in (400, 421)
        assert await page.standing(one) == "waiting"
        await visitor.aclose()


@pytest.mark.parametrize("origin", ORIGINS)
async def test_a_form_from_elsewhere_says_nothing(home: Path, origin: str | None) -> None:
    """With the cookie and the right token, which no other page has: still not."""
    async with paged(home) as page:
        one, visitor = await page.ask(), await page.visitor()
        port = visitor.origin.rpartition(":")[2]
        headers = {} if origin is None else {"origin": origin.format(port=port)}
        fields = {"token": await visitor.token(one), "answer": "yes"}
        said = await visitor.post_as(headers, f"/approvals/{one.id}", **fields)
        assert said.status_code == 403
        code = await page.code()
        entered = await visitor.post_as(headers, "/enter", code=code, then="/")
        assert (entered.status_code, "set-cookie" in entered.headers) == (403, False)
        assert (await visitor.post_as(headers, "/code", then="/")).status_code == 403
        assert (page.told, await page.standing(one)) == ([], "waiting")
        await visitor.aclose()


@pytest.mark.parametrize(
    "fetched",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-dest": "iframe"},
        {"sec-fetch-dest": "frame"},
        {"sec-fetch-dest": "empty"},
        {"content-type": "application/json"},
        {"content-type": "text/plain"},
        {"content-type": "multipart/form-data; boundary=x"},
    ],
    ids=lambda one: "=".join(*one.items()),
)
async def test_what_a_browser_says_of_itself_is_believed(
    home: Path, fetched: Mapping[str, str]
) -> None:
    async with paged(home) as page:
        one, visitor = await page.ask(), await page.visitor()
        fields = {"token": await visitor.token(one), "answer": "yes"}
        headers = {"origin": visitor.origin, **fetched}
        said = await visitor.post_as(headers, f"/approvals/{one.id}", **fields)
        assert said.status_code in (403, 415)
        assert await page.standing(one) == "waiting"
        await visitor.aclose()


async def test_no_address_and_no_other_method_says_yes(home: Path) -> None:
    async with paged(home) as page:
        one, visitor = await page.ask(), await page.visitor()
        token = await visitor.token(one)
        path, words = f"/approvals/{one.id}", f"token={token}&answer=yes"
        for url in (
            f"{path}?{words}",
            f"{path}/yes?{words}",
            f"{path}?_method=POST&{words}",
            f"/?approve={one.id}&{words}",
            f"//{path}?{words}",
            f"/approvals/{one.id.upper()}?{words}",
            f"/approvals/..%2fapprovals%2f{one.id}?{words}",
        ):
            for method in ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "QUERY"):
                headers = {"origin": visitor.origin, "x-http-method-override": "POST"}
                got = await visitor.http.request(method, url, headers=headers)
                assert got.status_code < 500
                assert (got.status_code == 405) is (method not in ("GET", "HEAD"))
        # Nor does a form whose words stand in the address.
        assert (await visitor.post(f"{path}?{words}")).status_code == 403
        assert await page.standing(one) == "waiting"
        await visitor.aclose()


async def test_a_token_is_of_this_visit_and_of_this_approval(home: Path) -> None:
    async with paged(home) as page:
        one, other = await page.ask(), await page.ask("Another")
        ours, theirs = await page.visitor(), await page.visitor()
        path = f"/approvals/{one.id}"
        for token in (
            "",
            await ours.token(other),
            await theirs.token(one),
            token_for("", one.id, page.clock.now),
            # Shown when it was, and so read for long enough: the moment is part of what is signed.
            f"{page.clock.now - 60:.3f}-" + (await ours.token(one)).partition("-")[2],
            secrets.token_hex(32),
            (await ours.token(one)).upper(),
            await ours.token(one) + "0",
        ):
            said = await ours.post(path, token=token, answer="yes")
            assert said.status_code == 403
        right = await ours.token(one)
        for body in (
            "answer=yes",
            f"token={right}",
            f"token={right}&answer=YES",
            f"token={right}&answer=yes&answer=no",
            f"token=x&token={right}&answer=yes",
            f"token=&token={right}&answer=yes",
            f"token={right}&answer=yes" + "&x=" * 7,
            f"token={right}&answer=yes&x=" + "x" * 5_000,
            json.dumps({"token": right, "answer": "yes"}),
        ):
            headers = {**FORM, "origin": ours.origin}
            said = await ours.http.post(path, content=body, headers=headers)
            assert said.status_code == 403, body[:60]
        assert await page.standing(one) == await page.standing(other) == "waiting"
        largest = f"token={right}&answer=yes&x=".ljust(4_096, "x")
        assert (await ours.http.post(path, content=largest, headers=headers)).status_code == 303
        assert await page.standing(one) == "approved"
        await ours.aclose()
        await theirs.aclose()


async def test_whoever_fetches_the_page_is_nobody(home: Path) -> None:
    """A model with a tool that fetches addresses, and forges whatever a browser would send."""
    async with paged(home) as page:
        one = await page.ask()
        model = Visitor(await page.origin())
        for _ in range(2):
            for path in ("/", f"/approvals/{one.id}"):
                got = await model.get(path)
                assert got.status_code == 403
                assert "token" not in got.text
                assert "+33612345678" not in got.text
            said = await model.post(f"/approvals/{one.id}", token="", answer="yes")
            assert said.status_code == 403
            # It may call for a code, which a person sees and it does not.
            asked = await model.post("/code", then="/")
            for told in page.told:
                assert told[:9] not in asked.text + str(asked.headers)
            model.http.cookies.set("aircall_mcp_000000000000", "1")
        assert await page.standing(one) == "waiting"
        await model.aclose()


async def test_guessed_codes_end_the_code_and_let_nobody_in(home: Path) -> None:
    async with paged(home) as page:
        one, code = await page.ask(), await page.code()
        guesser = Visitor(await page.origin())
        for number in range(30):
            guess = code[:-1] + chr(ord("A") + number % 26) if number < GUESSES else f"{number:08}"
            if guess == code:
                continue
            tried = await guesser.post("/enter", code=guess, then="/")
            assert (tried.status_code, "set-cookie" in tried.headers) == (403, False)
        # The right one is over by now, and a person gets another at the terminal.
        assert (await guesser.post("/enter", code=code, then="/")).status_code == 403
        assert await page.standing(one) == "waiting"
        visitor = await page.visitor()
        assert (await visitor.get("/")).status_code == 200
        await guesser.aclose()
        await visitor.aclose()


async def test_a_code_a_cookie_and_a_yes_are_good_for_nothing_a_second_time(home: Path) -> None:
    async with paged(home) as page:
        one, code = await page.ask(), await page.code()
        first = Visitor(await page.origin(), page.clock)
        second = Visitor(await page.origin(), page.clock)
        assert (await first.post("/enter", code=code, then="/")).status_code == 303
        assert (await second.post("/enter", code=code, then="/")).status_code == 403
        token = await first.token(one)
        await first.say(one, "no")
        again = await first.post(f"/approvals/{one.id}", token=token, answer="yes")
        assert again.status_code == 303
        assert await page.standing(one) == "refused"
        cookies = dict(first.http.cookies)
        await first.post("/leave")
        second.http.cookies.update(cookies)
        other = await page.ask("Another")
        stale = await second.post(f"/approvals/{other.id}", token=token, answer="yes")
        assert stale.status_code == 403
        assert await page.standing(other) == "waiting"
        await first.aclose()
        await second.aclose()


async def test_it_leads_nowhere_else(home: Path) -> None:
    async with paged(home) as page:
        for then in (
            "//evil.example",
            "https://evil.example",
            "/approvals/../x",
            "/approvals/0123456789\r\nx: y",
            "javascript:alert(1)",
        ):
            visitor = Visitor(await page.origin())
            entered = await visitor.post("/enter", code=await page.code(), then=then)
            assert (entered.status_code, entered.headers["location"]) == (303, "/")
            await visitor.aclose()


async def test_two_servers_of_a_home_take_one_answer(home: Path) -> None:
    """Yes at the page of one, no at that of the other, at the same moment, many times over."""
    async with paged(home) as first, paged(home, first.clock) as second:
        yes = await first.visitor()
        no = Visitor(await second.origin(), second.clock)
        no.http.cookies.update(dict(yes.http.cookies))
        for number in range(10):
            one = await first.ask(f"Number {number}", identity=str(number))
            tokens = await yes.token(one), await no.token(one)
            await asyncio.gather(
                yes.post(f"/approvals/{one.id}", token=tokens[0], answer="yes"),
                no.post(f"/approvals/{one.id}", token=tokens[1], answer="no"),
            )
            stands = await first.standing(one)
            assert stands == await second.standing(one)
            assert stands in ("approved", "refused")
            used = [
                await safety.approvals.use(
                    principal="owner", account="acme", identity=str(number), grade=2
                )
                for safety in (first.safety, second.safety)
            ]
            assert len([name for name in used if name]) == (stands == "approved")
        await yes.aclose()
        await no.aclose()


async def test_every_answer_says_what_a_browser_may_do_with_it(home: Path) -> None:
    async with paged(home) as page:
        one, visitor = await page.ask(), await page.visitor()
        answers = [
            await visitor.get("/"),
            await visitor.get(f"/approvals/{one.id}"),
            await visitor.get("/approvals/0000000000"),
            await visitor.get("/nothing"),
            await visitor.post("/approvals/0000000000", token="x", answer="yes"),
            await visitor.post("/enter", code="x", then="/"),
            await visitor.get("/", host="evil.example"),
            await visitor.say(one, "no"),
        ]
        assert all("Nothing is here" in one.text for one in answers[2:5])
        for answer in answers:
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none';")
            assert "frame-ancestors 'none'" in policy
            assert "script" not in policy
            assert "unsafe" not in policy
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-frame-options"] == "DENY"
            assert "access-control-allow-origin" not in answer.headers
            assert "<script" not in answer.text
        fresh = Visitor(await page.origin())
        entered = await fresh.post("/enter", code=await page.code(), then="/")
        cookie = entered.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "domain" not in cookie
        await fresh.aclose()
        await visitor.aclose()


async def test_a_terminal_shows_a_code_to_a_person_alone(home: Path) -> None:
    """`approve --page` started by a program, with pipes: there is nobody to show it to."""
    async with paged(home) as page:
        await page.ask()
    program = await asyncio.create_subprocess_exec(
        "aircall-mcp",
        "approve",
        "--page",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await program.communicate()
    assert (program.returncode, out) == (1, b"")
    assert b"no terminal" in err
    assert b"code" not in err
