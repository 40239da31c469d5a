"""A phone must not ring twice, whatever byte is lost and whoever is killed and asks again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.sandbox import Sandbox

from ..proxy import Direction, Fault, Proxy
from ..upstream import upstream

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ROOT = Path(__file__).parent.parent.parent
LANES = 3
REQUEST, ANSWER = 420, 260
"""A little more bytes than a dial and its answer have."""

WHOLE = (
    Fault("hang up"),
    Fault("reset", after=False),
    Fault("reset"),
    Fault("half-close"),
    Fault("silence", after=False),
    Fault("silence"),
    Fault("garbage"),
    Fault("html"),
    Fault("huge headers"),
    Fault("answer", 500),
    Fault("answer", 502),
    Fault("answer", 503, after=False),
    Fault("answer", 429, after=False, head=b"Retry-After: 1\r\n"),
)


@dataclass(frozen=True)
class Plan:
    """What befalls the first process; those that ask again are left alone."""

    fault: Fault | None
    every_request: bool
    commit: int = 0
    after: bool = False
    kill: tuple[Direction, int] | None = None
    again: int = 1


def plans(count: int, chance: random.Random) -> list[Plan]:
    """Each fault at each byte comes up before one comes again, and so does each kill."""
    faults: list[Fault | None] = [None, *WHOLE]
    faults += [Fault("cut request", at) for at in range(1, REQUEST)]
    faults += [Fault("cut", at) for at in range(ANSWER)]
    kills: list[dict[str, Any]] = [
        *({"commit": at, "after": after} for at in (1, 2, 3) for after in (False, True)),
        *({"kill": ("up", at)} for at in range(0, REQUEST, 8)),
        *({"kill": ("down", at)} for at in range(0, ANSWER, 8)),
    ]
    kills += [{}] * len(kills)
    made: list[Plan] = []
    while len(made) < count:
        chance.shuffle(faults)
        chance.shuffle(kills)
        # Where a kill goes by bytes, the way must be free; elsewhere every fault has its turn.
        for index, fault in enumerate(faults):
            kill = kills[index % len(kills)]
            made.append(
                Plan(
                    None if "kill" in kill and chance.random() < 0.5 else fault,
                    chance.random() < 0.5,
                    again=chance.choice((1, 2)),
                    **kill,
                )
            )
    return made[:count]


class Lane:
    """One after the other through a proxy and dialers of its own, as one user."""

    def __init__(self, proxy: Proxy, dialers: asyncio.subprocess.Process, home: Path) -> None:
        self.proxy = proxy
        self.home = home
        self._dialers = dialers
        self._pid = 0
        self._kill: tuple[Direction, int] | None = None
        proxy.step = 8
        proxy.passed = self._passed

    def _passed(self, way: Direction, count: int) -> None:
        if self._kill is not None and way == self._kill[0] and count >= self._kill[1]:
            self._kill = None
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    async def run(self, plan: Plan, arguments: dict[str, Any]) -> list[str | None]:
        """What each of the processes said."""
        left = [plan.fault] if plan.fault else []

        def fault() -> Fault | None:
            return left[0] if left and plan.every_request else left.pop() if left else None

        self.proxy.plan = fault
        first = await self._dial(arguments, plan.commit, plan.after, plan.kill, 0.3)
        self.proxy.plan = lambda: None
        return [
            first,
            *[await self._dial(arguments, 0, False, None, 5.0) for _ in range(plan.again)],
        ]

    async def _dial(
        self,
        arguments: dict[str, Any],
        commit: int,
        after: bool,
        kill: tuple[Direction, int] | None,
        deadline: float,
    ) -> str | None:
        job = {
            "base_url": self.proxy.base_url, "home": str(self.home), "arguments": arguments,
            "commit": commit, "after": after, "deadline": deadline,
        }  # fmt: skip
        reading, writing = self._dialers.stdout, self._dialers.stdin
        assert reading
        assert writing
        writing.write(json.dumps(job).encode() + b"\n")
        self._pid = int(await reading.readline())
        self._kill = kill
        writing.write(b"go\n")
        said = json.loads(await reading.readline())
        self._kill = None
        return said


@asynccontextmanager
async def lane(port: int, home: Path) -> AsyncGenerator[Lane]:
    dialers = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.dialers", cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with Proxy(port) as proxy:
            yield Lane(proxy, dialers, home)
    finally:
        assert dialers.stdin
        dialers.stdin.close()
        await dialers.wait()


def quick_homes() -> Path | None:
    """Where a commit costs no disk: a killed process loses nothing that was written there."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else None


def dials(sandbox: Sandbox) -> Counter[str]:
    """How often each phone was dialled by the sandbox's record; what it refused rang nowhere."""
    return Counter(
        arrival.json()["to"]
        for arrival in sandbox.arrivals
        if arrival.operation == "start_outbound_call" and (arrival.status or 204) < 400
    )


@pytest.mark.timeout(3600)
async def test_at_most_one_dial_arrives_for_an_intent(full: bool) -> None:
    count = 5_000 if full else 60
    waiting = list(enumerate(plans(count, random.Random(5))))
    tally: Counter[tuple[str, ...]] = Counter()
    clean: set[str] = set()
    home = Path(tempfile.mkdtemp(dir=quick_homes()))
    async with upstream(remembered=200_000) as there:
        world = there.sandbox.world
        free = [
            (user, number)
            for user in world.users.values()
            for number in world.numbers.values()
            if user.id in number.users and world.availability(user, 0) == "available"
        ]
        agents = list({user.id: (user, number) for user, number in free}.values())[:LANES]
        assert len(agents) == LANES

        async def work(index: int) -> None:
            user, number = agents[index]
            user.wrap_up = 0
            async with lane(there.port, home / str(index)) as mine:
                while waiting:
                    run, plan = waiting.pop()
                    to = f"+3377{run:07d}"
                    arguments = {"user_id": user.id, "number_id": number.id, "to": to}
                    said = await mine.run(plan, arguments)
                    tally[tuple(word or "killed" for word in said)] += 1
                    if said[0] == "done":
                        clean.add(to)
                    for call in world.calls[-20 * LANES :]:
                        if call.user == user.id:
                            call.ended = min(call.ended, call.started)

        try:
            await asyncio.gather(*(work(index) for index in range(LANES)))
        finally:
            shutil.rmtree(home)
        arrived = dials(there.sandbox)
    print(f"\n{count} runs, {sum(arrived.values())} dials, most {max(arrived.values())}")
    for words, times in tally.most_common():
        print(f"{times:6}  {' -> '.join(words)}")
    assert max(arrived.values()) == 1
    assert clean
    assert all(arrived[to] == 1 for to in clean)
