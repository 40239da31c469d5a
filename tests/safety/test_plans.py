"""Plans: shown whole, judged whole, approved once, performed item by item, and never doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aircall_mcp.desk import Question
from aircall_mcp.errors import ArgumentError
from aircall_mcp.gateway.journal import Intent
from aircall_mcp.gateway.request import released
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.operation import Bound
from aircall_mcp.ground.reply import Reply
from aircall_mcp.offer import Registry
from aircall_mcp.safety.brake import Brake
from aircall_mcp.safety.judge import Judge
from aircall_mcp.safety.plans import Plans
from aircall_mcp.safety.plans import told as plan_told
from aircall_mcp.safety.policy import Cap, Line, Policy, Rule
from aircall_mcp.storage.lock import Alone

from ..harness import KnownCompany
from .planning import DEFAULT, FakeAircall, asked, numbers, text, three, told, yes

pytestmark = pytest.mark.anyio


@pytest.fixture
async def fake(registry: Registry) -> AsyncIterator[FakeAircall]:
    made = FakeAircall(registry)
    yield made
    for desk in made.desks:
        await desk.aclose()


async def test_it_is_shown_whole_and_one_yes_is_for_all_of_it(fake: FakeAircall) -> None:
    desk = fake.desk()
    question = await asked(desk, three())
    assert question.grade == 2  # several people, though each of them alone would need less
    assert "destinations.batches" in question.why
    for number in numbers(1, 2, 3):
        assert number in question.preview
    assert question.preview.startswith("A plan of 3 steps")
    assert fake.sent == []
    assert not await yes(desk, question, grade=1)
    assert await yes(desk, question)
    seen: list[tuple[float, float | None]] = []

    async def progress(done: float, total: float | None, _words: str) -> None:
        seen.append((done, total))

    answer = await told(desk, three(), Caller(watched=True, progress=progress))
    assert answer["standing"] == "finished"
    assert answer["outcomes"] == ["done", "done", "done"]
    assert fake.sent == numbers(1, 2, 3)
    assert seen == [(0, 3), (1, 3), (2, 3)]
    status = await desk.call("aircall_approval_status", {"id": question.approval}, Caller())
    assert status.payload["data"]["standing"] == "finished"
    # The same call a moment later is answered with what came of it.
    assert (await told(desk, three()))["standing"] == "finished"
    fake.clock.pass_by(200)
    await asked(desk, three())
    assert fake.sent == numbers(1, 2, 3)


async def test_another_order_text_caller_or_account_is_another_plan(fake: FakeAircall) -> None:
    desk = fake.desk()
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
    assert fake.sent == []


async def test_a_step_that_is_denied_is_named_before_anybody_is_asked(fake: FakeAircall) -> None:
    desk = fake.desk()
    await desk.safety.usage.suppress(numbers(2)[0], "said STOP")
    error = (await desk.call("aircall_plan", three(), Caller())).payload["error"]
    assert error["kind"] == "not_allowed"
    assert "Step 2" in error["message"]
    assert "suppression list" in error["message"]
    capped = fake.desk(Policy(effects={"reach": Line("ask")}, caps={"texts": Cap(hour=2)}))
    error = (await capped.call("aircall_plan", three(), Caller())).payload["error"]
    assert "caps.texts" in error["message"]
    few = Rule("few at a time", Line("deny"), over=2)
    ruled = fake.desk(Policy(rules=(few,), written=True))
    error = (await ruled.call("aircall_plan", three(), Caller())).payload["error"]
    assert "few at a time" in error["message"]
    assert fake.sent == []


async def test_a_step_must_be_an_operation_that_changes_something(fake: FakeAircall) -> None:
    desk = fake.desk()
    for step in ({"operation": "list_tags"}, {"operation": "plan", "arguments": three()}):
        wrong = {"steps": [text(1), step]}
        error = (await desk.call("aircall_plan", wrong, Caller())).payload["error"]
        assert error["kind"] == "argument"
        assert error["message"].startswith("Step 2")
    dry = {**three(), "dry_run": True}
    trials = (await desk.call("aircall_plan", dry, Caller())).payload["data"]["trials"]
    assert [one["request"]["body"]["to"] for one in trials] == numbers(1, 2, 3)
    assert fake.sent == []


@pytest.mark.parametrize(
    ("tool", "step"),
    [
        ("place_call", "Its step is start_outbound_call, with user_id, number_id, to."),
        ("send_text", "Its step is send_message_in_conversation, with number_id, to, body."),
    ],
)
async def test_a_task_as_a_step_hears_which_operation_is_its_step(
    fake: FakeAircall, tool: str, step: str
) -> None:
    wrong = {"steps": [{"operation": tool, "arguments": {"to": "+14155550143"}}]}
    error = (await fake.desk().call("aircall_plan", wrong, Caller())).payload["error"]
    assert error["hint"] == step


async def test_a_dry_run_says_what_goes_for_all_of_it_together(fake: FakeAircall) -> None:
    """Several people need more of a yes than any of them."""
    few = Rule("few at a time", Line("deny"), over=2)
    for policy, say, grade in (
        (Policy(), "ask", 2),
        (Policy(rules=(few,), written=True), "deny", None),
        (Policy(effects={"reach": Line("allow")}), "allow", None),
    ):
        dry = {**three(), "dry_run": True}
        data = (await fake.desk(policy).call("aircall_plan", dry, Caller())).payload["data"]
        assert (data["say"], data.get("grade")) == (say, grade)
        assert len(data["trials"]) == 3
    question = await fake.desk(Policy()).call("aircall_plan", three(), Caller())
    assert isinstance(question, Question)
    assert question.grade == 2
    assert fake.sent == []


async def test_where_nobody_needs_to_be_asked_it_runs_at_once(fake: FakeAircall) -> None:
    desk = fake.desk(Policy(effects={"reach": Line("allow")}))
    assert (await told(desk, three()))["outcomes"] == ["done"] * 3
    assert fake.sent == numbers(1, 2, 3)


async def test_the_same_call_twice_at_once_is_one_plan(fake: FakeAircall) -> None:
    desk = fake.desk(Policy(effects={"reach": Line("allow")}))
    answers = await asyncio.gather(*(told(desk, three()) for _ in range(4)))
    assert len({answer["plan"] for answer in answers}) == 1
    assert sorted(fake.sent) == numbers(1, 2, 3)
    fake.clock.pass_by(60)
    assert (await told(desk, three()))["plan"] == answers[0]["plan"]


async def test_what_is_refused_is_said_and_the_rest_goes_on(fake: FakeAircall) -> None:
    desk = fake.desk()
    fake.statuses[numbers(2)[0]] = 422
    assert await yes(desk, await asked(desk, three()))
    answer = await told(desk, three())
    assert [outcome.split(":")[0] for outcome in answer["outcomes"]] == ["done", "failed", "done"]
    assert answer["standing"] == "finished"


async def test_an_unknown_outcome_stops_it_for_good(fake: FakeAircall) -> None:
    desk = fake.desk()
    fake.statuses[numbers(2)[0]] = 503
    assert await yes(desk, await asked(desk, three()))
    for _ in range(2):
        answer = await told(desk, three())
        assert answer["standing"] == "stopped"
        assert answer["outcomes"][0] == "done"
        assert answer["outcomes"][1].startswith("unknown")
        assert answer["outcomes"][2] == "waiting"
        assert "another plan" in answer["next"]
        fake.clock.pass_by(1000)
    assert fake.sent == numbers(1, 2)


async def test_where_no_step_is_left_nothing_is_said_to_be_wanted_still(fake: FakeAircall) -> None:
    desk = fake.desk()
    fake.statuses[numbers(3)[0]] = 503
    question = await asked(desk, three())
    assert await yes(desk, question)
    assert (await told(desk, three()))["standing"] == "stopped"
    status = await desk.call("aircall_approval_status", {"id": question.approval}, Caller())
    assert status.payload["data"]["over"] == 3
    assert "next" not in status.payload["data"]


async def test_while_the_brake_is_pulled_nobody_is_asked_for_a_plan(
    fake: FakeAircall, home: Path
) -> None:
    brake = Brake(home)
    desk = fake.desk(gateway={"brake": brake})
    brake.pull()
    refused = await desk.call("aircall_plan", three(), Caller())
    assert refused.payload["error"]["kind"] == "not_allowed"
    brake.release()
    assert await desk.safety.approvals.waiting() == []
    await asked(desk, three())


async def test_a_ban_that_comes_meanwhile_holds_and_the_same_call_goes_on(
    fake: FakeAircall,
) -> None:
    desk = fake.desk()
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
    fake.clock.pass_by(3600)
    assert (await told(desk, three()))["outcomes"] == ["done"] * 3
    assert fake.sent == numbers(1, 2, 3)


async def test_a_plan_that_was_called_off_does_not_go_on(fake: FakeAircall) -> None:
    desk = fake.desk()
    question = await asked(desk, three())
    assert await yes(desk, question)

    said: list[str] = []

    async def progress(done: float, _total: float | None, words: str) -> None:
        said.append(words)
        if done == 1:
            assert await desk.safety.call_off("the emergency brake") == 1

    answer = await told(desk, three(), Caller(progress=progress))
    assert answer["standing"] == "stopped"
    assert [words.partition(":")[0] for words in said] == ["step 1", "step 2"]
    assert (await told(desk, three()))["outcomes"] == ["done", "waiting", "waiting"]
    assert fake.sent == numbers(1)


@pytest.mark.parametrize(
    ("watched", "seconds", "goes"),
    [(False, 39.0, True), (False, 40.0, False), (True, 599.0, True), (True, 600.0, False)],
)
async def test_no_item_begins_when_the_time_of_one_call_is_up(
    fake: FakeAircall, watched: bool, seconds: float, goes: bool
) -> None:
    desk = fake.desk()
    assert await yes(desk, await asked(desk, three()))

    async def progress(done: float, _total: float | None, _words: str) -> None:
        if done == 1:
            fake.clock.pass_by(seconds)

    answer = await told(desk, three(), Caller(watched=watched, progress=progress))
    if not goes:
        assert answer["standing"] == "waits"
        assert answer["outcomes"] == ["done", "done", "waiting"]
        assert answer["why"] == "The time of one call is up."
        assert answer["next"].count("very same call") == 1
        answer = await told(desk, three())
    assert answer["standing"] == "finished"
    assert "why" not in answer
    assert fake.sent == numbers(1, 2, 3)


async def test_one_call_at_a_time_is_at_the_plans_of_an_account(fake: FakeAircall) -> None:
    desk = fake.desk()
    assert await yes(desk, await asked(desk, three()))
    heard: list[Any] = []

    async def progress(done: float, _total: float | None, _words: str) -> None:
        if done == 1:
            heard.append(await told(desk, three()))

    answer = await told(desk, three(), Caller(progress=progress))
    assert answer["standing"] == "finished"
    assert [one["standing"] for one in heard] == ["waits"]
    assert "Another call is at a plan" in heard[0]["why"]
    assert heard[0]["outcomes"] == ["done", "begun", "waiting"]
    assert fake.sent == numbers(1, 2, 3)
    fake.clock.pass_by(200)  # and afterwards the account is free
    assert await yes(desk, await asked(desk, three()))
    assert (await told(desk, three()))["standing"] == "finished"


async def test_where_a_step_needs_a_graver_yes_by_now_that_is_asked_and_it_goes_on(
    fake: FakeAircall,
) -> None:
    strangers = set[str]()

    class Turning(KnownCompany):
        async def known(self, _account: str, numbers: tuple[str, ...]) -> frozenset[str]:
            return frozenset(numbers) - strangers

    desk = fake.desk(Policy(batches=Line("allow")), world=Turning())
    question = await asked(desk, three())
    assert question.grade == 1
    assert await yes(desk, question, grade=1)

    async def progress(done: float, _total: float | None, _words: str) -> None:
        if done == 1:
            strangers.update(numbers(2))

    graver = await asked(desk, three(), Caller(progress=progress))
    assert (graver.grade, fake.sent) == (2, numbers(1))
    assert graver.preview.startswith("A plan of 3 steps")
    assert "destinations.strangers" in graver.why
    standing = await desk.call("aircall_approval_status", {"id": question.approval}, Caller())
    assert standing.payload["data"]["standing"] == "waits"
    assert await asked(desk, three())  # and nothing goes on without it
    assert await yes(desk, graver)
    answer = await told(desk, three())
    assert (answer["plan"], answer["outcomes"]) == (question.approval, ["done"] * 3)
    assert fake.sent == numbers(1, 2, 3)


async def test_a_plan_has_a_hundred_steps_at_most(fake: FakeAircall) -> None:
    desk = fake.desk(Policy(effects={"reach": Line("allow")}))
    assert desk.plans is not None
    operation = fake.registry.ids["send_message"]
    steps = [operation.bind(text(number)["arguments"]) for number in range(101)]
    for many in (steps, []):
        with pytest.raises(ArgumentError):
            await desk.plans.propose(many, Caller())
    plan = await desk.plans.propose(steps[:100], Caller())
    assert len(plan.kept.items) == 100
    assert fake.sent == []


async def test_a_draft_is_asked_for_in_the_account_that_it_was_made_for(fake: FakeAircall) -> None:
    desk = fake.desk()
    assert desk.plans is not None
    steps = [fake.registry.ids["send_message"].bind(text(1)["arguments"])]
    draft = desk.plans.drafts.keep(steps, "owner", "other")
    question = await asked(desk, {"draft": draft.id})
    found = await desk.safety.approvals.find(question.approval)
    assert found is not None
    assert found.account == "other"


FATES: list[tuple[Intent | None, str, str]] = [
    (None, "finished", "done"),
    (Intent("a", "send_message", "not_sent", 50.0), "finished", "done"),
    (Intent("a", "send_message", "done", 50.0, status=200), "finished", "done: status 200"),
    (Intent("a", "send_message", "failed", 50.0, status=422), "finished", "failed: status 422"),
    (Intent("a", "send_message", "unknown", 50.0), "stopped", "unknown"),
    (Intent("a", "send_message", "over", 50.0), "stopped", "unknown"),
    (Intent("a", "send_message", "sent", 10.0, patience=30.0), "waits", "begun"),
    (Intent("a", "send_message", "pending", 29.9, patience=30.0), "waits", "begun"),
]


@pytest.mark.parametrize(("fate", "standing", "second"), FATES, ids=[str(f[0]) for f in FATES])
async def test_what_a_process_that_is_gone_left_begun_is_what_the_journal_knows_of_it(
    fake: FakeAircall, fate: Intent | None, standing: str, second: str
) -> None:
    desk = fake.desk()
    safety, asked_of = desk.safety, list[str]()
    question = await asked(desk, three())
    assert await yes(desk, question)

    async def known(part: str) -> Intent | None:
        asked_of.append(part)
        return fate

    async def send(bound: Bound, _caller: Caller) -> Reply:
        fake.sent.append(str(bound.arguments["to"]))
        return Reply(200, {})

    registry = fake.registry
    plans = Plans(
        registry.ids["plan"], Judge(lambda: DEFAULT, KnownCompany(), safety), safety, send, known,
        latch=lambda _: Alone(), brake=released, clock=fake.clock.handed(),
    )  # fmt: skip
    steps = [registry.ids["send_message"].bind(one["arguments"]) for one in three()["steps"]]
    plan = await plans.propose(steps, Caller())
    assert await safety.planned.next(plan.kept.id, 0)
    assert await safety.planned.next(plan.kept.id, 1, 0, "done")
    performed = await plans.perform(plan, Caller())
    assert asked_of == [f"{question.approval}.1"]
    answer = plan_told(performed)
    assert (answer["standing"], answer["outcomes"][1]) == (standing, second)
    anew = numbers(2) if fate is None or fate.outcome == "not_sent" else []
    assert fake.sent == [*anew, *(numbers(3) if standing == "finished" else [])]
    if standing == "waits":
        assert "sent by a call that is gone" in answer["why"]
        assert answer["next"].startswith(f"In {max(1, round(30 - fate.age if fate else 0))} s:")
    if standing == "stopped":
        assert answer["why"] == "Step 2: whether it took effect is not known."


STEPS = st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["a", "b"])), min_size=1, max_size=5)


@settings(max_examples=25, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(approved=STEPS, called=st.lists(STEPS, max_size=4))
async def test_a_yes_lets_through_exactly_its_items(
    registry: Registry, approved: list[tuple[int, str]], called: list[list[tuple[int, str]]]
) -> None:
    fake = FakeAircall(registry)
    desk = fake.desk()
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
        assert fake.sent == [numbers(number)[0] for number, _ in once]
        assert answer["outcomes"].count("done") == len(once)
    finally:
        await desk.aclose()
