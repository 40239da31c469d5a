"""Prompts through a real client, in both eras."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import PromptReference

from aircall_mcp import spec
from aircall_mcp.errors import ArgumentError, ToolError
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.operation import Operation
from aircall_mcp.ground.prompt import LONGEST, Prompt, PromptArgument
from aircall_mcp.ground.reply import Reply
from aircall_mcp.offer import Offers, Registry, Selection
from aircall_mcp.protocol.mcp_server import AircallServer
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.workflows.choices import Choices, fitting

from ..harness import Harness, desk_over, gateway_to

pytestmark = pytest.mark.anyio

both_eras = pytest.mark.parametrize("mode", ["legacy", "auto"])

GREET = Prompt(
    name="greet",
    title="Greet",
    description="Say hello.",
    text="Say hello to {user}.\nOn {number}, with {tag}.\nBe kind.",
    needs=("ping",),
    arguments=(
        PromptArgument("user", "Whom", required=True, completes="user"),
        PromptArgument("number", "Where", completes="number"),
        PromptArgument("tag", "With what", completes="tag"),
    ),
)


@asynccontextmanager
async def connected(
    registry: Registry, sandbox: Sandbox, mode: str, **chosen: Any
) -> AsyncGenerator[Client]:
    with_greet = Registry(registry.known, toolsets=registry.toolsets, prompts=(GREET,))
    harness = Harness(desk_over(sandbox, Offers(with_greet, Selection(**chosen))), sandbox)
    gateway = gateway_to(sandbox)
    offer = harness.desk.offer()
    choices = Choices(gateway, registry.ids, lambda one, _: one in offer)
    async with Client(AircallServer(harness.desk, choices=choices), mode=mode) as client:
        yield client
    await choices.aclose()
    await gateway.aclose()
    await harness.desk.aclose()


async def completed(client: Client, name: str, value: str) -> list[str]:
    asked = {"name": name, "value": value}
    found = await client.complete(PromptReference(type="ref/prompt", name="greet"), asked)
    return found.completion.values


@both_eras
async def test_a_prompt_is_listed_with_its_arguments_and_told(
    registry: Registry, sandbox: Sandbox, mode: str
) -> None:
    async with connected(registry, sandbox, mode) as client:
        (prompt,) = (await client.list_prompts()).prompts
        assert prompt.name == "greet"
        assert [one.name for one in prompt.arguments or []] == ["user", "number", "tag"]
        assert [one.required for one in prompt.arguments or []] == [True, False, False]
        given = {"user": "Maya\u200b Brooks\n\nIgnore this"}
        (message,) = (await client.get_prompt("greet", given)).messages
        assert message.role == "user"
        text = getattr(message.content, "text", "")
        assert text == "Say hello to Maya Brooks Ignore this.\nBe kind."
        for name, wrong in (("greet", {}), ("greet", {"whom": "x"}), ("meet", {})):
            with pytest.raises(MCPError) as caught:
                await client.get_prompt(name, wrong)
            assert caught.value.error.code == -32602


@both_eras
async def test_arguments_are_completed_from_the_companys_lists(
    registry: Registry, sandbox: Sandbox, mode: str
) -> None:
    async with connected(registry, sandbox, mode) as client:
        assert await completed(client, "user", "may") == ["Maya Brooks"]
        assert await completed(client, "user", "brooks") == ["Maya Brooks"]
        assert await completed(client, "number", "num_") == ["num_555"]
        assert await completed(client, "tag", "follow") == ["follow_up"]
        assert len(await completed(client, "tag", "")) == len(sandbox.world.tags)
        assert await completed(client, "tag", "nothing like it") == []
        assert await completed(client, "no such argument", "a") == []
        unknown = PromptReference(type="ref/prompt", name="meet")
        found = await client.complete(unknown, {"name": "user", "value": "may"})
        assert found.completion.values == []


async def test_a_prompt_whose_tools_are_not_on_offer_is_not_listed_nor_told(
    registry: Registry, sandbox: Sandbox
) -> None:
    async with connected(registry, sandbox, "auto", exclude_tools=("ping",)) as client:
        assert (await client.list_prompts()).prompts == []
        with pytest.raises(MCPError):
            await client.get_prompt("greet", {"user": "x"})


async def test_what_somebody_may_not_list_completes_nothing(
    registry: Registry, sandbox: Sandbox
) -> None:
    async with connected(registry, sandbox, "auto", exclude_tools=("list_users_v2",)) as client:
        assert await completed(client, "user", "may") == []
        assert await completed(client, "tag", "follow") == ["follow_up"]
    assert not any("users" in arrival.path for arrival in sandbox.arrivals)


def anybody(_operation: Operation, _principal: str) -> bool:
    return True


class Slow:
    """A gateway that answers when it is told to, or says that it cannot."""

    def __init__(self, error: ToolError | None = None) -> None:
        self.ready = asyncio.Event()
        self.asked = 0
        self._error = error

    async def read(self, *_: Any) -> Reply:
        self.asked += 1
        await self.ready.wait()
        if self._error is not None:
            raise self._error
        rows = [{"name": name, "email": f"{name}{n}@x.example".lower()}
                for n, name in enumerate(("Ann", "Anna", "Ann", "", "A" * 101))]  # fmt: skip
        return Reply(200, {"users": rows})


async def test_no_answer_beats_a_slow_one_and_the_next_letter_has_it(registry: Registry) -> None:
    slow: Any = Slow()
    choices = Choices(slow, registry.ids, anybody, patience=0.01)
    assert await choices.of("user", "a", Caller()) == []
    assert await choices.of("user", "an", Caller()) == []
    assert slow.asked == 1
    slow.ready.set()
    patient = Choices(slow, registry.ids, anybody, patience=5)
    found = await patient.of("user", "an", Caller())
    assert found == ["ann0@x.example", "Anna", "ann2@x.example"]
    await choices.aclose()


async def test_what_cannot_be_listed_completes_nothing(registry: Registry) -> None:
    failing: Any = Slow(ArgumentError("no"))
    failing.ready.set()
    choices = Choices(failing, registry.ids, anybody)
    assert await choices.of("user", "a", Caller()) == []
    assert await choices.of("planet", "a", Caller()) == []


async def test_what_is_asked_for_when_all_ends_is_given_up(registry: Registry) -> None:
    slow: Any = Slow()
    choices = Choices(slow, registry.ids, anybody, patience=0.01)
    await choices.of("user", "a", Caller())
    await choices.aclose()
    assert not slow.ready.is_set()


def test_the_beginning_goes_before_a_word_and_a_word_before_the_middle() -> None:
    names = ["Rosanna", "Maria Ann", "Ann", "Bob"]
    assert fitting("ann", names) == ["Ann", "Maria Ann", "Rosanna"]
    assert fitting("", names) == names


def test_an_argument_is_bounded() -> None:
    with pytest.raises(ArgumentError, match="at most"):
        GREET.told({"user": "x" * (LONGEST + 1)})


PROMPTS = spec.load().prompts


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.name)
def test_a_prompt_speaks_of_what_there_is(prompt: Prompt, registry: Registry) -> None:
    told = prompt.told({one.name: f"<{one.name}>" for one in prompt.arguments})
    assert all(f"<{one.name}>" in told for one in prompt.arguments)
    bare = prompt.told({one.name: "x" for one in prompt.arguments if one.required})
    assert "{" not in bare
    assert len(told) < 1_500
    assert prompt.title
    assert prompt.description.endswith(".")


def test_there_are_the_five_prompts_that_people_look_for() -> None:
    assert [prompt.name for prompt in PROMPTS] == [
        "place_call", "review_calls", "missed_calls", "text_and_forward", "morning_brief",
    ]  # fmt: skip
