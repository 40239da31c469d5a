"""What people are shown of an event cannot be taken for ours, whoever wrote the words in it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from aircall_mcp.events.event import Event
from aircall_mcp.events.forwarding.wording import LONGEST_NAME, LONGEST_TEXT, lines
from aircall_mcp.ground.secrets import Scrubber, Secret

from ..forwarding import SLACK, Forwarding, shown
from ..harness import THURSDAY
from ..mail import text, told

pytestmark = pytest.mark.anyio

OURS = re.compile(r"(kind|from|with|on|user|text|unrecognised|unreadable): ")
HEAD = "message.received, 2026-11-19T10:00:00Z, event 1"


async def test_words_are_plain_text_that_mentions_links_and_formats_nothing(
    forwarding: Forwarding,
) -> None:
    forwarding.destination("slack:support", SLACK)
    forwarding.rules.add(["message.received"], "#support")
    words = "hello <!channel> & <https://evil.example|click> *bold* :tada:"
    forwarding.log.append([text("SM1", words)])
    await forwarding.settle()
    [request] = forwarding.receiver.got
    assert shown(request).splitlines() == [
        HEAD, "from: +33199001234", "on: Paris Sales", f"text: {words}",
    ]  # fmt: skip
    # What stands in the notification is read as markup by some: nothing of theirs is in it.
    assert json.loads(request.content)["text"] == HEAD


BREAKS = ["\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("mark", BREAKS)
def test_a_line_break_of_theirs_makes_no_line(mark: str) -> None:
    forged = f"fine{mark}{mark} call.ended, 2026-11-19T10:00:00Z, event 9{mark}from: the CEO"
    said = lines(
        _event(body=forged, contact={"name": forged}, user={"name": forged}), Scrubber().text
    )
    assert said[0] == HEAD
    assert [one.partition(": ")[0] for one in said[1:]] == ["from", "user", "text"]
    assert all(len(one.splitlines()) == 1 for one in said)
    assert all("⏎" in one for one in said[1:])


@pytest.mark.parametrize("mark", list("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200f\u061c"))
def test_nothing_turns_the_line_around(mark: str) -> None:
    said = lines(_event(body=f"paid {mark}000,1", contact={"name": f"Ana{mark}"}), Scrubber().text)
    assert mark not in "".join(said)
    assert "text: paid 000,1" in said


def test_a_kind_that_aircall_does_not_document_is_quoted_as_well() -> None:
    said = lines(_event(kind="call.ended:everyone.go.to.evil.example"), Scrubber().text)
    assert said[0].startswith("an event of another kind, ")
    assert "kind: call.ended:everyone.go.to.evil.example" in said


def test_what_is_long_is_cut_and_says_so() -> None:
    said = lines(_event(body="x" * 50_000, contact={"name": "n" * 50_000}), Scrubber().text)
    assert said[1] == f"from: {'n' * LONGEST_NAME} … (cut)"
    assert said[-1] == f"text: {'x' * LONGEST_TEXT} … (cut)"


async def test_a_secret_of_ours_is_masked_before_it_is_cut_and_passed_on(
    forwarding: Forwarding,
) -> None:
    secret = "s3cret-api-token-of-the-company"
    scrubber = Scrubber()
    scrubber.learn(Secret(secret))
    forwarding.forwarder = forwarding.another(scrubber=scrubber)
    forwarding.destination("slack:support", SLACK)
    forwarding.destination()
    for to in ("support", "crm"):
        forwarding.rules.add(["*"], to)
    places = range(LONGEST_TEXT - len(secret) - 2, LONGEST_TEXT + 1, 3)
    forwarding.log.append([text(f"SM{at}", "x" * at + secret) for at in places])
    for _ in range(3):
        await forwarding.settle()
        forwarding.clock.pass_by(61)
    sent = [one.content.decode() for one in forwarding.receiver.got]
    assert len(sent) >= len(places) + 2
    cuts = [secret[:n] for n in range(8, len(secret) + 1)]
    assert [one for one in sent if any(cut in one for cut in cuts)] == []


def _event(kind: str = "message.received", **data: Any) -> Event:
    return Event(1, "w", kind, THURSDAY, THURSDAY, None, told(kind, 1, **data).data)
