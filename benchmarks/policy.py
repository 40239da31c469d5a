"""What the policy costs beside the rest of a call: processor time of its judge, over real files.

    python benchmarks/policy.py

prints a table and writes `benchmarks/policy.md`. Each line is one kind of call, judged `CALLS`
times in a home with a policy file, caps, a suppression list of a thousand numbers and a thousand
effects already counted. The floor, in the same run, is one empty transaction on the same store:
what no count in a file could leave out.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from measure import machine

from aircall_mcp import spec
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.operation import Bound
from aircall_mcp.offer import Registry
from aircall_mcp.safety.judge import Judge
from aircall_mcp.safety.policy import Cap
from aircall_mcp.safety.policy_file import NAME, PolicyFile
from aircall_mcp.safety.safety import Safety

CALLS = 500
AIM = 0.15
"""Milliseconds of processor time that an effect may cost here beside the rest."""

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

    loopback = ""

    async def account(self, named: str | None, /) -> str:
        return named or "acme"

    async def home(self, _account: str, /) -> frozenset[str] | None:
        return frozenset({"FR"})

    async def known(self, _account: str, numbers: tuple[str, ...], /) -> frozenset[str]:
        return frozenset(numbers)

    async def at_sandbox(self) -> bool:
        return False


async def timed(work: Callable[[int], Awaitable[object]]) -> float:
    """Milliseconds of processor time of one, over all threads of this process."""
    for number in range(20):
        await work(-number - 1)
    begun = time.process_time()
    for number in range(CALLS):
        await work(number)
    return (time.process_time() - begun) / CALLS * 1000


async def main() -> int:
    registry = Registry.of(spec.load())
    with tempfile.TemporaryDirectory() as where:
        home = Path(where) / "home"
        home.mkdir(mode=0o700)
        (home / NAME).write_text(POLICY, "utf-8")
        safety = Safety.of(home)
        policy = PolicyFile(home, registry.ids, [one.name for one in registry.toolsets])
        judge = Judge(policy, World(), safety)
        for number in range(1000):
            await safety.usage.suppress(f"+3370000{number:04}", "said STOP")
            await safety.usage.take("acme", "calls", 1, Cap())

        def call(operation: str, **given: object) -> Bound:
            return registry.ids[operation].bind(given)

        def text(number: int) -> Bound:
            to = f"+3361234{number % 10_000:04}"
            return call("send_message", number_id=1, to=to, body="Hello")

        def dial(number: int) -> Bound:
            to = f"+3361234{number % 10_000:04}"
            return call("start_outbound_call", user_id=1, number_id=1, to=to)

        texts = {number: text(number) for number in range(-20, CALLS)}
        dials = {number: dial(number) for number in range(-20, CALLS)}
        read, write = call("list_tags"), call("create_tag", name="a", color="#00B388")

        async def yes(number: int) -> None:
            bound = dials[number]
            waiting = await safety.approvals.ask(
                principal="owner", account="acme", operation="aircall_start_outbound_call",
                identity=bound.identity("acme"), preview="Dial", grade=1,
            )  # fmt: skip
            await safety.approvals.answer(waiting.id, yes=True, grade=1, way="form")

        async def floor(_number: int) -> None:
            await safety.usage.left_alone(())

        lines: list[tuple[str, float]] = []
        lines.append(("one transaction that reads (the floor)", await timed(floor)))
        lines.append(("a read", await timed(lambda _: judge(read, Caller()))))
        lines.append(("a harmless write", await timed(lambda _: judge(write, Caller()))))
        lines.append(
            ("a text that a line allows", await timed(lambda n: judge(texts[n], Caller())))
        )
        for number in range(-20, CALLS):
            await yes(number)
        said = await timed(lambda n: judge(dials[n], Caller()))
        lines.append(("a call with a yes, under a cap", said))
        safety.close()
    rows = [f"| {name} | {cost:.3f} |" for name, cost in lines]
    table = "\n".join(["| call | ms of processor time |", "|---|---|", *rows])
    print(table)
    page = (
        "# What the policy costs\n\n"
        f"`python benchmarks/policy.py`; {machine()}. Aim: {AIM} ms beside the rest.\n\n{table}\n"
    )
    (Path(__file__).parent / "policy.md").write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
