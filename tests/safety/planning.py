"""A desk that plans of texts are performed at, and what is said there."""

from __future__ import annotations

import json
from typing import Any

from aircall_mcp.desk import Outcome, Question
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.safety.policy import Policy

from ..harness import THURSDAY, AskingDesk, Clock, asking_desk

DEFAULT, OWNER = Policy(), Caller()


def text(number: int, body: str = "We open at 9.") -> dict[str, Any]:
    to = f"+3318488{number:04}"
    return {"operation": "send_message", "arguments": {"number_id": 2, "to": to, "body": body}}


def three() -> dict[str, Any]:
    return {"steps": [text(1), text(2), text(3)]}


class FakeAircall:
    """A desk before an Aircall that answers each effect as `statuses` say, and counts."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.statuses: dict[str, int] = {}
        self.sent: list[str] = []
        self.clock = Clock(THURSDAY)
        self.desks: list[AskingDesk] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        taken = b""
        while True:
            message = await receive()
            taken += message.get("body", b"")
            if not message.get("more_body"):
                break
        status = 200
        if scope["method"] != "GET":
            to = json.loads(taken or b"{}").get("to", "")
            self.sent.append(to)
            status = self.statuses.get(to, 200)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b'{"id": 1}'})

    def desk(self, policy: Policy = DEFAULT, **more: Any) -> AskingDesk:
        clock = self.clock.handed()
        desk = asking_desk(Offers(self.registry), self, policy, clock=clock, **more)
        self.desks.append(desk)
        return desk


async def asked(desk: AskingDesk, plan: dict[str, Any], caller: Caller = OWNER) -> Question:
    question = await desk.call("aircall_plan", plan, caller)
    assert isinstance(question, Question), question.payload
    return question


async def yes(desk: AskingDesk, question: Question, grade: Any = 2) -> bool:
    return await desk.answer(question.approval, yes=True, grade=grade, way="tests")


async def told(desk: AskingDesk, plan: dict[str, Any], caller: Caller = OWNER) -> Any:
    outcome: Outcome = await desk.call("aircall_plan", plan, caller)
    assert not outcome.is_error, outcome.payload
    return outcome.payload["data"]


def numbers(*which: int) -> list[str]:
    return [f"+3318488{number:04}" for number in which]
