"""A person who is asked is not misled: what is shown is what is sent, to the letter, and what only
looks like something else is named."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aircall_mcp.desk import Question
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.visible import clean
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.safety.circumstances import circumstances_of

from ..harness import THURSDAY, answering, asking_desk

pytestmark = pytest.mark.anyio

UNSEEN = ("\u202e", "\u202c", "\u2066", "\u200b", "\u200d", "\u00ad", "\u3164", "\u2028", "\ufe0f",
          "\U000e0041", "\x7f", "\x9b", "\u034f", "\u2060", "\u061c")  # fmt: skip
BODIES = st.lists(
    st.sampled_from(
        [*UNSEEN, "0", "1", " ", "a", "\u0627", "\u20e3", "\U0001f600", "\n", "\\u202e", '"']
    ),
    min_size=1, max_size=30,
).map("".join)  # fmt: skip


class Asks:
    def __init__(self, registry: Registry) -> None:
        app, _ = answering(200, {"id": 1})
        told = partial(circumstances_of, now=THURSDAY)
        self.desk = asking_desk(Offers(registry), app, circumstances=told)

    async def preview(self, tool: str, **arguments: Any) -> str:
        question = await self.desk.call(tool, arguments, Caller())
        assert isinstance(question, Question), question.payload
        return question.preview

    async def of_text(self, body: str) -> str:
        return await self.preview(
            "aircall_send_message", number_id=2, to="+33184880001", body=body
        )  # fmt: skip


@pytest.fixture
async def asks(registry: Registry) -> AsyncIterator[Asks]:
    made = Asks(registry)
    yield made
    await made.desk.aclose()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=BODIES)
async def test_what_is_shown_of_a_text_is_the_text(asks: Asks, body: str) -> None:
    preview = await asks.of_text(body)
    (line,) = [one for one in preview.split("\n") if one.startswith("  body: ")]
    assert json.loads(line.removeprefix("  body: ")) == body
    assert clean(preview) == preview


async def test_of_a_word_of_two_alphabets_and_of_a_foreign_host_it_is_said(asks: Asks) -> None:
    body = (
        "Log in to p\u0430ypal: https://\u0440\u0430\u0443.example/in, Gr\u00fc\u00dfe \u0416\u0416"
    )
    preview = await asks.of_text(body)
    assert (
        "'p\\u0430ypal' mixes letters of several alphabets, and looks like p\u0430ypal." in preview
    )
    assert re.search(r" leads to xn--[0-9a-z-]+\.example\.$", preview, re.MULTILINE)
    assert preview.count("looks like") == 1


async def test_one_number_abroad_does_not_hide_among_many(asks: Asks) -> None:
    numbers = [f"+3361234{number:04}" for number in range(60)]
    numbers[37] = "+37120000000"
    preview = await asks.preview(
        "aircall_create_dialer_campaign", user_id=1, phone_numbers=numbers
    )  # fmt: skip
    assert "And to 50 more numbers: 49 in FR, 1 in LV." in preview


async def test_it_is_known_what_an_asking_was_told_to_show_last(asks: Asks) -> None:
    async def before(asking: str, body: str) -> bool:
        given = {"number_id": 2, "to": "+33184880001", "body": body}
        question = await asks.desk.call("aircall_send_message", given, Caller())
        assert isinstance(question, Question)
        return await asks.desk.safety.askings.shown(asking, question.approval)

    assert [
        await before(asking, body)
        for asking, body in (
            ("a", "At nine."), ("a", "At nine."), ("b", "At nine."), ("b", "At nine."),
            ("a", "At ten."), ("a", "At nine."), ("b", "At nine."),
        )
    ] == [False, True, False, True, False, False, True]  # fmt: skip
