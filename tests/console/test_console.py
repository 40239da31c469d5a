"""The page on loopback: a code, what waits, one whole, a yes or a no."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import anyio
import pytest

from aircall_mcp.console import Console
from aircall_mcp.console.console import LOOK, OPEN_FOR
from aircall_mcp.console.notice import on_desktop
from aircall_mcp.console.site import EARLY, LEAST_READING

from ..harness import Clock
from ..paged import PREVIEW, Paged, Visitor, paged
from ..vaults import Bus
from ..waiting import reachable, until

pytestmark = pytest.mark.anyio


async def test_a_person_types_a_code_sees_all_of_it_and_says_yes_once(home: Path) -> None:
    async with paged(home) as page:
        one = await page.ask()
        visitor = Visitor(await page.origin(), page.clock)
        met = await visitor.get(f"/approvals/{one.id}")
        assert met.status_code == 403
        assert "+33612345678" not in met.text
        path = f"/approvals/{one.id}"
        entered = await visitor.post("/enter", code=await page.code(), then=path)
        assert (entered.status_code, entered.headers["location"]) == (303, path)
        shown = (await visitor.get(path)).text
        assert all(part in shown for part in ("+33612345678", "See you at three.", "acme"))
        assert 'class="yes">Approve<' in shown
        assert "It expires in 15 minutes." in shown
        assert "<bdi>It reaches a person or costs money" in shown
        said = await visitor.say(one, "yes")
        assert (said.status_code, said.headers["location"]) == (303, path)
        assert "You said yes" in (await visitor.get(path)).text
        found = await page.safety.approvals.find(one.id)
        assert found is not None
        assert (found.standing, found.given, found.way) == ("approved", 2, "page")
        asked = {"principal": "owner", "account": "acme", "identity": PREVIEW}
        assert await page.safety.approvals.use(**asked, grade=2) == one.id
        assert not await page.safety.approvals.use(**asked, grade=2)
        await visitor.aclose()


async def test_a_no_is_a_no(home: Path) -> None:
    async with paged(home) as page:
        one, visitor = await page.ask(), await page.visitor()
        await visitor.say(one, "no")
        assert await page.standing(one) == "refused"
        text = (await visitor.get(f"/approvals/{one.id}")).text
        assert ("You said no" in text, "<button" in text) == (True, False)
        await visitor.aclose()


async def test_a_yes_that_comes_sooner_than_anybody_reads_counts_for_nothing(home: Path) -> None:
    async with paged(home) as page:
        one, visitor = await page.ask(), await page.visitor()
        path, token = f"/approvals/{one.id}", await visitor.token(one)
        page.clock.pass_by(-0.001)
        early = await visitor.post(path, token=token, answer="yes")
        assert (early.status_code, EARLY in early.text) == (409, True)
        assert "See you at three." in early.text
        assert await page.standing(one) == "waiting"
        page.clock.pass_by(0.001)
        assert (await visitor.post(path, token=token, answer="yes")).status_code == 303
        page.clock.pass_by(-0.001)
        late = await visitor.post(path, token=token, answer="yes")
        assert (late.status_code, EARLY in late.text) == (409, False)  # it is answered already
        page.clock.pass_by(0.001)
        other = await page.ask("Another", identity="other")
        token = await visitor.token(other)
        page.clock.pass_by(-LEAST_READING)
        await visitor.post(f"/approvals/{other.id}", token=token, answer="no")
        assert [await page.standing(each) for each in (one, other)] == ["approved", "refused"]
        await visitor.aclose()


async def test_all_that_waits_is_listed_and_what_is_over_is_not(home: Path, clock: Clock) -> None:
    async with paged(home, clock) as page:
        visitor = await page.visitor()
        assert "No approval is pending" in (await visitor.get("/")).text
        one, two = await page.ask(), await page.ask("Delete a tag (aircall_delete_tag)")
        text = (await visitor.get("/")).text
        assert f"/approvals/{one.id}" in text
        assert f"/approvals/{two.id}" in text
        assert "See you at three." not in text
        assert "token" not in text  # only who sees it whole can say yes
        await visitor.say(one, "no")
        assert f"/approvals/{one.id}" not in (await visitor.get("/")).text
        for seconds, left in (
            (29, "15 minutes."),
            (771, "2 minutes."),
            (71, "1 minute."),
        ):
            clock.pass_by(seconds)
            assert f"expires in {left}" in (await visitor.get("/")).text
        clock.pass_by(30)
        assert "No approval is pending" in (await visitor.get("/")).text
        assert "Nobody answered in time" in (await visitor.get(f"/approvals/{two.id}")).text
        await visitor.aclose()


async def test_what_others_wrote_is_text_and_nothing_else(home: Path) -> None:
    hostile = '  body: "<script>x</script><form action=/leave>\u202e \u2066 &amp; \' كلمة"'
    async with paged(home) as page:
        one, visitor = await page.ask(hostile, account="<b>acme"), await page.visitor()
        for path in ("/", f"/approvals/{one.id}"):
            text = (await visitor.get(path)).text
            assert "<script" not in text
            assert "<b>" not in text
            assert "<form action" not in text
            assert not set(text) & set("\u202e\u2066")
            assert "كلمة" in text
        await visitor.aclose()


async def test_a_code_is_shown_on_the_desktop_and_never_in_the_browser(
    home: Path, clock: Clock
) -> None:
    async with paged(home, clock) as page:
        visitor = Visitor(await page.origin())
        asked = await visitor.post("/code", then="/")
        (told,) = page.told
        code = told[:9]
        assert "in a notification" in asked.text
        assert code not in asked.text + str(asked.headers)
        assert (await visitor.post("/code", then="/")).status_code == 429
        assert len(page.told) == 1
        assert (await visitor.post("/enter", code=code, then="/")).status_code == 303
        await visitor.aclose()


async def test_a_desktop_without_notifications_says_so(home: Path) -> None:
    async def dark(_words: str) -> bool:
        return False

    async with paged(home, notify=dark) as page:
        visitor = Visitor(await page.origin())
        assert "take the terminal" in (await visitor.post("/code", then="/")).text
        await visitor.aclose()


@pytest.mark.skipif(sys.platform != "linux", reason="a desktop with D-Bus")
async def test_a_desktop_is_given_the_words_on_its_own_bus(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        TemporaryDirectory() as directory,  # whose path is short enough for a socket
        closing(Bus(Path(directory) / "bus", {"Notify": ("u", (7,))})) as bus,
    ):
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
        assert await on_desktop("a word") is True
    flags = {"urgency": ("y", 2), "transient": ("b", True)}  # seen whatever else is, and not kept
    told: tuple[Any, ...] = ("aircall-mcp", 0, "", "aircall-mcp", "a word", [], flags, 60_000)
    assert bus.given["Notify"] == told


async def test_no_desktop_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    assert await on_desktop("a word") is False


async def test_whoever_leaves_is_outside(home: Path) -> None:
    async with paged(home) as page:
        visitor, nobody = await page.visitor(), Visitor(await page.origin())
        await nobody.post("/leave")
        assert (await visitor.get("/")).status_code == 200
        await nobody.aclose()
        await visitor.post("/leave")
        assert (await visitor.get("/")).status_code == 403
        await visitor.aclose()


async def test_one_visit_is_good_at_the_pages_of_all_processes_of_the_home(home: Path) -> None:
    async with paged(home) as first, paged(home) as second:
        visitor = await first.visitor()
        visitor.http.base_url = await second.origin()
        assert (await visitor.get("/")).status_code == 200
        await visitor.aclose()


async def test_the_page_closes_when_nothing_can_wait_any_more_and_opens_again(home: Path) -> None:
    clock = Clock()

    async def look(seconds: float) -> None:
        end = clock.now + seconds
        await until(lambda: clock.now >= end)

    opened: list[str] = []
    async with paged(home, clock, sleep=look, show=opened.append) as page:
        origin = await page.origin()
        port = int(origin.rpartition(":")[2])
        clock.pass_by(OPEN_FOR - LOOK)
        assert await page.origin() == origin  # it is needed for longer from here on
        clock.pass_by(OPEN_FOR - LOOK)
        assert await reachable(port)
        clock.pass_by(2 * LOOK)

        async def closed() -> bool:
            return not await reachable(port)

        await until(closed)
        assert opened == [f"{origin}/"]
        await until(page.console.address)
        assert len(opened) == 2  # whoever wants it opened has the new one opened
        visitor = await page.visitor()
        assert (await visitor.get("/")).status_code == 200
        await visitor.aclose()


async def test_a_page_that_failed_opens_again(home: Path) -> None:
    failed: list[float] = []

    async def look(seconds: float) -> None:
        failed.append(seconds)
        if len(failed) == 1:
            raise RuntimeError("a bug of ours")
        await anyio.Event().wait()

    async with paged(home, sleep=look) as page:
        first = await page.origin()
        await until(lambda: failed)
        await until(lambda: other_than(page, first))
        visitor = await page.visitor()
        assert (await visitor.get("/")).status_code == 200
        await visitor.aclose()


async def other_than(page: Paged, origin: str) -> bool:
    return await page.origin() not in ("", origin)


async def test_nobody_is_led_to_a_page_that_nobody_keeps(home: Path) -> None:
    async with paged(home) as page:
        assert await Console(page.safety, home).address("a") == ""
        taken = int((await page.origin()).rpartition(":")[2])
        async with paged(home, port=taken) as second:
            assert await second.console.address("a") == ""  # nor to one that cannot be had
    assert await page.console.address("a") == ""


async def test_who_wants_it_opened_has_it_opened_once_for_each(home: Path) -> None:
    opened: list[str] = []
    async with paged(home, show=opened.append) as page:
        one = await page.ask()
        url = await page.console.address(one.id)
        assert url.endswith(f"/approvals/{one.id}")
        assert one.id not in url.rpartition("/approvals/")[0]
        await page.console.address(one.id)
        assert opened == [url]
        other = await page.ask("Another")
        await page.console.address(other.id, led=True)  # the client opens that one
        assert opened == [url]


async def test_who_ends_does_not_wait_for_what_opens_it(home: Path) -> None:
    over, opened, shown = Event(), Event(), Event()

    def show(_url: str) -> None:
        opened.set()
        over.wait(2)
        shown.set()

    async with paged(home, show=show) as page:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(page.console.address, "a")
            await until(opened.is_set)
            tasks.cancel_scope.cancel()
        assert not shown.is_set()
        over.set()


async def test_a_store_that_cannot_be_read_lets_nothing_through(home: Path) -> None:
    async with paged(home) as page:
        one, visitor = await page.ask(), await page.visitor()
        token = await visitor.token(one)
        page.safety.visitors.close()
        (home / "visitors.db").unlink()
        (home / "visitors.db").mkdir()
        said = await visitor.post(f"/approvals/{one.id}", token=token, answer="yes")
        assert (said.status_code, "Not now" in said.text) == (503, True)
        assert await page.standing(one) == "waiting"
        await visitor.aclose()
