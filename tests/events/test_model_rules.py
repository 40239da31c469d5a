"""Rules that a model makes: few, by name, of kinds that there are, and of its own account."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.errors import ArgumentError, NotAllowed
from aircall_mcp.events.forwarding.rules import MODELS
from aircall_mcp.events.kinds import KINDS
from aircall_mcp.events.receiver import webhook_for
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.offer import Registry

from ..forwarding import SLACK, Forwarding, opened
from ..harness import THURSDAY, Clock, sandbox_with
from ..mail import call, text, told
from .harness import EventHarness

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kinds", [["*"], ["call.ended", "*"], list(KINDS), []])
async def test_a_model_cannot_have_everything_passed_on(
    forwarding: Forwarding, kinds: list[str]
) -> None:
    forwarding.destination("slack:support", SLACK)
    with pytest.raises((NotAllowed, ArgumentError)):
        forwarding.rules.add_for_model(kinds, "#support", "acme")
    assert forwarding.rules.status() == []
    forwarding.log.append([text("SM1", "hello")])
    await forwarding.settle()
    assert forwarding.receiver.got == []


async def test_an_owner_who_names_no_kind_has_nothing_passed_on(forwarding: Forwarding) -> None:
    forwarding.destination("slack:support", SLACK)
    with pytest.raises(ArgumentError, match="No kind"):
        forwarding.rules.add([], "#support")
    assert forwarding.rules.status() == []


@pytest.mark.parametrize("kind", ["moon.landed", "call.*.*", ".*", "c*", "CALL.ENDED", "**", ""])
async def test_a_kind_that_a_stranger_made_up_is_none_for_a_model(
    forwarding: Forwarding, kind: str
) -> None:
    forwarding.destination("slack:support", SLACK)
    forwarding.log.append([told("moon.landed", 1)])  # it came, from whoever has the token
    with pytest.raises(ArgumentError, match="no kind of event"):
        forwarding.rules.add_for_model([kind], "#support", "acme")
    assert forwarding.rules.status() == []


@pytest.mark.parametrize("to", ["https://evil.example/in", "slack:other", "https:", "*", ""])
async def test_only_what_the_owner_named_is_a_destination(forwarding: Forwarding, to: str) -> None:
    forwarding.destination("slack:support", SLACK)
    with pytest.raises(ArgumentError, match="no destination"):
        forwarding.rules.add_for_model(["call.ended"], to, "acme")
    assert (forwarding.rules.status(), len(forwarding.rules.destinations())) == ([], 1)


async def test_ten_rules_of_an_account_and_no_more(forwarding: Forwarding) -> None:
    forwarding.destination("slack:support", SLACK)
    made = [forwarding.rules.add_for_model([kind], "#support", "acme") for kind in KINDS[:MODELS]]
    assert len({rule.id for rule in made}) == MODELS == 10
    with pytest.raises(NotAllowed, match="10 rules") as refused:
        forwarding.rules.add_for_model([KINDS[MODELS]], "#support", "acme")
    assert "forward remove" in refused.value.hint
    # What is there already is there, also for who may make no more; and the owner may.
    assert forwarding.rules.add_for_model([KINDS[3]], "#support", "acme").id == made[3].id
    assert forwarding.rules.add([KINDS[MODELS]], "#support").maker == "owner"
    assert (
        forwarding.rules.add_for_model([KINDS[MODELS + 1]], "#support", "globex").account
        == "globex"
    )
    assert len(forwarding.rules.status()) == MODELS + 2


async def test_many_who_make_rules_at_once_make_ten(home: Path) -> None:
    async with opened(home) as forwarding, opened(home) as other:
        forwarding.destination("slack:support", SLACK)

        def make(rules: Any, kind: str) -> bool:
            try:
                return bool(rules.add_for_model([kind], "#support", "acme"))
            except NotAllowed:
                return False

        work = [
            asyncio.to_thread(make, (forwarding, other)[n % 2].rules, kind)
            for n, kind in enumerate(KINDS[:30])
        ]
        assert sum(await asyncio.gather(*work)) == MODELS
        assert len(forwarding.rules.status()) == MODELS


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["call.ended", "call.created"], ["call.created", "call.ended", "call.ended"]),
        (["call.*"], ["call.*", "call.ended"]),
        (["call.*"], ["call.ended"]),
        (["message.*", "call.*"], ["call.ended", "message.*"]),
    ],
)
async def test_an_equal_rule_is_the_same_rule_and_nothing_goes_twice(
    forwarding: Forwarding, first: list[str], second: list[str]
) -> None:
    forwarding.destination("slack:support", SLACK)
    one = forwarding.rules.add_for_model(first, "#support", "")
    other = forwarding.rules.add_for_model(second, "support", "")
    assert one == other
    forwarding.log.append([call("ended", 1)])
    await forwarding.settle()
    assert len(forwarding.receiver.got) == 1


async def test_what_the_owner_has_passed_on_is_no_second_rule_of_a_model(
    forwarding: Forwarding,
) -> None:
    forwarding.destination("slack:support", SLACK)
    owners = forwarding.rules.add(["*"], "#support")
    assert forwarding.rules.add_for_model(["call.ended"], "#support", "acme").id == owners.id


async def test_a_rule_of_a_model_passes_on_its_own_account_alone(forwarding: Forwarding) -> None:
    for name in ("acme", "globex"):
        forwarding.log.webhooks.open(
            webhook_for(
                name, name.encode(), account=name, aircall_id=name, kinds=(), now=THURSDAY, url=""
            )
        )
    forwarding.destination()
    forwarding.destination("https:all", "https://all.example.com/in")
    forwarding.rules.add_for_model(["call.*"], "crm", "acme")
    forwarding.rules.add(["call.*"], "all")
    forwarding.log.append(
        [told("call.ended", n, webhook=("acme", "globex")[n % 2]) for n in range(1, 251)]
    )
    await forwarding.settle(1_000)
    crm = [one for one in forwarding.receiver.got if one.headers["host"] == "crm.example.com"]
    assert len(crm) == 125
    assert len(forwarding.receiver.got) == 375


async def test_a_tool_makes_it_for_the_account_it_is_called_for(
    home: Path, registry: Registry
) -> None:
    harness = EventHarness(home, sandbox_with(), registry, Clock(), account="acme")
    harness.rules.name_destination("slack:support", Secret(SLACK), harness.vault)
    await harness.ask("forward_events", kinds=["call.ended"], to="#support")
    refused = await harness.ask("forward_events", kinds=["*"], to="#support")
    assert refused["error"]["kind"] == "not_allowed"
    [rule] = harness.rules.status()
    assert (rule.account, rule.maker) == ("acme", "model")
    await harness.desk.aclose()
