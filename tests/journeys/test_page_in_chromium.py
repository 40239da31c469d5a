"""The page in a real browser: by mouse, by keys alone, as wide as a phone, and attacked by a page
of somebody else's."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from html import escape
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.console.site import LEAST_READING
from aircall_mcp.safety.approvals import Approval

from ..chromium import Browser, Tab, browsing, chromium
from ..paged import Paged, paged
from ..served import served
from ..waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TAB, ENTER = ("Tab", 9), ("Enter", 13, "\r")


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    program = chromium()
    if program is None:
        assert "BROWSER_TESTS" not in os.environ, "no Chromium, and `make check` wants its tests"
        pytest.skip("no Chromium on this machine: `make chromium` installs it")
    async with browsing(program, tmp_path / "profile") as browser:
        yield browser


@pytest.fixture
async def page(home: Path) -> AsyncIterator[Paged]:
    async with paged(home) as page:
        yield page


PRESSED = "getComputedStyle(document.querySelector('button')).pointerEvents"
AT_REST = "document.getAnimations().length === 0 && document.querySelector(':root:hover') !== null"


async def settled(page: Paged, tab: Tab) -> None:
    """Somebody has come with a pointer and read what stands there."""
    await tab.points(5, 5)

    async def at_rest() -> bool:
        return bool(await tab.look(AT_REST))

    await until(at_rest)
    page.clock.pass_by(LEAST_READING)


async def by_keys(page: Paged, tab: Tab) -> None:
    """Type a code where one is wanted."""
    for _ in range(2):  # past the button that shows a code
        await tab.press(*TAB)
    await tab.write(await page.code())
    await tab.goes_on(lambda: tab.press(*ENTER))


async def entered(page: Paged, browser: Browser, one: Approval) -> Tab:
    """A tab in which somebody typed a code, before `one`."""
    tab = await browser.tab()
    await tab.open(f"{await page.origin()}/approvals/{one.id}")
    await tab.click("#code")
    await tab.write(await page.code())
    await tab.goes_on(lambda: tab.press(*ENTER))
    return tab


async def test_a_person_says_yes_and_no_by_mouse(page: Paged, browser: Browser) -> None:
    one, other = await page.ask(), await page.ask("Delete a tag (aircall_delete_tag)")
    tab = await entered(page, browser, one)
    text = await tab.text()
    assert '"See you at three."' in text
    assert "Approve" in text
    await settled(page, tab)
    await tab.goes_on(lambda: tab.click("button.yes"))
    assert "You said yes" in await tab.text()
    await tab.goes_on(lambda: tab.click("a[href='/']"))
    await tab.goes_on(lambda: tab.click(f"a[href='/approvals/{other.id}']"))
    await settled(page, tab)
    await tab.goes_on(lambda: tab.click("button.no"))
    assert "You said no" in await tab.text()
    assert [await page.standing(each) for each in (one, other)] == ["approved", "refused"]


async def test_a_person_needs_no_mouse_and_no_script(page: Paged, browser: Browser) -> None:
    one, tab = await page.ask(), await browser.tab()
    await tab.do("Emulation.setScriptExecutionDisabled", value=True)
    await tab.open(f"{await page.origin()}/approvals/{one.id}")
    await by_keys(page, tab)
    await tab.press(*ENTER)  # nothing has the focus yet: nobody says yes by going on
    assert await page.standing(one) == "waiting"
    await tab.press(*TAB)
    assert await tab.look("document.activeElement.innerText") == "Approve"
    assert await tab.look("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.clock.pass_by(LEAST_READING)
    await tab.goes_on(lambda: tab.press(*ENTER))
    assert await page.standing(one) == "approved"


async def test_a_click_that_was_meant_for_what_stood_there_before_says_nothing(
    page: Paged, browser: Browser
) -> None:
    """Long after the page came, but at the moment in which the pointer does: as where a window goes
    between the two halves of a double click."""
    one, tab = await page.ask(), await browser.tab()
    await tab.open(f"{await page.origin()}/approvals/{one.id}")
    await by_keys(page, tab)
    page.clock.pass_by(60)
    assert await tab.look(PRESSED) == "none"  # no pointer is on the page
    for _ in range(2):
        await tab.click("button.yes")
    assert "Approve" in await tab.text()
    assert await page.standing(one) == "waiting"
    await settled(page, tab)
    assert await tab.look(PRESSED) == "auto"
    await tab.goes_on(lambda: tab.click("button.yes"))
    assert await page.standing(one) == "approved"


async def test_it_fits_a_phone_and_breaks_no_line_into_ours(page: Paged, browser: Browser) -> None:
    long = "Send a text (aircall_send_message)\n  body: " + '"' + "x" * 300 + " It reads." * 9 + '"'
    one = await page.ask(long)
    tab = await entered(page, browser, one)
    await tab.as_wide_as(360, 640)
    assert await tab.look("document.documentElement.scrollWidth") <= 360
    heights = await tab.look(
        "[...document.querySelectorAll('button')].map(b => b.getBoundingClientRect().height)"
    )
    assert min(heights) >= 44
    # Where a line is broken, what follows is further in than where any of ours begins.
    edges = await tab.look(
        "[...document.querySelectorAll('.it p')].map(p => {const r = document.createRange();"
        "r.selectNodeContents(p); return [...r.getClientRects()].map(r => Math.round(r.left))})"
    )
    first = min(edges[0])
    assert all(left > first for left in edges[1][1:] if left != edges[1][0])
    assert len(edges[1]) > 2


EVIL = """<!doctype html><title>evil</title><body>
<iframe id="frame" src="{page}/approvals/{name}"></iframe>
<img id="image" src="{page}/approvals/{name}">
<form id="form" method="post" action="{page}/approvals/{name}">
<input name="token" value="{token}"><input name="answer" value="yes"></form></body>"""


async def test_a_page_of_somebody_elses_neither_shows_it_nor_says_yes(
    page: Paged, browser: Browser
) -> None:
    """On another port of this machine, so that the browser takes it for the same site and sends our
    cookie along; and with the right token, which it could not have."""
    one = await page.ask()
    tab = await entered(page, browser, one)
    token = await tab.look("document.querySelector('[name=token]').value")
    origin = await page.origin()
    evil = EVIL.format(page=origin, name=one.id, token=escape(token)).encode()
    asked: list[Any] = []

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        asked.append(dict(scope["headers"]))
        headers = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": evil})

    with served(app) as theirs:
        await tab.open(theirs)
        assert b"aircall_mcp_" in asked[0][b"cookie"]  # as the docs say: ports are not told apart
        assert await tab.look("document.cookie") == ""
        assert await tab.look("document.getElementById('image').naturalWidth") == 0
        framed = await tab.look(
            "(() => {try {return document.getElementById('frame').contentDocument.body.innerText}"
            " catch {return 'closed'}})()"
        )
        assert framed == "closed"
        read = await tab.look(
            f"fetch('{origin}/approvals/{one.id}', {{credentials: 'include'}})"
            ".then(r => r.text()).catch(() => 'closed')"
        )
        assert read == "closed"
        sent = await tab.look(
            f"fetch('{origin}/approvals/{one.id}', {{method: 'POST', mode: 'no-cors',"
            " credentials: 'include', body: new URLSearchParams(new FormData("
            "document.getElementById('form')))}).then(() => 'sent').catch(() => 'closed')"
        )
        assert sent in ("sent", "closed")
        assert await page.standing(one) == "waiting"
        await tab.goes_on(lambda: tab.look("document.getElementById('form').submit()"))
        assert "did not come from a page of ours" in await tab.text()
    assert await page.standing(one) == "waiting"
    await tab.open(f"{origin}/approvals/{one.id}")
    await settled(page, tab)
    await tab.goes_on(lambda: tab.click("button.yes"))  # the person's own press counts still
    assert await page.standing(one) == "approved"


async def test_what_a_stranger_wrote_runs_nothing(page: Paged, browser: Browser) -> None:
    hostile = (
        '  body: "<script>document.title=1</script><img src=x onerror=document.title=2>'
        '<style>.yes{display:none}</style>"'
    )
    one = await page.ask(hostile, account="<script>document.title=3</script>")
    tab = await entered(page, browser, one)
    assert await tab.look("document.title") == "Do it? · aircall-mcp"
    assert "<script>document.title=1</script>" in await tab.text()
    assert await tab.look("document.querySelectorAll('script, img').length") == 0
    assert await tab.look("document.querySelector('.yes').getBoundingClientRect().width") > 40
    # Nor would a script run that came in all the same.
    injected = "document.body.append(Object.assign(document.createElement('script'),"
    await tab.look(f"{injected} {{textContent: 'document.title=4'}}))")
    assert await tab.look("document.title") == "Do it? · aircall-mcp"
