from __future__ import annotations

from typing import Any

import anyio
import httpx2
import pytest

from aircall_mcp.desk import Failure, Question
from aircall_mcp.errors import NotOffered
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import AIRCALL
from aircall_mcp.ground.operation import EFFECTS, Allowance
from aircall_mcp.ground.secrets import MASK, Scrubber, Secret
from aircall_mcp.offer import Offers, Registry, Selection
from aircall_mcp.sandbox import Sandbox

from .harness import (
    Harness,
    KnownCompany,
    OwnDesk,
    OwnGateway,
    answering,
    asking_desk,
    auth_for,
    desk_over,
    sandbox_with,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def small(registry: Registry, sandbox: Sandbox) -> Harness:
    """The desk with the small surface."""
    return Harness(desk_over(sandbox, Offers(registry, Selection(surface="search"))), sandbox)


async def test_a_name_that_is_no_tool_is_for_the_protocol_to_refuse(harness: Harness) -> None:
    with pytest.raises(NotOffered):
        await harness.desk.call("aircall_nothing", {}, Caller())


async def test_bad_arguments_never_reach_aircall(harness: Harness) -> None:
    error = await harness.refused("get_call", call_id="one")
    assert error["kind"] == "argument"
    assert harness.arrivals() == []


@pytest.mark.parametrize(
    "written", [{"per_page": "1", "order": None}, '{"per_page": 1.0, "from": ""}', {"per_page": 1}]
)
async def test_what_is_performed_is_mended_like_what_is_called_itself(
    small: Harness, written: Any
) -> None:
    answer = await small.call("read", operation="list_tags", arguments=written)
    assert answer["page"]["returned"] == 1
    sent = small.sandbox.arrivals[-1].path
    everything = await small.call("read", operation="list_tags", arguments=None)
    assert everything["page"]["complete"] is True
    assert small.sandbox.arrivals[-1].path == sent
    error = await small.refused("read", operation="get_call", arguments={"call_id": 2**64})
    assert error["kind"] == "argument"


async def test_search_gives_the_right_tool_with_its_schema_and_an_example(harness: Harness) -> None:
    found = await harness.call("search", query="place an outbound call")
    assert found["confident"] is True
    first, *others = found["matches"]
    operation = harness.desk.registry.ids["place_call"]
    assert first["tool"] == operation.tool
    assert others[0]["tool"] == "aircall_start_outbound_call"
    assert others[0]["operation"] == "POST /v1/users/{id}/calls"
    assert first["effect"] == "reach"
    assert first["because"]
    assert first["input_schema"] == operation.input_schema
    assert operation.bind(first["example"])
    assert all("input_schema" not in match for match in others)
    assert harness.arrivals() == []


async def test_search_says_what_the_owner_left_out(registry: Registry, sandbox: Sandbox) -> None:
    narrowed = Harness(desk_over(sandbox, Offers(registry, Selection(toolsets=("tags",)))), sandbox)
    found = await narrowed.call("search", query="place an outbound call")
    assert "leaves this tool out" in found["matches"][0]["not_offered"]


async def test_each_of_the_four_performs_its_own_effect_only(small: Harness) -> None:
    by_effect = {"read": "list_tags", "write": "create_tag", "reach": "start_outbound_call",
                 "delete": "delete_tag"}  # fmt: skip
    for performer in EFFECTS:
        for effect, name in by_effect.items():
            if performer == effect:
                continue
            error = await small.refused(performer, operation=name, arguments={})
            assert error["kind"] == "argument"
            assert error["hint"] == f"Call it with aircall_{effect}."
    assert small.arrivals() == []


async def test_what_search_finds_is_performed_by_its_name_id_or_route(small: Harness) -> None:
    for name in ("aircall_list_tags", "list_tags", "GET /v1/tags"):
        answer = await small.call("read", operation=name)
        assert answer["page"]["complete"] is True
    made = await small.call(
        "write", operation="create_tag", arguments='{"name": "Upsell", "color": "#123456"}'
    )
    tag = made["data"]["tag"]["id"]
    await small.call("delete", operation="delete_tag", arguments={"tag_id": tag})
    assert tag not in small.world.tags


async def test_arguments_given_through_the_small_surface_are_held_to_the_same_schema(
    small: Harness,
) -> None:
    error = await small.refused("read", operation="get_call", arguments={"call": 1})
    assert error["kind"] == "argument"
    assert "unknown `call`" in error["message"]
    assert "Did you mean `call_id`?" in error["hint"]


async def test_our_own_tools_are_not_performed_by_way_of_others(small: Harness) -> None:
    for name in ("search", "read", "aircall_delete"):
        error = await small.refused("read", operation=name, arguments={"query": "x"})
        assert error["kind"] == "argument"


@pytest.mark.parametrize("surface", ["tasks", "search"])
async def test_a_performer_takes_what_its_surface_does_not_list(
    registry: Registry, sandbox: Sandbox, surface: str
) -> None:
    chosen = Offers(registry, Selection(surface=surface))
    harness = Harness(desk_over(sandbox, chosen), sandbox)
    found = await harness.call("search", query="list the tags")
    assert found["matches"][0]["call"] == "aircall_read"
    assert (await harness.call("read", operation="list_tags"))["data"]["tags"]
    for listed in chosen.to():
        error = await harness.refused(listed.effect, operation=listed.id, arguments=listed.example)
        assert error["message"] == f"{listed.tool} is a tool of its own here."
        assert error["hint"].startswith(f"Call {listed.tool}, with ")
    await harness.desk.aclose()


async def test_what_is_not_known_or_not_on_offer_is_an_argument_error(
    registry: Registry, sandbox: Sandbox
) -> None:
    chosen = Offers(registry, Selection(surface="search", read_only=True))
    harness = Harness(desk_over(sandbox, chosen), sandbox)
    unknown = await harness.refused("read", operation="list_tagz")
    assert "Did you mean" in unknown["hint"]
    assert "aircall_search finds operations" in unknown["hint"]
    left_out = await harness.refused("describe", operation="create_tag")
    assert "not offered" in left_out["message"]
    with pytest.raises(NotOffered):
        await harness.desk.call("aircall_write", {"operation": "create_tag"}, Caller())


async def test_describe_tells_what_search_left_out(small: Harness) -> None:
    about = await small.call("describe", operation="POST /v1/users/{id}/calls")
    assert about["tool"] == "aircall_start_outbound_call"
    assert about["repeatable"] == "never"
    assert set(about["required"]) == {"user_id", "number_id", "to"}


@pytest.mark.parametrize(
    ("effect", "body"),
    [("write", None), ("reach", None), ("delete", None), ("read", None), ("read", {}),
     ("read", []), ("read", "")],
)  # fmt: skip
async def test_only_an_effect_is_done_by_an_answer_without_content(
    registry: Registry, effect: str, body: Any
) -> None:
    """Every operation of Aircall's, by its own example; and by none whose answer always tells what
    it made."""
    app, _ = answering(200, body)
    desk = desk_over(app, registry)
    told = unknown = 0
    for operation in registry.ids.values():
        if operation.effect != effect or operation.ours:
            continue
        answer = (await desk.call(operation.tool, dict(operation.example), Caller())).payload
        if "error" in answer:
            unknown += answer["error"]["kind"] == "outcome_unknown"
            continue
        told += 1
        assert effect == "read" or not operation.answer.filled
        if effect == "read":
            key = operation.answer.key
            assert answer["data"] == ({key: []} if operation.answer.is_list else {})
            assert any("answer was empty" in note for note in answer["notes"])
            assert not answer.get("page", {}).get("complete", False)
        else:
            assert answer["data"] == {"done": True}
    assert told >= (10 if effect == "read" else 5)
    assert unknown >= (5 if effect in ("write", "reach") else 0)
    await desk.aclose()


async def test_a_key_of_the_owner_that_aircall_echoes_does_not_leave(registry: Registry) -> None:
    from aircall_mcp.app import open_app
    from aircall_mcp.ground.config import settings_from

    app = open_app(settings_from({"sandbox": True}), {})
    secret = sandbox_with(data="empty").api_token
    made = await app.desk.call(
        "aircall_create_tag", {"name": f"key {secret}", "color": "#123456"}, Caller()
    )
    assert not made.is_error
    assert secret not in str(made.payload)
    await app.aclose()


async def test_a_secret_that_came_as_data_is_masked_wherever_it_turns_up_again(
    registry: Registry, sandbox: Sandbox
) -> None:
    auth = auth_for(AIRCALL, (sandbox.api_id, sandbox.api_token))
    gateway = OwnGateway(base_url=AIRCALL, auth=auth, transport=httpx2.ASGITransport(app=sandbox))
    desk = OwnDesk(Offers(registry), gateway, scrubber=auth.scrubber)
    [webhook, *_] = sandbox.world.webhooks.values()
    tag = next(iter(sandbox.world.tags.values()))
    tag.description = f"<{webhook.token}>"
    asked = "aircall_get_tag", {"tag_id": tag.id, "detail": "full"}, Caller()
    before = await desk.call(*asked)
    assert f"<{webhook.token}>" in str(before.payload)
    listed = await desk.call("aircall_list_webhooks", {}, Caller())
    assert webhook.token not in str(listed.payload)
    tag.color = "#abcdef"
    after = await desk.call(*asked)
    assert f"<{MASK}>" in str(after.payload)
    assert f"<{MASK}>" in auth.scrub(f"<{webhook.token}>")
    await desk.aclose()


async def test_many_calls_share_one_desk(harness: Harness) -> None:
    answers: list[Any] = []

    async def one() -> None:
        answers.append(await harness.call("list_tags"))

    async with anyio.create_task_group() as tasks:
        for _ in range(40):
            tasks.start_soon(one)
    assert len(answers) == 40
    assert all(answer == answers[0] for answer in answers)


async def test_a_yes_is_to_one_call_and_to_no_other(registry: Registry) -> None:
    app, asked = answering(200, {"tag": {"id": 1}})
    desk = asking_desk(Offers(registry), app)
    red, blue = ({"name": "Newest", "color": color} for color in ("#ff0000", "#0000ff"))
    question = await desk.call("aircall_create_tag", red, Caller())
    assert isinstance(question, Question)
    assert await desk.answer(question.approval, yes=True, grade=1, way="tests")
    assert isinstance(await desk.call("aircall_create_tag", blue, Caller()), Question)
    assert isinstance(await desk.call("aircall_delete_tag", {"tag_id": 1}, Caller()), Question)
    for other in (Caller(account="other"), Caller(principal="bert")):
        assert isinstance(await desk.call("aircall_create_tag", red, other), Question)
    assert not asked
    assert not (await desk.call("aircall_create_tag", red, Caller())).is_error
    assert len(asked) == 1
    again = (await desk.call("aircall_create_tag", red, Caller())).payload
    assert again["error"]["kind"] == "duplicate"  # nobody is asked for it
    assert len(asked) == 1
    await desk.aclose()


async def test_nobody_is_asked_for_what_is_refused_afterwards(registry: Registry) -> None:
    app, asked = answering(200, {})
    shut = {"allowed": frozenset[Allowance](), "sandbox": False}
    desk = asking_desk(Offers(registry), app, gateway=shut)
    refused = await desk.call("aircall_delete_tag", {"tag_id": 1}, Caller())
    assert isinstance(refused, Failure)
    assert refused.payload["error"]["kind"] == "not_allowed"
    assert not asked
    await desk.aclose()


async def test_errors_and_questions_pass_the_scrubber_as_answers_do(registry: Registry) -> None:
    secret = "first-secret-of-all"
    app, _ = answering(200, {"tag": {"id": 1, "name": secret}})
    scrubber = Scrubber()
    scrubber.learn(Secret(secret))
    world = KnownCompany()
    world.loopback = f"http://{secret}"  # stands in the reason that a person is asked by
    desk = asking_desk(Offers(registry), app, world=world, scrubber=scrubber)
    arguments = {"tag_id": 1}
    for given in (arguments, {**arguments, secret: 1}):
        outcome = await desk.call("aircall_get_tag", given, Caller())
        assert secret not in str(outcome)
        assert MASK in str(outcome.payload)
    question = await desk.call("aircall_update_tag", {**arguments, "name": secret}, Caller())
    assert isinstance(question, Question)
    told: list[Any] = [question.preview, question.why, question.payload]
    assert [secret in str(one) for one in told] == 3 * [False]
    assert [MASK in str(one) for one in told] == 3 * [True]
    kept = await desk.safety.approvals.find(question.approval)
    assert secret not in str(kept)
    await desk.aclose()


async def test_a_principal_performs_what_is_on_its_own_offer(
    registry: Registry, sandbox: Sandbox
) -> None:
    offers = Offers(
        registry,
        Selection(surface="search"),
        to_principal=lambda _: Selection(toolsets=("tags",)),
    )
    desk = desk_over(sandbox, offers)
    arguments = {"operation": "list_calls"}
    assert not (await desk.call("aircall_read", arguments, Caller())).is_error
    anna = Caller(principal="anna")
    refused = await desk.call("aircall_read", arguments, anna)
    assert "not offered" in refused.payload["error"]["message"]
    tags = await desk.call("aircall_read", {"operation": "list_tags"}, anna)
    assert not tags.is_error
    await desk.aclose()
