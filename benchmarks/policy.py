"""What the policy costs beside the rest of a call: processor time of its judge, over real files.

    python benchmarks/policy.py

prints a table and writes `benchmarks/policy.md`. Each line is one kind of call, judged in a home
with a policy file, caps, a suppression list of a thousand numbers and a thousand effects already
counted. All kinds take turns in one process, `ROUNDS` times `CALLS` of each, and the least of the
rounds counts: what else the machine does only ever adds to it. The floors are transactions on the
same store that do nothing, and that write one row: what no count in a file could leave out. What a
call costs above its floor is the policy's own.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from measure import machine

from aircall_mcp import spec
from aircall_mcp.gateway.gate import Allow, Ask
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.clock import Clock
from aircall_mcp.ground.operation import Bound
from aircall_mcp.offer import Registry
from aircall_mcp.safety.judge import Judge
from aircall_mcp.safety.policy_file import NAME, PolicyFile
from aircall_mcp.safety.safety import Safety
from aircall_mcp.storage.store import Transaction

ROUNDS, CALLS = 30, 10
AIM = 0.15
"""Milliseconds of processor time that an effect may cost here beside the rest."""

KEEPS = """\
A read opens no store, and its policy file is looked at, not read, once it is older than any tick of
a clock. An effect that the policy lets through asks the store once, and commits at most once more
than without a policy: for a place under a cap, a yes that is used up, or a number that is written
into the contacts (`tests/safety/test_commits.py` counts it). Two thirds of what an allowed text
costs are the way to the store's thread and back, which no event loop waits for. A number is looked
up in the numbering plans once for a process (0.3 ms), its zones and region with it. Where a person
is asked, it is looked up besides who is known, and the sum of a thousand calls stands under the
cap here. The aim is reached by what asks nobody and writes nothing down, and missed by the rest."""

POLICY = """
[operations]
send_message = "allow"
[destinations]
countries = ["home", "US"]
never = ["+4487*"]
[quiet_hours]
from = "03:00"
to = "03:01"
[caps]
calls = { hour = 1000000, day = 1000000 }
"""


class World:
    """A company whose countries and contacts are known, as they are after the first look."""

    async def account(self, named: str | None, /) -> str:
        return named or "acme"

    async def home(self, _account: str, /) -> frozenset[str] | None:
        return frozenset({"FR"})

    async def known(self, _account: str, numbers: tuple[str, ...], /) -> frozenset[str]:
        return frozenset(numbers)

    async def own(self, _account: str, /) -> dict[str, int] | None:
        return {}

    async def taken_for_real(self) -> str:
        return ""

    async def at_sandbox(self) -> bool:
        return False


@dataclass(frozen=True)
class Kind:
    """`before` is done untimed; `above` names the floor that it stands on."""

    name: str
    work: Callable[[int], Awaitable[object]]
    before: Callable[[int], Awaitable[object]] | None = None
    above: str = ""


async def timed(kind: Kind, numbers: range) -> float:
    """Milliseconds of processor time of one, over all threads of this process."""
    if kind.before is not None:
        for number in numbers:
            await kind.before(number)
    begun = time.process_time()
    for number in numbers:
        await kind.work(number)
    return (time.process_time() - begun) / len(numbers) * 1000


async def main() -> int:
    registry = Registry.of(spec.load())
    with tempfile.TemporaryDirectory() as where:
        home = Path(where) / "home"
        home.mkdir(mode=0o700)
        (home / NAME).write_text(POLICY, "utf-8")
        safety = Safety.of(home)
        # As when the file was written a minute ago: one of this moment is read for each call.
        later = Clock(wall=lambda: time.time() + 60)
        toolsets = [one.name for one in registry.toolsets]
        policy = PolicyFile(home, registry.ids, toolsets, later)
        judge = Judge(policy, World(), safety)

        def filled(tx: Transaction) -> None:
            for number in range(1000):
                safety.usage.taking(tx, "acme", "calls", 1)
                tx.run(
                    "INSERT INTO suppressed (number, since, why) VALUES (:number, 0, 'said STOP')",
                    number=f"+3370000{number:04}",
                )

        await safety.state.write(filled)

        def call(operation: str, **given: object) -> Bound:
            return registry.ids[operation].bind(given)

        every = range(ROUNDS * CALLS)
        known = call("send_message", number_id=1, to="+33612345678", body="Hello")
        new = [
            call("send_message", number_id=1, to=f"+336{number:08}", body="Hello")
            for number in every
        ]
        dials = [
            call("start_outbound_call", user_id=1, number_id=1, to=f"+3361234{number % 40:04}")
            for number in every
        ]
        read, write = call("list_tags"), call("create_tag", name="a", color="#00B388")

        async def yes(number: int) -> None:
            identity = dials[number].identity("acme")
            waiting = await safety.approvals.ask(
                principal="owner", account="acme", operation="aircall_start_outbound_call",
                identity=identity, preview="Dial", grade=1,
            )  # fmt: skip
            await safety.approvals.answer(waiting.id, yes=True, grade=1, way="form")

        async def judged(bound: Bound, said: type[Allow | Ask] = Allow) -> None:
            verdict = await judge(bound, Caller())
            if not isinstance(verdict, said):
                raise TypeError(f"{bound.operation.id}: {verdict}")

        async def committed(number: int) -> None:
            await safety.usage.suppress(f"+3371{number:07}", "said STOP")

        reading, writing = "one transaction that reads (a floor)", "one commit (a floor)"
        kinds: list[Kind] = [
            Kind(reading, lambda _: safety.usage.left_alone(())),
            Kind(writing, committed),
            Kind("a read", lambda _: judged(read)),
            Kind("a harmless write", lambda _: judged(write)),
            Kind("a text that a line allows", lambda _: judged(known), above=reading),
            Kind("the same to a number not seen before", lambda n: judged(new[n]), above=reading),
            Kind("a call that a person is asked for", lambda n: judged(dials[n], Ask),
                 above=reading),
            Kind("a call with a yes, under a cap", lambda n: judged(dials[n]), yes, above=writing),
        ]  # fmt: skip
        took: dict[str, list[float]] = {kind.name: [] for kind in kinds}
        for turn in range(ROUNDS):
            for kind in kinds:
                numbers = range(turn * CALLS, (turn + 1) * CALLS)
                took[kind.name].append(await timed(kind, numbers))
        safety.close()
    least = {name: min(times) for name, times in took.items()}
    rows = [
        f"| {kind.name} | {least[kind.name]:.3f} |"
        f" {least[kind.name] - least.get(kind.above, 0.0):.3f} |"
        for kind in kinds
    ]
    table = "\n".join(["| call | ms of processor time | above its floor |", "|---|---|---|", *rows])
    print(table)
    page = (
        "# What the policy costs\n\n"
        f"`python benchmarks/policy.py`; {machine()}. Aim: {AIM} ms beside the rest.\n\n{table}\n\n"
        f"{KEEPS}\n"
    )
    (Path(__file__).parent / "policy.md").write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
