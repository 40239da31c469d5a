"""Nine kinds of clients, each asked for a person's yes: one is obtained, or the way to it is told.

`docs/approvals.md` has them as a table, which is held to this file.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from aircall_mcp.console import Console
from aircall_mcp.offer import Offers, Registry, Selection
from aircall_mcp.protocol.elicitation import Elicitation
from aircall_mcp.protocol.mcp_server import AircallServer
from aircall_mcp.safety.policy import Line, Policy

from ..harness import Clock, answering, asking_desk
from ..paged import Paged, Visitor, paged
from ..peer import Json, Peer, connected

pytestmark = pytest.mark.anyio

POLICY = Policy(effects={"write": Line("ask"), "delete": Line("ask", 2)})
TAG = {"name": "Newest", "color": "#00B388"}
YES: Json = {"action": "accept", "content": {"approve": True}}
NO: Json = {"action": "decline"}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "approvals.md"


class ClientHarness:
    """A server with its page, before an Aircall that counts what arrives."""

    def __init__(self, registry: Registry, page: Paged, home: Path) -> None:
        app, self.arrived = answering(200, {"tag": {"id": 1, "name": "Newest"}})
        offers = Offers(registry, Selection(include_deprecated=True, surface="full"))
        self.desk = asking_desk(offers, app, POLICY, home=home, clock=page.clock.handed())
        self.page = page
        self.clock = Clock(0.0)
        self.people: list[asyncio.Task[None]] = []
        self.patience = 300.0

    @property
    def server(self) -> AircallServer:
        asking = Elicitation(
            patience=self.patience, page_patience=self.patience, look=0.01, clock=self.clock
        )
        return AircallServer(self.desk, elicitation=asking, page=self.page.console.address)

    def after(
        self, seconds: float, answer: Json | None
    ) -> Callable[[Json], Awaitable[Json | None]]:
        """Answers that come so many seconds after the question."""

        async def answers(_asked: Json) -> Json | None:
            self.clock.pass_by(seconds)
            return answer

        return answers

    def opens(self, says: str = "yes") -> Callable[[Json], Awaitable[Json | None]]:
        """Opens the address, and says at once that it did; what a person says there comes later."""

        async def answers(asked: Json) -> Json | None:
            assert asked["mode"] == "url"
            self.people.append(asyncio.create_task(self.on_page(asked["url"], says)))
            self.clock.pass_by(0.1)
            return {"action": "accept"}

        return answers

    async def on_page(self, url: str, says: str = "yes") -> None:
        """A person with a browser: types the code that the terminal shows, reads, and presses."""
        origin, _, name = url.rpartition("/approvals/")
        waiting = await self.page.safety.approvals.find(name)
        assert waiting is not None
        visitor = await self.page.visitor()
        assert visitor.origin == origin
        await visitor.say(waiting, says)
        await visitor.aclose()


@pytest.fixture
async def harness(registry: Registry, home: Path) -> AsyncIterator[ClientHarness]:
    async with AsyncExitStack() as opened:
        page = await opened.enter_async_context(paged(home))
        made = ClientHarness(registry, page, home)
        opened.push_async_callback(made.desk.aclose)
        yield made
        assert all(one.done() and one.exception() is None for one in made.people)


Ends = Literal["a yes", "it waits"]


@dataclass(frozen=True)
class Kind:
    """One kind of client: how it is made in a harness, what is asked of it, and how that ends."""

    name: str
    ends: Ends
    made: Callable[[ClientHarness], Peer]
    tool: str = "aircall_create_tag"
    asked: tuple[str, ...] = ()
    silent: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        return TAG if self.tool == "aircall_create_tag" else {"tag_id": 1}


FORM: Json = {}
BOTH: Json = {"form": {}, "url": {}}

KINDS = (
    Kind(
        "form, in the older era",
        "a yes",
        lambda harness: Peer(elicitation=FORM, answers=harness.after(5, YES)),
        asked=("form",),
    ),
    Kind(
        "form, in the newer era (MRTR)",
        "a yes",
        lambda harness: Peer(modern=True, elicitation=FORM, answers=harness.after(5, YES)),
        asked=("form",),
    ),
    Kind(
        "opens addresses",
        "a yes",
        lambda harness: Peer(elicitation=BOTH, answers=harness.opens()),
        tool="aircall_delete_tag",
        asked=("url",),
    ),
    Kind(
        "declines for its user",
        "it waits",
        lambda harness: Peer("claude-code", "2.1.300", FORM, harness.after(2, NO)),
        asked=("form",),
    ),
    Kind(
        "accepts for its user, and is known for it",
        "it waits",
        lambda harness: Peer("codex-mcp-client", "0.165.0", FORM, harness.after(5, YES)),
        asked=("form",),
    ),
    Kind(
        "silent",
        "it waits",
        lambda harness: Peer(elicitation=FORM, answers=harness.after(0, None)),
        asked=("form",),
        silent=True,
    ),
    Kind("shows nothing", "it waits", lambda _harness: Peer()),
    Kind(
        "headless",
        "it waits",
        lambda harness: Peer(
            elicitation=FORM,
            answers=harness.after(5, {"error": {"code": -32601, "message": "print mode"}}),
        ),
        asked=("form",),
    ),
    Kind(
        "bypasses its own prompts",
        "it waits",
        lambda harness: Peer(elicitation=BOTH, answers=harness.after(0.1, YES)),
        tool="aircall_delete_tag",
        asked=("url",),
    ),
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_a_yes_is_obtained_or_the_way_to_it_is_told(
    harness: ClientHarness, kind: Kind
) -> None:
    if kind.silent or kind.name.startswith("bypasses"):
        harness.patience = 0.1
    peer = kind.made(harness)
    async with connected(harness.server, peer) as client:
        answer = await client.call(kind.tool, **kind.arguments)
        assert [asked.get("mode", "form") for asked in client.asked] == list(kind.asked)
        if kind.ends == "a yes":
            assert "error" not in answer
        else:
            assert harness.arrived == []
            assert client.completed == []
            error = answer["error"]
            name = error["approval"]["id"]
            assert error["kind"] == "needs_confirmation"
            assert f"aircall-mcp approve {name}" in error["hint"]
            assert error["approval"]["page"] in error["hint"]
            assert ("it stays open" in error["message"]) is ("url" in kind.asked)
            stands = await client.call("aircall_approval_status", id=name)
            assert stands["data"]["standing"] == "waiting"
            await harness.on_page(error["approval"]["page"])
            assert "error" not in await client.call(kind.tool, **kind.arguments)
        assert len(harness.arrived) == 1
        await asyncio.gather(*harness.people)


@pytest.mark.parametrize("modern", [False, True], ids=["older", "newer"])
async def test_what_is_said_on_the_page_is_waited_for_and_told(
    harness: ClientHarness, modern: bool
) -> None:
    for says, count in (("yes", 1), ("no", 1)):
        peer = Peer(modern=modern, elicitation={"url": {}}, answers=harness.opens(says))
        async with connected(harness.server, peer) as client:
            answer = await client.call("aircall_create_tag", **{**TAG, "name": f"{says}{modern}"})
            (asked,) = client.asked
            assert "aircall_create_tag" in asked["message"]
            assert f"{says}{modern}" not in asked["message"] + asked["url"]
            assert ("error" in answer) is (says == "no")
            assert len(harness.arrived) == count
            if says == "no":
                assert "said no" in answer["error"]["message"]
            assert client.completed == ([] if modern else [asked["url"].rpartition("/")[2]])
        await asyncio.gather(*harness.people)


async def test_where_a_form_was_answered_unseen_the_next_way_is_tried(
    harness: ClientHarness,
) -> None:
    """In both eras: declined at once in the form, then led to the page."""
    for modern in (False, True):

        async def answers(asked: Json) -> Json | None:
            if asked.get("mode") == "url":
                return await harness.opens()(asked)
            return NO

        peer = Peer(modern=modern, elicitation=BOTH, answers=answers)
        async with connected(harness.server, peer) as client:
            answer = await client.call("aircall_create_tag", **{**TAG, "name": str(modern)})
            assert "error" not in answer
            assert [one.get("mode", "form") for one in client.asked] == ["form", "url"]
        await asyncio.gather(*harness.people)
    assert len(harness.arrived) == 2


@pytest.mark.parametrize("modern", [False, True], ids=["older", "newer"])
async def test_nobody_is_led_to_a_page_that_cannot_be_had(
    harness: ClientHarness, home: Path, modern: bool
) -> None:
    unkept = Console(harness.page.safety, home)
    server = AircallServer(harness.desk, elicitation=Elicitation(), page=unkept.address)
    async with connected(server, Peer(modern=modern, elicitation=BOTH)) as client:
        error = (await client.call("aircall_delete_tag", tag_id=1))["error"]
    assert client.asked == []
    assert error["kind"] == "needs_confirmation"
    assert "page" not in error["approval"]


@pytest.mark.parametrize(
    "content",
    [None, {}, {"approve": None}, {"other": True}, {"approve": "true"}, {"approve": 1}],
    ids=str,
)
async def test_a_form_that_nobody_filled_in_is_nobodys_answer(
    harness: ClientHarness, content: Any
) -> None:
    given = {"action": "accept"} | ({} if content is None else {"content": content})
    peer = Peer(elicitation=FORM, answers=harness.after(5, given))
    async with connected(harness.server, peer) as client:
        answer = await client.call("aircall_create_tag", **TAG)
    assert "counts as not asked" in answer["error"]["message"]
    assert harness.arrived == []


async def test_a_client_that_forgets_questions_is_not_waited_for_as_long(
    harness: ClientHarness,
) -> None:
    asking = Elicitation(hanging=0.1, clock=harness.clock)
    server = AircallServer(harness.desk, elicitation=asking)
    silent = Peer("claude-code", "2.1.300", FORM, harness.after(0, None))
    async with connected(server, silent) as client:
        answer = await client.call("aircall_create_tag", **TAG)
    assert "Nobody answered in time." in answer["error"]["message"]


async def test_any_other_client_is_waited_for(harness: ClientHarness) -> None:
    server = AircallServer(harness.desk, elicitation=Elicitation(hanging=0.0, clock=harness.clock))
    peer = Peer(elicitation=FORM, answers=harness.after(5, YES))
    async with connected(server, peer) as client:
        assert "error" not in await client.call("aircall_create_tag", **TAG)


@pytest.mark.parametrize("modern", [False, True], ids=["older", "newer"])
async def test_a_page_is_opened_for_who_leads_there_and_for_no_form(
    harness: ClientHarness, modern: bool
) -> None:
    opened: list[bool] = []

    async def page(approval: str, /, *, led: bool = False) -> str:
        opened.append(led)
        return await harness.page.console.address(approval, led=led)

    asking = Elicitation(clock=harness.clock, look=0.01)
    server = AircallServer(harness.desk, elicitation=asking, page=page)
    form = Peer(modern=modern, elicitation=BOTH, answers=harness.after(5, YES))
    async with connected(server, form) as client:
        assert "error" not in await client.call("aircall_create_tag", **TAG)
    assert opened == []
    url = Peer(modern=modern, elicitation={"url": {}}, answers=harness.opens())
    async with connected(server, url) as client:
        assert "error" not in await client.call("aircall_create_tag", **{**TAG, "name": "Next"})
    assert opened == [True]
    await asyncio.gather(*harness.people)


async def test_a_client_that_does_not_say_who_it_is_can_ask(harness: ClientHarness) -> None:
    peer = Peer("", modern=True, elicitation=FORM, answers=harness.after(5, YES))
    async with connected(harness.server, peer) as client:
        assert "error" not in await client.call("aircall_create_tag", **TAG)
    assert len(harness.arrived) == 1


async def test_a_person_at_a_client_that_nobody_knows_can_say_no(harness: ClientHarness) -> None:
    peer = Peer(elicitation=FORM, answers=harness.after(5, NO))
    async with connected(harness.server, peer) as client:
        answer = await client.call("aircall_create_tag", **TAG)
    assert "said no" in answer["error"]["message"]
    assert "approval" not in answer["error"]
    assert await harness.page.safety.approvals.waiting() == []


async def test_who_closes_the_question_has_said_neither(harness: ClientHarness) -> None:
    peer = Peer(elicitation=FORM, answers=harness.after(5, {"action": "cancel"}))
    async with connected(harness.server, peer) as client:
        answer = await client.call("aircall_create_tag", **TAG)
    assert "closed the question without an answer" in answer["error"]["message"]
    assert len(await harness.page.safety.approvals.waiting()) == 1
    assert harness.arrived == []


async def test_a_cookie_is_all_that_a_visitor_needs_the_second_time(harness: ClientHarness) -> None:
    visitor = await harness.page.visitor()
    async with connected(harness.server, Peer()) as client:
        error = (await client.call("aircall_create_tag", **TAG))["error"]
        again = Visitor(visitor.origin)
        assert (await again.get(f"/approvals/{error['approval']['id']}")).status_code == 403
        shown = await visitor.get(f"/approvals/{error['approval']['id']}")
        assert "Newest" in shown.text
    await visitor.aclose()
    await again.aclose()


def test_the_page_of_the_docs_has_these_kinds_and_no_others() -> None:
    text = PAGE.read_text("utf-8").partition("## What each client shows")[2]
    table = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", table, re.MULTILINE)
    assert rows[1:] == [(kind.name, kind.ends) for kind in KINDS]
