"""What the judge asks of the company: only what decides, and it goes by what it hears."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from aircall_mcp.errors import ArgumentError, CredentialError, NotAllowed
from aircall_mcp.gateway.gate import Allow, Ask, Deny
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.operation import Bound
from aircall_mcp.offer import Registry
from aircall_mcp.safety.judge import Judge
from aircall_mcp.safety.policy import Cap, Line, Policy
from aircall_mcp.safety.safety import Safety

from ..harness import Clock, KnownCompany

pytestmark = pytest.mark.anyio

PARIS, LYON = "+33184880000", "+33478000000"


class World(KnownCompany):
    """Writes down what it is asked; `lost` has no account, `ours` is our own sandbox."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.lost = self.ours = self.unread = False

    async def account(self, named: str | None) -> str:
        self.asked.append("account")
        if self.lost:
            raise CredentialError("No account.", hint="Log in.")
        return await super().account(named)

    async def home(self, account: str) -> frozenset[str] | None:
        self.asked.append("home")
        return await super().home(account)

    async def known(self, account: str, numbers: tuple[str, ...]) -> frozenset[str]:
        self.asked.append("known")
        return await super().known(account, numbers)

    async def own(self, account: str) -> Mapping[str, int] | None:
        self.asked.append("own")
        return None if self.unread else await super().own(account)

    async def at_sandbox(self) -> bool:
        self.asked.append("sandbox")
        return self.ours


class JudgeHarness:
    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.safety = Safety.of(Path(), fleeting=True, clock=Clock().handed())
        self.world = World()

    def judge(self, policy: Policy, *, everything: bool = False) -> Judge:
        self.world.asked.clear()
        return Judge(lambda: policy, self.world, self.safety, everything=everything)

    def bound(self, operation: str, /, **arguments: object) -> Bound:
        return self.registry.ids[operation].bind(arguments)

    def dial(self, to: str = PARIS) -> Bound:
        return self.bound("start_outbound_call", user_id=1, number_id=2, to=to)


@pytest.fixture
async def harness(registry: Registry) -> AsyncIterator[JudgeHarness]:
    made = JudgeHarness(registry)
    yield made
    made.safety.close()


DEFAULT = Policy()
ANYWHERE = Policy(countries=frozenset({"any"}), strangers=Line("allow"))


async def test_it_asks_only_what_decides(harness: JudgeHarness) -> None:
    tag = harness.bound("create_tag", name="a", color="#00B388")
    gone = harness.bound("delete_tag", tag_id=1)
    for bound, policy, asked in (
        (harness.bound("list_tags"), DEFAULT, set[str]()),
        (tag, DEFAULT, {"account"}),
        (gone, DEFAULT, {"account", "sandbox"}),
        (harness.dial(), DEFAULT, {"account", "sandbox", "home", "known"}),
        (harness.dial(), replace(DEFAULT, countries=frozenset({"FR"})),
         {"account", "sandbox", "known"}),
        (harness.dial(), ANYWHERE, {"account", "sandbox"}),
    ):  # fmt: skip
        await harness.judge(policy)(bound, Caller())
        assert set(harness.world.asked) == asked, bound.operation.id


async def test_in_our_sandbox_what_needs_nobody_goes_by_the_policy(harness: JudgeHarness) -> None:
    harness.world.ours = True
    tag = harness.bound("create_tag", name="a", color="#00B388")
    strict = harness.judge(Policy(effects={"write": Line("deny")}, written=True))
    assert isinstance(await strict(tag, Caller()), Deny)
    assert isinstance(await strict(harness.dial(), Caller()), Allow)
    assert (await strict.whole([harness.dial()], Caller())).ask is None
    with pytest.raises(NotAllowed):
        await strict.whole([harness.dial(), tag], Caller())
    harness.world.ours = False
    assert (await strict.whole([harness.dial()], Caller())).ask is not None


async def test_without_an_account_only_what_stays_here_is_judged(harness: JudgeHarness) -> None:
    harness.world.lost = True
    rule = harness.bound("forward_events", kinds=["message.received"], to="crm")
    verdict = await harness.judge(DEFAULT)(rule, Caller())
    assert isinstance(verdict, Ask)
    assert verdict.account == ""
    with pytest.raises(CredentialError):
        await harness.judge(DEFAULT)(harness.dial(), Caller())
    with pytest.raises(CredentialError):
        await harness.judge(DEFAULT).look(harness.dial(), Caller())


async def test_a_plan_is_of_one_account_and_as_strict_as_its_strictest_step(
    harness: JudgeHarness,
) -> None:
    judge = harness.judge(Policy(batches=Line("allow")))
    gone = harness.bound("delete_tag", tag_id=1)
    tag = harness.bound("create_tag", name="a", color="#00B388")
    for steps, grade in (
        ([harness.dial()], 1),
        ([harness.dial(), gone], 2),
        ([gone, harness.dial()], 2),
    ):
        ask = (await judge.whole(steps, Caller())).ask
        assert ask is not None
        assert ask.grade == grade
    assert (await judge.whole([tag], Caller())).ask is None
    assert (await judge.whole([harness.dial()], Caller(account="acme"))).account == "acme"
    with pytest.raises(ArgumentError):
        await judge.whole([harness.dial(), replace(harness.dial(), account="other")], Caller())


