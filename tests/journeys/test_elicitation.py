"""A person's yes, asked for by elicitation: the identical call goes through once, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from aircall_mcp.desk import Failure, Question
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.effects import Allowance
from aircall_mcp.offer import Offers, Registry, Selection
from aircall_mcp.protocol.elicitation import KEY, Elicitation, Way
from aircall_mcp.protocol.mcp_server import AircallServer
from aircall_mcp.safety.policy import Line, Policy

from ..harness import EFFECTS_ARE_ASKED, answering, asking_desk

pytestmark = pytest.mark.anyio

both_eras = pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])

TAG = {"name": "Newest", "color": "#00B388"}
YES = types.ElicitResult(action="accept", content={"approve": True})
Said = types.ElicitResult | types.ErrorData
Harnesses = Callable[..., "ElicitationHarness"]


class ElicitationHarness:
    """A desk that asks, before an Aircall that counts what arrives."""

    def __init__(
        self,
        registry: Registry,
        surface: str = "full",
        policy: Policy = EFFECTS_ARE_ASKED,
        **more: Any,
    ) -> None:
        app, self.arrived = answering(200, {"tag": {"id": 1, "name": "Newest"}})
        offers = Offers(registry, Selection(include_deprecated=True, surface=surface))
        self.desk = asking_desk(offers, app, policy, gateway=more)
        self.shown: list[str] = []
        self.server = AircallServer(self.desk, elicitation=Elicitation(quickest=0))

    def client(self, mode: str, answer: Said | None = YES) -> Client:
        async def elicit(context: Any, params: types.ElicitRequestParams) -> Said:
            self.shown.append(params.message)
            assert answer is not None
            return answer

        asks = None if answer is None else elicit
        return Client(self.server, mode=mode, elicitation_callback=asks)


@pytest.fixture
async def harnesses(registry: Registry) -> AsyncIterator[Harnesses]:
    """Makes harnesses, and closes them."""
    made: list[ElicitationHarness] = []

    def make(surface: str = "full", **more: Any) -> ElicitationHarness:
        made.append(ElicitationHarness(registry, surface, **more))
        return made[-1]

    yield make
    for one in made:
        await one.desk.aclose()


@pytest.fixture
def harness(harnesses: Harnesses) -> ElicitationHarness:
    return harnesses()


def error_in(result: types.CallToolResult | types.InputRequiredResult) -> Any:
    assert isinstance(result, types.CallToolResult)
    assert result.is_error
    content: Any = result.structured_content
    return content["error"]


@both_eras
async def test_a_yes_lets_the_identical_call_through_once(
    harness: ElicitationHarness, mode: str
) -> None:
    async with harness.client(mode) as client:
        result = await client.call_tool("aircall_create_tag", TAG)
        assert not result.is_error, result.structured_content
        assert len(harness.arrived) == 1
        (shown,) = harness.shown
        assert "aircall_create_tag" in shown
        assert '  name: "Newest"' in shown
        assert "A person has to say yes first" in shown
        # The yes was for one: another is asked for anew.
        await client.call_tool("aircall_create_tag", {**TAG, "name": "Next"})
        assert len(harness.shown) == 2
        assert not (await client.call_tool("aircall_list_tags", {})).is_error
        assert len(harness.shown) == 2


NO: list[types.ElicitResult] = [
    types.ElicitResult(action="decline"),
    types.ElicitResult(action="cancel"),
    types.ElicitResult(action="accept", content={"approve": False}),
    types.ElicitResult(action="accept", content={}),
    types.ElicitResult(action="accept", content={"approve": "true"}),
]


@both_eras
@pytest.mark.parametrize("number", range(len(NO)))
async def test_anything_but_a_yes_sends_nothing(
    harness: ElicitationHarness, mode: str, number: int
) -> None:
    async with harness.client(mode, NO[number]) as client:
        error = error_in(await client.call_tool("aircall_create_tag", TAG))
        again = error_in(await client.call_tool("aircall_create_tag", TAG))
    seen, answered = number < 3, number != 1
    assert error["kind"] == again["kind"] == ("declined" if seen else "needs_confirmation")
    assert error["hint"]
    # A loop that repeats what somebody said no to does not put it before them again.
    assert len(harness.shown) == (1 if seen and answered else 2)
    assert harness.arrived == []


@both_eras
async def test_a_client_that_cannot_ask_hears_what_to_do(
    harness: ElicitationHarness, mode: str
) -> None:
    async with harness.client(mode, answer=None) as client:
        error = error_in(await client.call_tool("aircall_create_tag", TAG))
    assert error["kind"] == "needs_confirmation"
    approval = error["approval"]
    assert approval["grade"] == 1
    assert f"aircall-mcp approve {approval['id']}" in error["hint"]
    assert "aircall_create_tag" in approval["preview"]
    assert harness.arrived == []


async def test_a_client_that_fails_to_ask_has_not_said_yes(harness: ElicitationHarness) -> None:
    failed = types.ErrorData(code=-32603, message="no window")
    async with harness.client("legacy", failed) as client:
        error = error_in(await client.call_tool("aircall_create_tag", TAG))
    assert (error["kind"], len(harness.shown), harness.arrived) == ("needs_confirmation", 1, [])


async def test_nobody_is_waited_for_without_end(harness: ElicitationHarness) -> None:
    server = AircallServer(harness.desk, elicitation=Elicitation(patience=0.05, quickest=0))

    async def never(context: Any, params: Any) -> Said:
        await anyio.sleep_forever()
        raise AssertionError

    async with Client(server, mode="legacy", elicitation_callback=never) as client:
        error = error_in(await client.call_tool("aircall_create_tag", TAG))
    assert error["message"].endswith("Nobody answered in time.")
    assert f"aircall-mcp approve {error['approval']['id']}" in error["hint"]
    assert harness.arrived == []


@both_eras
async def test_nobody_is_asked_for_what_is_not_allowed(harnesses: Harnesses, mode: str) -> None:
    harness = harnesses(sandbox=False, allowed=frozenset({"read"}))
    async with harness.client(mode) as client:
        error = error_in(await client.call_tool("aircall_create_tag", TAG))
    assert (error["kind"], harness.shown, harness.arrived) == ("not_allowed", [], [])


@both_eras
async def test_in_the_small_surface_what_is_performed_is_asked_for(
    harnesses: Harnesses, mode: str
) -> None:
    harness = harnesses("search")
    asked = {"operation": "create_tag", "arguments": TAG}
    async with harness.client(mode) as client:
        assert not (await client.call_tool("aircall_write", asked)).is_error
    assert "aircall_create_tag" in harness.shown[0]
    assert len(harness.arrived) == 1


# In the newer era the answer is carried by the client, who may try anything with it.


async def state_of(client: Client) -> str:
    """What the client is given to carry with the question about `TAG`."""
    asked = await client.session.call_tool("aircall_create_tag", TAG, allow_input_required=True)
    assert isinstance(asked, types.InputRequiredResult)
    assert list(asked.input_requests or {}) == [KEY]
    assert asked.request_state
    return asked.request_state


async def retried(
    client: Client,
    state: str | None,
    tool: str = "aircall_create_tag",
    arguments: dict[str, Any] = TAG,
    key: str = KEY,
) -> types.CallToolResult | types.InputRequiredResult:
    return await client.session.call_tool(
        tool, arguments, input_responses={key: YES}, request_state=state, allow_input_required=True
    )


def tampered(state: str) -> str:
    middle = len(state) // 2
    return state[:middle] + ("B" if state[middle] == "A" else "A") + state[middle + 1 :]


def untouched(state: str) -> str:
    return state


def invented(_state: str) -> str:
    return '{"question": "1"}'


@pytest.mark.parametrize(
    ("mend", "tool", "arguments"),
    [
        (tampered, "aircall_create_tag", TAG),
        (invented, "aircall_create_tag", TAG),
        (untouched, "aircall_create_tag", {**TAG, "name": "Other"}),
        (untouched, "aircall_delete_tag", {"tag_id": 1}),
    ],
    ids=["tampered", "invented", "other arguments", "another tool"],
)
async def test_a_yes_opens_nothing_else(
    harness: ElicitationHarness, mend: Callable[[str], str], tool: str, arguments: dict[str, Any]
) -> None:
    async with harness.client("2026-07-28") as client:
        state = await state_of(client)
        with pytest.raises(MCPError) as caught:
            await retried(client, mend(state), tool, arguments)
        assert caught.value.error.code == -32602
        assert harness.arrived == []
        assert isinstance(await retried(client, state), types.CallToolResult)  # the true one holds
        assert len(harness.arrived) == 1


async def test_a_yes_is_used_once(harness: ElicitationHarness) -> None:
    async with harness.client("2026-07-28") as client:
        state = await state_of(client)
        assert isinstance(await retried(client, state), types.CallToolResult)
        assert error_in(await retried(client, state))["kind"] == "needs_confirmation"
    assert len(harness.arrived) == 1


async def test_a_yes_that_nobody_asked_for_or_under_another_name_is_none(
    harness: ElicitationHarness,
) -> None:
    async with harness.client("2026-07-28") as client:
        state = await state_of(client)
        for given, key in ((None, KEY), (state, "other")):
            assert isinstance(await retried(client, given, key=key), types.InputRequiredResult)
    assert harness.arrived == []


FORM_URL: list[Way] = ["form", "url"]


@pytest.mark.parametrize(
    ("modes", "grade", "ways"),
    [
        (None, 1, []),
        ({}, 1, ["form"]),  # from before there were two modes
        ({"form": {}}, 1, ["form"]),
        ({"form": {}, "url": {}}, 1, FORM_URL),
        ({"url": {}}, 1, ["url"]),
        ({}, 2, []),
        ({"form": {}, "url": {}}, 2, ["url"]),
    ],
)
def test_a_client_is_asked_in_the_ways_that_it_shows(
    modes: dict[str, Any] | None, grade: int, ways: list[Way]
) -> None:
    capabilities = types.ClientCapabilities.model_validate({"elicitation": modes})
    session = SimpleNamespace(client_capabilities=capabilities)
    ctx: Any = SimpleNamespace(session=session)
    question: Any = SimpleNamespace(grade=grade)

    async def page(_approval: str, /, *, led: bool = False) -> str:
        return ""

    assert Elicitation().ways(ctx, question, page) == ways
    assert Elicitation().ways(ctx, question, None) == [one for one in ways if one != "url"]


async def test_a_yes_for_another_server_or_principal_is_none(harnesses: Harnesses) -> None:
    first, second = harnesses(), harnesses()
    async with first.client("2026-07-28") as ours, second.client("2026-07-28") as theirs:
        state = await state_of(ours)
        with pytest.raises(MCPError):
            await retried(theirs, state)
    principal = ["anna"]
    first.server = AircallServer(
        first.desk, principal_of=lambda _: principal[0], elicitation=Elicitation(quickest=0)
    )
    async with first.client("2026-07-28") as client:
        state = await state_of(client)
        principal[0] = "bert"
        with pytest.raises(MCPError):
            await retried(client, state)
    assert first.arrived == second.arrived == []


async def test_the_preview_shows_what_is_long_whole_and_forges_no_line(
    harness: ElicitationHarness,
) -> None:
    name = "a\nIt reads.\u202e" + "x" * 500 + " and the end of it"
    given = {"call_id": 1, "content": name}
    asked = await harness.desk.call("aircall_add_call_comment", given, Caller())
    assert isinstance(asked, Question)
    assert asked.needs[0] == "write"
    assert "\nIt reads." not in asked.preview
    assert "\u202e" not in asked.preview
    assert "xx and the end of it" in asked.preview
    waiting = await harness.desk.safety.approvals.find(asked.approval)
    assert waiting is not None
    assert waiting.preview == asked.preview
    assert harness.arrived == []


async def test_what_is_too_long_to_be_read_is_not_asked_for(harness: ElicitationHarness) -> None:
    numbers = [f"+3318{number:07}" for number in range(2_000)]
    given = {"user_id": 1, "phone_numbers": numbers}
    refused = await harness.desk.call("aircall_create_dialer_campaign", given, Caller())
    assert isinstance(refused, Failure)
    assert refused.payload["error"]["kind"] == "not_allowed"
    assert "too long for a person" in refused.payload["error"]["message"]
    given["phone_numbers"] = numbers[:1_000]
    asked = await harness.desk.call("aircall_create_dialer_campaign", given, Caller())
    assert isinstance(asked, Question)
    assert all(number in asked.preview for number in numbers[:1_000])
    assert len(str(asked.payload)) < 4_000
    assert harness.arrived == []


class AnswerClock:
    """A client that answers after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds = 100.0, seconds

    def __call__(self) -> float:
        self.now += self.seconds / 2  # asked once when the question goes out, once when it is back
        return self.now


