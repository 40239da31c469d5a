"""Plans: shown whole, judged whole, approved once, performed item by item, and never doubled."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aircall_mcp.desk import Outcome, Question
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.safety.policy import Cap, Line, Policy, Rule

from ..house import THURSDAY, AskingDesk, Clock, asking_desk

pytestmark = pytest.mark.anyio

DEFAULT, OWNER = Policy(), Caller()


def text(number: int, body: str = "We open at 9.") -> dict[str, Any]:
    to = f"+3318488{number:04}"
    return {"operation": "send_message", "arguments": {"number_id": 2, "to": to, "body": body}}


def three() -> dict[str, Any]:
    return {"steps": [text(1), text(2), text(3)]}


class Plant:
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
        await send({"type": "http.response.body", "body": b"{}"})

    def desk(self, policy: Policy = DEFAULT, **more: Any) -> AskingDesk:
        clock = self.clock.handed()
        desk = asking_desk(Offers(self.registry), self, policy, clock=clock, **more)
        self.desks.append(desk)
        return desk


@pytest.fixture
async def plant(registry: Registry) -> AsyncIterator[Plant]:
    made = Plant(registry)
    yield made
    for desk in made.desks:
        await desk.aclose()


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


async def test_it_is_shown_whole_and_one_yes_is_for_all_of_it(plant: Plant) -> None:
    desk = plant.desk()
    question = await asked(desk, three())
    assert question.grade == 2  # several people, though each of them alone would need less
    assert "destinations.batches" in question.why
    for number in numbers(1, 2, 3):
        assert number in question.preview
    assert question.preview.startswith("A plan of 3 steps")
    assert plant.sent == []
    assert not await yes(desk, question, grade=1)
    assert await yes(desk, question)
    seen: list[tuple[float, float | None]] = []

    async def progress(done: float, total: float | None, _words: str) -> None:
        seen.append((done, total))

    answer = await told(desk, three(), Caller(watched=True, progress=progress))
    assert answer["standing"] == "finished"
    assert answer["outcomes"] == ["done", "done", "done"]
    assert plant.sent == numbers(1, 2, 3)
    assert seen == [(0, 3), (1, 3), (2, 3)]
    status = await desk.call("aircall_approval_status", {"id": question.approval}, Caller())
    assert status.payload["data"]["standing"] == "finished"
    # The same call a moment later is answered with what came of it.
    assert (await told(desk, three()))["standing"] == "finished"
    plant.clock.pass_by(200)
    await asked(desk, three())
    assert plant.sent == numbers(1, 2, 3)


async def test_another_order_text_caller_or_account_is_another_plan(plant: Plant) -> None:
    desk = plant.desk()
    assert await yes(desk, await asked(desk, three()))
    for other in (
        {"steps": [text(2), text(1), text(3)]},
        {"steps": [text(1), text(2)]},
        {"steps": [text(1), text(2), text(3, "We open at 10.")]},
        {"steps": [*three()["steps"], text(4)]},
    ):
        await asked(desk, other)
    await asked(desk, three(), Caller(principal="ann"))
    await asked(desk, three(), Caller(account="other"))
    # Nor is it a yes to one of its items alone.
    alone = await desk.call("aircall_send_message", text(1)["arguments"], Caller())
    assert isinstance(alone, Question)
    part = Caller(part="0000000000.0")
    assert isinstance(await desk.call("aircall_send_message", text(1)["arguments"], part), Question)
    assert plant.sent == []


async def test_a_step_that_is_denied_is_named_before_anybody_is_asked(plant: Plant) -> None:
    desk = plant.desk()
    await desk.safety.usage.suppress(numbers(2)[0], "said STOP")
    error = (await desk.call("aircall_plan", three(), Caller())).payload["error"]
    assert error["kind"] == "not_allowed"
    assert "Step 2" in error["message"]
    assert "suppression list" in error["message"]
    capped = plant.desk(Policy(effects={"reach": Line("ask")}, caps={"texts": Cap(hour=2)}))
    error = (await capped.call("aircall_plan", three(), Caller())).payload["error"]
    assert "caps.texts" in error["message"]
    few = Rule("few at a time", Line("deny"), over=2)
    ruled = plant.desk(Policy(rules=(few,), written=True))
    error = (await ruled.call("aircall_plan", three(), Caller())).payload["error"]
    assert "few at a time" in error["message"]
    assert plant.sent == []


async def test_a_step_must_be_an_operation_that_changes_something(plant: Plant) -> None:
    desk = plant.desk()
    for step in ({"operation": "list_tags"}, {"operation": "plan", "arguments": three()}):
        wrong = {"steps": [text(1), step]}
        error = (await desk.call("aircall_plan", wrong, Caller())).payload["error"]
        assert error["kind"] == "argument"
        assert error["message"].startswith("Step 2")
    dry = {**three(), "dry_run": True}
    trials = (await desk.call("aircall_plan", dry, Caller())).payload["data"]["trials"]
    assert [one["request"]["body"]["to"] for one in trials] == numbers(1, 2, 3)
    assert plant.sent == []


async def test_where_nobody_needs_to_be_asked_it_runs_at_once(plant: Plant) -> None:
    desk = plant.desk(Policy(effects={"reach": Line("allow")}))
    assert (await told(desk, three()))["outcomes"] == ["done"] * 3
    assert plant.sent == numbers(1, 2, 3)


async def test_what_is_refused_is_said_and_the_rest_goes_on(plant: Plant) -> None:
    desk = plant.desk()
    plant.statuses[numbers(2)[0]] = 422
    assert await yes(desk, await asked(desk, three()))
    answer = await told(desk, three())
    assert [outcome.split(":")[0] for outcome in answer["outcomes"]] == ["done", "failed", "done"]
    assert answer["standing"] == "finished"


async def test_an_unknown_outcome_stops_it_for_good(plant: Plant) -> None:
    desk = plant.desk()
    plant.statuses[numbers(2)[0]] = 503
    assert await yes(desk, await asked(desk, three()))
    for _ in range(2):
        answer = await told(desk, three())
        assert answer["standing"] == "stopped"
        assert answer["outcomes"][0] == "done"
        assert answer["outcomes"][1].startswith("unknown")
        assert answer["outcomes"][2] == "waiting"
        assert "another plan" in answer["next"]
        plant.clock.pass_by(1000)
    assert plant.sent == numbers(1, 2)


async def test_a_ban_that_comes_meanwhile_holds_and_the_same_call_goes_on(plant: Plant) -> None:
    desk = plant.desk()
    assert await yes(desk, await asked(desk, three()))

    async def progress(done: float, _total: float | None, _words: str) -> None:
        if done == 1:
            await desk.safety.usage.suppress(numbers(2)[0], "said STOP")

    answer = await told(desk, three(), Caller(progress=progress))
    assert answer["standing"] == "waits"
    assert answer["outcomes"] == ["done", "waiting", "waiting"]
    assert "suppression list" in answer["why"]
    assert "same call" in answer["next"]
    standing = (await desk.call("aircall_approval_status", {}, Caller())).payload["data"]
    assert [one["done"] for one in standing["plans"]] == [1]
    error = (await desk.call("aircall_plan", three(), Caller())).payload["error"]
    assert "suppression list" in error["message"]
    await desk.safety.usage.unsuppress(numbers(2)[0])
    plant.clock.pass_by(3600)
    assert (await told(desk, three()))["outcomes"] == ["done"] * 3
    assert plant.sent == numbers(1, 2, 3)


async def test_a_plan_that_was_called_off_does_not_go_on(plant: Plant) -> None:
    desk = plant.desk()
    question = await asked(desk, three())
    assert await yes(desk, question)

    async def progress(done: float, _total: float | None, _words: str) -> None:
        if done == 1:
            assert await desk.safety.call_off("the emergency brake") == 1

    answer = await told(desk, three(), Caller(progress=progress))
    assert answer["standing"] == "stopped"
    assert (await told(desk, three()))["outcomes"] == ["done", "waiting", "waiting"]
    assert plant.sent == numbers(1)


async def test_nobody_goes_on_with_it_after_a_day(plant: Plant) -> None:
    desk = plant.desk()
    assert await yes(desk, await asked(desk, three()))
    plant.statuses[numbers(2)[0]] = 429
    answer = await told(desk, three())
    assert answer["standing"] == "waits"
    plant.clock.pass_by(86_401)
    await asked(desk, three())


STEPS = st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["a", "b"])), min_size=1, max_size=5)


@settings(max_examples=25, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(approved=STEPS, called=st.lists(STEPS, max_size=4))
async def test_a_yes_lets_through_exactly_its_items(
    registry: Registry, approved: list[tuple[int, str]], called: list[list[tuple[int, str]]]
) -> None:
    plant = Plant(registry)
    desk = plant.desk()
    wanted = {"steps": [text(*step) for step in approved]}
    try:
        assert await yes(desk, await asked(desk, wanted))
        for other in called:
            outcome = await desk.call(
                "aircall_plan", {"steps": [text(*step) for step in other]}, Caller()
            )
            assert isinstance(outcome, Question) == (other != approved)
        answer = await told(desk, wanted)
        assert answer["standing"] == "finished"
        once = list(dict.fromkeys(approved))
        assert plant.sent == [numbers(number)[0] for number, _ in once]
        assert answer["outcomes"].count("done") == len(once)
    finally:
        await desk.aclose()
