"""One home, several processes, and each wants every yes that there is: each is used once."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from aircall_mcp import spec
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Registry

from ..harness import Clock
from ..processes import started
from ..waiting import PATIENCE
from .harness import ApprovalHarness, Wish, wishes

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(3000)]

ROOT = Path(__file__).resolve().parents[2]
CODE = "from tests.attacks.test_approvals_raced import race; race()"


def drawn(many: int) -> list[Wish]:
    """The same in every process."""
    chance = random.Random(17)
    return [wishes(chance) for _ in range(many)]


def race() -> None:
    """Wants all of `drawn`, in an order of its own; prints what arrived."""
    home, seed, many = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    harness = ApprovalHarness(home, Registry.of(spec.load()), Clock(), random.Random(seed))
    wanted = drawn(many)
    harness.chance.shuffle(wanted)

    async def want(wish: Wish) -> None:
        await harness.desk.call(f"aircall_{wish.tool}", wish.arguments, Caller())

    async def run() -> None:
        sys.stdin.readline()
        for begin in range(0, len(wanted), 4):
            await asyncio.gather(*map(want, wanted[begin : begin + 4]))
        await harness.desk.aclose()

    asyncio.run(run())
    print(
        json.dumps(harness.ledger.breaches)
    )  # it knows of no yes, so that all is written down there


async def test_each_yes_is_used_once(home: Path, registry: Registry, full: bool) -> None:
    racers, many = (4, 1_000) if full else (2, 40)
    harness = ApprovalHarness(home, registry, Clock(), random.Random(16))
    true = Counter[str]()
    for number, wish in enumerate(drawn(many)):
        if number % 2:
            await harness.granted(wish)
            true[f"owner: {wish.at('acme')}"] += 1
        else:
            name = await harness.asked(wish)
            await harness.desk.answer(name, yes=False, grade=1, way="tests")
    arrived = Counter[str]()

    async def raced(seed: int) -> None:
        words = (str(home), str(seed), str(many))
        async with started(*words, code=CODE, PYTHONPATH=str(ROOT)) as process:
            out, err = await asyncio.wait_for(process.communicate(b"go\n"), 40 * PATIENCE)
            assert process.returncode == 0, err.decode()
            arrived.update(json.loads(out))

    await asyncio.gather(*map(raced, range(racers)))
    assert arrived == true
    print(f"raced: {racers} processes, {racers * many} wanted, {arrived.total()} of {many} arrived")
    await harness.desk.aclose()