async def test_a_plan_reaches_all_its_people_at_once_and_each_once(harness: JudgeHarness) -> None:
    judge = harness.judge(DEFAULT)
    for steps, why, rule in (
        ([harness.dial(), harness.dial(LYON)], "it reaches several people", "destinations.batches"),
        ([harness.dial(), harness.dial()], "it reaches a person or costs money", "effects.reach"),
    ):
        ask = (await judge.whole(steps, Caller())).ask
        assert ask is not None
        assert f"first, since {why} ({rule})." in ask.words


async def test_a_look_says_what_would_be_said_and_takes_nothing(harness: JudgeHarness) -> None:
    policy = Policy(effects={"reach": Line("allow")}, caps={"calls": Cap(hour=1)}, written=True)
    judge = harness.judge(policy)
    for _ in range(2):
        assert (await judge.look(harness.dial(), Caller())).ruling.say == "allow"
    assert isinstance(await judge(harness.dial(), Caller()), Allow)
    full = (await judge.look(harness.dial(), Caller(account="tests"))).ruling
    assert (full.say, full.rule) == ("deny", "caps.calls")
    other = await judge.look(harness.dial(), Caller(account="other"))
    assert (other.ruling.say, other.account) == ("allow", "other")
    gone = harness.bound("delete_tag", tag_id=1)
    everything = harness.judge(DEFAULT, everything=True)
    assert (await everything.look(gone, Caller())).ruling.say == "allow"
    assert (await harness.judge(DEFAULT).look(gone, Caller())).ruling.say == "ask"


async def test_nobody_is_asked_for_what_there_is_no_room_for(harness: JudgeHarness) -> None:
    judge = harness.judge(Policy(caps={"calls": Cap(hour=1)}, written=True))
    for _ in range(2):  # to ask takes no place
        assert isinstance(await judge(harness.dial(), Caller()), Ask)
    account = await harness.world.account(None)
    assert await harness.safety.usage.take(account, "calls", 1, Cap())
    full = await judge(harness.dial(), Caller())
    assert isinstance(full, Deny)
    assert "caps.calls" in full.error.message


async def test_whom_a_question_is_about_is_said_where_it_may_not_be_aircall(
    harness: JudgeHarness,
) -> None:
    harness.world.loopback = "http://127.0.0.1:9"
    verdict = await harness.judge(DEFAULT)(harness.dial(), Caller())
    assert isinstance(verdict, Ask)
    assert "http://127.0.0.1:9 is taken for the real host" in verdict.words


async def test_a_number_that_is_named_by_itself_is_looked_up_and_in_doubt_none_is_used(
    harness: JudgeHarness,
) -> None:
    """88016 is that number; the company has no +33184880009."""
    chosen = Policy(phones=frozenset({"+13125550155", "+33184880009"}), written=True)
    for number, say in ((88016, "ask"), (88012, "deny"), (2, "deny")):
        bound = harness.bound("start_outbound_call", user_id=1, number_id=number, to=PARIS)
        ruling = (await harness.judge(chosen).look(bound, Caller())).ruling
        assert (ruling.say, "own" in harness.world.asked) == (say, True)
        by_id = replace(chosen, phones=frozenset[str](), numbers=frozenset({88016}))
        assert (await harness.judge(by_id).look(bound, Caller())).ruling.say == say
        assert "own" not in harness.world.asked
    harness.world.unread = True
    bound = harness.bound("start_outbound_call", user_id=1, number_id=88016, to=PARIS)
    ruling = (await harness.judge(chosen).look(bound, Caller())).ruling
    assert (ruling.say, ruling.rule) == ("deny", "from.numbers")
    assert "cannot be read" in ruling.why
    both = replace(chosen, numbers=frozenset({88016}))
    assert (await harness.judge(both).look(bound, Caller())).ruling.say == "ask"
    # Nor is one that does not say which number it comes from done on a yes of a client's form.
    unsaid = harness.bound("dial_number_in_workspace", user_id=1, to=PARIS)
    ruling = (await harness.judge(chosen).look(unsaid, Caller())).ruling
    assert (ruling.say, ruling.rule, ruling.grade) == ("ask", "from.numbers", 2)
    await harness.judge(chosen)(harness.bound("get_number", number_id=2), Caller())
    assert "own" not in harness.world.asked


async def test_a_look_in_our_sandbox_says_what_is_done_there(harness: JudgeHarness) -> None:
    harness.world.ours = True
    strict = harness.judge(Policy(effects={"write": Line("deny")}, written=True))
    tag = harness.bound("create_tag", name="a", color="#00B388")
    for bound, say in ((harness.dial(), "allow"), (tag, "deny")):
        assert (await strict.look(bound, Caller())).ruling.say == say
        assert isinstance(await strict(bound, Caller()), Allow if say == "allow" else Deny)
