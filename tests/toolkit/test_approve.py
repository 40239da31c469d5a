"""Who answers what the policy asks, where tools are in the hands of a program."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from aircall_mcp import Toolkit
from aircall_mcp.desk import Question
from aircall_mcp.errors import SettingsError
from aircall_mcp.ground.clock import Clock
from aircall_mcp.safety.safety import Safety

from .harness import KNOWN, TEXT, Json, asking, line_of

pytestmark = pytest.mark.anyio


async def ways(home: dict[str, str], asked: list[Question]) -> list[tuple[str, str, int]]:
    """What became of these questions, how they were answered, and how surely."""
    safety = Safety.of(Path(home["AIRCALL_MCP_HOME"]), clock=Clock(), fleeting=False)
    try:
        found = [await safety.approvals.find(one.approval) for one in asked]
    finally:
        safety.close()
    return [(one.standing, one.way, one.given) for one in found if one]


async def test_a_callback_says_yes_and_it_is_done_once(home: dict[str, str]) -> None:
    asked: list[Question] = []

    async def approve(question: Question) -> bool:
        asked.append(question)
        return len(asked) == 1

    known = {**TEXT, "to": "+14155550143"}
    (Path(home["AIRCALL_MCP_HOME"]) / "policy.toml").write_text('[effects]\nreach = "ask"\n')
    async with asking(home, approve=approve) as aircall:
        aircall = aircall.bind(number=await line_of(aircall))
        sent = await aircall.execute("send_message", known)
        assert sent["data"]["status"]
        refused = await aircall.execute("send_message", {**known, "body": "Again."})
    assert refused["error"]["kind"] == "declined"
    first = asked[0]
    assert (first.effect, first.grade, len(asked)) == ("reach", 1, 2)
    assert first.arguments["to"] == known["to"]
    assert TEXT["body"] in first.preview
    assert await ways(home, asked) == [("used", "callback", 1), ("refused", "callback", 1)]


@pytest.mark.parametrize("broken", [False, True])
async def test_without_an_answer_the_question_comes_back(
    home: dict[str, str], broken: bool
) -> None:
    def approve(_question: Question) -> bool:
        raise OSError

    async with asking(home, approve=approve if broken else None) as aircall:
        number = await line_of(aircall)
        assert await aircall.asks("send_message", {**TEXT, "to": KNOWN, "number_id": number})
        assert not await aircall.asks("send_message", {**TEXT, "number_id": number})  # a stranger
        assert not await aircall.asks("list_calls", {})
        told = (await aircall.execute("send_message", {**TEXT, "number_id": number}))["error"]
        assert told["kind"] == "needs_confirmation"
        assert told["approval"]["ways"]


async def test_a_callback_is_not_asked_where_a_person_must_be_seen(home: dict[str, str]) -> None:
    asked: list[Question] = []

    def approve(question: Question) -> bool:
        asked.append(question)
        return True

    async with asking(home, approve=approve) as aircall:
        sent = await aircall.execute("delete_user", {"user_id": 1})
        assert (sent["error"]["kind"], sent["error"]["approval"]["grade"]) == (
            "needs_confirmation",
            2,
        )
    assert asked == []


TEXTED = {**TEXT, "to": KNOWN, "number_id": 88014}
STEP = {"operation": "send_message", "arguments": TEXTED}
WAITS: list[tuple[Literal["full", "tasks"], str, Json]] = [
    ("full", "send_message", TEXTED),
    ("tasks", "aircall_reach", STEP),
    ("full", "plan", {"steps": [STEP, STEP | {"arguments": {**TEXTED, "body": "Again."}}]}),
]


@pytest.mark.parametrize(("surface", "name", "given"), WAITS)
async def test_a_no_that_a_framework_took_ends_what_was_shown(
    home: dict[str, str], surface: Literal["full", "tasks"], name: str, given: Json
) -> None:
    async def shown(asking: list[Any]) -> str:
        question = await aircall.outcome(name, given)
        assert isinstance(question, Question)
        await aircall.asked.shown(question, asking)
        return question.approval

    async def standing(approval: str) -> str:
        told = await aircall.execute("approval_status", {"id": approval})
        return told["data"]["standing"]

    asking = ["tests", "call-1", name, given]
    async with Toolkit.sandbox(ask=True, environment=home, surface=surface) as aircall:
        assert await aircall.asks(name, given)
        assert not await aircall.asked.refuse(asking, way="tests")  # nobody was shown anything
        first = await shown(asking)
        assert not await aircall.asked.refuse(
            [*asking[:3], {**given, "body": "Other."}], way="tests"
        )
        assert await standing(first) == "waiting"
        assert await aircall.asked.refuse(asking, way="tests")
        assert await standing(first) == "refused"
        assert (await aircall.execute(name, given))["error"]["kind"] == "declined"
        safety = Safety.of(Path(home["AIRCALL_MCP_HOME"]), clock=Clock(), fleeting=False)
        await safety.approvals.answer(first, yes=False, grade=2, way="elsewhere", heard=0)
        second = await shown(asking)
        assert second != first
        assert await safety.approvals.answer(second, yes=True, grade=2, way="elsewhere")
        safety.close()
        assert await aircall.asked.refuse(asking, way="tests")  # the last word
        assert await standing(second) == "refused"
        assert not await aircall.asked.refuse(asking, way="tests")


async def test_approve_makes_the_sandbox_ask(
    home: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[Question] = []

    def approve(question: Any) -> Any:
        asked.append(question)
        return "yes" if len(asked) == 1 else question["preview"]

    async with Toolkit.sandbox(environment=home, approve=approve) as aircall:
        given = {**TEXT, "to": KNOWN, "number_id": await line_of(aircall)}
        told = await aircall.execute("send_message", given)
        assert "said no" in told["error"]["message"]  # anything but True
        assert "only True is a yes" in caplog.text
        told = await aircall.execute("send_message", {**given, "body": "Again."})
        assert told["error"]["kind"] == "needs_confirmation"
        assert "`question.preview`" in caplog.text
    assert len(asked) == 2


@pytest.mark.parametrize("more", [{"approve": "yes"}, {"approve": print, "ask": False}])
async def test_an_approve_that_could_never_answer_is_refused(
    home: dict[str, str], more: Json
) -> None:
    with pytest.raises(SettingsError, match="approve"):
        await Toolkit.sandbox(environment=home, **more).__aenter__()


async def test_a_line_of_the_policy_has_a_callback_asked_about_strangers(
    home: dict[str, str],
) -> None:
    line = '[destinations]\nstrangers = "ask"\n'
    (Path(home["AIRCALL_MCP_HOME"]) / "policy.toml").write_text(f'[effects]\nreach = "ask"\n{line}')

    def approve(question: Question) -> bool:
        return question.grade == 1

    async with Toolkit.sandbox(environment=home, approve=approve) as aircall:
        sent = await aircall.execute("send_message", {**TEXT, "number_id": await line_of(aircall)})
        assert sent["data"]["status"]
