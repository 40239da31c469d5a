"""Texting one person or several: one wish, one question, each once, from the right number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.desk import Question
from aircall_mcp.events.event import Arrival
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.segments import segments_of
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.safety.policy import Line, Policy
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.workflows import Workflows
from aircall_mcp.workflows.kit import Kit

from ..harness import THURSDAY, AskingDesk, Clock, asking_desk
from ..mail import WEBHOOK, log_in
from ..waiting import until

pytestmark = pytest.mark.anyio

ONE = {"to": ["(415) 555-1234"], "body": "Your callback is scheduled for 3pm", "from": "num_555"}
FEW = {**ONE, "to": ["+14155551234", "+1 415 555 1235", "415-555-1236", "4155551234"]}


class TextHarness:
    """A desk that asks, with the workflows, over a sandbox."""

    def __init__(self, registry: Registry, sandbox: Sandbox, clock: Clock, home: Path) -> None:
        self.sandbox = sandbox
        log = log_in(home, clock)
        workflows = Workflows(lambda: self.kit)
        self.policies = [Policy(effects={"reach": Line("ask")}, batches=Line("ask", 2))]
        self.desk: AskingDesk = asking_desk(
            Offers(registry), sandbox, self.policies[0], clock=clock.handed(),
            performers=workflows.performers, gateway={"operations": registry.ids},
        )  # fmt: skip
        self.kit = Kit(
            self.desk._gateway,  # pyright: ignore[reportPrivateUsage]
            registry.ids,
            log=lambda: log,
            clock=clock.handed(),
            plans=self.desk.plans,
        )

    async def __call__(self, **arguments: Any) -> Any:
        return await self.desk.call("aircall_send_text", arguments, Caller())

    async def error(self, **arguments: Any) -> Any:
        return (await self(**arguments)).payload["error"]

    async def approved(self, **arguments: Any) -> Any:
        """What is answered once a person has said yes, and what they were asked."""
        question = await self(**arguments)
        assert isinstance(question, Question), question.payload
        assert await self.desk.answer(question.approval, yes=True, grade=2, way="tests")
        answer = await self(**arguments)
        assert not answer.is_error, answer.payload
        return answer.payload["data"], question

    def texts(self) -> list[tuple[str, str]]:
        return [(message.to[0], message.body) for message in self.sandbox.world.messages]


@pytest.fixture
async def harness(
    registry: Registry, sandbox: Sandbox, clock: Clock, tmp_path: Path
) -> AsyncIterator[TextHarness]:
    made = TextHarness(registry, sandbox, clock, tmp_path / "home")
    sandbox.world.messages.clear()
    yield made
    await made.desk.aclose()


async def test_one_text_is_one_question_and_sent_once(harness: TextHarness) -> None:
    data, question = await harness.approved(**ONE)
    assert "aircall_send_message_in_conversation" in question.preview
    assert "aircall_send_text again" in question.payload["error"]["hint"]
    assert harness.texts() == [("+14155551234", ONE["body"])]
    assert data["from"]["name"] == "num_555"
    assert data["mode"] == "conversation"
    assert data["segments"] == 1
    (text,) = data["texts"]
    assert text["outcome"] == "done"
    assert text["id"]
    assert (await harness.error(**ONE))["kind"] == "duplicate"  # for which nobody is asked
    assert len(harness.texts()) == 1


async def test_several_people_are_one_question_and_each_is_texted_once(
    harness: TextHarness,
) -> None:
    data, question = await harness.approved(**FEW)
    assert question.grade == 2
    assert question.preview.startswith("A plan of 3 steps")
    assert [to for to, _ in harness.texts()] == ["+14155551234", "+14155551235", "+14155551236"]
    assert [row["outcome"] for row in data["texts"]] == ["done"] * 3
    assert data["standing"] == "finished"
    assert len({row["id"] for row in data["texts"]}) == 3


async def test_a_dry_run_shows_every_text(harness: TextHarness) -> None:
    told = (await harness(**FEW, dry_run=True)).payload["data"]
    assert [one["request"]["body"]["to"] for one in told["trials"]] == [
        "+14155551234", "+14155551235", "+14155551236",
    ]  # fmt: skip
    assert harness.texts() == []


async def test_the_number_must_be_one_and_the_recipients_numbers(harness: TextHarness) -> None:
    without = {name: value for name, value in ONE.items() if name != "from"}
    error = await harness.error(**without)
    assert error["kind"] == "argument"
    assert "num_555" in error["hint"]
    assert (await harness.error(**{**ONE, "from": "nobody's line"}))["kind"] == "argument"
    assert (await harness.error(**{**ONE, "to": ["Ann Smith"]}))["kind"] == "argument"
    assert harness.texts() == []


async def test_a_number_set_up_for_automated_texts_sends_those(
    harness: TextHarness, registry: Registry
) -> None:
    number = next(n for n in harness.sandbox.world.numbers.values() if n.name == "num_555")
    await harness.kit.asking(Caller(person=True)).ask(
        "create_message_configuration",
        number_id=number.id, callbackUrl="https://example.com/texts",
    )  # fmt: skip
    data, question = await harness.approved(**ONE)
    assert "aircall_send_message)" in question.preview
    assert data["mode"] == "automated"


async def test_a_name_is_not_texted_and_hears_how_its_number_is_found(harness: TextHarness) -> None:
    error = await harness.error(**{**ONE, "to": "Priya"})
    assert error["message"] == "`Priya` is not a phone number, and texts go to phone numbers only."
    assert "aircall_find_person" in error["hint"]
    error = await harness.error(**{**ONE, "to": ["12345"]})
    assert "with its country" in error["hint"]
    assert harness.texts() == []


async def test_a_refusal_says_what_it_may_be_about(harness: TextHarness) -> None:
    number = next(n for n in harness.sandbox.world.numbers.values() if n.name == "num_555")
    number.texts = False
    question = await harness(**ONE)
    assert isinstance(question, Question)
    assert await harness.desk.answer(question.approval, yes=True, grade=2, way="tests")
    error = await harness.error(**ONE)
    assert error["kind"] == "refused"
    assert "A2P" in error["hint"]
    assert "not_supported" in error["hint"]
    assert "Professional" in error["hint"]


async def test_what_webhooks_tell_of_a_text_is_waited_for(harness: TextHarness) -> None:
    question = await harness(**ONE, wait_seconds=60)
    assert isinstance(question, Question)
    assert await harness.desk.answer(question.approval, yes=True, grade=2, way="tests")
    sending = asyncio.create_task(harness(**ONE, wait_seconds=60))
    await until(harness.texts)
    data = {"id": harness.sandbox.world.messages[-1].id, "status": "delivered"}
    log = harness.kit.log()
    kind = "message.status_updated"
    await log.aside(lambda: log.append([Arrival(WEBHOOK, kind, "message", THURSDAY, data)]))
    answer = (await sending).payload
    assert answer["data"]["texts"][0]["status"] == "delivered"
    assert "notes" not in answer


async def test_where_no_webhook_tells_of_it_nobody_waits(harness: TextHarness) -> None:
    log = harness.kit.log()
    log.webhooks.shut(WEBHOOK)
    question = await harness(**ONE, wait_seconds=60)
    assert isinstance(question, Question)
    assert await harness.desk.answer(question.approval, yes=True, grade=2, way="tests")
    answer = await harness(**ONE, wait_seconds=60)
    assert "No webhook is registered" in " ".join(answer.payload["notes"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a" * 160, (1, "GSM-7")),
        ("a" * 161, (2, "GSM-7")),
        ("a" * 306, (2, "GSM-7")),
        ("€" * 80, (1, "GSM-7")),
        ("€" * 81, (2, "GSM-7")),
        ("a" * 152 + "€" + "a" * 152, (3, "GSM-7")),  # the pair is not split
        ("é" * 160, (1, "GSM-7")),
        ("ê" * 70, (1, "UCS-2")),
        ("ê" * 71, (2, "UCS-2")),
        ("😀" * 35, (1, "UCS-2")),
        ("😀" * 36, (2, "UCS-2")),
        ("😀" * 67, (3, "UCS-2")),
        ("", (1, "GSM-7")),
    ],
)
def test_segments_are_counted_as_networks_count_them(text: str, told: tuple[int, str]) -> None:
    counted = segments_of(text)
    assert (counted.count, counted.encoding) == told
