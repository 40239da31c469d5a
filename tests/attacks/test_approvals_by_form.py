"""What a client may try with the form that it was given to show, in both eras of the protocol."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from click.testing import CliRunner
from mcp import Client
from mcp.shared.exceptions import MCPError

from aircall_mcp.cli import group
from aircall_mcp.desk import Question
from aircall_mcp.offer import Registry
from aircall_mcp.protocol.elicitation import KEY, Elicitation
from aircall_mcp.protocol.mcp_server import AircallServer

from ..harness import Clock
from .harness import ApprovalHarness, Wish, wishes

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(3000)]

YES = types.ElicitResult(action="accept", content={"approve": True})
NO_YES = [
    types.ElicitResult(action="accept", content={"approve": "true"}),
    types.ElicitResult(action="accept", content={"approve": 1}),
    types.ElicitResult(action="accept", content={"approve": False}),
    types.ElicitResult(action="accept", content={"approve": ["true"]}),
    types.ElicitResult(action="accept", content={"approved": True, "confirm": True}),
    types.ElicitResult(action="accept", content={}),
    types.ElicitResult(action="accept"),
    types.ElicitResult(action="decline", content={"approve": True}),
    types.ElicitResult(action="cancel", content={"approve": True}),
]


class Attacker:
    """A client that carries questions and answers, and tries what it likes with them."""

    def __init__(self, harness: ApprovalHarness) -> None:
        self.harness, self.chance = harness, harness.chance
        self.server, self.elsewhere = (
            AircallServer(harness.desk, elicitation=Elicitation(quickest=0)) for _ in range(2)
        )
        self.wish: Wish | None = None
        self.answer = YES
        self.tried = 0

    async def elicit(self, context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        assert context is not None
        assert self.wish is not None
        assert params.message
        if self.answer is YES:
            self.said_yes(self.wish)
        return self.answer

    def said_yes(self, wish: Wish) -> None:
        self.harness.ledger.gave(wish.at("acme"), "owner", 1, self.harness.clock())

    def client(self, mode: str, server: AircallServer | None = None) -> Client:
        return Client(server or self.server, mode=mode, elicitation_callback=self.elicit)

    def wanted(self) -> Wish:
        self.wish = wishes(self.chance)
        self.harness.ledger.needs[self.wish.at("acme")] = self.wish.grade
        return self.wish

    async def sent(
        self, client: Client, wish: Wish, state: str | None, answer: types.ElicitResult = YES
    ) -> types.CallToolResult | types.InputRequiredResult | None:
        """What came of the call with an answer to a question in `state`; None for a refused one."""
        self.tried += 1
        with suppress(MCPError):
            return await client.session.call_tool(
                f"aircall_{wish.tool}", wish.arguments, allow_input_required=True,
                input_responses={KEY: answer}, request_state=state,
            )  # fmt: skip
        return None

    async def state(self, client: Client, wish: Wish) -> str | None:
        """What the client is given to carry with the question, None where a form is not enough."""
        asked = await client.session.call_tool(
            f"aircall_{wish.tool}", wish.arguments, allow_input_required=True
        )
        return asked.request_state if isinstance(asked, types.InputRequiredResult) else None


@pytest.fixture
async def attacker(registry: Registry) -> AsyncGenerator[Attacker]:
    harness = ApprovalHarness(None, registry, Clock(), random.Random(16))
    yield Attacker(harness)
    await harness.desk.aclose()


async def test_the_older_era(attacker: Attacker, full: bool) -> None:
    ledger = attacker.harness.ledger
    async with attacker.client("legacy") as client:
        for number in range(1_000 if full else 40):
            wish = attacker.wanted()
            attacker.answer = YES if number % 4 == 0 else attacker.chance.choice(NO_YES)
            for _ in range(2):
                await client.call_tool(f"aircall_{wish.tool}", wish.arguments)
                attacker.answer = attacker.chance.choice(NO_YES)
            assert ledger.breaches == [], (wish, attacker.answer)
    assert ledger.arrived["with a yes"] > 2
    print(f"forms of the older era: {1_000 if full else 40} wishes, {dict(ledger.arrived)}")


def damaged(state: str, chance: random.Random) -> str:
    at = chance.randrange(len(state))
    letter = chance.choice("ABCDabcd0123-_")
    return chance.choice(
        [state[:at] + letter + state[at + 1 :], state[:at], state + letter, state[::-1], "", "{}",
         '{"approval": "%", "asked": 0}', state.swapcase(), f" {state}", state[at:] + state[:at]]
    )  # fmt: skip


async def test_the_newer_era(attacker: Attacker, full: bool) -> None:
    ledger, chance, kinds = attacker.harness.ledger, attacker.chance, Counter[str]()
    async with attacker.client("2026-07-28") as client, attacker.client(
        "2026-07-28", attacker.elsewhere
    ) as elsewhere:  # fmt: skip
        for _ in range(1_000 if full else 30):
            wish, another = attacker.wanted(), attacker.wanted()
            state = await attacker.state(client, wish)
            if state is None:
                assert wish.grade == 2
                kinds["graver than a form"] += 1
                await attacker.sent(client, wish, damaged("eyJhIjoxfQ", chance))
                assert ledger.breaches == []
                continue
            for attempt in chance.sample(range(6), 3):
                match attempt:
                    case 0:
                        broken = damaged(state, chance)
                        if broken != state:
                            await attacker.sent(client, wish, broken)
                    case 1:
                        await attacker.sent(client, another, state)
                    case 2:
                        await attacker.sent(elsewhere, wish, state)
                    case 3:
                        await attacker.sent(client, wish, None)
                    case 4:
                        theirs = await attacker.state(elsewhere, wish)
                        await attacker.sent(client, wish, theirs)
                    case _:
                        words = {**wish.arguments, "account": "globex"}
                        moved = Wish(wish.tool, words, wish.method, wish.path, wish.body, 1)
                        await attacker.sent(client, moved, state)
                kinds[f"attempt {attempt}"] += 1
                assert ledger.breaches == [], attempt
            answer = YES if chance.random() < 0.5 else chance.choice(NO_YES)
            if answer is YES:
                attacker.said_yes(wish)
            for _ in range(3):  # and replayed
                await attacker.sent(client, wish, state, answer)
                assert ledger.breaches == [], answer
    assert ledger.arrived["with a yes"] > 1
    print(f"forms of the newer era: {attacker.tried} tried, {dict(ledger.arrived)}, {dict(kinds)}")


async def test_the_command_takes_no_yes_of_a_program(registry: Registry, home: Path) -> None:
    """Piped, repeated, with every flag there is: without a terminal nothing is answered."""
    harness = ApprovalHarness(home, registry, Clock(), random.Random(16))
    wish = wishes(harness.chance)
    name = await harness.asked(wish)
    for words in (
        [name],
        [],
        [name, "--json"],
        ["--json"],
        [name, "--list"],
        [name, "--list", "--json"],
    ):
        for said in ("y\n", "yes\n" * 20, "\n", "Y"):
            await asyncio.to_thread(CliRunner().invoke, group, ["approve", *words], said)
    assert isinstance(await harness.again(wish), Question)
    assert harness.ledger.breaches == []
    await harness.desk.aclose()