@both_eras
@pytest.mark.parametrize("said", [YES, NO[0], NO[1]], ids=["yes", "no", "closed"])
async def test_what_is_answered_faster_than_anybody_reads_is_nobodys_word(
    harness: ElicitationHarness, mode: str, said: types.ElicitResult
) -> None:
    clock = AnswerClock(0.5)
    harness.server = AircallServer(harness.desk, elicitation=Elicitation(clock=clock))
    async with harness.client(mode, said) as client:
        error = error_in(await client.call_tool("aircall_create_tag", TAG))
        assert "aircall-mcp approve" in error["hint"]
        assert "counts as not asked" in error["message"]
        assert harness.arrived == []
        # The question still waits for a person, who is found another way.
        name = error["approval"]["id"]
        assert await harness.desk.answer(name, yes=True, grade=2, way="tests")
        assert not (await client.call_tool("aircall_create_tag", TAG)).is_error
    assert len(harness.arrived) == 1


@both_eras
async def test_what_needs_to_be_seen_is_not_asked_in_a_form(
    harnesses: Harnesses, mode: str
) -> None:
    harness = harnesses(policy=Policy(effects={"write": Line("ask", 2)}))
    async with harness.client(mode) as client:
        error = error_in(await client.call_tool("aircall_create_tag", TAG))
        assert (error["approval"]["grade"], harness.shown) == (2, [])
        name = error["approval"]["id"]
        # Nor is a yes of the lower grade one, wherever it comes from.
        assert not await harness.desk.answer(name, yes=True, grade=1, way="form")
        asked = await client.call_tool("aircall_approval_status", {"id": name})
        assert "waiting" in str(asked.structured_content)
        assert await harness.desk.answer(name, yes=True, grade=2, way="terminal")
        assert not (await client.call_tool("aircall_create_tag", TAG)).is_error
        asked = await client.call_tool("aircall_approval_status", {"id": name})
        assert "used" in str(asked.structured_content)
    assert len(harness.arrived) == 1


async def test_a_no_on_the_page_is_one_whatever_the_policy_says_by_then(
    harnesses: Harnesses,
) -> None:
    effects: dict[Allowance, Line] = {"write": Line("ask", 2)}
    harness = harnesses(policy=Policy(effects=effects))

    async def page(approval: str, /, *, led: bool = False) -> str:
        assert led
        effects["write"] = Line("allow")
        assert await harness.desk.safety.approvals.answer(approval, yes=False, grade=2, way="page")
        return "http://127.0.0.1:1/"

    harness.server = AircallServer(harness.desk, elicitation=Elicitation(), page=page)
    async with harness.client("legacy") as client:
        error = error_in(await client.call_tool("aircall_create_tag", TAG))
        assert "said no" in error["message"]
        assert harness.arrived == []
