"""The judge in its gate: what is used up, what is given back, and what needs nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.desk import Question
from aircall_mcp.errors import SettingsError
from aircall_mcp.gateway.gate import Allow, Ask
from aircall_mcp.gateway.journal import GUARD
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.safety.judge import Judge
from aircall_mcp.safety.policy import Cap, Line, Policy
from aircall_mcp.safety.safety import Safety

from ..harness import AskingDesk, Clock, KnownCompany, answering, asking_desk, gateway_to

pytestmark = pytest.mark.anyio

DIAL = {"user_id": 1, "number_id": 2, "to": "+33184880000"}
TEXT = {"number_id": 2, "to": "+33184880000", "body": "Hello"}
ALLOWING = Policy(
    effects={"reach": Line("allow"), "delete": Line("allow")},
    caps={"calls": Cap(hour=1), "deletions": Cap(day=2)},
    written=True,
)


class Desks:
    """Makes desks before one Aircall that counts, and closes them."""

    def __init__(self, registry: Registry) -> None:
        self.offers = Offers(registry)
        self.made: list[AskingDesk] = []
        self.arrived: list[dict[str, Any]] = []

    def __call__(
        self, policy: Policy, status: int = 200, body: Any = None, **more: Any
    ) -> AskingDesk:
        app, self.arrived = answering(status, {"id": 1} if body is None else body)
        self.made.append(asking_desk(self.offers, app, policy, **more))
        return self.made[-1]


@pytest.fixture
async def desks(registry: Registry) -> AsyncIterator[Desks]:
    made = Desks(registry)
    yield made
    for one in made.made:
        await one.aclose()


async def told(desk: AskingDesk, tool: str, **arguments: Any) -> Any:
    return (await desk.call(f"aircall_{tool}", arguments, Caller())).payload


async def test_a_cap_counts_what_was_done_and_not_what_was_refused(desks: Desks) -> None:
    desk = desks(ALLOWING, 422, {"error": "Unprocessable", "troubleshoot": "no such user"})
    for _ in range(3):
        assert (await told(desk, "start_outbound_call", **DIAL))["error"]["kind"] == "refused"
    assert len(desks.arrived) == 3
    desk = desks(ALLOWING)
    assert "error" not in await told(desk, "start_outbound_call", **DIAL)
    other = {**DIAL, "to": "+33184880001"}
    error = (await told(desk, "start_outbound_call", **other))["error"]
    assert error["kind"] == "not_allowed"
    assert "caps.calls" in error["message"]
    assert "1 of 1 in the last hour" in error["message"]
    assert len(desks.arrived) == 1


async def test_what_may_have_been_done_counts(desks: Desks) -> None:
    desk = desks(ALLOWING, 503, {})
    assert (await told(desk, "start_outbound_call", **DIAL))["error"]["kind"] == "outcome_unknown"
    error = (await told(desk, "start_outbound_call", **{**DIAL, "to": "+33184880001"}))["error"]
    assert "caps.calls" in error["message"]
    assert len(desks.arrived) == 1


async def test_a_yes_that_led_to_nothing_may_be_used_still(desks: Desks) -> None:
    desk = desks(Policy(), 422, {"error": "Unprocessable", "troubleshoot": "no such user"})
    question = await desk.call("aircall_start_outbound_call", DIAL, Caller())
    assert isinstance(question, Question)
    assert await desk.answer(question.approval, yes=True, grade=1, way="tests")
    for _ in range(2):
        assert (await told(desk, "start_outbound_call", **DIAL))["error"]["kind"] == "refused"
    assert len(desks.arrived) == 2


async def test_a_yes_to_what_may_have_been_done_is_used_up(desks: Desks) -> None:
    clock = Clock()
    desk = desks(Policy(), 503, {}, clock=clock.handed())
    question = await desk.call("aircall_start_outbound_call", DIAL, Caller())
    assert isinstance(question, Question)
    assert await desk.answer(question.approval, yes=True, grade=1, way="tests")
    assert (await told(desk, "start_outbound_call", **DIAL))["error"]["kind"] == "outcome_unknown"
    again = (await told(desk, "start_outbound_call", **DIAL))["error"]
    assert (again["kind"], "approval" in again) == ("outcome_unknown", False)
    clock.pass_by(GUARD)
    assert isinstance(await desk.call("aircall_start_outbound_call", DIAL, Caller()), Question)
    assert len(desks.arrived) == 1


async def test_nobody_is_asked_for_what_was_done_a_moment_ago(desks: Desks) -> None:
    clock = Clock()
    desk = desks(Policy(), clock=clock.handed())
    question = await desk.call("aircall_send_message", TEXT, Caller())
    assert isinstance(question, Question)
    assert await desk.answer(question.approval, yes=True, grade=1, way="tests")
    assert "error" not in await told(desk, "send_message", **TEXT)
    spelled = {**TEXT, "to": "+33 (0)1 84 88 00 00", "body": "hello ", "number_id": 3}
    for same in (TEXT, spelled):
        error = (await told(desk, "send_message", **same))["error"]
        assert (error["kind"], "approval" in error) == ("duplicate", False)
    assert await desk.safety.approvals.waiting() == []
    other = {**TEXT, "body": "Good bye"}
    assert isinstance(await desk.call("aircall_send_message", other, Caller()), Question)
    clock.pass_by(GUARD)
    assert isinstance(await desk.call("aircall_send_message", TEXT, Caller()), Question)
    assert len(desks.arrived) == 1


async def test_what_is_denied_by_now_is_so_whether_it_was_done_before_or_not(
    desks: Desks, home: Path
) -> None:
    policy = Policy(effects={"reach": Line("allow")}, written=True)
    desk = desks(policy, home=home)
    assert "error" not in await told(desk, "send_message", **TEXT)
    await desk.safety.usage.suppress("+33184880000", "said STOP")
    assert (await told(desk, "send_message", **TEXT))["error"]["kind"] == "not_allowed"


class NoContacts(KnownCompany):
    """A company without a single contact."""

    async def known(self, _account: str, numbers: tuple[str, ...]) -> frozenset[str]:
        return frozenset(numbers[:0])


@pytest.mark.parametrize("grade", [1, 2])
async def test_a_stranger_who_is_refused_is_so_whichever_yes_is_asked_for(
    desks: Desks, grade: Any
) -> None:
    policy = Policy(effects={"reach": Line("ask", grade)}, strangers=Line("deny"), written=True)
    desk = desks(policy, world=NoContacts())
    error = (await told(desk, "start_outbound_call", **DIAL))["error"]
    assert error["kind"] == "not_allowed"
    assert "destinations.strangers" in error["message"]
    assert desks.arrived == []


INTRODUCTIONS: list[tuple[str, dict[str, Any]]] = [
    ("create_contact", {"phone_numbers": [{"label": "Work", "value": "01 84 88 00 00"}]}),
    ("add_contact_phone_number", {"contact_id": 1, "label": "Work", "value": "+33184880000"}),
    ("update_contact_phone_number",
     {"contact_id": 1, "detail_id": 2, "label": "Work", "value": "+33 (0)1 84 88 00 00"}),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "given"), INTRODUCTIONS, ids=[i[0] for i in INTRODUCTIONS])
async def test_whom_a_model_makes_a_contact_is_a_stranger_still(
    desks: Desks, home: Path, tool: str, given: dict[str, Any]
) -> None:
    desk = desks(Policy(), home=home)
    before = await desk.call("aircall_start_outbound_call", DIAL, Caller())
    assert isinstance(before, Question)
    assert before.grade == 1
    assert "error" not in await told(desk, tool, **given)
    assert len(desks.arrived) == 1
    desk = desks(Policy(), home=home)  # of whichever process
    after = await desk.call("aircall_start_outbound_call", DIAL, Caller())
    assert isinstance(after, Question)
    assert after.grade == 2
    other = await desk.call("aircall_start_outbound_call", {**DIAL, "to": "+33184880001"}, Caller())
    assert isinstance(other, Question)
    assert other.grade == 1


async def test_where_an_export_leads_is_looked_at_wherever_it_stands(desks: Desks) -> None:
    policy = Policy(
        effects={"exposes": Line("allow")}, hosts=frozenset({"hooks.example.com"}), written=True
    )
    desk = desks(policy)
    today = {"dateFilter": {"relative": "TODAY"}, "timezone": "Europe/Paris"}
    report = {"reportName": "CALLS_HISTORY", "filter": today}
    for options in (
        {"callbackUrl": "https://evil.example.org/in"},
        {"a": [{"b": ["x", "https://evil.example.org"]}]},
        {"a": "https://hooks.example.com/in", "b": "https://evil.example.org/hooks.example.com"},
    ):
        given = {"input": {**report, "exportOptions": options}}
        error = (await told(desk, "create_analytics_export", **given))["error"]
        assert error["kind"] == "not_allowed", error
        assert "webhooks.hosts" in error["message"]
    assert desks.arrived == []
    well = {"input": {**report, "exportOptions": {"callbackUrl": "https://hooks.example.com/in"}}}
    assert "error" not in await told(desk, "create_analytics_export", **well)
    assert len(desks.arrived) == 1


async def test_a_suppressed_number_is_reached_by_nobody(desks: Desks) -> None:
    desk = desks(ALLOWING)
    await desk.safety.usage.suppress("+33184880000", "said STOP")
    for tool, given in (
        ("start_outbound_call", DIAL),
        ("send_message", TEXT),
        ("send_group_message", {"number_id": 2, "body": "Hi", "participants": [
            "+33184880001", "+33184880000"]}),
        ("add_dialer_campaign_numbers", {"user_id": 1, "phone_numbers": ["+33184880000"]}),
    ):  # fmt: skip
        error = (await told(desk, tool, **given))["error"]
        assert error["kind"] == "not_allowed"
        assert "suppression list" in error["message"]
        assert "`aircall-mcp suppress remove`" in error["hint"]
    assert desks.arrived == []


@pytest.mark.parametrize(
    ("listed", "dialled"),
    [
        ("+3780549882345", "+390549882345"),  # San Marino, behind two countries
        ("+390549882345", "+3780549882345"),
        ("+5215512345678", "+525512345678"),
        ("+3318488000099", "+33184880000"),
    ],
)
async def test_who_is_suppressed_by_one_of_two_numbers_is_so_by_the_other(
    desks: Desks, listed: str, dialled: str
) -> None:
    desk = desks(Policy(effects=ALLOWING.effects, countries=frozenset({"any"}), written=True))
    await desk.safety.usage.suppress(listed, "said STOP")
    error = (await told(desk, "start_outbound_call", **{**DIAL, "to": dialled}))["error"]
    assert "suppression list" in error["message"]
    assert desks.arrived == []


def broken() -> Policy:
    raise SettingsError("policy.toml: `effects.reach` must be one of four.", hint="Mend it.")


async def test_a_broken_policy_stops_effects_and_no_read(registry: Registry) -> None:
    app, arrived = answering(200, {"tags": []})
    safety = Safety.of(Path(), fleeting=True)
    judge = Judge(broken, KnownCompany(), safety)
    desk = AskingDesk(safety, Offers(registry), gateway_to(app, judges=(judge,)), look=judge.look)
    assert "error" not in await told(desk, "list_tags")
    assert len(arrived) == 1
    tag = {"name": "a", "color": "#00B388"}
    for tool, given in (("create_tag", tag), ("delete_tag", {"tag_id": 1})):
        error = (await told(desk, tool, **given))["error"]
        assert error["kind"] == "not_allowed"
        assert "effects.reach" in error["message"]
        assert "policy edit" in error["hint"]
        assert (await told(desk, tool, **given, dry_run=True))["error"]["kind"] == "not_allowed"
    assert len(arrived) == 1
    await desk.aclose()


async def test_a_read_is_refused_where_the_policy_says_so(desks: Desks) -> None:
    desk = desks(Policy(toolsets={"insights": Line("deny")}, written=True))
    error = (await told(desk, "get_call_transcription", call_id=1))["error"]
    assert error["kind"] == "not_allowed"
    assert "toolsets.insights" in error["message"]
    await told(desk, "list_tags")
    assert len(desks.arrived) == 1


async def test_a_read_opens_no_store(desks: Desks, home: Path) -> None:
    desk = desks(Policy(), home=home)
    await told(desk, "list_tags")
    assert not (home / "approvals.db").exists()
    assert not (home / "usage.db").exists()


DRY: list[tuple[str, dict[str, Any], str]] = [
    ("start_outbound_call", DIAL, "ask"),
    ("delete_tag", {"tag_id": 1}, "ask"),
    ("list_tags", {}, "allow"),
    ("create_tag", {"name": "a", "color": "#00B388"}, "allow"),
    ("start_outbound_call", {**DIAL, "to": "+33899123456"}, "deny"),
]


@pytest.mark.parametrize(("tool", "given", "say"), DRY, ids=[f"{d[0]} {d[2]}" for d in DRY])
@pytest.mark.parametrize("surface", ["full", "search", "search as text"])
async def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(
    registry: Registry, surface: str, tool: str, given: dict[str, Any], say: str
) -> None:
    from aircall_mcp.offer import Selection

    app, arrived = answering(200, {"id": 1})
    desk = asking_desk(Offers(registry, Selection(surface=surface.split()[0])), app, Policy())
    operation = registry.ids[tool]
    if surface == "full":
        answer = await told(desk, tool, **given, dry_run=True)
    else:
        said = json.dumps(given) if surface.endswith("text") else given
        answer = await told(desk, operation.effect, operation=tool, arguments=said, dry_run=True)
    data = answer["data"]
    assert (data["dry_run"], data["say"], data["operation"]) == (True, say, operation.tool)
    assert data["request"]["method"] == operation.method
    assert arrived == []
    assert await desk.safety.approvals.waiting() == []
    await desk.aclose()


async def test_a_dry_run_uses_no_yes_and_no_place(desks: Desks) -> None:
    desk = desks(Policy(caps={"calls": Cap(hour=1)}, written=True))
    question = await desk.call("aircall_start_outbound_call", DIAL, Caller())
    assert isinstance(question, Question)
    assert await desk.answer(question.approval, yes=True, grade=2, way="tests")
    for _ in range(3):
        await told(desk, "start_outbound_call", **DIAL, dry_run=True)
    assert "error" not in await told(desk, "start_outbound_call", **DIAL)
    assert len(desks.arrived) == 1


async def test_dry_run_is_true_or_false(desks: Desks) -> None:
    desk = desks(ALLOWING)
    error = (await told(desk, "start_outbound_call", **DIAL, dry_run="yes"))["error"]
    assert error["kind"] == "argument"
    assert desks.arrived == []


async def test_approvals_of_somebody_else_are_not_known(desks: Desks, clock: Clock) -> None:
    desk = desks(Policy(), clock=clock.handed())
    question = await desk.call("aircall_start_outbound_call", DIAL, Caller())
    assert isinstance(question, Question)
    status: Callable[[str], Any] = lambda who: desk.call(  # noqa: E731
        "aircall_approval_status", {"id": question.approval}, Caller(principal=who)
    )
    assert (await status("owner")).payload["data"]["standing"] == "waiting"
    for who, count in (("owner", 1), ("bert", 0)):
        all_of = await desk.call("aircall_approval_status", {}, Caller(principal=who))
        assert len(all_of.payload["data"]["waiting"]) == count
    theirs, unknown = (
        await status("bert"),
        await desk.call("aircall_approval_status", {"id": "0000000000"}, Caller()),
    )
    assert theirs.payload == unknown.payload
    clock.pass_by(10_000)
    assert (await status("owner")).payload["data"]["standing"] == "expired"


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Sandboxed(KnownCompany):
    async def at_sandbox(self) -> bool:
        return True


async def test_our_sandbox_waives_what_goes_there_and_nothing_that_stays_here(
    registry: Registry,
) -> None:
    """A rule for passing events on outlives the sandbox, in the owner's home."""
    safety = Safety.of(Path(), fleeting=True)
    judge = Judge(Policy, Sandboxed(), safety)
    dial = registry.ids["start_outbound_call"].bind(DIAL)
    assert await judge(dial, Caller()) == Allow(waived=("reach",))
    user = registry.ids["delete_user"].bind({"user_id": 1})
    assert await judge(user, Caller()) == Allow(waived=("delete", "administers"))
    rule = registry.ids["forward_events"].bind({"kinds": ["message.received"], "to": "crm"})
    assert isinstance(await judge(rule, Caller()), Ask)
    safety.close()


async def test_a_persons_own_command_and_the_built_in_sandbox_are_asked_nothing(
    registry: Registry,
) -> None:
    safety = Safety.of(Path(), fleeting=True)
    dial = registry.ids["start_outbound_call"].bind(DIAL)
    judge = Judge(Policy, KnownCompany(), safety)
    built_in = Judge(Policy, KnownCompany(), safety, everything=True)
    assert isinstance(await judge(dial, Caller()), Ask)
    assert await judge(dial, Caller(person=True)) == Allow()
    assert await built_in(dial, Caller()) == Allow()
    assert (await judge.whole([dial], Caller())).ask is not None
    assert (await judge.whole([dial], Caller(person=True))).ask is None
    assert (await built_in.whole([dial], Caller())).ask is None
    safety.close()
